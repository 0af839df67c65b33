package simd

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/dtype"
)

// gemmTrial is a panel in memory of its own. Every operand ends where its memory does.
type gemmTrial struct {
	t       dtype.DType
	panel   GemmPanel
	a, b, c vector
}

// newGemmTrial lays out a panel for a kernel: A by rows or, if byCols, by strips of MR rows; B with
// a gap between rows if it is wide.
func newGemmTrial(t dtype.DType, k GemmKernel, rows, cols, depth int, byCols, wide bool, mode GemmMode, draw func() uint64) *gemmTrial {
	size, strips := t.Size(), (rows+k.MR-1)/k.MR
	p := GemmPanel{K: depth, Rows: rows, Cols: cols, ARow: depth * size, ACol: size, BRow: k.NR * size, CRow: (k.NR + 3) * size, Mode: mode}
	p.AStrip = k.MR * p.ARow
	if byCols {
		p.ARow, p.ACol = size, k.MR*size
	}
	if wide {
		p.BRow += 5 * size
	}
	tr := &gemmTrial{t: t, panel: p, a: newVector(t, strips*k.MR*depth+1), b: newVector(t, p.BRow/size*depth+1), c: newVector(t, rows*p.CRow/size+1)}
	for _, v := range []vector{tr.a, tr.b, tr.c} {
		for i := range len(v.bytes) / size {
			v.set(i, draw())
		}
	}
	return tr
}

// run gives the memory of C, all of it, after the kernel has run.
func (tr *gemmTrial) run(k GemmKernel) vector {
	c := newVector(tr.t, len(tr.c.bytes)/tr.t.Size())
	copy(c.bytes, tr.c.bytes)
	p := tr.panel
	p.A, p.B, p.C = tr.a.pointer(), tr.b.pointer(), c.pointer()
	k.Run(&p)
	return c
}

// want is what C should hold: one chain at a time.
func (tr *gemmTrial) want(mr int) vector {
	p, size := tr.panel, tr.t.Size()
	c := newVector(tr.t, len(tr.c.bytes)/size)
	copy(c.bytes, tr.c.bytes)
	for i := range p.Rows {
		for j := range p.Cols {
			acc := uint64(0)
			if p.Mode&GemmCarry != 0 {
				acc = c.at(i*p.CRow/size + j)
			}
			for l := range p.K {
				a := (i/mr*p.AStrip + i%mr*p.ARow + l*p.ACol) / size
				acc = fuse(tr.t, tr.a.at(a), tr.b.at(l*p.BRow/size+j), acc)
			}
			if p.Mode&GemmSettle != 0 {
				acc = fuse(tr.t, 0, 0, acc)
			}
			c.set(i*p.CRow/size+j, acc)
		}
	}
	return c
}

// fuse is one step of a chain.
func fuse(t dtype.DType, a, b, c uint64) uint64 {
	switch {
	case t == dtype.Float64:
		return math.Float64bits(math.FMA(math.Float64frombits(a), math.Float64frombits(b), math.Float64frombits(c)))
	case t == dtype.Float32:
		f := func(x uint64) float64 { return float64(math.Float32frombits(uint32(x))) }
		return uint64(math.Float32bits(float32(fuse32(f(a), f(b), f(c)))))
	case t == dtype.Bool:
		return a&b | c
	}
	return (a*b + c) << (64 - 8*t.Size()) >> (64 - 8*t.Size())
}

func requireSame(t *testing.T, want, got vector, msg string) {
	for i := range len(want.bytes) / want.t.Size() {
		if !same(want.t, want.at(i), got.at(i)) {
			require.Failf(t, "bits differ", "%s: element %d: got %#x, want %#x", msg, i, got.at(i), want.at(i))
		}
	}
}

// ordinary draws elements of many sizes, of which some sums are exact and some underflow.
func ordinary(t dtype.DType, r *rand.Rand) func() uint64 {
	return func() uint64 {
		switch x := math.Ldexp(r.NormFloat64(), r.IntN(40)-20); t {
		case dtype.Float64:
			return math.Float64bits(x)
		case dtype.Float32:
			return uint64(math.Float32bits(float32(x)))
		}
		return random(t, r)
	}
}

// everyGemm calls test for the kernels of all levels.
func everyGemm(test func(level string, t dtype.DType, k GemmKernel)) {
	for i := range gemmLevels {
		for _, t := range dtype.All() {
			if k := gemmLevels[i].kernels[t]; k.Run != nil {
				test(gemmLevels[i].name, t, k)
			}
		}
	}
}

func TestGemmKernelsOfAllPanels(t *testing.T) {
	everyGemm(func(level string, d dtype.DType, k GemmKernel) {
		r := rand.New(rand.NewPCG(5, uint64(d)))
		for rows := 1; rows <= 2*k.MR+1; rows++ {
			for cols := 1; cols <= k.NR; cols++ {
				depth := []int{0, 1, 2, 3, 4, 5, 7, 8, 33}[r.IntN(9)]
				mode := GemmMode(r.IntN(4))
				draw := ordinary(d, r)
				if r.IntN(4) == 0 {
					draw = func() uint64 { return random(d, r) }
				}
				tr := newGemmTrial(d, k, rows, cols, depth, r.IntN(2) == 0, r.IntN(2) == 0, mode, draw)
				requireSame(t, tr.want(k.MR), tr.run(k), fmt.Sprintf("%s %v: %d by %d by %d, mode %d", level, d, rows, depth, cols, mode))
			}
		}
	})
}

