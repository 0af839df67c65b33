package plan

import (
	"context"
	"runtime"
	"slices"

	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/op"
)

// Bindings put other arrays and scalars in the place of those that the plan was made with.
type Bindings struct {
	Arrays  map[ir.Source]Bound
	Scalars map[*ir.Slot]uint64 // bits of a value of the slot's type
}

// Bound is an array in the place of another with the same layout, whose first element is Shift bytes
// further on.
type Bound struct {
	Array Array
	Shift int
}

// Check is the budgets' word on the plan: nil or a *device.BudgetError.
func (p *Plan) Check(ctx context.Context) error {
	if p.Home == nil {
		return device.Check(ctx, p.Device, p.title(), p.PeakBytes, p)
	}
	if err := device.Check(ctx, p.Home, p.title(), p.HomePeakBytes, p); err != nil {
		return err
	}
	return device.Check(device.Beside(ctx, p.Device, p.HomePeakBytes), p.Device, p.title(), p.PeakBytes, p)
}

// host is the device at whose side operands and results are.
func (p *Plan) host() device.Device {
	if p.Home != nil {
		return p.Home
	}
	return p.Device
}

// ResultDevice is the device of the arrays that a run returns.
func (p *Plan) ResultDevice() device.Device { return p.host() }

func (p *Plan) title() string {
	if len(p.targets) == 1 {
		return p.targets[0].Node.Name()
	}
	return "eval"
}

// Run evaluates the plan and returns a buffer for each target, nil for those with an Out. Either all
// of them are returned or, with an error, none and everything is released.
func (p *Plan) Run(ctx context.Context, bind Bindings) ([]device.Buffer, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := p.Check(ctx); err != nil {
		return nil, err
	}
	r := p.newRun()
	r.bindAll(bind)
	return r.evaluate(ctx)
}

// run is one evaluation.
type run struct {
	p             *Plan
	own           []Array  // the plan's sources
	bound         []Bound  // what is read in their place
	params        []uint64 // the values of the scalars
	read, written []device.Buffer
	buffers       []device.Buffer
	args          []device.Arg
	times         []CallTime // of each call; nil unless they are measured
	rebound       bool       // something else than own is bound
}

// newRun is a run with room for all that it needs: one that ended, or a new one.
func (p *Plan) newRun() *run {
	if r := p.spare.Swap(nil); r != nil {
		return r
	}
	n := len(p.sources)
	all := make([]device.Buffer, 2*n+len(p.Buffers))
	return &run{
		p: p, own: make([]Array, n), bound: make([]Bound, n), params: make([]uint64, len(p.params)),
		read: all[:n], written: all[n : 2*n], buffers: all[2*n:], args: make([]device.Arg, 0, p.args),
	}
}

// end forgets what the run was about, and keeps the rest for the next one. A plan that has its arrays itself keeps them
// in the run too.
func (r *run) end() {
	if r.p.detached || r.rebound {
		clear(r.own)
		clear(r.bound)
		r.rebound = false
	}
	clear(r.read)
	clear(r.written)
	clear(r.buffers)
	clear(r.args[:cap(r.args)])
	r.times = nil
	r.p.spare.Store(r)
}

// bindAll takes the plan's own arrays and scalars, and others in the place of some.
func (r *run) bindAll(bind Bindings) {
	if len(r.own) > 0 && r.own[0] == nil { // a new run, or one that forgot
		copy(r.own, r.p.sources)
		for i, a := range r.own {
			r.bound[i] = Bound{Array: a}
		}
	}
	for i := range bind.Arrays {
		for j, a := range r.own {
			if a == i {
				r.bound[j], r.rebound = bind.Arrays[i], true
			}
		}
	}
	for i, n := range r.p.params {
		r.params[i] = scalar(n, bind)
	}
}

// scalar is a scalar's value: its own, or the one bound to its slot in its type.
func scalar(n *ir.Node, bind Bindings) uint64 {
	bits, ok := bind.Scalars[n.Slot]
	switch {
	case !ok:
		return n.Bits
	case n.Slot.Type == n.Type:
		return bits
	}
	return op.CastProgram(n.Slot.Type, n.Type).Eval(bits)
}

// evaluate runs the steps and ends the run.
func (r *run) evaluate(ctx context.Context) ([]device.Buffer, error) {
	defer r.end()
	if r.p.large != nil {
		device.Warn(ctx, r.p.large.Text, device.SiteOf(ctx), "bytes", r.p.ResultBytes)
	}
	if err := r.all(ctx); err != nil {
		r.release()
		return nil, err
	}
	results := r.p.noResults
	for i, b := range r.p.results {
		if b < 0 {
			continue
		}
		if &results[0] == &r.p.noResults[0] {
			results = make([]device.Buffer, len(r.p.targets))
		}
		results[i] = r.buffers[b]
	}
	return results, nil
}

