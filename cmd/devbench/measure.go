package main

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/tare-go/tare/cmd/devbench/internal/difference"
	"github.com/tare-go/tare/cmd/devbench/internal/formula"
	"github.com/tare-go/tare/cmd/devbench/internal/goloop"
	"github.com/tare-go/tare/cmd/devbench/internal/record"
	"github.com/tare-go/tare/cmd/devbench/internal/suite"
	"github.com/tare-go/tare/cmd/devbench/internal/timing"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/dtype"
	np "github.com/tare-go/tare/tensor"
)

// limits are how long each workload is measured, with all implementations together. The quick suite
// has 50, and is to end within a minute on a slow machine.
var limits = timing.Limits{Time: 400 * time.Millisecond, Least: 3, Most: 1000, Patience: 2 * time.Second}

// measurement is one workload on one device in one element type.
type measurement struct {
	workload suite.Workload
	dev      device.Device
	size     int
	peers    bool // also as a Go loop
}

// contender is an implementation of the workload: its timed run, and what is known of it so far.
type contender struct {
	timing.Subject
	record record.Record
	result any // []T, []bool or []int64
	close  func()
}

// measure runs the workload in T and returns a record of each implementation, tare's first. A result
// that differs from the peer's is an error beside the records.
func measure[T goloop.Float](ctx context.Context, m measurement) ([]record.Record, error) {
	ours, err := tare[T](ctx, m)
	if err != nil {
		return nil, err
	}
	defer ours.close()
	contenders := []*contender{ours}
	if m.peers {
		peer, err := loop[T](m)
		if err != nil {
			return nil, err
		}
		contenders = append(contenders, peer)
	}
	subjects := make([]timing.Subject, len(contenders))
	for i, c := range contenders {
		subjects[i] = c.Subject
	}
	times, err := timing.Interleave(ctx, limits, subjects)
	if err != nil {
		return nil, err
	}
	records := make([]record.Record, len(contenders))
	for i, c := range contenders {
		c.record.Runs, c.record.Seconds = len(times[i]), record.SecondsOf(times[i])
		c.record.BytesMin = ours.record.BytesMin
		records[i] = c.record
	}
	if !m.peers {
		return records, nil
	}
	tolerance := difference.Elementwise
	if m.workload.Sums {
		tolerance = difference.Summed
	}
	ulp, err := difference.Compare(ours.result, contenders[1].result, tolerance)
	records[0].MaxULP = &ulp
	return records, err
}

// started is the record of an implementation before it has run.
func (m measurement) started(impl string, t dtype.DType) record.Record {
	r := record.Record{Workload: m.workload.Name, Device: m.dev.Info().Name, DType: t.String(), Impl: impl, Flops: m.workload.Operations(m.size)}
	for _, in := range m.workload.Inputs(m.size) {
		r.Shape = append(r.Shape, in.Shape)
	}
	return r
}

// tare prepares the workload's plan, and runs it once with the ledger open.
func tare[T goloop.Float](ctx context.Context, m measurement) (*contender, error) {
	inputs, err := suiteTensors[T](ctx, m)
	if err != nil {
		return nil, err
	}
	c := &contender{record: m.started("tare", dtype.Of[T]()), close: inputs.free}
	node, err := formula.Build(m.workload.Text, inputs.nodes())
	if err != nil {
		return nil, fmt.Errorf("workload %s: %w", m.workload.Name, err)
	}
	p, err := np.Prepare(np.FromNode(node), np.On(m.dev))
	if err != nil {
		inputs.free()
		return nil, err
	}
	c.close = func() { p.Close(); inputs.free() }
	if err := c.first(ctx, p); err != nil {
		c.close()
		return nil, err
	}
	for _, in := range inputs {
		c.record.BytesMin += in.array.NBytes()
	}
	c.record.BytesMin += node.Bytes()
	var y *np.Tensor
	c.Run = func(ctx context.Context) (err error) { y, err = p.Eval(ctx); return err }
	c.After = func() error { y.Free(); return nil }
	return c, nil
}

// first runs the plan once: its result and its bytes.
func (c *contender) first(ctx context.Context, p *np.Prepared) error {
	scoped, ledger := device.Record(ctx)
	y, err := p.Eval(scoped)
	if err != nil {
		return err
	}
	defer y.Free()
	counted(&c.record, ledger.Stats(), p.Plan())
	c.result, err = elements(y)
	return err
}

// suiteTensors are the workload's inputs on the device.
func suiteTensors[T goloop.Float](ctx context.Context, m measurement) (tensors, error) {
	var ts tensors
	for _, in := range m.workload.Inputs(m.size) {
		t, err := np.FromSlice(suite.Values[T](in), in.Shape...)
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

// elements is the array as a Go slice of its element type.
func elements(t *np.Tensor) (any, error) {
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

// loop is the workload as a plain Go loop; what it allocates is the Go runtime's count.
func loop[T goloop.Float](m measurement) (*contender, error) {
	run, ok := goloop.For[T](m.workload.Name)
	if !ok {
		return nil, fmt.Errorf("there is no Go loop for %s", m.workload.Name)
	}
	inputs := goloop.Inputs[T](m.workload, m.size)
	c := &contender{record: m.started("goloop", dtype.Of[T]())}
	c.record.Device = "cpu"
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	c.result = run(inputs)
	runtime.ReadMemStats(&after)
	c.record.AllocBytes = int(after.TotalAlloc - before.TotalAlloc)
	c.record.PeakBytes = c.record.AllocBytes
	c.Run = func(context.Context) error { sink = run(inputs); return nil }
	return c, nil
}

// sink keeps the compiler from dropping a loop whose result nobody reads.
var sink any
