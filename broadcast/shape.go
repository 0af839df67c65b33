// Package broadcast computes with the shapes of arrays and their layouts in memory: how shapes
// broadcast, which views need no copy, what a reduction leaves, which axes merge, and whether two
// layouts share memory. The rules are NumPy's.
//
// It knows integers only: no data and no element types. Shapes are extents in elements; strides
// and offsets are bytes. No function keeps or changes the slices that it is given.
package broadcast

import (
	"math"
	"slices"
)

// MaxDims is the largest number of axes that an array can have.
const MaxDims = 32

// Size is the number of elements of an array of the given shape; the shape () has one. A negative
// extent, more than MaxDims axes, and a product of the extents above zero that an int cannot hold
// are a *ShapeError, the last even if another extent is zero.
func Size(shape []int) (int, error) { return Bytes(shape, 1) }

// Bytes is the number of bytes of an array of the given shape with elements of itemsize bytes
// each. The errors are those of Size.
func Bytes(shape []int, itemsize int) (int, error) {
	if len(shape) > MaxDims {
		return 0, shapeError(TooManyDims, shape)
	}
	n, empty := itemsize, false
	for _, d := range shape {
		switch {
		case d < 0:
			return 0, shapeError(NegativeExtent, shape)
		case d == 0:
			empty = true
		case n > math.MaxInt/d:
			return 0, shapeError(TooLarge, shape)
		default:
			n *= d
		}
	}
	if empty {
		return 0, nil
	}
	return n, nil
}

// empty reports whether an array of the given shape has no elements.
func empty(shape []int) bool { return slices.Contains(shape, 0) }

// Shapes is the shape to which all the given shapes broadcast: they are aligned at their last
// axes, and along each axis the extents are equal or 1. No shapes give (). Shapes that do not
// broadcast are a *ShapeError with every axis that clashes.
func Shapes(shapes ...[]int) ([]int, error) {
	ndim := 0
	for _, s := range shapes {
		if _, err := Size(s); err != nil {
			return nil, err
		}
		ndim = max(ndim, len(s))
	}
	out := slices.Repeat([]int{1}, ndim)
	from := make([]int, ndim) // which shape gave the extent
	var clashes []Clash
	for k, s := range shapes {
		lead := ndim - len(s)
		for i, d := range s {
			axis := lead + i
			switch {
			case d == 1 || d == out[axis]:
			case out[axis] == 1:
				out[axis], from[axis] = d, k
			default:
				clashes = append(clashes, Clash{Axis: axis, First: from[axis], Second: k})
			}
		}
	}
	if clashes != nil {
		return nil, clashError(Clashing, shapes, clashes)
	}
	if _, err := Size(out); err != nil {
		return nil, err
	}
	return out, nil
}

// Reduced is the shape that a reduction of shape along axes leaves: without those axes, or with
// extent 1 in their places if keepdims. The axes are as NormalizeAxes returns them.
func Reduced(shape []int, axes []int, keepdims bool) []int {
	out := make([]int, 0, len(shape))
	for i, d := range shape {
		switch {
		case !slices.Contains(axes, i):
			out = append(out, d)
		case keepdims:
			out = append(out, 1)
		}
	}
	return out
}
