//go:build amd64 && !purego

package simd

import "unsafe"

// Fence waits until the stores of functions that Past gave are where others see them.
func Fence() { fenceAVX2() }

// Prefetch asks for so many bytes to be brought to the second cache while other work is done. The memory need
// not be there.
func Prefetch(p unsafe.Pointer, bytes int) {
	if lines := bytes / 64; lines > 0 {
		prefetchAVX2(p, lines)
	}
}
