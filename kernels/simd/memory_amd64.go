//go:build amd64 && !purego

package simd

// Fence waits until the stores of functions that Past gave are where others see them.
func Fence() { fenceAVX2() }

// Prefetch asks for so many bytes to be brought to the second cache while other work is done. The address may be one
// where no memory is, such as beyond an operand's end, and so is no pointer: the collector must not see it.
func Prefetch(at uintptr, bytes int) {
	if lines := bytes / 64; lines > 0 {
		prefetchAVX2(at, lines)
	}
}
