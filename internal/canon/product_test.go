package canon

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

func TestProductSplit(t *testing.T) {
	for _, c := range []struct {
		m, n, k int
		want    Split
	}{
		{1, 1, 5000, Split{Lane: true}},
		{1, 1, 0, Split{Lane: true}},
		{4, 5, 0, Split{Chunks: 1, Len: 0}},
		{0, 5, 3, Split{Chunks: 1, Len: 16}},
		{4, 5, 3, Split{Chunks: 1, Len: 16}},
		{4, 5, 1024, Split{Chunks: 1, Len: 1024}},
		{4, 5, 1025, Split{Chunks: 2, Len: 528}},        // ⌈1025/2⌉ = 513
		{1024, 1024, 4096, Split{Chunks: 1, Len: 4096}}, // 2²⁰/2²⁰ = 1
		{512, 1024, 4096, Split{Chunks: 2, Len: 2048}},
		{1024, 1025, 100000, Split{Chunks: 1, Len: 100000}},
		{1, 1048, 1500001, Split{Chunks: 998, Len: 1504}}, // S = 1000, rounding leaves 998
	} {
		assert.Equal(t, c.want, Product(c.m, c.n, c.k), "%d %d %d", c.m, c.n, c.k)
	}
}

func TestProductProperties(t *testing.T) {
	dim := rapid.Custom(func(t *rapid.T) int {
		return rapid.IntRange(0, 1<<rapid.IntRange(0, 14).Draw(t, "log")).Draw(t, "dim")
	})
	rapid.Check(t, func(t *rapid.T) {
		m, n, k := dim.Draw(t, "m"), dim.Draw(t, "n"), dim.Draw(t, "k")*64
		s := Product(m, n, k)
		assert.Equal(t, Product(n, m, k), s)
		if s.Lane {
			assert.Equal(t, 1, m*n)
			return
		}
		assert.Zero(t, s.Len%SplitAlign)
		assert.GreaterOrEqual(t, s.Chunks*s.Len, k)
		assert.True(t, s.Chunks == 1 || (s.Chunks-1)*s.Len < k, "an empty chunk")
		assert.True(t, s.Chunks == 1 || s.Chunks*m*n <= SplitWork)
	})
}

func TestChainOrder(t *testing.T) {
	step := func(acc string, k int) string { return acc + "," + name(k) }
	order := func(chunks, length, K int) string {
		return Chain(Split{Chunks: chunks, Len: length}, K, step, "c", "z", paren)
	}
	assert.Equal(t, "(c+z)", order(1, 0, 0))
	assert.Equal(t, "(c,0,1,2+z)", order(1, 16, 3))
	assert.Equal(t, "(((c,0,1+z,2,3)+z,4)+z)", order(3, 2, 5))
	assert.Panics(t, func() { Chain(Split{Lane: true}, 3, step, "c", "z", paren) })
}

// A chain that underflows to -0 is no -0 in the end, padded or not.
func TestChainHidesPadding(t *testing.T) {
	a, b := []float64{-5e-324, 0, 0}, []float64{5e-324, 0, 0}
	step := func(acc float64, k int) float64 { return math.FMA(a[k], b[k], acc) }
	for k := 1; k <= 3; k++ {
		got := Chain(Split{Chunks: 1, Len: 16}, k, step, 0, 0, addF64)
		assert.Equal(t, uint64(0), math.Float64bits(got))
		assert.Equal(t, uint64(0), math.Float64bits(Dot(k, step, negZero, 0, 64, 2, addF64)))
	}
}

func TestDotFollowsLaneRule(t *testing.T) {
	x := func(i int) float64 { return math.Sin(float64(i)) * math.Exp2(float64(i%40)) }
	step := func(acc float64, k int) float64 { return math.FMA(x(k), x(k+7), acc) }
	assert.Equal(t, math.FMA(x(64), x(71), x(0)*x(7)), Dot(1, func(acc float64, _ int) float64 {
		return step(step(acc, 0), 64)
	}, negZero, 0, 64, 2, addF64))

	rounded := func(i int) float64 { return x(i) * x(i+7) }
	assert.Equal(t, LaneFold(50, rounded, negZero, 64, 2, addF64), Dot(50, step, negZero, 0, 64, 2, addF64),
		"one element a lane: the products are rounded once, whether by fma or not")
	assert.Equal(t, uint64(0), math.Float64bits(Dot(0, step, negZero, 0, 64, 2, addF64)))
}
