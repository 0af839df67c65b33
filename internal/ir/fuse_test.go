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

// TestMapsThatGoOnWithProducts says which expressions store no product, and that all have the values of the graph, also
// when the map is cut from the product again.
func TestMapsThatGoOnWithProducts(t *testing.T) {
	a, b := numbers(5, 3), numbers(3, 4)
	p := node(ir.MatrixProduct(a, b))
	batch := node(ir.MatrixProduct(numbers(2, 1, 5, 3), numbers(3, 3, 4)))
	row, column, full, half := numbers(4), numbers(5, 1), numbers(5, 4), ir.Number(dtype.Float64, 0.5)
	reshaped := func(n *ir.Node, shape ...int) *ir.Node { return node(ir.Reshape(n, shape...)) }
	transposed := func(n *ir.Node) *ir.Node { return view(n, ir.View{Kind: ir.ViewTranspose}) }
	for name, c := range map[string]struct {
		outs  []*ir.Node
		temps int
	}{
		"a row":                     {[]*ir.Node{apply(op.Add, p, row)}, 0},
		"a column":                  {[]*ir.Node{apply(op.Subtract, column, p)}, 0},
		"a matrix":                  {[]*ir.Node{apply(op.Multiply, full, p)}, 0},
		"a transposed matrix":       {[]*ir.Node{apply(op.Multiply, p, transposed(numbers(4, 5)))}, 0},
		"a chain":                   {[]*ir.Node{apply(op.Tanh, apply(op.Add, apply(op.Multiply, p, half), row))}, 0},
		"twice in a map":            {[]*ir.Node{apply(op.Multiply, p, apply(op.Exp, p))}, 0},
		"another type":              {[]*ir.Node{ir.CastTo(apply(op.Exp, p), dtype.Float32)}, 0},
		"two results":               {[]*ir.Node{apply(op.Exp, p), apply(op.Less, p, row)}, 0},
		"a batch":                   {[]*ir.Node{apply(op.Add, batch, row)}, 0},
		"a row for each matrix":     {[]*ir.Node{apply(op.Add, batch, numbers(2, 1, 1, 4))}, 0},
		"reshaped":                  {[]*ir.Node{apply(op.Exp, reshaped(p, 20))}, 0},
		"reshaped, with a vector":   {[]*ir.Node{apply(op.Add, reshaped(p, 20), numbers(20))}, 0},
		"a layer and the next":      {[]*ir.Node{apply(op.Tanh, node(ir.MatrixProduct(apply(op.Tanh, p), numbers(4, 6))))}, 1},
		"the last of two products":  {[]*ir.Node{apply(op.Add, p, node(ir.MatrixProduct(numbers(5, 2), numbers(2, 4))))}, 1},
		"its transpose":             {[]*ir.Node{apply(op.Add, transposed(p), numbers(5))}, 1},
		"in parts":                  {[]*ir.Node{apply(op.Add, reshaped(p, 2, 10), numbers(10))}, 1},
		"a sum of it":               {[]*ir.Node{node(ir.Sum(apply(op.Exp, p), ir.Reduction{Axes: []int{1}}))}, 1},
		"it and its sum":            {[]*ir.Node{apply(op.Divide, p, node(ir.Sum(p, ir.Reduction{Axes: []int{0}})))}, 2},
		"for many":                  {[]*ir.Node{apply(op.Add, p, numbers(7, 1, 1))}, 1},
		"rows of it":                {[]*ir.Node{apply(op.Exp, index(p, broadcast.From(1)))}, 1},
		"a vector":                  {[]*ir.Node{apply(op.Exp, node(ir.MatrixProduct(a, numbers(3, 1))))}, 1},
		"the product is wanted too": {[]*ir.Node{p, apply(op.Exp, p)}, 0},
		"nothing is multiplied":     {[]*ir.Node{apply(op.Exp, node(ir.MatrixProduct(numbers(2, 0), numbers(0, 2))))}, 0},
	} {
		var targets []ir.Output
		for _, n := range c.outs {
			targets = append(targets, ir.Output{Node: n, At: broadcast.Contiguous(n.Shape, n.Type.Size())})
		}
		assert.Len(t, ir.Lower(targets, ir.Options{}).Temps, c.temps, name)
		for _, eager := range []bool{false, true} {
			whole, cut := execute(t, c.outs, ir.Options{Eager: eager}), executeWith(t, inPieces, c.outs, ir.Options{Eager: eager})
			for i, n := range c.outs {
				want := ir.Evaluate(n, irtest.Read)
				same(t, n.Type, want, whole[i], name)
				same(t, n.Type, want, cut[i], name+" in pieces")
			}
		}
	}
}

// What goes on with a product is over its results, and folds nothing.
func TestVerifyThen(t *testing.T) {
	o := ir.Operand{Type: dtype.Float64, Strides: []int{16, 8}}
	then := ir.CopyKernel(dtype.Float64, []int{2, 2}, o.Strides, o.Strides, nil)
	m := func(change func(k *ir.Kernel)) *ir.MatMul {
		k := *then
		change(&k)
		return &ir.MatMul{Type: dtype.Float64, M: 2, N: 2, K: 2, A: o, B: o, Then: &k}
	}
	require.NoError(t, ir.Verify(m(func(*ir.Kernel) {})))
	for name, change := range map[string]func(k *ir.Kernel){
		"over another space":    func(k *ir.Kernel) { k.Space = []int{2, 3} },
		"that folds":            func(k *ir.Kernel) { k.Lo = 1 },
		"of another type":       func(k *ir.Kernel) { k.In = []ir.Operand{{Type: dtype.Float32, Strides: o.Strides}} },
		"of nothing":            func(k *ir.Kernel) { k.In, k.Code = nil, nil },
		"with too few strides":  func(k *ir.Kernel) { k.Out = []ir.Operand{{Type: dtype.Float64, Strides: []int{8}}} },
		"written under a mask ": func(k *ir.Kernel) { *k = *ir.CopyKernel(dtype.Float64, k.Space, o.Strides, o.Strides, []int{2, 1}) },
	} {
		assert.Error(t, ir.Verify(m(change)), name)
	}
}

// The product is not stored: its bytes are no traffic.
func TestCostOfAProductThatGoesOn(t *testing.T) {
	x, bias := array("x", dtype.Float32, 20, 30), array("bias", dtype.Float32, 40)
	n := apply(op.Add, node(ir.MatrixProduct(x, array("w", dtype.Float32, 30, 40))), bias)
	low := ir.Lower([]ir.Output{{Node: n, At: broadcast.Contiguous(n.Shape, 4)}}, ir.Options{})
	require.Len(t, low.Calls, 1)
	c := low.Calls[0].Op.Cost()
	assert.Equal(t, ir.Cost{Flops: 2*20*30*40 + 800, Prims: 2*20*30*40 + 3*800, BytesIn: 4 * (600 + 1200 + 40), BytesOut: 3200}, c)
}
