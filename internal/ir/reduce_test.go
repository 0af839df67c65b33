package ir_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/ir/irtest"
	"github.com/tare-go/tare/internal/op"
)

// doubles is an array with the given elements.
func doubles(values ...float64) *ir.Node {
	a := &irtest.Array{Name: "x", Type: dtype.Float64, Data: make([]byte, 8*len(values))}
	for i, v := range values {
		ir.WriteBits(a.Data[8*i:8*i+8], math.Float64bits(v))
	}
	return ir.NewLeaf(a, dtype.Float64, broadcast.Contiguous([]int{len(values)}, 8))
}

// TestReductionsByHand has values that can be computed without the oracle.
func TestReductionsByHand(t *testing.T) {
	x := doubles(1, 2, 4, 9)
	ddof := func(d float64) ir.Reduction { return ir.Reduction{DDof: d} }
	masked := func(min float64) ir.Reduction {
		return ir.Reduction{Where: apply(op.Greater, x, ir.Number(dtype.Float64, min))}
	}
	for name, c := range map[string]struct {
		n    *ir.Node
		want float64
	}{
		"var":                       {node(ir.Var(x, ddof(0))), 9.5},
		"var of a sample":           {node(ir.Var(x, ddof(2))), 19},
		"divisor of zero":           {node(ir.Var(x, ddof(4))), math.Inf(1)},
		"divisor below zero":        {node(ir.Var(x, ddof(5))), math.Inf(1)},
		"masked sum":                {node(ir.Sum(x, masked(1))), 15},
		"masked mean":               {node(ir.Mean(x, masked(1))), 5},
		"masked var":                {node(ir.Var(x, masked(1))), 26.0 / 3},
		"masked product":            {node(ir.Prod(x, masked(1))), 72},
		"masked sum of nothing":     {node(ir.Sum(x, masked(10))), 0},
		"masked product of nothing": {node(ir.Prod(x, masked(10))), 1},
		"sum of zeros below zero":   {node(ir.Sum(doubles(negative(), negative()), ir.Reduction{})), negative()},
		"two axes":                  {node(ir.Sum(node(ir.Reshape(x, 2, 2)), ir.Reduction{Axes: []int{0, 1}})), 16},
	} {
		got := ir.Evaluate(c.n, irtest.Read)
		assert.Equal(t, []uint64{math.Float64bits(c.want)}, got, "%s: %v", name, math.Float64frombits(got[0]))
		assert.Equal(t, got, execute(t, []*ir.Node{c.n}, ir.Options{})[0], name)
	}
	nan := ir.Evaluate(node(ir.Mean(x, masked(10))), irtest.Read)[0]
	assert.True(t, math.IsNaN(math.Float64frombits(nan)), "a mean of nothing")
}

func negative() float64 { return math.Copysign(0, -1) }
