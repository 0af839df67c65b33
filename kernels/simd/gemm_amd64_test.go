//go:build amd64 && !purego

package simd

import (
	"testing"

	"github.com/klauspost/cpuid/v2"
)

// BenchmarkPeak is the most that one core can do.
func BenchmarkPeak(b *testing.B) {
	for _, c := range []struct {
		name  string
		lanes int
		needs cpuid.FeatureID
		run   func(n int)
	}{
		{"avx2/float32", 8, cpuid.FMA3, peakF32AVX2}, {"avx2/float64", 4, cpuid.FMA3, peakF64AVX2},
		{"avx512/float32", 16, cpuid.AVX512F, peakF32AVX512}, {"avx512/float64", 8, cpuid.AVX512F, peakF64AVX512},
	} {
		b.Run(c.name, func(b *testing.B) {
			if !cpuid.CPU.Supports(c.needs) {
				b.Skip("the machine has no " + c.needs.String())
			}
			for b.Loop() {
				c.run(1000)
			}
			b.ReportMetric(2*12*1000*float64(c.lanes*b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}
