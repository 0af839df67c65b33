package cpu

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/op"
	"github.com/tare-go/tare/kernels/simd"
)

// A program says which of its operators have no vectors, and which operands it has to pack.
func TestProgramsExplainThemselves(t *testing.T) {
	dev := device.Ledger(device.Pool(New(1)))
	defer dev.Close()
	explained := func(o ir.Op) string {
		p, err := dev.Compile(o)
		require.NoError(t, err)
		defer p.Close()
		return device.Explain(p)
	}
	none := [3]int{-1, -1, -1}
	k := func(c op.Code, typ dtype.DType, first int) *ir.Kernel {
		return &ir.Kernel{
			Space: []int{10}, Lo: 1, Hi: 1,
			In:  []ir.Operand{{Type: typ, Strides: []int{first}}, {Type: typ, Strides: []int{typ.Size()}}},
			Out: []ir.Operand{{Type: typ, Strides: []int{typ.Size()}}},
			Code: []ir.Inst{
				{Kind: ir.Load, Type: typ, Args: none}, {Kind: ir.Load, Type: typ, Args: none, Index: 1},
				{Kind: ir.Apply, Code: c, Type: typ, Args: [3]int{0, 1, -1}}, {Kind: ir.Store, Type: typ, Args: [3]int{2, -1, -1}},
			},
		}
	}
	level := simd.Level()
	assert.Equal(t, level, explained(k(op.Add, dtype.Float64, 8)))
	assert.Equal(t, level+"; in0 has its elements 16 bytes apart: packed into tiles", explained(k(op.Add, dtype.Float64, 16)))
	assert.Equal(t, level+"; in0 is reversed: packed into tiles", explained(k(op.Add, dtype.Float64, -8)))
	if level != "generic" {
		assert.Equal(t, level+"; without vectors: floor_divide int64", explained(k(op.FloorDivide, dtype.Int64, 0)))
	}
	m := &ir.MatMul{Type: dtype.Float64, M: 4, N: 4, K: 4}
	m.A, m.B, m.To = ir.Operand{Type: dtype.Float64, Strides: []int{32, 8}}, ir.Operand{Type: dtype.Float64, Strides: []int{32, 8}}, ir.Operand{Type: dtype.Float64, Strides: []int{32, 8}}
	assert.Equal(t, simd.GemmLevel(), explained(m))
}
