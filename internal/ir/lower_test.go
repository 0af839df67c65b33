package ir_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/ir/irtest"
	"github.com/tare-go/tare/internal/op"
)

// execute interprets what outputs were lowered to, and returns their elements.
func execute(t require.TestingT, outs []*ir.Node, opt ir.Options) [][]uint64 {
	return executeWith(t, ir.Interpret, outs, opt)
}

// executeWith does it with another interpreter.
func executeWith(t require.TestingT, interpret func(ir.Op, []ir.Memory, []uint64) error, outs []*ir.Node, opt ir.Options) [][]uint64 {
	targets := make([]ir.Output, len(outs))
	dst := make([][]byte, len(outs))
	for i, n := range outs {
		targets[i] = ir.Output{Node: n, At: broadcast.Contiguous(n.Shape, n.Type.Size())}
		dst[i] = make([]byte, n.Bytes())
	}
	low := ir.Lower(targets, opt)
	temps := make([][]byte, len(low.Temps))
	for i, n := range low.Temps {
		temps[i] = make([]byte, n.Bytes())
	}
	memory := func(r ir.Ref) ir.Memory {
		switch r.Kind {
		case ir.InTemp:
			return ir.Memory{Data: temps[r.Index], Off: r.Off}
		case ir.InOutput:
			return ir.Memory{Data: dst[r.Index], Off: r.Off}
		}
		return ir.Memory{Data: low.Leaves[r.Index].Array.(*irtest.Array).Data, Off: r.Off}
	}
	for _, c := range low.Calls {
		var args []ir.Memory
		for _, r := range append(append([]ir.Ref(nil), c.In...), c.Out...) {
			args = append(args, memory(r))
		}
		var scalars []uint64
		for _, n := range c.Scalars {
			scalars = append(scalars, n.Bits)
		}
		require.NoError(t, interpret(c.Op, args, scalars))
	}
	values := make([][]uint64, len(outs))
	for i, n := range outs {
		size := n.Type.Size()
		for j := 0; j < len(dst[i]); j += size {
			values[i] = append(values[i], ir.ReadBits(dst[i][j:j+size]))
		}
	}
	return values
}

// same requires equal bits, where any NaN is as good as another.
func same(t require.TestingT, typ dtype.DType, want, got []uint64, msg string) {
	require.Equal(t, len(want), len(got), msg)
	for i := range want {
		if want[i] != got[i] && !(isNaN(typ, want[i]) && isNaN(typ, got[i])) {
			require.Equalf(t, want[i], got[i], "element %d of %s", i, msg)
		}
	}
}

func isNaN(t dtype.DType, bits uint64) bool {
	switch t {
	case dtype.Float32:
		return bits&0x7fffffff > 0x7f800000
	case dtype.Float64:
		return bits&(1<<63-1) > 0x7ff<<52
	}
	return false
}

func TestLoweringKeepsTheMeaning(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := irtest.Draw(t, 8)
		opt := ir.Options{Eager: rapid.Bool().Draw(t, "eager")}
		got := execute(t, c.Outs, opt)
		for i, n := range c.Outs {
			same(t, n.Type, ir.Evaluate(n, irtest.Read), got[i], irtest.Text(n))
		}
	})
}

// Parts of one value meet in one kernel: what tells them apart is where they begin, or their strides.
func TestPartsOfOneValue(t *testing.T) {
	x := numbers(6, 6)
	exp := apply(op.Exp, x)
	row := func(n *ir.Node) *ir.Node { return index(n, broadcast.At(2)) }
	transposed := view(exp, ir.View{Kind: ir.ViewTranspose})
	for name, n := range map[string]*ir.Node{
		"differences":     apply(op.Subtract, index(exp, broadcast.From(1)), index(exp, broadcast.To(-1))),
		"along rows":      apply(op.Subtract, index(exp, broadcast.All(), broadcast.From(1)), index(exp, broadcast.All(), broadcast.To(-1))),
		"halves":          apply(op.Multiply, index(exp, broadcast.Range(0, 3)), index(exp, broadcast.Range(3, 6))),
		"flipped":         apply(op.Subtract, exp, view(exp, ir.View{Kind: ir.ViewFlip})),
		"transposed":      apply(op.Subtract, exp, transposed),
		"a row of itself": apply(op.Subtract, exp, row(exp)),
		"rows and sums":   apply(op.Subtract, exp, node(ir.Sum(exp, ir.Reduction{Axes: []int{1}}))),
		"sums of parts":   apply(op.Subtract, node(ir.Sum(index(exp, broadcast.To(3)), ir.Reduction{Axes: []int{1}})), node(ir.Sum(index(exp, broadcast.From(3)), ir.Reduction{Axes: []int{1}}))),
		"nested sums":     node(ir.Sum(apply(op.Subtract, exp, node(ir.Sum(exp, ir.Reduction{Axes: []int{0}}))), ir.Reduction{Axes: []int{0}})),
		"a reshape":       apply(op.Add, node(ir.Reshape(apply(op.Sqrt, transposed), 36)), node(ir.Reshape(exp, 36))),
	} {
		for _, eager := range []bool{false, true} {
			same(t, n.Type, ir.Evaluate(n, irtest.Read), execute(t, []*ir.Node{n}, ir.Options{Eager: eager})[0], name)
		}
	}
}
