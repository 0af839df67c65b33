//go:build nocuda

package driver

const nocuda = true
