//go:build linux

package simd

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/op"
)

// foldTrial compares the folds of a level with canon's, which takes the operator's program.
type foldTrial struct {
	c     op.Code
	t     dtype.DType
	fold  Fold
	join  func(x, y uint64) uint64
	arena guarded
	r     *rand.Rand
}

// element is an element, of any magnitude, and seldom special.
func (f *foldTrial) element() uint64 {
	if !f.t.IsFloat() {
		return f.r.Uint64()
	}
	if f.r.IntN(20_000) == 0 {
		return random(f.t, f.r)
	}
	return op.BitsOf(f.t, math.Ldexp(f.r.NormFloat64(), f.r.IntN(60)-30))
}

// vector is n elements that end at the page that cannot be touched.
func (f *foldTrial) vector(n int) vector {
	v := vector{f.t, f.arena.high(0, n*f.t.Size())}
	for i := range n {
		v.set(i, f.element())
	}
	return v
}

func (f *foldTrial) expect(t *testing.T, what string, want, got uint64) {
	if !same(f.t, want, got) {
		require.Failf(t, "fold differs from canon", "%s of %v of %v: got %s, want %s", what, f.c, f.t,
			op.FormatBits(f.t, got), op.FormatBits(f.t, want))
	}
}

// blocks compares whole blocks, with the results beside or over the elements.
func (f *foldTrial) blocks(t *testing.T, over bool) {
	const n = 3
	v := f.vector(n * canon.Block)
	var want [n]uint64
	lanes, per16 := canon.Lanes(f.t.Size()), canon.Per16(f.t.Size())
	for i := range n {
		at := func(k int) uint64 { return v.at(i*canon.Block + k) }
		absent, _ := f.c.IdentityBits(f.t)
		if f.c != op.Add {
			absent = at(0)
		}
		want[i] = canon.LaneFold(canon.Block, at, absent, lanes, per16, f.join)
	}
	dst := newVector(f.t, n)
	if over {
		dst.bytes = v.bytes
	}
	f.fold.Blocks(dst.pointer(), v.pointer(), n)
	for i := range n {
		f.expect(t, "block", want[i], dst.at(i))
	}
}

// rows compares the lanes after some rows, and what they fold to.
func (f *foldTrial) rows(t *testing.T, rows int) {
	lanes := canon.Lanes(f.t.Size())
	acc, v := newVector(f.t, lanes+8), f.vector(rows*lanes)
	want := make([]uint64, lanes+8)
	for l := range want {
		want[l] = f.element()
		acc.set(l, want[l])
	}
	for i := range rows * lanes {
		want[i%lanes] = f.join(want[i%lanes], v.at(i))
	}
	f.fold.Rows(acc.pointer(), v.pointer(), rows)
	for l := range want {
		f.expect(t, "lane", want[l], acc.at(l))
	}
	f.fold.Tree(acc.pointer(), acc.pointer())
	f.expect(t, "tree", canon.LaneTree(want[:lanes], canon.Per16(f.t.Size()), f.join), acc.at(0))
}

// eight compares eight rows folded into one, with operands that end at the page that cannot be touched.
func (f *foldTrial) eight(t *testing.T, n, gap int) {
	size := f.t.Size()
	acc, v := newVector(f.t, n), f.vector(8*n+7*gap)
	want := make([]uint64, n)
	for j := range want {
		want[j] = f.element()
		acc.set(j, want[j])
		for r := range 8 {
			want[j] = f.join(want[j], v.at(r*(n+gap)+j))
		}
	}
	f.fold.Eight(acc.pointer(), v.pointer(), (n+gap)*size, n)
	for j := range want {
		f.expect(t, "column", want[j], acc.at(j))
	}
}

// special compares rows in which one element is NaN, or zeros have both signs.
func (f *foldTrial) special(t *testing.T) {
	lanes := canon.Lanes(f.t.Size())
	specials := []uint64{op.BitsOf(f.t, math.NaN()), op.BitsOf(f.t, math.Copysign(0, -1)), 0}
	for i, bits := range specials {
		for at := range 3 * lanes {
			acc, v := newVector(f.t, lanes), f.vector(2*lanes)
			ordinary := []uint64{op.BitsOf(f.t, 1), 0, op.BitsOf(f.t, math.Copysign(0, -1))}[i]
			want := make([]uint64, lanes)
			for l := range 3 * lanes {
				x := ordinary
				if l == at {
					x = bits
				}
				if l < lanes {
					want[l] = x
					acc.set(l, x)
					continue
				}
				want[l%lanes] = f.join(want[l%lanes], x)
				v.set(l-lanes, x)
			}
			f.fold.Rows(acc.pointer(), v.pointer(), 2)
			for l := range want {
				f.expect(t, "special lane", want[l], acc.at(l))
			}
		}
	}
}

