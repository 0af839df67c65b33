//go:build linux

package simd

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/op"
)

// Segments are summed one element after the other, at every level and number of segments, in place too.
func TestScans(t *testing.T) {
	const most = 2*16 + 3
	arena := newGuarded(t, most*canon.ScanSegment*8)
	everyLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(11, 12))
		for _, d := range []dtype.DType{dtype.Float32, dtype.Float64, dtype.Int64, dtype.Uint64} {
			s, ok := ScanOf(d)
			require.True(t, ok)
			for n := range most + 1 {
				scanSegments(t, s, d, n, vector{d, arena.high(0, n*canon.ScanSegment*d.Size())}, r)
			}
		}
	})
}

func scanSegments(t *testing.T, s Scan, d dtype.DType, n int, x vector, r *rand.Rand) {
	add := op.Add.Program([]dtype.DType{d, d})
	totals, bases, sums := newVector(d, n), newVector(d, n), newVector(d, n*canon.ScanSegment)
	want, based := newVector(d, n*canon.ScanSegment), newVector(d, n*canon.ScanSegment)
	for i := range n * canon.ScanSegment {
		x.set(i, op.BitsOf(d, 1e6*(r.NormFloat64())))
		if r.IntN(400) == 0 {
			x.set(i, random(d, r))
		}
		want.set(i, x.at(i))
		if i%canon.ScanSegment > 0 {
			want.set(i, add.Eval(want.at(i-1), x.at(i)))
		}
	}
	s.Segments(sums.pointer(), x.pointer(), totals.pointer(), n)
	require.NoError(t, alike(sums, want))
	for i := range n {
		require.True(t, same(d, want.at((i+1)*canon.ScanSegment-1), totals.at(i)))
		bases.set(i, op.BitsOf(d, float64(r.IntN(100))))
		for k := i * canon.ScanSegment; k < (i+1)*canon.ScanSegment; k++ {
			based.set(k, add.Eval(bases.at(i), want.at(k)))
		}
	}
	s.Segments(x.pointer(), x.pointer(), totals.pointer(), n)
	require.NoError(t, alike(x, want))
	for _, past := range []bool{false, true} {
		s.Bases(sums.pointer(), x.pointer(), bases.pointer(), n, past)
		Fence()
		require.NoError(t, alike(sums, based))
	}
	s.Bases(x.pointer(), x.pointer(), bases.pointer(), n, true)
	require.NoError(t, alike(x, based))
}

// alike tells the first element that differs.
func alike(got, want vector) error {
	for i := range len(want.bytes) / want.t.Size() {
		if !same(want.t, got.at(i), want.at(i)) {
			return fmt.Errorf("element %d: got %s, want %s", i, op.FormatBits(want.t, got.at(i)), op.FormatBits(want.t, want.at(i)))
		}
	}
	return nil
}

func TestNoBase(t *testing.T) {
	zero := float32(0)
	zero = -zero
	x := NoBase[float32]() + *(*float32)(unsafe.Pointer(&zero))
	require.Zero(t, x)
	require.Zero(t, NoBase[int64]())
	require.Equal(t, uint64(1<<63), op.BitsOf(dtype.Float64, NoBase[float64]()))
}
