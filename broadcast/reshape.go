package broadcast

import (
	"fmt"
	"slices"
)

// ReshapeProblem says why a ReshapeError is one.
type ReshapeProblem uint8

// The problems with a reshape.
const (
	SizeDiffers ReshapeProblem = iota + 1 // the number of elements would change
	TwoUnknown                            // more than one extent is -1
	NoUnknown                             // no extent, or any, can stand for the -1
	MustCopy                              // the elements are not where one stride an axis finds them
)

// ReshapeError says why an array cannot be seen with another shape.
type ReshapeError struct {
	Problem  ReshapeProblem
	From, To []int // To is as the caller wrote it
	Strides  []int // of the array, in bytes
}

// Error names both shapes and what to do.
func (e *ReshapeError) Error() string {
	what := fmt.Sprintf("shape %s cannot become %s", FormatShape(e.From), FormatShape(e.To))
	switch e.Problem {
	case TwoUnknown:
		return what + ": only one extent can be -1"
	case NoUnknown:
		return fmt.Sprintf("%s: no extent in place of -1 makes it %d elements", what, View{Shape: e.From}.Size())
	case MustCopy:
		return fmt.Sprintf("%s without a copy, its strides being %s: Copy it first, and reshape the copy", what, FormatShape(e.Strides))
	}
	return fmt.Sprintf("%s: it has %d elements, not %d", what, View{Shape: e.From}.Size(), View{Shape: e.To}.Size())
}

// Reshape is v, whose elements have itemsize bytes, seen with another shape of as many elements,
// both in C order. One negative extent stands for what the others leave. The error is a
// *ReshapeError, also where only a copy could have the shape, or a *ShapeError for a shape that
// no array has.
func (v View) Reshape(itemsize int, shape ...int) (View, error) {
	to, err := v.complete(shape)
	if err != nil {
		return View{}, err
	}
	out := Contiguous(to, itemsize)
	out.Offset = v.Offset
	if !empty(to) && !v.restride(&out, itemsize) {
		return View{}, v.reshapeError(MustCopy, shape)
	}
	return out, nil
}

// ReshapeFortran is Reshape with the elements of both shapes in Fortran order.
func (v View) ReshapeFortran(itemsize int, shape ...int) (View, error) {
	to, err := v.complete(shape)
	if err != nil {
		return View{}, err
	}
	slices.Reverse(to)
	out, err := v.reversed().Reshape(itemsize, to...)
	if err != nil {
		return View{}, v.reshapeError(MustCopy, shape)
	}
	return out.reversed(), nil
}

func (v View) reshapeError(p ReshapeProblem, to []int) *ReshapeError {
	return &ReshapeError{Problem: p, From: slices.Clone(v.Shape), To: slices.Clone(to), Strides: slices.Clone(v.Strides)}
}

// complete is shape with its negative extent, if there is one, worked out from v's size.
func (v View) complete(shape []int) ([]int, error) {
	to, unknown := slices.Clone(shape), -1
	for i, d := range to {
		if d >= 0 {
			continue
		}
		if unknown >= 0 {
			return nil, v.reshapeError(TwoUnknown, shape)
		}
		unknown, to[i] = i, 1
	}
	known, err := Size(to)
	if err != nil {
		return nil, err
	}
	size := v.Size()
	switch {
	case unknown < 0 && known != size:
		return nil, v.reshapeError(SizeDiffers, shape)
	case unknown < 0:
	case known == 0 || size%known != 0:
		return nil, v.reshapeError(NoUnknown, shape)
	default:
		to[unknown] = size / known
	}
	return to, nil
}

// restride sets the strides with which out, of v's size, finds v's elements; false if there are
// none. The axes of v merge into runs of evenly spaced elements, and each axis of out must lie
// within one run.
func (v View) restride(out *View, itemsize int) bool {
	runs, strides := Coalesce(v.Shape, [][]int{v.Strides})
	run := len(runs)
	left, step := 1, itemsize // what the axes so far leave of the run, and the stride to it
	for i := out.NDim() - 1; i >= 0; i-- {
		d := out.Shape[i]
		if left == 1 && d != 1 {
			run--
			left, step = runs[run], strides[0][run]
		}
		if left%d != 0 {
			return false
		}
		out.Strides[i] = step
		left, step = left/d, step*d
	}
	return true
}
