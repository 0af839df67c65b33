//go:build amd64 && !purego

package simd

import (
	"github.com/klauspost/cpuid/v2"

	"github.com/tare-go/tare/dtype"
)

// Peak is a loop that does nothing but multiply-adds of registers, for measuring the most that a core
// can do: run does rounds of flops floating-point operations each. It is nil where there is no such
// loop for the type on this machine.
func Peak(t dtype.DType) (run func(rounds int), flops int) {
	const chains = 12 // of multiply-adds, each of two operations
	wide := cpuid.CPU.Supports(cpuid.AVX512F, cpuid.AVX512VL)
	switch {
	case t == dtype.Float32 && wide:
		return peakF32AVX512, 2 * chains * 16
	case t == dtype.Float64 && wide:
		return peakF64AVX512, 2 * chains * 8
	case t == dtype.Float32 && cpuid.CPU.Supports(cpuid.FMA3):
		return peakF32AVX2, 2 * chains * 8
	case t == dtype.Float64 && cpuid.CPU.Supports(cpuid.FMA3):
		return peakF64AVX2, 2 * chains * 4
	}
	return nil, 0
}
