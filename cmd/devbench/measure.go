package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/tare-go/tare/cmd/devbench/internal/difference"
	"github.com/tare-go/tare/cmd/devbench/internal/formula"
	"github.com/tare-go/tare/cmd/devbench/internal/goloop"
	"github.com/tare-go/tare/cmd/devbench/internal/pypeer"
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
	quickLimits = timing.Limits{Time: 400 * time.Millisecond, Least: 3, Most: 1000, Patience: 2 * time.Second, Batch: time.Millisecond, Warm: 5 * time.Millisecond}
	fullLimits  = timing.Limits{Time: 1500 * time.Millisecond, Least: 7, Most: 1000, Patience: 20 * time.Second, Share: 1500 * time.Millisecond, Batch: 4 * time.Millisecond, Warm: 20 * time.Millisecond}
)

// measurement is one workload on one device in one element type.
type measurement struct {
	workload  suite.Workload
	dev       device.Device
	size      int
	limits    timing.Limits
	data      []string // of a GPU: resident, e2e
	peers     *peers
	copyRates map[string]float64 // bytes a second that devices copy, by name
}

// copies is how many times the operands and the result of a workload are there at once, at most: as
// drawn, on the device, in a peer, and as what is compared.
const copies = 4

// ways are where the data of the timed runs is, of those that were asked for: of a GPU on it, and in the processor's
// memory. A processor's memory is not moved to itself.
func (m measurement) ways() []string {
	processor, transferred := m.dev.Info().Kind == "cpu", m.workload.Call == suite.Transferred
	var ways []string
	if !transferred && (processor || slices.Contains(m.data, "resident")) {
		ways = append(ways, record.Resident)
	}
	if !processor && slices.Contains(m.data, "e2e") {
		ways = append(ways, record.EndToEnd)
	}
	return ways
}

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
	host, err := device.Open(pypeer.CPU)
	if err != nil {
		return err
	}
	op := fmt.Sprintf("%s of size %d", m.workload.Name, m.size)
	bytes := (elements + most) * copies * float64(t.Size())
	for _, dev := range []device.Device{m.dev, host} {
		if err := device.Check(ctx, dev, op, int(min(bytes, math.MaxInt64/2)), nil); err != nil {
			return err
		}
	}
	return nil
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
	in, err := suiteOperands(ctx, m, values)
	if err != nil {
		return nil, nil, err
	}
	defer in.free()
	if err := m.saved(ctx, in.host); err != nil {
		return nil, nil, err
	}
	ours, err := tare(ctx, m, in, dtype.Of[T]())
	if err != nil {
		return nil, nil, err
	}
	defer ours.close()
	theirs, notes, err := contenders(ctx, m, in, values)
	defer func() {
		for _, c := range theirs {
			c.close()
		}
	}()
	if err != nil {
		return nil, notes, err
	}
	wrong := m.compared(ours, theirs)
	var records []record.Record
	for _, data := range m.ways() {
		timed, err := m.timed(ctx, append([]*contender{ours}, theirs...), data)
		if err != nil {
			return records, notes, err
		}
		records = append(records, timed...)
	}
	return records, notes, wrong
}

// timed runs those contenders in turns that can run in this way; the first is tare.
func (m measurement) timed(ctx context.Context, all []*contender, data string) ([]record.Record, error) {
	var subjects []timing.Subject
	var records []record.Record
	for _, c := range all {
		if w := c.ways[data]; w != nil {
			subjects = append(subjects, timing.Subject{Run: w.run, Settle: c.settle})
			records = append(records, w.record)
		}
	}
	times, err := timing.Interleave(ctx, m.limits, subjects)
	if err != nil {
		return nil, err
	}
	for i := range records {
		r := &records[i]
		r.Runs, r.Seconds = len(times[i]), record.SecondsOf(times[i])
		r.BytesMin = records[0].BytesMin
		if i > 0 {
			ratio := timing.Ratio(times[i], times[0])
			r.Ratio = &ratio
		}
	}
	return records, nil
}

// compared writes into the contenders' records how far the results are from tare's. tare's own have the difference to
// the first peer.
func (m measurement) compared(ours *contender, theirs []*contender) error {
	tolerance := difference.Elementwise
	if m.workload.Sums {
		tolerance = difference.Summed
	}
	var wrong error
	for i, c := range theirs {
		ulp, err := difference.Compare(ours.result, c.result, tolerance)
		c.differs(ulp)
		if i == 0 {
			ours.differs(ulp)
		}
		if err != nil {
			wrong = errors.Join(wrong, fmt.Errorf("compared with %s: %w", c.name, err))
		}
	}
	return wrong
}

// differs writes the difference of the contender's result into its records.
func (c *contender) differs(ulp float64) {
	for _, w := range c.ways {
		w.record.MaxULP = &ulp
	}
}

// started is the record of an implementation at a place before it has run.
func (m measurement) started(impl, place string, t dtype.DType, data string) record.Record {
	r := record.Record{Workload: m.workload.Name, Device: place, CopyBytesPerSecond: m.copyRates[place], DType: t.String(), Impl: impl, Data: data, Flops: m.workload.Operations(m.size)}
	for _, in := range m.workload.Inputs(m.size) {
		r.Shape = append(r.Shape, in.Shape)
	}
	return r
}

