package formula

import (
	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/cmd/devbench/internal/pyexpr"
	"github.com/tare-go/tare/internal/ir"
)

// subscript is a view of an array, or an item of a tuple such as x.shape.
func (e *evaluator) subscript(n *pyexpr.Subscript) (value, error) {
	x, err := e.value(n.X)
	if err != nil {
		return nil, err
	}
	switch x := x.(type) {
	case array:
		return e.view(x.Node, n)
	case sequence:
		return e.item(x, n)
	}
	return nil, e.fail(n.Pos(), "%s has no items", x.what())
}

func (e *evaluator) view(x *ir.Node, n *pyexpr.Subscript) (value, error) {
	index := make([]broadcast.Index, len(n.Items))
	for i, item := range n.Items {
		v, err := e.value(item)
		if err != nil {
			return nil, err
		}
		switch v := v.(type) {
		case integer:
			index[i] = broadcast.At(int(v))
		case span:
			index[i] = v.Index
		case none:
			index[i] = broadcast.NewAxis
		case dots:
			index[i] = broadcast.Ellipsis
		default:
			return nil, e.fail(item.Pos(), "a subscript is made of integers, slices, None and ..., not %s: to choose elements by a condition use np.where", v.what())
		}
	}
	y, err := ir.NewView(x, ir.View{Kind: ir.ViewIndex, Index: index})
	return array{y}, e.wrap(n.Pos(), err)
}

// item is one item of a tuple.
func (e *evaluator) item(s sequence, n *pyexpr.Subscript) (value, error) {
	if len(n.Items) == 1 {
		v, err := e.value(n.Items[0])
		if err != nil {
			return nil, err
		}
		if i, ok := v.(integer); ok {
			if i < 0 {
				i += integer(len(s))
			}
			if i < 0 || i >= integer(len(s)) {
				return nil, e.fail(n.Items[0].Pos(), "the tuple has %d items", len(s))
			}
			return s[i], nil
		}
	}
	return nil, e.fail(n.Pos(), "an item of a tuple is chosen by one integer")
}

// slice is lo:hi:step with bounds that are integers.
func (e *evaluator) slice(n *pyexpr.Slice) (value, error) {
	var bounds [3]*int
	for i, part := range []pyexpr.Node{n.Lo, n.Hi, n.Step} {
		if part == nil {
			continue
		}
		v, err := e.value(part)
		if err != nil {
			return nil, err
		}
		switch v := v.(type) {
		case none:
		case integer:
			b := int(v)
			bounds[i] = &b
		default:
			return nil, e.fail(part.Pos(), "a bound of a slice is an integer, not %s", v.what())
		}
	}
	return span{broadcast.SliceOf(bounds[0], bounds[1], bounds[2])}, nil
}
