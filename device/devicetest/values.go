package devicetest

import (
	"math"
	"math/rand/v2"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/op"
)

// specials are values worth trying in every float type; those of integers are in edges.
var specials = []float64{
	0, math.Copysign(0, -1), 1, -1, 0.5, -2.5, 3, math.Inf(1), math.Inf(-1), math.NaN(),
	math.Pi, -10, 1e-3, 100.5, 7, 1 << 24, -(1 << 53), 88.5, -708,
}

// edges are bit patterns worth trying in every integer type, in the low bits.
var edges = []uint64{
	0, 1, math.MaxUint64, 2, 3, math.MaxUint64 - 1, 5, 7, 10, 31, 32, 63, 64, 100,
	math.MaxInt8, math.MaxInt16, math.MaxInt32, math.MaxInt64,
	1 << 7, 1 << 15, 1 << 31, 1 << 63, 0xAAAAAAAAAAAAAAAA,
}

// values lists elements of a type worth trying, as bits.
func values(t dtype.DType) []uint64 { return lists[t] }

var lists = func() (all [dtype.Count][]uint64) {
	for _, t := range dtype.All() {
		all[t] = worthTrying(t)
	}
	return all
}()

func worthTrying(t dtype.DType) []uint64 {
	switch {
	case t == dtype.Bool:
		return []uint64{0, 1}
	case t == dtype.Float32:
		return append(numbers(t), 1, 0x007FFFFF, 0x00800000, 0x7F7FFFFF, 0x80000001, 0x3F800001)
	case t == dtype.Float64:
		return append(numbers(t), 1, 0x000FFFFFFFFFFFFF, 0x0010000000000000, 0x7FEFFFFFFFFFFFFF, 1<<63|1, 0x3FF0000000000001)
	}
	list := make([]uint64, len(edges))
	for i, e := range edges {
		list[i] = truncate(t, e)
	}
	return list
}

func numbers(t dtype.DType) []uint64 {
	list := make([]uint64, len(specials))
	for i, v := range specials {
		list[i] = op.BitsOf(t, v)
	}
	return list
}

// truncate keeps the bits of an element.
func truncate(t dtype.DType, bits uint64) uint64 { return bits & (math.MaxUint64 >> (64 - 8*t.Size())) }

// pairs is the i-th element of the j-th operand such that n operands of one type meet in all pairs
// of values within the square of their number.
func pairs(t dtype.DType, i, j int) uint64 {
	list := values(t)
	n := len(list)
	return list[(i+j*(i/n)+j*(j-1)/2*(i/3))%n]
}

// mixed draws an element: floats of all signs and of magnitudes in which the order of a sum shows,
// integers of any bits.
func mixed(r *rand.Rand, t dtype.DType) uint64 {
	switch {
	case t == dtype.Bool:
		return r.Uint64() & 1
	case t.IsFloat():
		return op.BitsOf(t, (r.Float64()-0.5)*math.Exp2(float64(r.IntN(20)-10)))
	}
	return truncate(t, r.Uint64())
}

// small draws an element of which many can be multiplied: floats near 1.
func small(r *rand.Rand, t dtype.DType) uint64 {
	if t.IsFloat() {
		return op.BitsOf(t, 0.9+0.2*r.Float64())
	}
	return mixed(r, t)
}

// wild draws one of values.
func wild(r *rand.Rand, t dtype.DType) uint64 {
	list := values(t)
	return list[r.IntN(len(list))]
}

// tied draws one of few numbers, so that the least and the greatest occur more than once.
func tied(r *rand.Rand, t dtype.DType) uint64 {
	return op.BitsOf(t, float64(r.IntN(5)))
}