// tare prepares the ways of the device, and runs each once with the ledger open.
func tare(ctx context.Context, m measurement, in operands, t dtype.DType) (*contender, error) {
	node, err := formula.Build(m.workload.Text, in.there.nodes())
	if err != nil {
		return nil, fmt.Errorf("workload %s: %w", m.workload.Name, err)
	}
	c := &contender{name: "tare", ways: map[string]*way{}, close: func() {}}
	for _, data := range m.ways() {
		w := &way{record: m.started("tare", m.dev.Info().Name, t, data)}
		w.record.BytesMin = in.bytes() + node.Bytes()
		c.ways[data] = w
		add := c.resident
		if data == record.EndToEnd {
			add = c.endToEnd
		}
		if err := add(ctx, m, in, node, w); err != nil {
			c.close()
			return nil, err
		}
	}
	return c, nil
}

// closing adds what is to be done when the contender is no longer needed, before what was to be done already.
func (c *contender) closing(what func()) {
	before := c.close
	c.close = func() { what(); before() }
}

// resident is the work on the device, where its operands are and its result stays.
func (c *contender) resident(ctx context.Context, m measurement, _ operands, node *ir.Node, w *way) error {
	if err := c.first(ctx, m, node, &w.record); err != nil {
		return err
	}
	run, err := c.called(m, node)
	w.run = ended(m.dev, run)
	return err
}

// ended is the time of runs on a device until all that they started has ended.
func ended(dev device.Device, run func(context.Context) error) func(context.Context, int) (time.Duration, error) {
	timed := timing.Loop(run)
	return func(ctx context.Context, repeats int) (time.Duration, error) {
		if err := dev.Sync(ctx); err != nil {
			return 0, err
		}
		start := time.Now()
		if _, err := timed(ctx, repeats); err != nil {
			return 0, err
		}
		err := dev.Sync(ctx)
		return time.Since(start), err
	}
}

// first runs the work once: its result and its bytes.
func (c *contender) first(ctx context.Context, m measurement, node *ir.Node, r *record.Record) error {
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
	counted(r, ledger.Stats(), p.Plan())
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
		c.closing(out.Free)
		opts = append(opts, np.Out(out))
	}
	p, err := np.Prepare(expr, opts...)
	if err != nil {
		return nil, err
	}
	c.closing(func() { p.Close() })
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

// endToEnd is the work on operands of the processor's memory, with its result there.
func (c *contender) endToEnd(ctx context.Context, m measurement, in operands, node *ir.Node, w *way) error {
	p, err := np.Prepare(np.FromNode(node), np.On(m.dev))
	if err != nil {
		return err
	}
	c.closing(func() { p.Close() })
	eval := p.Eval
	if m.workload.Call == suite.Transferred {
		eval = nil
	}
	work := func(ctx context.Context) (*np.Tensor, error) { return in.roundTrip(ctx, eval) }
	scoped, ledger := device.Record(ctx)
	y, err := work(scoped)
	if err != nil {
		return err
	}
	counted(&w.record, ledger.Stats(), p.Plan())
	if c.result == nil {
		c.result, err = elements(ctx, y)
	}
	y.Free()
	w.run = timing.Loop(fresh(work))
	return err
}

// operands are a workload's inputs in the processor's memory and on the device, which can be the same.
type operands struct{ host, there tensors }

// suiteOperands are the workload's inputs.
func suiteOperands[T goloop.Float](ctx context.Context, m measurement, values []goloop.Matrix[T]) (in operands, err error) {
	defer func() {
		if err != nil {
			in.free()
		}
	}()
	for i, spec := range m.workload.Inputs(m.size) {
		t, err := np.FromSlice(values[i].Data, spec.Shape...)
		if err != nil {
			return in, err
		}
		in.host = append(in.host, namedTensor{spec.Name, t.Named(spec.Name)})
	}
	in.there, err = in.uploaded(ctx, m.dev)
	return in, err
}

// uploaded are the operands on a device.
func (in operands) uploaded(ctx context.Context, dev device.Device) (there tensors, err error) {
	for _, h := range in.host {
		t, err := h.array.To(ctx, dev)
		if err != nil {
			there.free()
			return nil, err
		}
		there = append(there, namedTensor{h.name, t.Named(h.name)})
	}
	return there, nil
}

// roundTrip moves the operands to the device, evaluates there, unless eval is nil, and moves the result, or the only
// operand, back.
func (in operands) roundTrip(ctx context.Context, eval func(context.Context, ...np.Binding) (*np.Tensor, error)) (*np.Tensor, error) {
	moved, err := in.uploaded(ctx, in.there[0].array.Device())
	if err != nil {
		return nil, err
	}
	defer moved.free()
	y := moved[0].array
	if eval != nil {
		var bindings []np.Binding
		for i, t := range moved {
			bindings = append(bindings, np.Bind(in.there[i].array, t.array))
		}
		if y, err = eval(ctx, bindings...); err != nil {
			return nil, err
		}
		defer y.Free()
	}
	return y.To(ctx, in.host[0].array.Device())
}

// bytes are those of the operands in one place.
func (in operands) bytes() (n int) {
	for _, h := range in.host {
		n += h.array.NBytes()
	}
	return n
}

// free releases all of them; those that are in both places are the same.
func (in operands) free() {
	in.there.free()
	in.host.free()
}

// elements is the array as a Go slice of its element type, wherever it is.
func elements(ctx context.Context, t *np.Tensor) (any, error) {
	host, err := device.Open(pypeer.CPU)
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
