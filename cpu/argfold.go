package cpu

import (
	"unsafe"

	"github.com/tare-go/tare/dtype"
)

// An index fold keeps, for each row of a unit, the best value so far and its index in the row. Zeros
// of both signs are equal, the first of equals wins, and NaN is better than everything.

// best is the functions of an index fold.
type best struct {
	// take brings rows vectors of w elements, whose indices in the row are from and up, to the best
	// values and their indices. The first vector of a piece starts them.
	take func(value, index, tile unsafe.Pointer, from, rows, w int, first bool)
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
	return [2]*best{
		{takeWith(leastOf[T], func(v, b T) bool { return v < b || v != v && b == b }), joinWith(func(v, b T) bool { return v < b || v != v && b == b })},
		{takeWith(greatestOf[T], func(v, b T) bool { return v > b || v != v && b == b }), joinWith(func(v, b T) bool { return v > b || v != v && b == b })},
	}
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
