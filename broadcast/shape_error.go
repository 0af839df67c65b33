package broadcast

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ShapeProblem says what is wrong with the shapes of a ShapeError.
type ShapeProblem uint8

// The problems with shapes.
const (
	Clashing       ShapeProblem = iota + 1 // the shapes do not broadcast together
	NotTo                                  // the first shape does not broadcast to the second
	NegativeExtent                         // an extent is below zero
	TooLarge                               // the bytes or elements are more than an int can count
	TooManyDims                            // more than MaxDims axes
)

// Clash is an axis along which two shapes differ and neither is 1.
type Clash struct {
	Axis          int // counted from the first axis of the longest shape
	First, Second int // which of the error's Shapes
}

// ShapeError says why a shape cannot be, or why shapes do not broadcast.
type ShapeError struct {
	Problem ShapeProblem
	Shapes  [][]int
	Clashes []Clash // for Clashing, and for NotTo if the axes suffice

	// Fit is the shape that Shapes[FitOf] needs in order to broadcast with the other one of the
	// first clash, if axes of extent 1 are all that it lacks; else nil.
	Fit   []int
	FitOf int
}

// Error names the shapes, the axes that clash, and the cure if there is one.
func (e *ShapeError) Error() string {
	switch e.Problem {
	case NegativeExtent:
		return fmt.Sprintf("shape %s has a negative extent", FormatShape(e.Shapes[0]))
	case TooLarge:
		return fmt.Sprintf("shape %s is too large: no memory address reaches its end", FormatShape(e.Shapes[0]))
	case TooManyDims:
		return fmt.Sprintf("shape %s has %d axes: an array has at most %d", FormatShape(e.Shapes[0]), len(e.Shapes[0]), MaxDims)
	case NotTo:
		return fmt.Sprintf("shape %s does not broadcast to %s: %s",
			FormatShape(e.Shapes[0]), FormatShape(e.Shapes[1]), e.why())
	}
	return fmt.Sprintf("shapes %s do not broadcast: %s", formatShapes(e.Shapes), e.why())
}

func (e *ShapeError) why() string {
	if len(e.Clashes) == 0 {
		return "it has more axes"
	}
	var b strings.Builder
	for i, c := range e.Clashes {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "axis %d is %d against %d", c.Axis, e.extent(c.First, c.Axis), e.extent(c.Second, c.Axis))
	}
	if e.Fit != nil {
		fmt.Fprintf(&b, "; did you mean %s, by KeepDims or ExpandDims, in place of %s?",
			FormatShape(e.Fit), FormatShape(e.Shapes[e.FitOf]))
	}
	return b.String()
}

// extent is the extent of shape k along an axis of the longest shape.
func (e *ShapeError) extent(k, axis int) int {
	return e.Shapes[k][axis-e.ndim()+len(e.Shapes[k])]
}

func (e *ShapeError) ndim() int {
	n := 0
	for _, s := range e.Shapes {
		n = max(n, len(s))
	}
	return n
}

func shapeError(p ShapeProblem, shapes ...[]int) *ShapeError {
	e := &ShapeError{Problem: p}
	for _, s := range shapes {
		e.Shapes = append(e.Shapes, slices.Clone(s))
	}
	return e
}

// clashError is a ShapeError with the shape that would fit, if there is one.
func clashError(p ShapeProblem, shapes [][]int, clashes []Clash) *ShapeError {
	e := shapeError(p, shapes...)
	e.Clashes = clashes
	first, second := clashes[0].First, clashes[0].Second
	if len(e.Shapes[first]) < len(e.Shapes[second]) {
		first, second = second, first
	}
	if fit := spread(e.Shapes[second], e.Shapes[first]); fit != nil && (p == Clashing || second == 0) {
		e.Fit, e.FitOf = fit, second
	}
	return e
}

// spread puts axes of extent 1 into shape so that it broadcasts with a longer one, as a
// reduction with KeepDims would have left it; nil if that cannot be.
func spread(shape, full []int) []int {
	out := slices.Repeat([]int{1}, len(full))
	j := len(shape) - 1
	for i := len(full) - 1; i >= 0 && j >= 0; i-- {
		if shape[j] == full[i] || shape[j] == 1 {
			out[i] = shape[j]
			j--
		}
	}
	if j >= 0 {
		return nil
	}
	return out
}

// FormatShape writes a shape as Python writes a tuple, without spaces: (), (3,), (2,3).
func FormatShape(shape []int) string {
	b := []byte{'('}
	for i, d := range shape {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(d), 10)
	}
	if len(shape) == 1 {
		b = append(b, ',')
	}
	return string(append(b, ')'))
}

// formatShapes writes a list in words: (3,), (4,) and (5,).
func formatShapes(shapes [][]int) string {
	var b strings.Builder
	for i, s := range shapes {
		switch {
		case i > 0 && i == len(shapes)-1:
			b.WriteString(" and ")
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString(FormatShape(s))
	}
	return b.String()
}
