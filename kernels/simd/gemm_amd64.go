//go:build amd64 && !purego

package simd

import (
	"github.com/klauspost/cpuid/v2"

	"github.com/tare-go/tare/dtype"
)

// archGemm are the levels of matrix products in assembly that this machine can run.
func archGemm() []gemmLevel {
	var levels []gemmLevel
	if cpuid.CPU.Supports(cpuid.AVX2, cpuid.FMA3) {
		l := gemmLevel{name: "avx2"}
		l.kernels[dtype.Float32] = GemmKernel{6, 16, gemmF32AVX2, spreadAVX2, lanesF32AVX2, turnF32AVX2, nil, nil, askLines}
		l.kernels[dtype.Float64] = GemmKernel{6, 8, gemmF64AVX2, spreadAVX2, lanesF64AVX2, turnF64AVX2, nil, nil, askLines}
		levels = append(levels, l)
	}
	if cpuid.CPU.Supports(cpuid.AVX512F, cpuid.AVX512VL) {
		l := gemmLevel{name: "avx512"}
		l.kernels[dtype.Float32] = GemmKernel{12, 32, gemmF32AVX512, spreadAVX512, lanesF32AVX512, turnF32AVX2, rowsF32AVX512, colsF32AVX512, askLines}
		l.kernels[dtype.Float64] = GemmKernel{12, 16, gemmF64AVX512, spreadAVX512, lanesF64AVX512, turnF64AVX2, rowsF64AVX512, colsF64AVX512, askLines}
		levels = append(levels, l)
	}
	return levels
}
