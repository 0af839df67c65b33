package cpu

import (
	"unsafe"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/canon"
)

// An index fold keeps, for each row of a unit, the best value so far and its index in the row. Zeros
// of both signs are equal, the first of equals wins, and NaN is better than everything.

// best is the functions of an index fold.
type best struct {
	// take brings rows vectors of w elements, whose indices in the row are from and up, to the best
	// values and their indices. The first vector of a piece starts them.
	take func(value, index, tile unsafe.Pointer, from, rows, w int, first bool)
	// bring does the same for the first n elements of a tile, of which m is the best. find is simd.FindOf's.
	bring func(value, index, m, tile unsafe.Pointer, from, n int, first bool, find func(x, v unsafe.Pointer, n int) int)
	// join brings the best values of a later piece, and their indices, to those of an earlier one.
	join func(value, index, value2, index2 unsafe.Pointer, w int)
}

type ordered interface {
	int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64 | float32 | float64
}

// bestOf is the index fold of elements of a type: of the least, or of the greatest.
func bestOf(greatest bool, t dtype.DType) *best {
	which := 0
	if greatest {
		which = 1
	}
	return bests[t][which]
}

var bests = [dtype.Count][2]*best{
	dtype.Bool: newBests[uint8](), dtype.Uint8: newBests[uint8](), dtype.Int8: newBests[int8](),
	dtype.Uint16: newBests[uint16](), dtype.Int16: newBests[int16](),
	dtype.Uint32: newBests[uint32](), dtype.Int32: newBests[int32](),
	dtype.Uint64: newBests[uint64](), dtype.Int64: newBests[int64](),
	dtype.Float32: newBests[float32](), dtype.Float64: newBests[float64](),
}

func newBests[T ordered]() [2]*best {
	less := func(v, b T) bool { return v < b || v != v && b == b }
	greater := func(v, b T) bool { return v > b || v != v && b == b }
	return [2]*best{
		{takeWith(leastOf[T], less), bringWith(less), joinWith(less)},
		{takeWith(greatestOf[T], greater), bringWith(greater), joinWith(greater)},
	}
}

// takeRow takes a row of at least as many elements as there are lanes: their best is found first, by folding
// lanes, and then its index, if it is better than what was before.
func (f *fold) takeRow(acc, value, index, tile unsafe.Pointer, from, rows int, first bool) {
	lanes := canon.Lanes(f.size)
	whole := rows / lanes
	copyBytes(acc, tile, canon.LaneBytes)
	if whole > 1 {
		f.fast.Rows(acc, unsafe.Add(tile, canon.LaneBytes), whole-1)
	}
	f.fast.Tree(acc, acc)
	n := whole * lanes
	f.best.bring(value, index, acc, tile, from, n, first, f.find)
	if n < rows {
		f.best.take(value, index, unsafe.Add(tile, n*f.size), from+n, rows-n, 1, false)
	}
}

func bringWith[T ordered](better func(v, b T) bool) func(value, index, m, tile unsafe.Pointer, from, n int, first bool, find func(x, v unsafe.Pointer, n int) int) {
	return func(value, index, m, tile unsafe.Pointer, from, n int, first bool, find func(x, v unsafe.Pointer, n int) int) {
		v, b := *(*T)(m), (*T)(value)
		if !first && !better(v, *b) {
			return
		}
		start := 0
		if v == v {
			start = find(tile, m, n)
		}
		*b = v
		*(*int64)(index) = int64(from + start + indexOf(unsafe.Slice((*T)(tile), n)[start:], v))
	}
}

// indexOf is the index of the first element that equals v or, if v is NaN, is NaN as well; one does.
func indexOf[T ordered](x []T, v T) int {
	for i, w := range x {
		if w == v || w != w && v != v {
			return i
		}
	}
	panic("BUG: cpu: the extreme of a row is not in it")
}

// takeWith makes a take: row is the way for a single row, better says whether a value replaces the best.
func takeWith[T ordered](row func(x []T, b T) (T, int), better func(v, b T) bool) func(value, index, tile unsafe.Pointer, from, rows, w int, first bool) {
	return func(value, index, tile unsafe.Pointer, from, rows, w int, first bool) {
		b, ix, x := unsafe.Slice((*T)(value), w), unsafe.Slice((*int64)(index), w), unsafe.Slice((*T)(tile), rows*w)
		if first {
			copy(b, x)
			for i := range ix {
				ix[i] = int64(from)
			}
			x, from = x[w:], from+1
		}
		if w == 1 {
			if v, i := row(x, b[0]); i >= 0 {
				b[0], ix[0] = v, int64(from+i)
			}
			return
		}
		for ; len(x) > 0; x, from = x[w:], from+1 {
			for i, v := range x[:w] {
				if better(v, b[i]) {
					b[i], ix[i] = v, int64(from)
				}
			}
		}
	}
}

func joinWith[T ordered](better func(v, b T) bool) func(value, index, value2, index2 unsafe.Pointer, w int) {
	return func(value, index, value2, index2 unsafe.Pointer, w int) {
		b, ix := unsafe.Slice((*T)(value), w), unsafe.Slice((*int64)(index), w)
		b2, ix2 := unsafe.Slice((*T)(value2), w), unsafe.Slice((*int64)(index2), w)
		for i, v := range b2 {
			if better(v, b[i]) {
				b[i], ix[i] = v, ix2[i]
			}
		}
	}
}

// leastOf is the first element less than all before it and b, and its index, -1 if there is none. The
// first NaN is the answer if there is one.
func leastOf[T ordered](x []T, b T) (T, int) {
	at := -1
	if b != b {
		return b, at
	}
	for i, v := range x {
		if !(v >= b) {
			b, at = v, i
			if v != v {
				break
			}
		}
	}
	return b, at
}

// greatestOf is leastOf for the greatest.
func greatestOf[T ordered](x []T, b T) (T, int) {
	at := -1
	if b != b {
		return b, at
	}
	for i, v := range x {
		if !(v <= b) {
			b, at = v, i
			if v != v {
				break
			}
		}
	}
	return b, at
}