// hold takes the operands, so that freeing one while the plan runs leaves its memory until the end.
// Bindings are for what is read: an Out stays where it is.
func (r *run) hold() (err error) {
	for i, u := range r.p.use {
		if u.written {
			if r.written[i], err = r.own[i].Hold(); err != nil {
				return err
			}
		}
		if u.read {
			if r.read[i], err = r.bound[i].Array.Hold(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *run) letGo() {
	for i := range r.own {
		if r.written[i] != nil {
			r.own[i].Release()
		}
		if r.read[i] != nil {
			r.bound[i].Array.Release()
		}
	}
}

func (r *run) release() {
	for _, b := range r.buffers {
		if b != nil {
			b.Free()
		}
	}
}

func (r *run) all(ctx context.Context) error {
	defer runtime.KeepAlive(r) // and with it the operands: their memory goes when they are forgotten
	defer r.letGo()
	if err := r.hold(); err != nil {
		return err
	}
	if r.p.Home != nil {
		ctx = device.Explicit(ctx) // the user asked for the copies
	}
	if mapped := r.mapped(ctx); mapped != nil {
		var stop func()
		ctx, stop = device.Governed(ctx, mapped)
		defer stop()
	}
	if err := r.steps(ctx, r.p.Steps, 0); err != nil {
		return err
	}
	if err := r.p.Device.Sync(ctx); err != nil {
		return err
	}
	return r.intact()
}

// intact says whether mapped files are as long as they were: what is cut off a file's last page reads as zeros.
func (r *run) intact() error {
	for _, bufs := range [2][]device.Buffer{r.read, r.written} {
		for _, buf := range bufs {
			if pages, ok := buf.(device.Pages); ok {
				if err := pages.Intact(); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// mapped is the pages of mapped operands, if they are more than the budget leaves beside the plan's own bytes: then
// few of them are to be in the process at a time.
func (r *run) mapped(ctx context.Context) []device.Pages {
	var mapped []device.Pages
	bytes := 0
	for _, bufs := range [2][]device.Buffer{r.read, r.written} {
		for _, buf := range bufs {
			if pages, ok := buf.(device.Pages); ok && !slices.Contains(mapped, pages) {
				mapped = append(mapped, pages)
				bytes += buf.Size()
			}
		}
	}
	if len(mapped) == 0 {
		return nil
	}
	live := r.p.PeakBytes
	if r.p.Home != nil {
		live = r.p.HomePeakBytes
	}
	if budget, _ := device.Budget(ctx, r.p.host()); bytes <= budget-live {
		return nil
	}
	return mapped
}

// steps runs steps in their i-th repetition.
func (r *run) steps(ctx context.Context, steps []Step, i int) error {
	for _, s := range steps {
		var err error
		switch s.Kind {
		case Alloc:
			err = r.alloc(ctx, s.Buffer)
		case Run:
			err = r.measured(ctx, s.Call, i)
		case Copy:
			err = r.copy(ctx, &r.p.Transfers[s.Transfer], i)
		case Free:
			r.buffers[s.Buffer].Free()
			r.buffers[s.Buffer] = nil
		case Repeat:
			err = r.repeat(ctx, s)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// repeat runs the steps of a body again and again: where something is copied in them, and nobody measures each, as a
// pipeline.
func (r *run) repeat(ctx context.Context, s Step) error {
	if r.times == nil && slices.ContainsFunc(s.Body, func(s Step) bool { return s.Kind == Copy }) {
		return r.pipeline(ctx, s)
	}
	for i := range s.Count {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := r.steps(ctx, s.Body, i); err != nil {
			return err
		}
	}
	return nil
}

// copy makes a transfer in its i-th repetition.
func (r *run) copy(ctx context.Context, t *Transfer, i int) error {
	ctx = device.WithOp(at(ctx, t.Site), t.Name)
	home, dev := r.span(t.home, i, t.Bytes), r.span(t.dev, i, t.Bytes)
	if t.Up {
		return r.p.Device.Copy(ctx, dev, home)
	}
	return r.p.Device.Copy(ctx, home, dev)
}

func (r *run) span(s slot, i, bytes int) device.Span {
	a := r.arg(s, i)
	return device.Span{Buffer: a.Buffer, Off: a.Off, Len: bytes}
}

func (r *run) alloc(ctx context.Context, i int) error {
	b := &r.p.Buffers[i]
	dev := r.p.Device
	if b.Home {
		dev = r.p.Home
	}
	buf, err := device.Alloc(ctx, dev, b.Bytes, device.Use{Purpose: b.Purpose, Op: b.Name, Site: b.Site})
	if err != nil {
		return err
	}
	r.buffers[i] = buf
	return nil
}

// at is the context of a call of the user's; what has none of its own is the evaluation's.
func at(ctx context.Context, site uintptr) context.Context {
	if site == 0 {
		return ctx
	}
	return device.WithSite(ctx, site)
}

// measured is call, and its time if that is wanted.
func (r *run) measured(ctx context.Context, call, i int) error {
	c := &r.p.Calls[call]
	if r.times == nil {
		return r.call(ctx, c, i)
	}
	took, err := timed(ctx, r.p.runsOn(c), func() error { return r.call(ctx, c, i) })
	r.times[call].Runs++
	r.times[call].Seconds += took
	return err
}

func (r *run) call(ctx context.Context, c *Call, i int) error {
	args := r.args[:0]
	if c.Home { // others may be running
		args = make([]device.Arg, 0, len(c.in)+len(c.out))
	}
	for _, s := range c.in {
		args = append(args, r.arg(s, i))
	}
	for _, s := range c.out {
		args = append(args, r.arg(s, i))
	}
	for _, n := range c.scalars {
		args = append(args, device.Arg{Bits: r.params[n]})
	}
	var work device.Span
	if n := c.Program.Workspace(); n > 0 {
		b := r.p.work
		if c.Home {
			b = c.work
		}
		work = device.Span{Buffer: r.buffers[b], Len: n}
	}
	return c.Program.Run(ctx, args, work) // which counts where it was compiled for
}

// arg is what a slot stands for in the i-th repetition.
func (r *run) arg(s slot, i int) device.Arg {
	off := s.off + i*s.step
	switch {
	case s.ring > 0:
		return device.Arg{Buffer: r.buffers[s.buffer+i%s.ring], Off: off}
	case s.array < 0:
		return device.Arg{Buffer: r.buffers[s.buffer], Off: off}
	case s.out:
		return device.Arg{Buffer: r.written[s.array], Off: off}
	}
	return device.Arg{Buffer: r.read[s.array], Off: off + r.bound[s.array].Shift}
}
