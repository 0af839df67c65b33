package cpu_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/tare-go/tare/dtype"
)

// Products with a vector on either side, about the edges of registers and of blocks of rows, in any layout.
func TestProductsWithVectors(t *testing.T) {
	devs := devices(t, 1, 2, 8)
	everyGemmLevel(t, func(t *testing.T) {
		results := rapid.SampledFrom([]int{15, 16, 17, 31, 32, 33, 48, 64, 65, 100})
		draw := rapid.Custom(func(t *rapid.T) *trial {
			batch := rapid.SliceOfN(rapid.IntRange(0, 3), 0, 2).Draw(t, "batch")
			m, n := results.Draw(t, "results"), 1
			if rapid.Bool().Draw(t, "turned") {
				m, n = n, m
			}
			return drawProduct(t, batch, m, n, rapid.SampledFrom([]int{1, 7, 8, 31, 32, 39, 40, 64, 65}).Draw(t, "k"))
		})
		for seed := range 60 {
			draw.Example(seed).check(t, devs)
		}
	})
}

// Chunks of k, and parts of rows and of columns for the workers: the same bits at all levels, with any number
// of workers.
func TestLargeProductsWithVectorsAgree(t *testing.T) {
	devs := devices(t, 1, 2, 3)
	for _, s := range []productShape{
		{m: 500, n: 1, k: 2500}, {m: 2500, n: 1, k: 1030, turnA: true}, {m: 1, n: 2500, k: 1030}, {m: 1, n: 501, k: 2500, turnB: true},
		{m: 40, n: 1, k: 20000}, {m: 1, n: 130, k: 20000},
	} {
		for _, typ := range []dtype.DType{dtype.Float32, dtype.Float64} {
			agree(t, bigProduct(typ, s.m, s.n, s.k, s.turnA, s.turnB), devs)
		}
	}
}
