package ir

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/tare-go/tare/dtype"
)

// Extents are those over which the i-th operand of an operation, its inputs first, has strides.
func Extents(o Op, i int) []int {
	switch o := o.(type) {
	case *Kernel:
		return o.Space
	case *MatMul:
		rows, columns := o.M, o.N
		if i == 0 {
			columns = o.K
		}
		if i == 1 {
			rows = o.K
		}
		return slices.Concat(o.Batch, []int{rows, columns})
	case *Scan:
		return o.Space
	}
	panic(fmt.Sprintf("BUG: ir: unknown operation %T", o))
}

// Reach is the range of bytes that an operand touches, from its element at index 0. It is empty if there are no elements.
func (o Operand) Reach(extents []int) (low, high int) {
	for d, n := range extents {
		if n == 0 {
			return 0, 0
		}
		step := (n - 1) * o.Strides[d]
		low, high = low+min(step, 0), high+max(step, 0)
	}
	return low, high + o.Type.Size()
}

// Layout is the loops over the different elements of an operand, those that are furthest apart first.
type Layout struct{ Extents, Strides []int }

// Layout is that of an operand: without the dimensions along which it is broadcast.
func (o Operand) Layout(extents []int) Layout {
	var l Layout
	for _, d := range o.dims(extents) {
		l.Extents, l.Strides = append(l.Extents, extents[d]), append(l.Strides, o.Strides[d])
	}
	return l
}

// dims are the dimensions along which an operand moves, with the longest steps first.
func (o Operand) dims(extents []int) []int {
	var dims []int
	for d, n := range extents {
		if n != 1 && o.Strides[d] != 0 {
			dims = append(dims, d)
		}
	}
	slices.SortStableFunc(dims, func(a, b int) int { return cmp.Compare(abs(o.Strides[b]), abs(o.Strides[a])) })
	return dims
}

func abs(n int) int { return max(n, -n) }

// Len is the number of different elements.
func (l Layout) Len() int { return product(l.Extents) }

// Dense is the strides of a layout of the same loops without gaps, for elements of so many bytes.
func (l Layout) Dense(size int) []int {
	strides := make([]int, len(l.Extents))
	for d := len(strides) - 1; d >= 0; d-- {
		strides[d], size = size, size*l.Extents[d]
	}
	return strides
}

// Dense is the operand with its elements one after the other, in the order of its Layout.
func (o Operand) Dense(extents []int) Operand {
	dense := Operand{o.Type, make([]int, len(o.Strides))}
	strides := o.Layout(extents).Dense(o.Type.Size())
	for i, d := range o.dims(extents) {
		dense.Strides[d] = strides[i]
	}
	return dense
}

// With is the operation with another layout of its i-th operand.
func With(o Op, i int, operand Operand) Op {
	switch o := o.(type) {
	case *Kernel:
		k := *o
		k.In, k.Out = slices.Clone(k.In), slices.Clone(k.Out)
		*operandOf(i, k.In, k.Out) = operand
		return &k
	case *MatMul:
		m := *o
		if i >= 2 && m.Then != nil {
			m.Then = With(m.Then, i-1, operand).(*Kernel)
			return &m
		}
		*[]*Operand{&m.A, &m.B, &m.To}[i] = operand
		return &m
	case *Scan:
		s := *o
		*[]*Operand{&s.From, &s.To}[i] = operand
		return &s
	}
	panic(fmt.Sprintf("BUG: ir: unknown operation %T", o))
}

// operandOf is the i-th of two lists.
func operandOf(i int, in, out []Operand) *Operand {
	if i < len(in) {
		return &in[i]
	}
	return &out[i-len(in)]
}

// MaskOf is the store that writes the i-th output of an operation only where a mask says so; nil if it is written as a whole.
func MaskOf(o Op, i int) *Inst {
	k, ok := o.(*Kernel)
	if !ok {
		return nil
	}
	for j, in := range k.Code {
		if in.Kind == Store && in.Index == i && in.Args[1] >= 0 {
			return &k.Code[j]
		}
	}
	return nil
}

// Unmasked is the kernel that writes all of its i-th output, and the mask to one more, in C order of the same loops.
func (k *Kernel) Unmasked(i int) *Kernel {
	m := *k
	m.Out, m.Code = slices.Clone(k.Out), slices.Clone(k.Code)
	store := MaskOf(&m, i)
	mask := Inst{Kind: Store, Type: dtype.Bool, Args: [3]int{store.Args[1], -1, -1}, Index: len(m.Out), Row: store.Row}
	store.Args[1] = -1
	of := k.Out[i]
	m.Out = append(m.Out, Operand{dtype.Bool, of.Strides}.Dense(k.Space))
	m.Code = append(m.Code, mask)
	return &m
}

// CopyKernel copies elements from one layout to another of the same extents, where a mask says so if that is not nil.
func CopyKernel(t dtype.DType, extents, from, to, mask []int) *Kernel {
	k := &Kernel{
		Space: extents, In: []Operand{{t, from}}, Out: []Operand{{t, to}},
		Lo: len(extents), Hi: len(extents),
		Code: []Inst{{Kind: Load, Type: t, Args: [3]int{-1, -1, -1}}},
	}
	store := Inst{Kind: Store, Type: t, Args: [3]int{0, -1, -1}}
	if mask != nil {
		k.In = append(k.In, Operand{dtype.Bool, mask})
		k.Code = append(k.Code, Inst{Kind: Load, Type: dtype.Bool, Args: [3]int{-1, -1, -1}, Index: 1})
		store.Args[1] = 1
	}
	k.Code = append(k.Code, store)
	return k
}
