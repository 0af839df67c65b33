package simd

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tare-go/tare/dtype"
)

// drawn is a vector of n elements.
func drawn(t dtype.DType, n int, draw func() uint64) vector {
	v := newVector(t, n)
	for i := range n {
		v.set(i, draw())
	}
	return v
}

func TestRowsOfAllLevels(t *testing.T) {
	everyGemm(func(level string, d dtype.DType, k GemmKernel) {
		if k.Rows == nil {
			return
		}
		r := rand.New(rand.NewPCG(11, uint64(d)))
		side := 64 / d.Size()
		for _, n := range []int{0, side, 2 * side, 5 * side} {
			for _, gap := range []int{0, 1, 7} {
				ld, draw := n+gap, ordinary(d, r)
				if gap == 1 {
					draw = func() uint64 { return random(d, r) }
				}
				acc, a, x := drawn(d, RowsAtOnce, draw), drawn(d, (RowsAtOnce-1)*ld+n+1, draw), drawn(d, n+1, draw)
				want := newVector(d, RowsAtOnce)
				for i := range RowsAtOnce {
					c := acc.at(i)
					for l := range n {
						c = fuse(d, a.at(i*ld+l), x.at(l), c)
					}
					want.set(i, c)
				}
				k.Rows(acc.pointer(), a.pointer(), x.pointer(), ld*d.Size(), n)
				requireSame(t, want, acc, fmt.Sprintf("%s %v: %d of %d", level, d, n, ld))
			}
		}
	})
}

func TestColsOfAllLevels(t *testing.T) {
	everyGemm(func(level string, d dtype.DType, k GemmKernel) {
		if k.Cols == nil {
			return
		}
		r := rand.New(rand.NewPCG(12, uint64(d)))
		for rows := range 19 {
			for _, n := range []int{0, 1, 7, 8, 15, 16, 17, 40} {
				ld, draw := n+rows%3, ordinary(d, r)
				if n == 17 {
					draw = func() uint64 { return random(d, r) }
				}
				acc, b, x := drawn(d, n+1, draw), drawn(d, rows*ld+n+1, draw), drawn(d, rows+1, draw)
				want := drawn(d, n+1, func() uint64 { return acc.at(n) })
				for j := range n {
					c := acc.at(j)
					for l := range rows {
						c = fuse(d, x.at(l), b.at(l*ld+j), c)
					}
					want.set(j, c)
				}
				k.Cols(acc.pointer(), b.pointer(), x.pointer(), ld*d.Size(), rows, n)
				requireSame(t, want, acc, fmt.Sprintf("%s %v: %d rows of %d", level, d, rows, n))
			}
		}
	})
}

// Memory that is asked for need not be there.
func TestAskTouchesNothing(t *testing.T) {
	everyGemm(func(level string, d dtype.DType, k GemmKernel) {
		if k.Ask != nil {
			for _, bytes := range []int{-64, 0, 1, 64, 1000} {
				assert.NotPanics(t, func() { k.Ask(8, bytes) }, level)
				assert.NotPanics(t, func() { k.Ask(^uintptr(0)-100, bytes) }, level)
			}
		}
	})
}

func BenchmarkMatVecKernel(b *testing.B) {
	everyGemm(func(level string, d dtype.DType, k GemmKernel) {
		if k.Rows == nil {
			return
		}
		const n = 256
		zero := func() uint64 { return 0 }
		acc, a, x := drawn(d, n, zero), drawn(d, RowsAtOnce*n, zero), drawn(d, n, zero)
		bench := func(name string, run func()) {
			b.Run(fmt.Sprintf("%s/%v/%s", level, d, name), func(b *testing.B) {
				b.SetBytes(int64(RowsAtOnce * n * d.Size()))
				for b.Loop() {
					run()
				}
			})
		}
		bench("rows", func() { k.Rows(acc.pointer(), a.pointer(), x.pointer(), n*d.Size(), n) })
		bench("cols", func() { k.Cols(acc.pointer(), a.pointer(), x.pointer(), n*d.Size(), RowsAtOnce, n) })
	})
}
