//go:build !race

package ptxsim

const slow = false
