package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/tare-go/tare/cmd/devbench/internal/difference"
	"github.com/tare-go/tare/cmd/devbench/internal/formula"
	"github.com/tare-go/tare/cmd/devbench/internal/goloop"
	"github.com/tare-go/tare/cmd/devbench/internal/record"
	"github.com/tare-go/tare/cmd/devbench/internal/suite"
	"github.com/tare-go/tare/cmd/devbench/internal/timing"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
	np "github.com/tare-go/tare/tensor"
)

// The limits are how long each workload is measured, with all implementations together. The quick
// suite has 50 measurements, and is to end within a minute on a slow machine.
var (
	quickLimits = timing.Limits{Time: 400 * time.Millisecond, Least: 3, Most: 1000, Patience: 2 * time.Second, Batch: time.Millisecond}
	fullLimits  = timing.Limits{Time: 1500 * time.Millisecond, Least: 7, Most: 1000, Patience: 20 * time.Second, Share: 1500 * time.Millisecond, Batch: 4 * time.Millisecond}
)

// measurement is one workload on one device in one element type.
type measurement struct {
	workload suite.Workload
	dev      device.Device
	size     int
	limits   timing.Limits
	peers    *peers
}

// copies is how many times the operands and the result of a workload are there at once, at most: as
// drawn, on the device, in a peer, and as what is compared.
const copies = 4

// fits reports a *device.BudgetError for a size whose arrays would not fit in memory, before any is made.
func (m measurement) fits(ctx context.Context, t dtype.DType) error {
	elements, most := 0.0, 0.0
	for _, in := range m.workload.Inputs(m.size) {
		n := 1.0
		for _, extent := range in.Shape {
			n *= float64(extent)
		}
		elements, most = elements+n, max(most, n)
	}
	bytes := (elements + most) * copies * float64(t.Size())
	return device.Check(ctx, m.dev, fmt.Sprintf("%s of size %d", m.workload.Name, m.size), int(min(bytes, math.MaxInt64/2)), nil)
}

// note is why a peer has no figure for a workload.
type note struct {
	workload string
	typ      dtype.DType
	why      error
}

func (n note) String() string { return fmt.Sprintf("%s in %v: %v", n.workload, n.typ, n.why) }

// measure runs the workload in T and returns a record of each implementation, tare's first. A result
// that differs from a peer's is an error beside the records.
func measure[T goloop.Float](ctx context.Context, m measurement) ([]record.Record, []note, error) {
	if err := m.fits(ctx, dtype.Of[T]()); err != nil {
		return nil, nil, err
	}
	values := goloop.Inputs[T](m.workload, m.size)
	inputs, err := suiteTensors(ctx, m, values)
	if err != nil {
		return nil, nil, err
	}
	defer inputs.free()
	if err := m.saved(ctx, inputs); err != nil {
		return nil, nil, err
	}
	ours, err := tare(ctx, m, inputs, dtype.Of[T]())
	if err != nil {
		return nil, nil, err
	}
	defer ours.close()
	theirs, notes, err := contenders(ctx, m, inputs, values)
	defer func() {
		for _, c := range theirs {
			c.close()
		}
	}()
	if err != nil {
		return nil, notes, err
	}
	records, err := m.timed(ctx, append([]*contender{ours}, theirs...))
	if err != nil {
		return nil, notes, err
	}
	return records, notes, m.compared(records, ours, theirs)
}

// timed runs the contenders in turns; the first is tare.
func (m measurement) timed(ctx context.Context, all []*contender) ([]record.Record, error) {
	subjects := make([]timing.Subject, len(all))
	for i, c := range all {
		subjects[i] = c.Subject
	}
	times, err := timing.Interleave(ctx, m.limits, subjects)
	if err != nil {
		return nil, err
	}
	records := make([]record.Record, len(all))
	for i, c := range all {
		c.record.Runs, c.record.Seconds = len(times[i]), record.SecondsOf(times[i])
		c.record.BytesMin = all[0].record.BytesMin
		if i > 0 {
			ratio := timing.Ratio(times[i], times[0])
			c.record.Ratio = &ratio
		}
		records[i] = c.record
	}
	return records, nil
}

// compared writes into the records how far the results are from tare's. tare's own record has the
// difference to the first peer.
func (m measurement) compared(records []record.Record, ours *contender, theirs []*contender) error {
	tolerance := difference.Elementwise
	if m.workload.Sums {
		tolerance = difference.Summed
	}
	var wrong error
	for i, c := range theirs {
		ulp, err := difference.Compare(ours.result, c.result, tolerance)
		records[i+1].MaxULP = &ulp
		if i == 0 {
			records[0].MaxULP = &ulp
		}
		if err != nil {
			wrong = errors.Join(wrong, fmt.Errorf("compared with %s: %w", c.record.Impl, err))
		}
	}
	return wrong
}

