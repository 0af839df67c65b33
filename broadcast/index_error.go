package broadcast

import (
	"fmt"
	"slices"
	"strings"
)

// IndexProblem says what is wrong with the index of an IndexError.
type IndexProblem uint8

// The problems with an index.
const (
	OutOfBounds    IndexProblem = iota + 1 // a point that the axis does not have
	TooManyIndices                         // more points and slices than axes
	TwoEllipses                            // more than one Ellipsis
	ZeroStep                               // a slice with step 0
	TooManyAxes                            // a result with more than MaxDims axes
)

// IndexError says why a basic index does not apply to an array.
type IndexError struct {
	Problem IndexProblem
	Shape   []int   // of the array
	Index   []Index // the whole index
	Entry   int     // which entry of Index is at fault, or -1
	Axis    int     // the axis of Shape that it stands at, or -1
}

func indexError(p IndexProblem, v View, ix []Index, entry, axis int) *IndexError {
	return &IndexError{Problem: p, Shape: slices.Clone(v.Shape), Index: slices.Clone(ix), Entry: entry, Axis: axis}
}

// Error names the index, the shape and the axis.
func (e *IndexError) Error() string {
	of := fmt.Sprintf("index [%s] of shape %s", e.written(), FormatShape(e.Shape))
	switch e.Problem {
	case OutOfBounds:
		return fmt.Sprintf("%s: axis %d has no place %s: %s", of, e.Axis, e.Index[e.Entry], e.places())
	case TooManyIndices:
		return fmt.Sprintf("%s: it names more axes than the %d that there are", of, len(e.Shape))
	case TwoEllipses:
		return of + ": it has more than one Ellipsis"
	case ZeroStep:
		return fmt.Sprintf("%s: the step along axis %d is 0", of, e.Axis)
	}
	return fmt.Sprintf("%s: the result has more than %d axes", of, MaxDims)
}

func (e *IndexError) written() string {
	entries := make([]string, len(e.Index))
	for i, x := range e.Index {
		entries[i] = x.String()
	}
	return strings.Join(entries, ", ")
}

// places says in words which places the axis has.
func (e *IndexError) places() string {
	n := e.Shape[e.Axis]
	if n == 0 {
		return "it is empty"
	}
	return fmt.Sprintf("it has 0 to %d, or %d to -1 from the end", n-1, -n)
}
