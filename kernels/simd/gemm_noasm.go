//go:build !amd64 || purego

package simd

// archGemm are the levels of matrix products in assembly: there are none.
func archGemm() []gemmLevel { return nil }