// started is the record of an implementation before it has run.
func (m measurement) started(impl string, t dtype.DType) record.Record {
	r := record.Record{Workload: m.workload.Name, Device: m.dev.Info().Name, DType: t.String(), Impl: impl, Flops: m.workload.Operations(m.size)}
	for _, in := range m.workload.Inputs(m.size) {
		r.Shape = append(r.Shape, in.Shape)
	}
	return r
}

// tare plans the workload, and runs it once with the ledger open.
func tare(ctx context.Context, m measurement, inputs tensors, t dtype.DType) (*contender, error) {
	node, err := formula.Build(m.workload.Text, inputs.nodes())
	if err != nil {
		return nil, fmt.Errorf("workload %s: %w", m.workload.Name, err)
	}
	c := &contender{record: m.started("tare", t), close: func() {}}
	if err := c.first(ctx, m, node); err != nil {
		return nil, err
	}
	for _, in := range inputs {
		c.record.BytesMin += in.array.NBytes()
	}
	c.record.BytesMin += node.Bytes()
	run, err := c.called(m, node)
	c.Run = timing.Loop(run)
	return c, err
}

// first runs the work once: its result and its bytes.
func (c *contender) first(ctx context.Context, m measurement, node *ir.Node) error {
	p, err := np.Prepare(np.FromNode(node), np.On(m.dev))
	if err != nil {
		return err
	}
	defer p.Close()
	scoped, ledger := device.Record(ctx)
	y, err := p.Eval(scoped)
	if err != nil {
		return err
	}
	defer y.Free()
	counted(&c.record, ledger.Stats(), p.Plan())
	c.result, err = elements(ctx, y)
	return err
}

// called is one run of the work in the workload's way.
func (c *contender) called(m measurement, node *ir.Node) (func(context.Context) error, error) {
	expr, opts := np.FromNode(node), []np.EvalOption{np.On(m.dev)}
	if m.workload.Call == suite.Written {
		return fresh(func(ctx context.Context) (*np.Tensor, error) { return expr.Eval(ctx, opts...) }), nil
	}
	var out *np.Tensor
	if m.workload.Call == suite.Reused {
		var err error
		if out, err = np.Empty(node.Shape, np.DType(node.Type), np.On(m.dev)); err != nil {
			return nil, err
		}
		c.close = out.Free
		opts = append(opts, np.Out(out))
	}
	p, err := np.Prepare(expr, opts...)
	if err != nil {
		c.close()
		return nil, err
	}
	free := c.close
	c.close = func() { p.Close(); free() }
	if out != nil {
		return func(ctx context.Context) error { _, err := p.Eval(ctx); return err }, nil
	}
	return fresh(func(ctx context.Context) (*np.Tensor, error) { return p.Eval(ctx) }), nil
}

// fresh is a run that makes a new result and releases it.
func fresh(eval func(context.Context) (*np.Tensor, error)) func(context.Context) error {
	return func(ctx context.Context) error {
		y, err := eval(ctx)
		if err == nil {
			y.Free()
		}
		return err
	}
}

// suiteTensors are the workload's inputs on the device.
func suiteTensors[T goloop.Float](ctx context.Context, m measurement, values []goloop.Matrix[T]) (tensors, error) {
	var ts tensors
	for i, in := range m.workload.Inputs(m.size) {
		t, err := np.FromSlice(values[i].Data, in.Shape...)
		if err == nil {
			t, err = moved(ctx, t, m.dev)
		}
		if err != nil {
			ts.free()
			return nil, err
		}
		ts = append(ts, namedTensor{in.Name, t.Named(in.Name)})
	}
	return ts, nil
}

// elements is the array as a Go slice of its element type, wherever it is.
func elements(ctx context.Context, t *np.Tensor) (any, error) {
	host, err := device.Open("cpu")
	if err != nil {
		return nil, err
	}
	if t.Device() != host {
		if t, err = t.To(ctx, host); err != nil {
			return nil, err
		}
		defer t.Free()
	}
	switch t.DType() {
	case dtype.Float32:
		return np.ToSlice[float32](t)
	case dtype.Float64:
		return np.ToSlice[float64](t)
	case dtype.Int64:
		return np.ToSlice[int64](t)
	case dtype.Bool:
		return np.ToSlice[bool](t)
	}
	return nil, fmt.Errorf("results of type %v are not compared", t.DType())
}
