package simd

import "testing"

// What is asked for may be where no memory is, and need not be a pointer.
func TestPrefetchTakesAnyAddress(t *testing.T) {
	for _, at := range []uintptr{0, 1, 1 << 47, ^uintptr(0) - 4095} {
		Prefetch(at, 4096)
		Prefetch(at, 63)
	}
}
