package tensor

import (
	"fmt"
	"slices"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/plan"
)

// Binding puts an operand or a scalar in the place of one that the plan was made with.
type Binding func(b *binder) error

// BindError is an array or a number that cannot stand for the one that a plan was made with.
type BindError struct{ Why string }

func (e *BindError) Error() string { return "bind: " + e.Why }

// binder collects the bindings of one run, and knows what the plan reads and writes.
type binder struct {
	plan.Bindings
	leaves, scalars []*ir.Node
	outs            []*Tensor
}

// reading is a binder for a plan of targets.
func reading(targets []plan.Target, outs []*Tensor) binder {
	b := binder{outs: outs}
	b.Arrays, b.Scalars = map[ir.Source]plan.Bound{}, map[*ir.Slot]uint64{}
	var nodes []*ir.Node
	for _, t := range targets {
		nodes = append(nodes, t.Node)
		if t.Mask != nil {
			nodes = append(nodes, t.Mask)
		}
	}
	ir.Walk(nodes, func(n *ir.Node) {
		switch {
		case n.Kind == ir.Leaf:
			b.leaves = append(b.leaves, n)
		case n.Kind == ir.Scalar && n.Slot != nil:
			b.scalars = append(b.scalars, n)
		}
	})
	return b
}

// Bind reads other wherever the plan reads old. Both have the same shape, type and strides, and are
// on the same device; old is all that the plan reads of its memory, and other shares none with Out.
func Bind(old, other *Tensor) Binding {
	return func(b *binder) error {
		if old == nil || other == nil {
			return errNil
		}
		if err := b.check(old, other); err != nil {
			return err
		}
		b.Arrays[old.mem] = plan.Bound{Array: other.mem, Shift: other.at.Offset - old.at.Offset}
		return nil
	}
}

func (b *binder) check(old, other *Tensor) error {
	if !sameLayout(old, other) {
		return &BindError{fmt.Sprintf("%s cannot stand for %s; prepare a plan for it", layoutOf(other), layoutOf(old))}
	}
	if _, twice := b.Arrays[old.mem]; twice {
		return &BindError{"the memory of " + layoutOf(old) + " is bound twice; bind the array that holds all that the plan reads of it"}
	}
	if err := b.reads(old); err != nil {
		return err
	}
	for _, out := range b.outs {
		same := other.mem == old.mem && other.at.Offset == old.at.Offset
		if !same && out.mem == other.mem && broadcast.Overlaps(out.at, out.typ.Size(), other.at, other.typ.Size()) {
			return &BindError{layoutOf(other) + " shares memory with Out, which would be written before it is read; prepare a plan for it"}
		}
	}
	return nil
}

// reads checks that the plan reads the array, and nothing else of its memory.
func (b *binder) reads(old *Tensor) error {
	lo, hi := old.at.Extent(old.typ.Size())
	found := false
	for _, leaf := range b.leaves {
		if leaf.Array != ir.Source(old.mem) {
			continue
		}
		found = true
		if from, to := leaf.At.Extent(leaf.Type.Size()); leaf.Len() > 0 && (from < lo || to > hi) {
			return &BindError{"the plan reads more of the memory of " + layoutOf(old) + " than that; bind the array that holds all of it"}
		}
	}
	if !found {
		return &BindError{"the plan does not read " + layoutOf(old) + "; bind one of the arrays that it was made with"}
	}
	return nil
}

func sameLayout(a, b *Tensor) bool {
	return a.typ == b.typ && slices.Equal(a.at.Shape, b.at.Shape) && slices.Equal(a.at.Strides, b.at.Strides) && a.mem.dev == b.mem.dev
}

func layoutOf(t *Tensor) string {
	return fmt.Sprintf("the %v array %s with strides %v on %s", t.typ, broadcast.FormatShape(t.at.Shape), t.at.Strides, t.mem.dev.Info().Name)
}

// Set gives a Scalar another value, of the same kind of number, that fits every type in which the
// plan uses it.
func Set[N Number | bool](scalar *Expr, v N) Binding {
	t, bits := weak(v)
	return func(b *binder) error {
		if scalar == nil || scalar.err != nil || scalar.n.Slot == nil {
			return &BindError{"Set is for what Scalar made, and this is another expression"}
		}
		slot := scalar.n.Slot
		if t != slot.Type {
			return &BindError{fmt.Sprintf("the Scalar was made with a number of type %v and gets %v; the types of the plan depend on it: prepare a plan for it", slot.Type, t)}
		}
		found := false
		for _, n := range b.scalars {
			found = found || n.Slot == slot
			if n.Slot == slot && !ir.Fits(t, bits, n.Type) {
				return &ir.RangeError{Op: "set", From: t, Bits: bits, Type: n.Type}
			}
		}
		if !found {
			return &BindError{"the plan does not read this Scalar"}
		}
		b.Scalars[slot] = bits
		return nil
	}
}