// squares compares sums of squares of differences: of rows of lanes from one value, and of eight rows from a row.
func (f *foldTrial) squares(t *testing.T, rows, n, gap int) {
	lanes, size := canon.Lanes(f.t.Size()), f.t.Size()
	sub, mul := op.Subtract.Program([]dtype.DType{f.t, f.t}), op.Multiply.Program([]dtype.DType{f.t, f.t})
	square := func(x, from uint64) uint64 { d := sub.Eval(x, from); return mul.Eval(d, d) }
	acc, from, v := newVector(f.t, max(n, lanes)), newVector(f.t, n), f.vector(rows*lanes)
	want := make([]uint64, max(n, lanes))
	start := func() {
		for l := range want {
			want[l] = f.element()
			acc.set(l, want[l])
			from.set(l%n, f.element())
		}
	}
	start()
	for i := range rows * lanes {
		want[i%lanes] = f.join(want[i%lanes], square(v.at(i), from.at(0)))
	}
	f.fold.Squares(acc.pointer(), v.pointer(), from.pointer(), rows)
	for l := range want {
		f.expect(t, "lane of squares", want[l], acc.at(l))
	}
	start()
	v = f.vector(8*n + 7*gap)
	for j := range 8 * n {
		want[j%n] = f.join(want[j%n], square(v.at(j/n*(n+gap)+j%n), from.at(j%n)))
	}
	f.fold.EightSquares(acc.pointer(), v.pointer(), from.pointer(), (n+gap)*size, n)
	for j := range n {
		f.expect(t, "column of squares", want[j], acc.at(j))
	}
}

func TestFolds(t *testing.T) {
	arena := newGuarded(t, 3*canon.Block*8)
	everyLevel(t, func(t *testing.T) {
		folds := 0
		for c := range op.Code(op.Count) {
			for _, d := range dtype.All() {
				fold, ok := FoldOf(c, d)
				if !ok {
					continue
				}
				folds++
				p := c.Program([]dtype.DType{d, d})
				f := &foldTrial{c, d, fold, func(x, y uint64) uint64 { return p.Eval(x, y) }, arena, rand.New(rand.NewPCG(9, uint64(d)))}
				f.blocks(t, false)
				f.blocks(t, true)
				for rows := 1; rows < 20; rows++ {
					f.rows(t, rows)
				}
				for n := FoldColumns; n <= 6*FoldColumns; n += FoldColumns {
					f.eight(t, n, 0)
					f.eight(t, n, n%7)
				}
				if d.IsFloat() {
					f.special(t)
				}
				for rows := 1; fold.Squares != nil && rows < 9; rows++ {
					f.squares(t, rows, rows*FoldColumns, rows%3)
				}
			}
		}
		require.Equal(t, 8, folds)
	})
}

func TestFoldsDoNotAllocate(t *testing.T) {
	v := newVector(dtype.Float64, 2*canon.Block)
	everyLevel(t, func(t *testing.T) {
		f, _ := FoldOf(op.Add, dtype.Float64)
		var sums [2]float64
		require.Zero(t, testing.AllocsPerRun(10, func() { f.Blocks(unsafe.Pointer(&sums), v.pointer(), 2) }))
	})
}

// BenchmarkFold measures folds of blocks that stay in the caches, in nanoseconds an element.
func BenchmarkFold(b *testing.B) {
	v := newVector(dtype.Float64, canon.Block)
	for _, c := range []op.Code{op.Add, op.Maximum} {
		for _, t := range []dtype.DType{dtype.Float32, dtype.Float64} {
			f, _ := FoldOf(c, t)
			b.Run(fmt.Sprintf("%v/%v", c, t), func(b *testing.B) {
				var result uint64
				for b.Loop() {
					f.Blocks(unsafe.Pointer(&result), v.pointer(), 1)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/canon.Block, "ns/element")
			})
		}
	}
}
