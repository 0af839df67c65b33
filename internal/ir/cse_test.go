package ir_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/ir/irtest"
	"github.com/tare-go/tare/internal/op"
)

func view(n *ir.Node, v ir.View) *ir.Node { return node(ir.NewView(n, v)) }

func index(n *ir.Node, ix ...broadcast.Index) *ir.Node {
	return view(n, ir.View{Kind: ir.ViewIndex, Index: ix})
}

// slotted is a scalar that is given anew for each run.
func slotted(v float64) *ir.Node {
	n := ir.Number(dtype.Float32, v)
	n.Slot = &ir.Slot{Type: dtype.Float32}
	return n
}

// TestWhatIsShared says which expressions have the same value: each pair is made twice, from nothing
// but the same arrays and scalars.
func TestWhatIsShared(t *testing.T) {
	x, y := array("x", dtype.Float32, 6, 6), array("y", dtype.Float32, 6, 6)
	s := slotted(2)
	exp := func(n *ir.Node) *ir.Node { return apply(op.Exp, n) }
	over := func(f func(*ir.Node, ir.Reduction) (*ir.Node, error), n *ir.Node, axis int) *ir.Node {
		return node(f(n, ir.Reduction{Axes: []int{axis}}))
	}
	product := func(a, b *ir.Node) *ir.Node { return node(ir.MatrixProduct(a, b)) }
	transposed := ir.View{Kind: ir.ViewTranspose}
	two := func() *ir.Node { return ir.Number(dtype.Float32, 2) }
	for name, c := range map[string]struct {
		a, b *ir.Node
		same bool
	}{
		"the same operator":     {exp(x), exp(x), true},
		"two operators":         {exp(x), apply(op.Sqrt, x), false},
		"two arrays":            {exp(x), exp(y), false},
		"order of operands":     {apply(op.Add, x, y), apply(op.Add, y, x), false},
		"deeper":                {apply(op.Sqrt, exp(x)), apply(op.Sqrt, exp(x)), true},
		"views of an array":     {exp(index(x, broadcast.To(3))), exp(index(x, broadcast.To(3))), true},
		"two parts of an array": {exp(index(x, broadcast.To(3))), exp(index(x, broadcast.From(3))), false},
		"two steps":             {exp(index(x, broadcast.Step(2))), exp(index(x, broadcast.To(3))), false},
		"an array transposed":   {exp(x), exp(view(x, transposed)), false},
		"sums of the same axis": {over(ir.Sum, x, 0), over(ir.Sum, x, 0), true},
		"sums of two axes":      {over(ir.Sum, exp(x), 0), over(ir.Sum, exp(x), 1), false},
		"minima of two axes":    {over(ir.Min, x, 0), over(ir.Min, x, 1), false},
		"indices of two axes":   {over(ir.ArgMin, x, 0), over(ir.ArgMin, x, 1), false},
		"sum and product":       {over(ir.Sum, x, 0), over(ir.Prod, x, 0), false},
		"least and where":       {over(ir.ArgMin, x, 1), over(ir.ArgMax, x, 1), false},
		"parts of a value":      {index(exp(x), broadcast.To(3)), index(exp(x), broadcast.To(3)), true},
		"two parts of a value":  {index(exp(x), broadcast.To(3)), index(exp(x), broadcast.From(3)), false},
		"flipped otherwise":     {view(exp(x), ir.View{Kind: ir.ViewFlip, Ints: []int{0}}), view(exp(x), ir.View{Kind: ir.ViewFlip, Ints: []int{1}}), false},
		"the same number":       {apply(op.Add, x, two()), apply(op.Add, x, two()), true},
		"two numbers":           {apply(op.Add, x, two()), apply(op.Add, x, ir.Number(dtype.Float32, 3)), false},
		"the same slot":         {apply(op.Add, x, s), apply(op.Add, x, s), true},
		"two slots":             {apply(op.Add, x, s), apply(op.Add, x, slotted(2)), false},
		"a slot and a number":   {apply(op.Add, x, s), apply(op.Add, x, two()), false},
		"two types":             {ir.CastTo(x, dtype.Float64), ir.CastTo(x, dtype.Int32), false},
		"the same product":      {product(exp(x), y), product(exp(x), y), true},
		"the other product":     {product(exp(x), y), product(y, exp(x)), false},
	} {
		got := ir.Share([]*ir.Node{c.a, c.b})
		assert.Equal(t, c.same, got[0] == got[1], name)
	}
}

// Cut from wholes of different size, reductions and products of equal shape differ in their order.
func TestOrdersAreNotShared(t *testing.T) {
	x := array("x", dtype.Float32, 64, 4000)
	parts := ir.Parts{Whole: func(n *ir.Node) *ir.Node { return n }}
	narrow := func(n int) *ir.Node {
		return parts.Of(node(ir.Sum(index(x, broadcast.All(), broadcast.To(n)), ir.Reduction{Axes: []int{0}})), 0, 0, 8)
	}
	got := ir.Share([]*ir.Node{narrow(8), narrow(64)})
	require.Equal(t, got[0].Shape, got[1].Shape)
	assert.NotSame(t, got[0], got[1], "one by the lane rule, one by chunks of rows")
	w := array("w", dtype.Float32, 4000, 64)
	rows := func(n int) *ir.Node {
		return parts.Of(node(ir.MatrixProduct(index(x, broadcast.To(n)), w)), 0, 0, 2)
	}
	got = ir.Share([]*ir.Node{rows(2), rows(64)})
	assert.Equal(t, got[0].Split == got[1].Split, got[0] == got[1])
}

// numbers is an array of elements whose sum depends on the order.
func numbers(shape ...int) *ir.Node {
	n := array("x", dtype.Float32, shape...)
	a := n.Array.(*irtest.Array)
	a.Data = make([]byte, n.Bytes())
	for i := range n.Len() {
		ir.WriteBits(a.Data[4*i:4*i+4], ir.Number(dtype.Float32, 1/float64(i%1013+1)).Bits)
	}
	return n
}

// Parts with the same frame and two orders do not share a kernel.
func TestOrdersOfOneSpace(t *testing.T) {
	x := numbers(300, 64)
	parts := ir.Parts{Whole: func(n *ir.Node) *ir.Node { return n }}
	part := func(n int) *ir.Node {
		sum := node(ir.Sum(index(x, broadcast.All(), broadcast.To(n)), ir.Reduction{Axes: []int{0}}))
		return parts.Of(sum, 0, 0, 8)
	}
	outs := []*ir.Node{part(8), part(64)}
	for i, got := range execute(t, outs, ir.Options{}) {
		same(t, dtype.Float32, ir.Evaluate(outs[i], irtest.Read), got, irtest.Text(outs[i]))
	}
	assert.NotEqual(t, ir.Evaluate(outs[0], irtest.Read), ir.Evaluate(outs[1], irtest.Read))
}

// Shared values keep their sites and labels: those of the first that was met.
func TestTheFirstOfEqualsIsKept(t *testing.T) {
	x := array("x", dtype.Float32, 4)
	a, b := apply(op.Exp, x).WithSite(1), apply(op.Exp, x).WithSite(2)
	got := ir.Share([]*ir.Node{apply(op.Add, a, b)})
	assert.Same(t, a, got[0].Args[0])
	assert.Same(t, a, got[0].Args[1])
}
