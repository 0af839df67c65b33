package cpu_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tare-go/tare/cpu"
	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/op"
)

// gemmCase is one call of Gemm.
type gemmCase[T float32 | float64] struct {
	m, n, k     int
	alpha, beta T
	a, b, c     cpu.Matrix[T]
}

// newMatrix is a matrix whose elements come from draw; what lies between them is NaN.
func newMatrix[T float32 | float64](rows, cols, rowStride, colStride int, draw func() T) cpu.Matrix[T] {
	m := cpu.Matrix[T]{RowStride: rowStride, ColStride: colStride}
	m.Data = make([]T, max(0, (rows-1)*rowStride+(cols-1)*colStride+1))
	for i := range m.Data {
		m.Data[i] = T(math.NaN())
	}
	for i := range rows {
		for j := range cols {
			m.Data[i*rowStride+j*colStride] = draw()
		}
	}
	return m
}

func fused[T float32 | float64](x, y, z T) T {
	if unsafe.Sizeof(z) == 4 {
		return T(op.FMA32(float32(x), float32(y), float32(z)))
	}
	return T(math.FMA(float64(x), float64(y), float64(z)))
}

// want is one result, by the definition.
func (g *gemmCase[T]) want(i, j int) T {
	k := g.k
	if g.alpha == 0 {
		k = 0
	}
	start := T(0)
	if g.beta != 0 {
		start = T(g.beta * g.c.Data[i*g.c.RowStride+j*g.c.ColStride])
	}
	step := func(acc T, l int) T {
		y := T(g.alpha * g.b.Data[l*g.b.RowStride+j*g.b.ColStride])
		return fused(g.a.Data[i*g.a.RowStride+l*g.a.ColStride], y, acc)
	}
	add := func(x, y T) T { return x + y }
	split := canon.Product(g.m, g.n, k)
	if !split.Lane {
		return canon.Chain(split, k, step, start, 0, add)
	}
	size := int(unsafe.Sizeof(start))
	sum := canon.LaneSteps(k, step, T(math.Copysign(0, -1)), canon.Lanes(size), canon.Per16(size), add)
	if g.beta != 0 {
		sum = start + sum
	}
	return sum + 0
}

// check computes the case and compares every element of C's memory.
func (g *gemmCase[T]) check(t require.TestingT) {
	want := append([]T(nil), g.c.Data...)
	for i := range g.m {
		for j := range g.n {
			want[i*g.c.RowStride+j*g.c.ColStride] = g.want(i, j)
		}
	}
	cpu.Gemm(g.m, g.n, g.k, g.alpha, g.a, g.b, g.beta, g.c)
	for i, x := range want {
		same := math.Float64bits(float64(x)) == math.Float64bits(float64(g.c.Data[i])) || x != x && g.c.Data[i] != g.c.Data[i]
		require.True(t, same, "%d by %d by %d, alpha %v, beta %v, strides %d %d, %d %d, %d %d: element %d is %v, want %v",
			g.m, g.k, g.n, g.alpha, g.beta, g.a.RowStride, g.a.ColStride, g.b.RowStride, g.b.ColStride,
			g.c.RowStride, g.c.ColStride, i, g.c.Data[i], x)
	}
}

// drawStrides draws a layout: rows or columns contiguous or with gaps, and repeated ones for operands.
func drawStrides(t *rapid.T, rows, cols int, input bool) (row, col int) {
	gap, pad := rapid.IntRange(1, 3).Draw(t, "gap"), rapid.IntRange(0, 2).Draw(t, "pad")
	row, col = max(1, cols)*gap+pad, gap
	if rapid.Bool().Draw(t, "columns") {
		row, col = gap, max(1, rows)*gap+pad
	}
	if input && rapid.IntRange(0, 9).Draw(t, "repeated") == 0 {
		row = 0
	}
	return row, col
}

func drawGemm[T float32 | float64](t *rapid.T, m, n, k int) *gemmCase[T] {
	r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 3))
	draw := func() T {
		if r.IntN(40) == 0 {
			return []T{T(math.Inf(1)), 0, T(math.Copysign(0, -1)), T(math.NaN()), 1}[r.IntN(5)]
		}
		return T(math.Ldexp(r.NormFloat64(), r.IntN(12)))
	}
	factor := rapid.SampledFrom([]T{0, 1, -1, 0.3, T(math.NaN())})
	g := &gemmCase[T]{m: m, n: n, k: k, alpha: factor.Draw(t, "alpha"), beta: factor.Draw(t, "beta")}
	matrix := func(rows, cols int, input bool) cpu.Matrix[T] {
		row, col := drawStrides(t, rows, cols, input)
		return newMatrix(rows, cols, row, col, draw)
	}
	g.a, g.b, g.c = matrix(m, k, true), matrix(k, n, true), matrix(m, n, false)
	return g
}

