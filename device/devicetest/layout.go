package devicetest

import (
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
)

// layout is a way to place an array of some extents in memory: a stride for each dimension, in
// elements.
type layout struct {
	name    string
	strides func(space []int) []int
	shared  bool // elements share memory: for inputs only
}

var layouts = []layout{
	{name: "contiguous", strides: contiguous},
	{name: "transposed", strides: transposed},
	{name: "reversed", strides: reversed},
	{name: "stepped", strides: stepped},
	{name: "broadcast rows", strides: func(space []int) []int { return without(space, 0) }, shared: true},
	{name: "broadcast columns", strides: func(space []int) []int { return without(space, len(space)-1) }, shared: true},
	{name: "one element", strides: func(space []int) []int { return make([]int, len(space)) }, shared: true},
}

// contiguous is C order.
func contiguous(space []int) []int {
	strides := make([]int, len(space))
	n := 1
	for d := len(space) - 1; d >= 0; d-- {
		strides[d] = n
		n *= max(space[d], 1)
	}
	return strides
}

// transposed is Fortran's order.
func transposed(space []int) []int {
	strides := make([]int, len(space))
	n := 1
	for d := range space {
		strides[d] = n
		n *= max(space[d], 1)
	}
	return strides
}

// reversed is C order, every dimension backwards.
func reversed(space []int) []int {
	strides := contiguous(space)
	for d := range strides {
		strides[d] = -strides[d]
	}
	return strides
}

// stepped is every third element of rows with a gap between them.
func stepped(space []int) []int {
	strides := make([]int, len(space))
	n := 3
	for d := len(space) - 1; d >= 0; d-- {
		strides[d] = n
		n = n*max(space[d], 1) + 2
	}
	return strides
}

// without is C order of the other dimensions, and dimension d broadcast.
func without(space []int, d int) []int {
	if len(space) == 0 {
		return nil
	}
	rest := append([]int(nil), space...)
	rest[d] = 1
	strides := contiguous(rest)
	for i := range strides {
		if rest[i] == 1 {
			strides[i] = 0
		}
	}
	return strides
}

// margin is the number of elements around an array that a device must leave alone.
const margin = 3

// place is an operand in a block of memory of its own.
func (l layout) place(t dtype.DType, space []int, lead int) (o ir.Operand, off, size int) {
	o = ir.Operand{Type: t, Strides: l.strides(space)}
	for d := range o.Strides {
		o.Strides[d] *= t.Size()
	}
	low, high := o.Reach(space)
	return o, lead*t.Size() - low, high - low + (lead+margin)*t.Size()
}
