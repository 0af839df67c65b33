package cpu

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/op"
	"github.com/tare-go/tare/kernels/simd"
)

// Two steps are one where the result of the first goes nowhere else.
func TestStepsOfPairs(t *testing.T) {
	if simd.Level() == "generic" {
		t.Skip("pairs have loops in assembly only")
	}
	one := [3]int{-1, -1, -1}
	apply := func(code op.Code, d dtype.DType, x, y int) ir.Inst {
		return ir.Inst{Kind: ir.Apply, Code: code, Type: d, Args: [3]int{x, y, -1}}
	}
	store := func(d dtype.DType, v, to int) ir.Inst {
		return ir.Inst{Kind: ir.Store, Type: d, Args: [3]int{v, -1, -1}, Index: to}
	}
	const f, i = dtype.Float64, dtype.Int64
	for _, c := range []struct {
		what  string
		t     dtype.DType
		code  []ir.Inst
		steps int
	}{
		{"x*y + x", f, []ir.Inst{apply(op.Multiply, f, 0, 1), apply(op.Add, f, 2, 0), store(f, 3, 0)}, 1},
		{"x - x*y", f, []ir.Inst{apply(op.Multiply, f, 0, 1), apply(op.Subtract, f, 0, 2), store(f, 3, 0)}, 1},
		{"x*x + y*y", f, []ir.Inst{apply(op.Multiply, f, 0, 0), apply(op.Multiply, f, 1, 1), apply(op.Add, f, 2, 3), store(f, 4, 0)}, 2},
		{"s = x+y, s*s", f, []ir.Inst{apply(op.Add, f, 0, 1), apply(op.Multiply, f, 2, 2), store(f, 3, 0)}, 2},
		{"s = x+y, s*x, s", f, []ir.Inst{apply(op.Add, f, 0, 1), apply(op.Multiply, f, 2, 0), store(f, 3, 0), store(f, 2, 1)}, 2},
		{"x*y + x of integers", i, []ir.Inst{apply(op.Multiply, i, 0, 1), apply(op.Add, i, 2, 0), store(i, 3, 0)}, 2},
		{"x/y + x", f, []ir.Inst{apply(op.Divide, f, 0, 1), apply(op.Add, f, 2, 0), store(f, 3, 0)}, 2},
	} {
		o := ir.Operand{Type: c.t, Strides: []int{8}}
		k := &ir.Kernel{Space: []int{100}, Lo: 1, Hi: 1, In: []ir.Operand{o, o}, Out: []ir.Operand{o}}
		for v := range k.In {
			k.Code = append(k.Code, ir.Inst{Kind: ir.Load, Type: c.t, Args: one, Index: v})
		}
		k.Code = append(k.Code, c.code...)
		if last := c.code[len(c.code)-1]; last.Index > 0 {
			k.Out = append(k.Out, o)
		}
		p, err := compileKernel(&pool{workers: 1}, k)
		require.NoError(t, err)
		assert.Len(t, p.stages[0].steps, c.steps, c.what)
	}
}
