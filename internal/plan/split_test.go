package plan_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/device/devicetest"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/ir/irtest"
	"github.com/tare-go/tare/internal/op"
	"github.com/tare-go/tare/internal/plan"
)

// narrow is a device whose kernels have few operands, or one fold alone, and whose products are stored. What cannot be
// cut smaller it takes, unless it is stubborn.
type narrow struct {
	device.Device
	operands       int
	fold, stubborn bool
	refused        int
}

func (d *narrow) Compile(o ir.Op) (device.Program, error) {
	k, ok := o.(*ir.Kernel)
	if m, product := o.(*ir.MatMul); product && m.Then != nil {
		d.refused++
		return nil, device.ErrSplit
	}
	if ok && d.refuses(k) && (d.stubborn || ir.CutOp(k) != nil) {
		d.refused++
		return nil, device.ErrSplit
	}
	return d.Device.Compile(o)
}

func (d *narrow) refuses(k *ir.Kernel) bool {
	folds, computed := 0, 0
	for _, in := range k.Code {
		switch in.Kind {
		case ir.Fold, ir.ArgFold:
			folds++
		case ir.Apply, ir.Cast:
			computed++
		}
	}
	return len(k.In)+len(k.Params) > d.operands || d.fold && (folds > 1 || folds == 1 && computed > 0)
}

func TestPlansAreCutForNarrowDevices(t *testing.T) {
	for name, build := range map[string]func(c *irtest.Case) *ir.Node{
		"a product and a map": func(c *irtest.Case) *ir.Node {
			return apply(op.Tanh, large["rows"](filled(c, "x", 30, 40), filled(c, "w", 40, 2)))
		},
		"three operands": func(c *irtest.Case) *ir.Node {
			return apply(op.Add, apply(op.Multiply, filled(c, "x", 30), filled(c, "y", 30)), filled(c, "z", 30))
		},
	} {
		c := &irtest.Case{}
		c.Outs = []*ir.Node{build(c)}
		dev := &narrow{Device: devicetest.Strict(), operands: 2}
		runsNarrow(t, c, dev)
		assert.Positive(t, dev.refused, name)
	}
}

func TestRandomPlansAreCutForNarrowDevices(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := irtest.Draw(t, 8)
		runsNarrow(t, c, &narrow{Device: devicetest.Strict(), operands: rapid.IntRange(1, 6).Draw(t, "operands"), fold: rapid.Bool().Draw(t, "fold")})
	})
}

// runsNarrow plans a case for a narrow device, and compares what was predicted and computed with what is so.
func runsNarrow(t require.TestingT, c *irtest.Case, dev *narrow) {
	ledger := device.Ledger(device.Pool(dev))
	b, err := put(c, ledger)
	require.NoError(t, err)
	p, err := plan.New(background, b.targets(fresh(c.Outs...)), plan.Options{Device: ledger})
	require.NoError(t, err)
	ctx, rec := device.Record(background)
	results, err := p.Run(ctx, plan.Bindings{}, nil)
	require.NoError(t, err, p.String())
	s := rec.Stats()
	require.Equal(t, []int{p.PeakBytes, p.IntermediateBytes, p.WorkspaceBytes, p.Launches()},
		[]int{s.PeakBytes, s.IntermediateBytes, s.WorkspaceBytes, s.Launches}, p.String())
	for i, n := range c.Outs {
		got, err := bytes(ledger, results[i], n.Bytes())
		require.NoError(t, err)
		require.Equal(t, -1, differ(n.Type, ir.Evaluate(n, irtest.Read), got), p.String())
		results[i].Free()
	}
	require.NoError(t, p.Close())
	b.free()
}

// Plans in chunks are cut too, within their repetitions.
func TestChunksAreCutForNarrowDevices(t *testing.T) {
	c := &irtest.Case{}
	x, w := filled(c, "x", 30, 40), filled(c, "w", 40, 2)
	n := apply(op.Tanh, large["rows"](x, w))
	dev := &narrow{Device: devicetest.Strict(), operands: 2, fold: true}
	ledger := device.Ledger(device.Pool(dev))
	b, err := put(c, ledger)
	require.NoError(t, err)
	p := within(t, 6000, fresh(b.on(n)), plan.Options{})
	require.NotNil(t, p.Chunks, p.String())
	require.Positive(t, dev.refused)
	ctx, rec := device.Record(background)
	bufs, err := p.Run(ctx, plan.Bindings{}, nil)
	require.NoError(t, err)
	assert.Equal(t, p.PeakBytes, rec.Stats().PeakBytes)
	got, err := bytes(ledger, bufs[0], n.Bytes())
	require.NoError(t, err)
	assert.Equal(t, -1, differ(n.Type, ir.Evaluate(n, irtest.Read), got), p.String())
}

func TestWhatCannotBeCutSaysSo(t *testing.T) {
	dev := device.Ledger(&narrow{Device: devicetest.Null(), stubborn: true})
	sum := func(a, b string) *ir.Node {
		return apply(op.Add, leaf(dev, a, dtype.Float64, 8), leaf(dev, b, dtype.Float64, 8))
	}
	_, err := plan.New(background, fresh(apply(op.Multiply, sum("a", "b"), sum("c", "d"))), plan.Options{})
	require.ErrorIs(t, err, device.ErrSplit)
	assert.ErrorContains(t, err, "compile part of multiply")
	assert.Zero(t, dev.Stats().Programs)
}
