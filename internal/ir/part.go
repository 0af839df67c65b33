package ir

import (
	"slices"

	"github.com/tare-go/tare/broadcast"
)

// Parts computes nodes a part at a time: the elements from Lo up to but without Hi along one axis,
// from parts of the operands. The bits are those of the whole: reductions and products keep the order
// of the whole array.
type Parts struct {
	// Whole stands for a computed operand that each part needs whole. It is called once for each
	// use; equal operands have equal results.
	Whole func(*Node) *Node

	memo map[partKey]*Node
}

type partKey struct {
	n            *Node
	axis, lo, hi int
}

// Of is the part of n along an axis.
func (p *Parts) Of(n *Node, axis, lo, hi int) *Node {
	key := partKey{n, axis, lo, hi}
	if m, ok := p.memo[key]; ok {
		return m
	}
	m := p.part(n, axis, lo, hi)
	if p.memo == nil {
		p.memo = map[partKey]*Node{}
	}
	p.memo[key] = m
	return m
}

func (p *Parts) part(n *Node, axis, lo, hi int) *Node {
	switch n.Kind {
	case Leaf:
		return cut(n, axis, lo, hi)
	case Map, Convert:
		m := resized(n, axis, hi-lo)
		for i, a := range n.Args {
			m.Args[i] = p.operand(a, n.Shape, axis, lo, hi)
		}
		return m
	case Reduce, ArgReduce:
		m := resized(n, axis, hi-lo)
		m.Args[0] = p.Of(n.Args[0], unfolded(axis, n.Axes), lo, hi)
		return m
	case Scanned:
		if axis == n.Axes[0] {
			return cut(p.whole(n), axis, lo, hi)
		}
		m := resized(n, axis, hi-lo)
		m.Args[0] = p.Of(n.Args[0], axis, lo, hi)
		return m
	case Product:
		return p.product(n, axis, lo, hi)
	case Viewed:
		return p.viewed(n, axis, lo, hi)
	}
	panic("BUG: ir: part of a " + nodeNames[n.Kind])
}

// cut selects the part of a node that is there whole.
func cut(n *Node, axis, lo, hi int) *Node {
	ix := make([]broadcast.Index, axis+1)
	ix[axis] = broadcast.Range(lo, hi)
	return must(NewView(n, View{Kind: ViewIndex, Index: ix}))
}

// resized is a copy of a node with another extent, and arguments to be filled in.
func resized(n *Node, axis, extent int) *Node {
	m := *n
	m.Shape = slices.Clone(n.Shape)
	m.Shape[axis] = extent
	m.Args = slices.Clone(n.Args)
	return &m
}

// whole is an operand that all parts share.
func (p *Parts) whole(n *Node) *Node {
	if n.Kind == Leaf || n.Kind == Scalar {
		return n
	}
	return p.Whole(n)
}

// operand is the part of an operand that is broadcast to a shape: the operand itself, where it is the
// same all along the axis.
func (p *Parts) operand(a *Node, shape []int, axis, lo, hi int) *Node {
	own := axis - (len(shape) - len(a.Shape))
	if own < 0 || (a.Shape[own] == 1 && shape[axis] != 1) {
		return p.whole(a)
	}
	return p.Of(a, own, lo, hi)
}

// unfolded is the axis of a fold's operand that became an axis of its result.
func unfolded(axis int, folded []int) int {
	for d := 0; ; d++ {
		switch {
		case slices.Contains(folded, d):
		case axis == 0:
			return d
		default:
			axis--
		}
	}
}

func (p *Parts) product(n *Node, axis, lo, hi int) *Node {
	m := resized(n, axis, hi-lo)
	last := len(n.Shape) - 1
	a, b := n.Args[0], n.Args[1]
	switch axis {
	case last:
		m.Args = []*Node{p.whole(a), p.Of(b, axis, lo, hi)}
	case last - 1:
		m.Args = []*Node{p.Of(a, axis, lo, hi), p.whole(b)}
	default:
		m.Args = []*Node{p.Of(a, axis, lo, hi), p.Of(b, axis, lo, hi)}
	}
	return m
}

// viewed follows an axis through a view to the operand; where it cannot be followed, the operand is
// needed whole.
func (p *Parts) viewed(n *Node, axis, lo, hi int) *Node {
	x := n.Args[0]
	m := resized(n, axis, hi-lo)
	view := *n.View
	view.Ints = slices.Clone(view.Ints)
	m.View = &view
	switch n.View.Kind {
	case ViewBroadcast:
		view.Ints[axis] = hi - lo
		m.Args[0] = p.operand(x, n.Shape, axis, lo, hi)
		return m
	case ViewTranspose:
		m.Args[0] = p.Of(x, transposed(view.Ints, axis, len(n.Shape)), lo, hi)
		return m
	case ViewFlip:
		if flipped(view.Ints, axis, len(n.Shape)) {
			lo, hi = n.Shape[axis]-hi, n.Shape[axis]-lo
		}
		m.Args[0] = p.Of(x, axis, lo, hi)
		return m
	case ViewReshape:
		if own, ok := sameAxis(n.Shape, x.Shape, axis); ok {
			view.Ints[axis] = hi - lo
			m.Args[0] = p.Of(x, own, lo, hi)
			return m
		}
	}
	if x.Kind == Scalar {
		return cut(n, axis, lo, hi)
	}
	return cut(must(NewView(p.whole(x), *n.View)), axis, lo, hi)
}

// transposed is the operand's axis that a transpose put in a place.
func transposed(axes []int, axis, rank int) int {
	if len(axes) == 0 {
		return rank - 1 - axis
	}
	if axes[axis] < 0 {
		return axes[axis] + rank
	}
	return axes[axis]
}

func flipped(axes []int, axis, rank int) bool {
	return len(axes) == 0 || slices.Contains(axes, axis) || slices.Contains(axes, axis-rank)
}

// sameAxis finds the axis of a reshape's operand with the same extent and as many elements before it.
func sameAxis(shape, operand []int, axis int) (own int, ok bool) {
	before := product(shape[:axis])
	for d, e := range operand {
		if e == shape[axis] && product(operand[:d]) == before {
			return d, true
		}
	}
	return 0, false
}