// Products that underflow make chains of -0, which settling turns to +0 and nothing else does.
func TestGemmSettles(t *testing.T) {
	everyGemm(func(level string, d dtype.DType, k GemmKernel) {
		if !d.IsFloat() {
			return
		}
		sign := uint64(1) << (8*d.Size() - 1)
		tiny := func() uint64 { return 1 }
		for _, mode := range []GemmMode{GemmCarry, GemmCarry | GemmSettle} {
			tr := newGemmTrial(d, k, k.MR+1, k.NR-1, 4, false, false, mode, tiny)
			for i := range len(tr.a.bytes) / d.Size() {
				tr.a.set(i, sign|1)
			}
			for i := range len(tr.c.bytes) / d.Size() {
				tr.c.set(i, sign)
			}
			want := sign
			if mode&GemmSettle != 0 {
				want = 0
			}
			assert.Equal(t, want, tr.run(k).at(0), "%s %v mode %d", level, d, mode)
		}
	})
}

func TestGemmStreams(t *testing.T) {
	everyGemm(func(level string, d dtype.DType, k GemmKernel) {
		r := rand.New(rand.NewPCG(8, uint64(d)))
		tr := newGemmTrial(d, k, 2*k.MR+1, k.NR, 5, false, false, GemmStream|GemmSettle, ordinary(d, r))
		tr.panel.CRow = 64 * ((k.NR*d.Size() + 63) / 64)
		n := tr.panel.CRow * tr.panel.Rows
		tr.c = newVector(d, (n+64)/d.Size())
		skip := int(-uintptr(tr.c.pointer()) & 63)
		tr.c.bytes = tr.c.bytes[skip : skip+n]
		want := tr.want(k.MR)
		p := tr.panel
		p.A, p.B, p.C = tr.a.pointer(), tr.b.pointer(), tr.c.pointer()
		p.Ahead, p.AheadStep = uintptr(p.A), 200
		k.Run(&p)
		requireSame(t, want, tr.c, level)
	})
}

func TestLanesOfAllLevels(t *testing.T) {
	everyGemm(func(level string, d dtype.DType, k GemmKernel) {
		r := rand.New(rand.NewPCG(7, uint64(d)))
		lanes := 512 / d.Size()
		for _, rows := range []int{0, 1, 2, 3, 8, 32} {
			a, b, acc := newVector(d, rows*lanes+1), newVector(d, rows*lanes+1), newVector(d, lanes)
			for _, v := range []vector{a, b, acc} {
				for i := range len(v.bytes) / d.Size() {
					v.set(i, random(d, r))
				}
			}
			want := newVector(d, lanes)
			for l := range lanes {
				x := acc.at(l)
				for i := range rows {
					x = fuse(d, a.at(i*lanes+l), b.at(i*lanes+l), x)
				}
				want.set(l, x)
			}
			k.Lanes(acc.pointer(), a.pointer(), b.pointer(), rows)
			requireSame(t, want, acc, fmt.Sprintf("%s %v %d rows", level, d, rows))
		}
	})
}

func TestSpreadOfAllLevels(t *testing.T) {
	everyGemm(func(level string, d dtype.DType, k GemmKernel) {
		for n := range 5 {
			src, step := newVector(d, n*k.NR+1), (k.NR+3)*d.Size()
			dst := newVector(d, n*step/d.Size()+1)
			for i := range n*k.NR + 1 {
				src.set(i, uint64(i)+1)
			}
			k.Spread(dst.pointer(), src.pointer(), n, step)
			for i := range n * (k.NR + 3) {
				want := src.at(i/(k.NR+3)*k.NR + min(i%(k.NR+3), k.NR-1))
				if i%(k.NR+3) >= k.NR {
					want = 0
				}
				require.Equal(t, want, dst.at(i), "%s %v: %d of %d", level, d, i, n)
			}
			require.Zero(t, dst.at(n*(k.NR+3)))
		}
	})
}

func TestTurnOfAllLevels(t *testing.T) {
	everyGemm(func(level string, d dtype.DType, k GemmKernel) {
		if k.Turn == nil {
			return
		}
		rows := 32 / d.Size()
		for n := 0; n <= 12; n += 4 {
			ld, step := n+3, rows+5
			src, dst := newVector(d, rows*ld+1), newVector(d, n*step+1)
			for i := range rows*ld + 1 {
				src.set(i, uint64(i)+1)
			}
			k.Turn(dst.pointer(), src.pointer(), ld*d.Size(), n, step*d.Size())
			for i := range n * step {
				want := uint64(0)
				if i%step < rows {
					want = src.at(i%step*ld + i/step)
				}
				require.Equal(t, want, dst.at(i), "%s %v: %d of %d", level, d, i, n)
			}
			require.Zero(t, dst.at(n*step))
		}
	})
}

func TestGemmLevels(t *testing.T) {
	defer func(name string) { require.NoError(t, SetGemmLevel(name)) }(GemmLevel())
	assert.Equal(t, "generic", GemmLevels()[0])
	for _, name := range GemmLevels() {
		require.NoError(t, SetGemmLevel(name))
		assert.Equal(t, name, GemmLevel())
		for _, d := range dtype.All() {
			assert.NotNil(t, Gemm(d).Run)
		}
	}
	assert.ErrorContains(t, SetGemmLevel("vax"), "generic")
}

func BenchmarkGemmKernel(b *testing.B) {
	everyGemm(func(level string, d dtype.DType, k GemmKernel) {
		if !d.IsFloat() {
			return
		}
		for _, byCols := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/%v/cols=%v", level, d, byCols), func(b *testing.B) {
				const depth = 256
				tr := newGemmTrial(d, k, k.MR*4, k.NR, depth, byCols, false, GemmCarry, func() uint64 { return 0 })
				p := tr.panel
				p.A, p.B, p.C = tr.a.pointer(), tr.b.pointer(), tr.c.pointer()
				for b.Loop() {
					k.Run(&p)
				}
				b.ReportMetric(2*float64(p.Rows*p.Cols*depth*b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	})
}