func TestGemmIsCanonical(t *testing.T) {
	size := rapid.OneOf(rapid.IntRange(0, 5), rapid.SampledFrom([]int{8, 12, 13, 16, 17, 31, 33, 50}))
	everyGemmLevel(t, func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			m, n, k := size.Draw(t, "m"), size.Draw(t, "n"), size.Draw(t, "k")
			drawGemm[float64](t, m, n, k).check(t)
			drawGemm[float32](t, m, n, k).check(t)
		})
	})
}

// Chunks of k, several blocks of rows, columns and k, dot products of several blocks.
func TestLargeGemmIsCanonical(t *testing.T) {
	for _, s := range [][3]int{
		{1, 1, 9000}, {1, 7, 2500}, {6, 1, 2100}, {3, 5, 3000}, {70, 90, 600}, {2, 300, 1100}, {300, 2, 40}, {1, 400, 400}, {260, 1, 530},
	} {
		t.Run(fmt.Sprint(s), func(t *testing.T) {
			f64 := rapid.Custom(func(t *rapid.T) *gemmCase[float64] { return drawGemm[float64](t, s[0], s[1], s[2]) })
			f32 := rapid.Custom(func(t *rapid.T) *gemmCase[float32] { return drawGemm[float32](t, s[0], s[1], s[2]) })
			for seed := range 6 {
				f64.Example(seed).check(t)
				f32.Example(seed).check(t)
			}
		})
	}
}

// With beta = 0, C is not read, and with alpha = 0 neither A nor B is.
func TestGemmDoesNotReadWhatItNeedNot(t *testing.T) {
	nan := func() float64 { return math.NaN() }
	one := func() float64 { return 1 }
	g := &gemmCase[float64]{m: 3, n: 3, k: 2, alpha: 1, a: newMatrix(3, 2, 2, 1, one), b: newMatrix(2, 3, 3, 1, one), c: newMatrix(3, 3, 3, 1, nan)}
	g.check(t)
	assert.Equal(t, 2.0, g.c.Data[4])
	g.alpha, g.beta, g.a, g.b = 0, 0.5, cpu.Matrix[float64]{}, cpu.Matrix[float64]{}
	g.check(t)
	assert.Equal(t, 1.0, g.c.Data[4])
}

// Calls of several goroutines at once, with the collector at work: operands are Go memory.
func TestGemmFromSeveralGoroutines(t *testing.T) {
	for w := range 4 {
		t.Run(fmt.Sprint(w), func(t *testing.T) {
			t.Parallel()
			draw := rapid.Custom(func(t *rapid.T) *gemmCase[float64] { return drawGemm[float64](t, 20+w, 70, 30) })
			for seed := range 20 {
				draw.Example(seed).check(t)
				runtime.GC()
			}
		})
	}
}

func TestGemmAllocatesNothing(t *testing.T) {
	one := func() float32 { return 1 }
	for _, s := range [][3]int{{1, 1, 5000}, {60, 50, 40}, {50, 1, 60}, {200, 200, 200}} {
		m, n, k := s[0], s[1], s[2]
		a, b, c := newMatrix(m, k, k, 1, one), newMatrix(k, n, n, 1, one), newMatrix(m, n, n, 1, one)
		allocs := testing.AllocsPerRun(20, func() { cpu.Gemm(m, n, k, 0.5, a, b, 1, c) })
		assert.Zero(t, allocs, "%v", s)
	}
}

func TestGemmPanicsOnShortOperands(t *testing.T) {
	two := cpu.Matrix[float64]{Data: make([]float64, 2), RowStride: 2, ColStride: 1}
	four := cpu.Matrix[float64]{Data: make([]float64, 4), RowStride: 2, ColStride: 1}
	assert.PanicsWithValue(t, "BUG: cpu: Gemm: B ends at element 3, and has 2", func() { cpu.Gemm(2, 2, 2, 1, four, two, 0, four) })
	assert.Panics(t, func() { cpu.Gemm(2, 2, -1, 1, four, four, 0, four) })
}

func BenchmarkGemm(b *testing.B) {
	for _, n := range []int{4, 16, 64, 256} {
		for _, beta := range []float64{0, 1} {
			b.Run(fmt.Sprintf("%d/beta=%v", n, beta), func(b *testing.B) {
				one := func() float64 { return 1 }
				x, y, z := newMatrix(n, n, n, 1, one), newMatrix(n, n, n, 1, one), newMatrix(n, n, n, 1, one)
				b.ReportAllocs()
				for b.Loop() {
					cpu.Gemm(n, n, n, 1, x, y, beta, z)
				}
				b.ReportMetric(2*float64(n*n*n)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}
