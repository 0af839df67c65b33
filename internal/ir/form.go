package ir

import "slices"

// Form is the structure of expressions: all but whose memory their leaves are and what numbers their scalars have. What
// is lowered from expressions of equal Words is equal but for those, which are found by their places in Sources and
// Scalars. Call sites belong to the structure.
type Form struct {
	Words   []uint64
	Sources []Source // each once
	Scalars []*Node  // each value once

	nodes []*Node
}

// maxForm is the number of nodes up to which expressions have a form: beyond it, finding one costs more than it saves.
const maxForm = 64

// Reset makes the form that of no expressions, and keeps its room.
func (f *Form) Reset() {
	clear(f.nodes)
	clear(f.Sources)
	clear(f.Scalars)
	f.Words, f.Sources, f.Scalars, f.nodes = f.Words[:0], f.Sources[:0], f.Scalars[:0], f.nodes[:0]
}

// Add appends an expression, nil for none. It is false for one that has no form.
func (f *Form) Add(n *Node) bool {
	if n == nil {
		f.word(0)
		return true
	}
	i, ok := f.node(n)
	f.word(uint64(i) + 1)
	return ok
}

func (f *Form) word(w uint64) { f.Words = append(f.Words, w) }

func (f *Form) ints(values []int) {
	f.word(uint64(len(values)))
	for _, v := range values {
		f.word(uint64(v))
	}
}

// node appends a node that is not there yet, after its arguments, and returns its number.
func (f *Form) node(n *Node) (i int, ok bool) {
	if i := slices.Index(f.nodes, n); i >= 0 {
		return i, true
	}
	if len(f.nodes) >= maxForm {
		return 0, false
	}
	var args [3]uint64
	for i, a := range n.Args {
		number, ok := f.node(a)
		if !ok {
			return 0, false
		}
		args[i] = uint64(number)
	}
	if len(f.nodes) >= maxForm || !f.describe(n) {
		return 0, false
	}
	f.Words = append(f.Words, args[:len(n.Args)]...)
	f.nodes = append(f.nodes, n)
	return len(f.nodes) - 1, true
}

// describe appends what a node is by itself; false for an index of a computed value.
func (f *Form) describe(n *Node) bool {
	weak := uint64(0)
	if n.Weak {
		weak = 1
	}
	f.word(uint64(n.Kind) | uint64(n.Type)<<8 | uint64(n.Code)<<16 | uint64(n.Rule)<<32 | weak<<40 | uint64(len(n.Args))<<48 | uint64(len(n.Label))<<52)
	f.word(uint64(n.Site))
	f.ints(n.Shape)
	for i := 0; i < len(n.Label); i++ {
		f.word(uint64(n.Label[i]))
	}
	switch n.Kind {
	case Leaf:
		f.word(uint64(f.source(n.Array)))
		f.ints(n.At.Strides)
		f.word(uint64(n.At.Offset))
	case Scalar:
		f.word(uint64(f.scalar(n)))
		if n.Array != nil {
			f.word(uint64(f.source(n.Array)) + 1)
		}
	case Reduce, ArgReduce, Scanned:
		f.ints(n.Axes)
	case Product:
		f.word(uint64(n.Split.Chunks)<<1 | uint64(flag(n.Split.Lane)))
		f.word(uint64(n.Split.Len))
	case Viewed:
		if n.View.Index != nil {
			return false
		}
		f.word(uint64(n.View.Kind))
		f.ints(n.View.Ints)
	}
	return true
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (f *Form) source(s Source) int {
	i := slices.Index(f.Sources, s)
	if i < 0 {
		i = len(f.Sources)
		f.Sources = append(f.Sources, s)
	}
	return i
}

// scalar numbers scalars as Share does: those of equal type, bits, place and slot are one.
func (f *Form) scalar(n *Node) int {
	i := slices.IndexFunc(f.Scalars, func(m *Node) bool {
		return m.Type == n.Type && m.Bits == n.Bits && m.Slot == n.Slot && m.Array == n.Array
	})
	if i < 0 {
		i = len(f.Scalars)
		f.Scalars = append(f.Scalars, n)
	}
	return i
}
