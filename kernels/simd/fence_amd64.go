//go:build amd64 && !purego

package simd

// Fence waits until the stores of functions that Past gave are where others see them. It costs nothing where
// there are none.
func Fence() {
	if hasAVX512 {
		fenceAVX512()
	}
}
