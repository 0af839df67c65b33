package ir_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/ir/irtest"
	"github.com/tare-go/tare/internal/op"
)

// TestPartsMakeTheWhole computes random expressions a part at a time, along any axis.
func TestPartsMakeTheWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := irtest.Draw(t, 7).Outs[0]
		if len(n.Shape) == 0 || n.Len() == 0 || n.Kind == ir.Scalar {
			return
		}
		axis := rapid.IntRange(0, len(n.Shape)-1).Draw(t, "axis")
		lo := rapid.IntRange(0, n.Shape[axis]-1).Draw(t, "lo")
		hi := rapid.IntRange(lo+1, n.Shape[axis]).Draw(t, "hi")
		parts := ir.Parts{Whole: func(w *ir.Node) *ir.Node { return w }}
		part := parts.Of(n, axis, lo, hi)
		whole := ir.Evaluate(n, irtest.Read)
		inner := 1
		for _, e := range n.Shape[axis+1:] {
			inner *= e
		}
		var want []uint64
		for i, v := range whole {
			if at := i / inner % n.Shape[axis]; at >= lo && at < hi {
				want = append(want, v)
			}
		}
		require.Equal(t, len(want), part.Len())
		same(t, n.Type, want, ir.Evaluate(part, irtest.Read), irtest.Text(n))
		same(t, n.Type, want, execute(t, []*ir.Node{part}, ir.Options{})[0], irtest.Text(part))
	})
}

// TestPartsThroughReshapes cuts values that are reshaped, where several axes have the same extent.
func TestPartsThroughReshapes(t *testing.T) {
	exp := apply(op.Exp, node(ir.Reshape(numbers(36), 3, 2, 3, 2)))
	for _, shape := range [][]int{{6, 3, 2}, {3, 6, 2}, {3, 2, 6}, {6, 6}, {36}, {1, 3, 2, 3, 2}, {2, 3, 2, 3}, {3, 1, 2, 3, 2}} {
		n := apply(op.Sqrt, node(ir.Reshape(exp, shape...)))
		whole := ir.Evaluate(n, irtest.Read)
		for axis, e := range shape {
			parts := ir.Parts{Whole: func(w *ir.Node) *ir.Node { return w }}
			cut := parts.Of(n, axis, e/2, e)
			var want []uint64
			for i, v := range whole {
				inner := 1
				for _, d := range shape[axis+1:] {
					inner *= d
				}
				if i/inner%e >= e/2 {
					want = append(want, v)
				}
			}
			same(t, n.Type, want, ir.Evaluate(cut, irtest.Read), irtest.Text(cut))
		}
	}
}
