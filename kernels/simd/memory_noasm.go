//go:build !amd64 || purego

package simd

// Fence waits until the stores of functions that Past gave are where others see them: here are none.
func Fence() {}

// Prefetch asks for so many bytes to be brought to the second cache while other work is done: here is no way to.
func Prefetch(uintptr, int) {}
