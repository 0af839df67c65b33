package tensor

import (
	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/internal/ir"
)

// Index is one entry of a basic index; At, Range, RangeStep, From, To, Step and Whole make
// one.
type Index = broadcast.Index

// NewAxis puts in an axis of extent 1; Ellipsis stands for all axes that are not named.
var (
	NewAxis  = broadcast.NewAxis
	Ellipsis = broadcast.Ellipsis
)

// At is one place of an axis, which is dropped. A negative one counts from the end.
func At(i int) Index { return broadcast.At(i) }

// Whole is a whole axis, ":".
func Whole() Index { return broadcast.All() }

// Range is "start:stop".
func Range(start, stop int) Index { return broadcast.Range(start, stop) }

// RangeStep is "start:stop:step".
func RangeStep(start, stop, step int) Index { return broadcast.RangeStep(start, stop, step) }

// From is "start:".
func From(start int) Index { return broadcast.From(start) }

// To is ":stop".
func To(stop int) Index { return broadcast.To(stop) }

// Step is "::step".
func Step(step int) Index { return broadcast.Step(step) }

// viewed looks at an array through a view.
func viewed(name string, site uintptr, a Array, view func(*ir.Node) (*ir.Node, error)) *Expr {
	e := E(a)
	if e.err != nil {
		return made(name, site, nil, e.err)
	}
	n, err := view(e.n)
	return made(name, site, n, err)
}

// tensorView is a view of a tensor as a tensor.
func tensorView(name string, t *Tensor, view func(*ir.Node) (*ir.Node, error)) (*Tensor, error) {
	e := viewed(name, caller(2), t, view)
	if e.err != nil {
		return nil, e.err
	}
	return t.view(e.n), nil
}

func byView(v ir.View) func(*ir.Node) (*ir.Node, error) {
	return func(n *ir.Node) (*ir.Node, error) { return ir.NewView(n, v) }
}

// Slice is a[index...]: basic indexing, which never copies. Missing entries are Whole.
func Slice(a Array, index ...Index) *Expr {
	return viewed("getitem", caller(1), a, byView(ir.View{Kind: ir.ViewIndex, Index: index}))
}

// Reshape is a with another shape of as many elements, in C order; one extent may be -1. Of an
// array in memory it is a view, and an error where that is impossible; a computed value can always
// be reshaped.
func Reshape(a Array, shape ...int) *Expr {
	return viewed("reshape", caller(1), a, byView(ir.View{Kind: ir.ViewReshape, Ints: shape}))
}

// Transpose is a with its axes in another order; without axes they are reversed.
func Transpose(a Array, axes ...int) *Expr {
	return viewed("transpose", caller(1), a, byView(ir.View{Kind: ir.ViewTranspose, Ints: axes}))
}

// BroadcastTo is a repeated to a shape, without a copy.
func BroadcastTo(a Array, shape ...int) *Expr {
	return viewed("broadcast_to", caller(1), a, byView(ir.View{Kind: ir.ViewBroadcast, Ints: shape}))
}

// Flip is a with the order along axes reversed; without axes along all.
func Flip(a Array, axes ...int) *Expr {
	return viewed("flip", caller(1), a, byView(ir.View{Kind: ir.ViewFlip, Ints: axes}))
}

// Squeeze is a without axes of extent 1: those given, or all.
func Squeeze(a Array, axes ...int) *Expr {
	return viewed("squeeze", caller(1), a, func(n *ir.Node) (*ir.Node, error) { return ir.Squeeze(n, axes...) })
}

// ExpandDims is a with axes of extent 1 put in, at those places of the result.
func ExpandDims(a Array, axes ...int) *Expr {
	return viewed("expand_dims", caller(1), a, func(n *ir.Node) (*ir.Node, error) { return ir.ExpandDims(n, axes...) })
}

// MoveAxis is a with one axis moved to another place.
func MoveAxis(a Array, from, to int) *Expr {
	return viewed("moveaxis", caller(1), a, func(n *ir.Node) (*ir.Node, error) { return ir.MoveAxis(n, from, to) })
}

// Slice is the view t[index...].
func (t *Tensor) Slice(index ...Index) (*Tensor, error) {
	return tensorView("getitem", t, byView(ir.View{Kind: ir.ViewIndex, Index: index}))
}

// Reshape is a view with another shape; one extent may be -1. Where it would have to copy, the error
// says so.
func (t *Tensor) Reshape(shape ...int) (*Tensor, error) {
	return tensorView("reshape", t, byView(ir.View{Kind: ir.ViewReshape, Ints: shape}))
}

// Transpose is a view with the axes in another order; without axes they are reversed.
func (t *Tensor) Transpose(axes ...int) (*Tensor, error) {
	return tensorView("transpose", t, byView(ir.View{Kind: ir.ViewTranspose, Ints: axes}))
}

// BroadcastTo is a view repeated to a shape.
func (t *Tensor) BroadcastTo(shape ...int) (*Tensor, error) {
	return tensorView("broadcast_to", t, byView(ir.View{Kind: ir.ViewBroadcast, Ints: shape}))
}

// Flip is a view in reverse order along axes; without axes along all.
func (t *Tensor) Flip(axes ...int) (*Tensor, error) {
	return tensorView("flip", t, byView(ir.View{Kind: ir.ViewFlip, Ints: axes}))
}

// Squeeze is a view without axes of extent 1.
func (t *Tensor) Squeeze(axes ...int) (*Tensor, error) {
	return tensorView("squeeze", t, func(n *ir.Node) (*ir.Node, error) { return ir.Squeeze(n, axes...) })
}

// ExpandDims is a view with axes of extent 1 put in.
func (t *Tensor) ExpandDims(axes ...int) (*Tensor, error) {
	return tensorView("expand_dims", t, func(n *ir.Node) (*ir.Node, error) { return ir.ExpandDims(n, axes...) })
}

// MoveAxis is a view with one axis moved to another place.
func (t *Tensor) MoveAxis(from, to int) (*Tensor, error) {
	return tensorView("moveaxis", t, func(n *ir.Node) (*ir.Node, error) { return ir.MoveAxis(n, from, to) })
}
