package ir

import (
	"fmt"
	"slices"

	"github.com/tare-go/tare/broadcast"
)

// ViewKind is a way of looking at an array without copying it.
type ViewKind uint8

// The kinds of view.
const (
	ViewBroadcast ViewKind = iota
	ViewTranspose
	ViewIndex
	ViewReshape
	ViewFlip
)

var viewNames = [...]string{"broadcast_to", "transpose", "getitem", "reshape", "flip"}

// String is NumPy's name of the view.
func (k ViewKind) String() string { return viewNames[k] }

// View is a view as data: Ints are the shape or the axes, Index what is selected.
type View struct {
	Kind  ViewKind
	Ints  []int
	Index []broadcast.Index
}

// Of applies the view to a layout.
func (v *View) Of(at broadcast.View, itemsize int) (broadcast.View, error) {
	switch v.Kind {
	case ViewBroadcast:
		return at.BroadcastTo(v.Ints)
	case ViewTranspose:
		return at.Transpose(v.Ints...)
	case ViewIndex:
		return at.Index(v.Index...)
	case ViewReshape:
		return at.Reshape(itemsize, v.Ints...)
	case ViewFlip:
		return at.Flip(v.Ints...)
	}
	panic(fmt.Sprintf("BUG: ir: view kind %d", v.Kind))
}

// path is a chain of views, applied in order.
type path []*View

// before is the path that starts with v.
func (p path) before(v *View) path { return append(path{v}, p...) }

// broadcasting is the path that starts with a broadcast of shape from to shape to, if they differ.
func (p path) broadcasting(from, to []int) path {
	if slices.Equal(from, to) {
		return p
	}
	return p.before(&View{Kind: ViewBroadcast, Ints: to})
}

// of applies the chain.
func (p path) of(at broadcast.View, itemsize int) (broadcast.View, error) {
	var err error
	for _, v := range p {
		if at, err = v.Of(at, itemsize); err != nil {
			return at, err
		}
	}
	return at, nil
}

// probe shows where the chain takes the elements of an array: the layout of the result when the
// array is contiguous and its elements are one byte.
func (p path) probe(shape []int) (broadcast.View, error) {
	return p.of(broadcast.Contiguous(shape, 1), 1)
}

// NewView looks at n through a view. A leaf stays a leaf: the view of an array is an array, and a
// reshape that would have to copy it is an error.
func NewView(n *Node, v View) (*Node, error) {
	v.Ints, v.Index = slices.Clone(v.Ints), slices.Clone(v.Index) // the caller may write his own
	if v.Kind == ViewBroadcast {
		if err := addressable(v.Ints); err != nil {
			return nil, err
		}
	}
	if n.Kind == Leaf {
		at, err := v.Of(n.At, n.Type.Size())
		if err != nil {
			return nil, err
		}
		return NewLeaf(n.Array, n.Type, at), nil
	}
	at, err := v.Of(broadcast.Contiguous(n.Shape, 1), 1)
	if err != nil {
		return nil, err
	}
	if v.Kind == ViewReshape {
		v.Ints = at.Shape
	}
	return &Node{Kind: Viewed, Type: n.Type, Shape: at.Shape, Args: []*Node{n}, View: &v}, nil
}

// Reshape is NewView with a reshape.
func Reshape(n *Node, shape ...int) (*Node, error) {
	if slices.Equal(n.Shape, shape) {
		return n, nil
	}
	return NewView(n, View{Kind: ViewReshape, Ints: shape})
}

// BroadcastTo is NewView with a broadcast.
func BroadcastTo(n *Node, shape []int) (*Node, error) {
	if slices.Equal(n.Shape, shape) {
		return n, nil
	}
	return NewView(n, View{Kind: ViewBroadcast, Ints: shape})
}

// must is for views that the package itself makes, which cannot fail.
func must(n *Node, err error) *Node {
	if err != nil {
		panic("BUG: ir: " + err.Error())
	}
	return n
}

// Squeeze drops axes of extent 1: those given, or all.
func Squeeze(n *Node, axes ...int) (*Node, error) {
	at, err := broadcast.Contiguous(n.Shape, 1).Squeeze(axes...)
	if err != nil {
		return nil, err
	}
	return Reshape(n, at.Shape...)
}

// ExpandDims puts in axes of extent 1, at those places of the result.
func ExpandDims(n *Node, axes ...int) (*Node, error) {
	at, err := broadcast.Contiguous(n.Shape, 1).ExpandDims(axes...)
	if err != nil {
		return nil, err
	}
	return Reshape(n, at.Shape...)
}

// MoveAxis moves one axis to another place.
func MoveAxis(n *Node, from, to int) (*Node, error) {
	axes, err := broadcast.NormalizeAxes([]int{from}, len(n.Shape))
	if err != nil {
		return nil, err
	}
	place, err := broadcast.NormalizeAxes([]int{to}, len(n.Shape))
	if err != nil {
		return nil, err
	}
	order := slices.DeleteFunc(all(len(n.Shape)), func(d int) bool { return d == axes[0] })
	return NewView(n, View{Kind: ViewTranspose, Ints: slices.Insert(order, place[0], axes[0])})
}
