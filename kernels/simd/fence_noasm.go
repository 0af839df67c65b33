//go:build !amd64 || purego

package simd

// Fence waits until the stores of functions that Past gave are where others see them: here are none.
func Fence() {}
