package devicetest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/op"
)

// wrong is a Strict device that changes operations before it runs them, as a faulty one would.
type wrong struct {
	device.Device
	change func(op ir.Op) ir.Op
}

func (w wrong) Compile(o ir.Op) (device.Program, error) { return w.Device.Compile(w.change(o)) }

// kernels makes a fault of a change to kernels.
func kernels(change func(k *ir.Kernel)) func(ir.Op) ir.Op {
	return func(o ir.Op) ir.Op {
		k, ok := o.(*ir.Kernel)
		if !ok {
			return o
		}
		c := *k
		c.Code = append([]ir.Inst(nil), k.Code...)
		change(&c)
		return &c
	}
}

// TestDecoratorsKeepTheContract runs the parts of the suite that do not depend on operators.
func TestDecoratorsKeepTheContract(t *testing.T) {
	dev := Strict()
	l := device.Ledger(device.Pool(dev))
	s := &suite{dev: l}
	t.Run("contract", s.contract)
	t.Run("masks", s.masks)
	t.Run("matmul", s.matMuls)
	t.Run("scan", s.scans)
	t.Run("concurrent", s.concurrent)
	t.Run("close", s.close)
	dev.Check(t)
	stats := l.Stats()
	assert.Zero(t, stats.Buffers)
	assert.Zero(t, stats.Programs)
	assert.Zero(t, stats.CachedBytes)
}

// TestFaultsAreNoticed runs trials of the suite on devices with faults.
func TestFaultsAreNoticed(t *testing.T) {
	swap := func(from, to op.Code) func(k *ir.Kernel) {
		return func(k *ir.Kernel) {
			for i := range k.Code {
				if k.Code[i].Kind != ir.Load && k.Code[i].Code == from {
					k.Code[i].Code = to
				}
			}
		}
	}
	source := 0
	draw := func() uint64 {
		source++
		return op.BitsOf(dtype.Float32, 1/float64(source))
	}
	lane := foldTrial(rows{[]int{2, 5000}, 1, 2, canon.Lane}, draw)
	chunk := foldTrial(rows{[]int{600, 32}, 0, 1, canon.Chunk}, draw)
	product := matMul(&ir.MatMul{Type: dtype.Float32, M: 3, N: 4, K: 5}, 0, draw)
	for name, c := range map[string]struct {
		tr     *trial
		change func(ir.Op) ir.Op
	}{
		"another operator": {doubling(10), kernels(swap(op.Add, op.Multiply))},
		"a short space":    {doubling(10), kernels(func(k *ir.Kernel) { k.Space = []int{9} })},
		"a long space":     {doubling(10), kernels(func(k *ir.Kernel) { k.Space = []int{10 + margin} })},
		"another fold":     {lane, kernels(swap(op.Add, op.Maximum))},
		"another order":    {chunk, kernels(byLanes)},
		"a short product":  {product, func(o ir.Op) ir.Op { m := *o.(*ir.MatMul); m.K--; return &m }},
	} {
		want, err := c.tr.interpreted()
		require.NoError(t, err, name)
		got, err := c.tr.on(context.Background(), wrong{Strict(), c.change})
		if err == nil {
			err = c.tr.differ(got, want)
		}
		assert.Error(t, err, name)
		got, err = c.tr.on(context.Background(), Strict())
		require.NoError(t, err, name)
		assert.NoError(t, c.tr.differ(got, want), "%s: the device without the fault", name)
	}
}

// foldTrial is a float32 sum.
func foldTrial(w rows, draw func() uint64) *trial {
	tr := &trial{}
	in := tr.input(layouts[0], dtype.Float32, w.space, 0, draw)
	out := tr.output(w.rowwise(layouts[0]), dtype.Float32, w.space, 0)
	tr.op = foldKernel(w, in, out, ir.Inst{Kind: ir.Fold, Code: op.Add, Type: dtype.Float32})
	return tr
}

// byLanes folds by the lane rule what should be folded by the chunk rule.
func byLanes(k *ir.Kernel) {
	transpose := func(o ir.Operand) ir.Operand {
		o.Strides = []int{o.Strides[1], o.Strides[0]}
		return o
	}
	k.Space, k.Lo, k.Hi, k.Rule = []int{k.Space[1], k.Space[0]}, 1, 2, canon.Lane
	k.In, k.Out = []ir.Operand{transpose(k.In[0])}, []ir.Operand{transpose(k.Out[0])}
}

func TestPairsMeet(t *testing.T) {
	for _, to := range dtype.All() {
		n := len(values(to))
		met := map[[2]uint64]bool{}
		for i := range n * n {
			met[[2]uint64{pairs(to, i, 0), pairs(to, i, 1)}] = true
		}
		distinct := map[uint64]bool{}
		for _, v := range values(to) {
			distinct[v] = true
		}
		assert.Len(t, met, len(distinct)*len(distinct), to)
	}
}

func TestEveryOperatorHasLoops(t *testing.T) {
	for i := range op.Table {
		list := loops(op.Code(i))
		require.NotEmpty(t, list, op.Table[i].Name)
		for _, e := range list {
			assert.NoError(t, ir.Verify(e.contiguous(3, 0).op), e.name)
		}
	}
	assert.NotEmpty(t, allFolds())
}
