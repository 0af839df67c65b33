package simd

import (
	"unsafe"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/op"
)

// Fold folds contiguous elements by an operator, in the order of package canon's lane rule where the
// order matters. Lanes are canon.LaneBytes of accumulators.
type Fold struct {
	// Blocks folds whole blocks of canon.Block elements, at least one: dst[i] is block i. dst may be
	// src: a block's result is written after the block was read.
	Blocks func(dst, src unsafe.Pointer, blocks int)

	// Rows folds rows of as many bytes as the lanes have into them, at least one:
	// acc[l] = acc[l] op src[l], for each row in turn.
	Rows func(acc, src unsafe.Pointer, rows int)

	// Tree folds lanes to the one element at dst, and may overwrite them. dst may be acc.
	Tree func(dst, acc unsafe.Pointer)

	// Eight folds eight rows of n elements, stride bytes apart, into a row of accumulators:
	// acc[j] = acc[j] op src[j], for each row in turn. n is a multiple of FoldColumns above 0.
	Eight func(acc, src unsafe.Pointer, stride, n int)

	// Squares and EightSquares, which sums of floats have, are Rows and Eight of the squares of differences, as in a
	// variance: acc[l] = acc[l] + (src[l]-*from)², acc[j] = acc[j] + (src[j]-from[j])², each operation rounded.
	Squares      func(acc, src, from unsafe.Pointer, rows int)
	EightSquares func(acc, src, from unsafe.Pointer, stride, n int)
}

// FoldColumns is what the columns of Fold.Eight are a multiple of.
const FoldColumns = 16

// FoldOf is the functions of the level in use that fold elements of type t by operator c: sums of
// floats and of 8-byte integers, and the maximum and minimum of floats. Other folds have none; ok is
// false.
func FoldOf(c op.Code, t dtype.DType) (f Fold, ok bool) {
	f = active.Load().folds[c][t]
	return f, f.Blocks != nil
}

var genericFolds = [op.Count][dtype.Count]Fold{
	op.Add: {
		dtype.Float32: withSquares[float32](foldOf(op.Add, add[float32])), dtype.Float64: withSquares[float64](foldOf(op.Add, add[float64])),
		dtype.Int64: foldOf(op.Add, add[int64]), dtype.Uint64: foldOf(op.Add, add[uint64]),
	},
	op.Maximum: {
		dtype.Float32: foldOf(op.Maximum, larger[float32]), dtype.Float64: foldOf(op.Maximum, larger[float64]),
	},
	op.Minimum: {
		dtype.Float32: foldOf(op.Minimum, smaller[float32]), dtype.Float64: foldOf(op.Minimum, smaller[float64]),
	},
}

func add[T number](x, y T) T     { return x + y }
func larger[T number](x, y T) T  { return max(x, y) }
func smaller[T number](x, y T) T { return min(x, y) }

// foldRows folds rows into lanes.
func foldRows[T number](c op.Code, acc, src []T) {
	for ; len(src) > 0; src = src[len(acc):] {
		row := src[:len(acc)]
		switch c {
		case op.Add:
			for l, v := range row {
				acc[l] += v
			}
		case op.Maximum:
			for l, v := range row {
				acc[l] = max(acc[l], v)
			}
		case op.Minimum:
			for l, v := range row {
				acc[l] = min(acc[l], v)
			}
		}
	}
}

// foldOf makes the functions of an operator, which join also is.
func foldOf[T number](c op.Code, join func(x, y T) T) Fold {
	size := int(unsafe.Sizeof(*new(T)))
	lanes, per16 := canon.Lanes(size), canon.Per16(size)
	blocks := func(dst, src unsafe.Pointer, blocks int) {
		var memory [canon.LaneBytes / 8]uint64
		out, x := unsafe.Slice((*T)(dst), blocks), unsafe.Slice((*T)(src), blocks*canon.Block)
		acc := unsafe.Slice((*T)(unsafe.Pointer(&memory)), lanes)
		for i := range out {
			block := x[i*canon.Block:][:canon.Block]
			copy(acc, block)
			foldRows(c, acc, block[lanes:])
			out[i] = canon.LaneTree(acc, per16, join)
		}
	}
	return Fold{
		Blocks: blocks,
		Rows: func(acc, src unsafe.Pointer, n int) {
			foldRows(c, unsafe.Slice((*T)(acc), lanes), unsafe.Slice((*T)(src), lanes*n))
		},
		Tree: func(dst, acc unsafe.Pointer) {
			*(*T)(dst) = canon.LaneTree(unsafe.Slice((*T)(acc), lanes), per16, join)
		},
		Eight: func(acc, src unsafe.Pointer, stride, n int) {
			for r := range 8 {
				foldRows(c, unsafe.Slice((*T)(acc), n), unsafe.Slice((*T)(unsafe.Add(src, r*stride)), n))
			}
		},
	}
}

// withSquares adds the functions that sum squares.
func withSquares[T float](f Fold) Fold {
	size := int(unsafe.Sizeof(*new(T)))
	lanes := canon.Lanes(size)
	f.Squares = func(acc, src, from unsafe.Pointer, rows int) {
		a, v := unsafe.Slice((*T)(acc), lanes), *(*T)(from)
		for i, x := range unsafe.Slice((*T)(src), lanes*rows) {
			a[i%lanes] += T((x - v) * (x - v))
		}
	}
	f.EightSquares = func(acc, src, from unsafe.Pointer, stride, n int) {
		a, v := unsafe.Slice((*T)(acc), n), unsafe.Slice((*T)(from), n)
		for r := range 8 {
			for j, x := range unsafe.Slice((*T)(unsafe.Add(src, r*stride)), n) {
				a[j] += T((x - v[j]) * (x - v[j]))
			}
		}
	}
	return f
}
