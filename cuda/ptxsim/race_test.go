//go:build race

package ptxsim

// slow: the race detector makes the simulator ten times as slow, so tests take samples.
const slow = true
