package ir_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/ir/irtest"
	"github.com/tare-go/tare/internal/op"
)

// inPieces interprets kernels after they are cut until nothing is left to cut.
func inPieces(o ir.Op, args []ir.Memory, scalars []uint64) error {
	c := ir.CutOp(o)
	if c == nil {
		return ir.Interpret(o, args, scalars)
	}
	value := ir.Memory{Data: make([]byte, c.Bytes)}
	run := func(p ir.Piece, outs ...ir.Memory) error {
		var from []ir.Memory
		for _, i := range p.In {
			if i == ir.Stored {
				from = append(from, value)
			} else {
				from = append(from, args[i])
			}
		}
		var params []uint64
		for _, i := range p.Params {
			params = append(params, scalars[i])
		}
		return inPieces(p.Op, append(from, outs...), params)
	}
	if err := run(c.First, value); err != nil {
		return err
	}
	return run(c.Rest, args[len(o.Inputs()):]...)
}

func TestCutKernelsKeepTheMeaning(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := irtest.Draw(t, 8)
		got := executeWith(t, inPieces, c.Outs, ir.Options{})
		for i, n := range c.Outs {
			same(t, n.Type, ir.Evaluate(n, irtest.Read), got[i], irtest.Text(n))
		}
	})
}

// A row's mean is cut from what uses it: the rest loads it for each row.
func TestCutAfterFold(t *testing.T) {
	k := center(t)
	c := ir.CutOp(k)
	require.NotNil(t, c)
	assert.Equal(t, 3*8, c.Bytes)
	assert.Equal(t, 1, strings.Count(c.First.Op.String(), "fold add"), c.First.Op.String())
	assert.NotContains(t, c.Rest.Op.String(), "fold", "a plain map")
	assert.Contains(t, c.Rest.In, ir.Stored)
	assert.Nil(t, ir.CutOp(c.First.Op), "a fold of what is in memory")
	assert.LessOrEqual(t, pieces(c.Rest.Op), 3)
}

// center is the kernel of x - mean(x) along rows.
func center(t *testing.T) *ir.Kernel {
	x := ir.NewLeaf(&irtest.Array{Name: "x", Type: dtype.Float64}, dtype.Float64, broadcast.Contiguous([]int{3, 100}, 8))
	mean, err := ir.Mean(x, ir.Reduction{Axes: []int{1}, KeepDims: true})
	require.NoError(t, err)
	d, err := ir.Elementwise(op.Subtract, x, mean)
	require.NoError(t, err)
	low := ir.Lower([]ir.Output{{Node: d, At: broadcast.Contiguous(d.Shape, 8)}}, ir.Options{})
	require.Len(t, low.Calls, 1)
	return low.Calls[0].Op.(*ir.Kernel)
}

// pieces counts the operations that one can be cut into.
func pieces(o ir.Op) int {
	c := ir.CutOp(o)
	if c == nil {
		return 1
	}
	return pieces(c.First.Op) + pieces(c.Rest.Op)
}

// A kernel of many operands is cut into ones of few.
func TestCutManyOperands(t *testing.T) {
	var sum *ir.Node
	for range 600 {
		x := ir.NewLeaf(&irtest.Array{Name: "x", Type: dtype.Float32}, dtype.Float32, broadcast.Contiguous([]int{4}, 4))
		if sum == nil {
			sum = x
			continue
		}
		var err error
		sum, err = ir.Elementwise(op.Add, sum, x)
		require.NoError(t, err)
	}
	low := ir.Lower([]ir.Output{{Node: sum, At: broadcast.Contiguous(sum.Shape, 4)}}, ir.Options{})
	k := low.Calls[0].Op.(*ir.Kernel)
	require.Len(t, k.In, 600)
	c := ir.CutOp(k)
	require.NotNil(t, c)
	assert.InDelta(t, 300, len(c.First.Op.Inputs()), 2)
	assert.InDelta(t, 300, len(c.Rest.Op.Inputs()), 2)
}
