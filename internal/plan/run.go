package plan

import (
	"cmp"
	"context"
	"slices"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/op"
)

// Bindings are what is particular to one run. They put other arrays and scalars in the place of those that the plan was
// made with.
type Bindings struct {
	Arrays  map[ir.Source]Bound
	Scalars map[*ir.Slot]uint64 // bits of a value of the slot's type
	Site    uintptr             // the user's call, 0 for that of the context
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
		return device.Check(ctx, p.Device, p.title, p.PeakBytes, p)
	}
	if err := device.Check(ctx, p.Home, p.title, p.HomePeakBytes, p); err != nil {
		return err
	}
	return device.Check(device.Beside(ctx, p.Device, p.HomePeakBytes), p.Device, p.title, p.PeakBytes, p)
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

// Layout is how the array of the i-th target lies in the buffer that a run returns.
func (p *Plan) Layout(i int) broadcast.View { return p.layouts[i] }

// layoutsOf are C order, for each target.
func layoutsOf(targets []Target) []broadcast.View {
	layouts := make([]broadcast.View, len(targets))
	for i, t := range targets {
		layouts[i] = broadcast.Contiguous(t.Node.Shape, t.Node.Type.Size())
	}
	return layouts
}

// titleOf is what budgets call the evaluation of targets.
func titleOf(targets []Target) string {
	if len(targets) == 1 {
		return targets[0].Node.Name()
	}
	return "eval"
}

// Run evaluates the plan and appends to dst a buffer for each target, nil for those with an Out. Either all
// of them are returned or, with an error, none and everything is released.
func (p *Plan) Run(ctx context.Context, bind Bindings, dst []device.Buffer) ([]device.Buffer, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := p.Check(ctx); err != nil {
		return nil, err
	}
	r := p.newRun()
	r.bindAll(bind)
	return r.evaluate(ctx, dst)
}

// run is one evaluation.
type run struct {
	p       *Plan
	uses    []use    // of the plan's sources
	params  []uint64 // the values of the scalars
	buffers []device.Buffer
	args    []device.Arg
	mapped  []device.Pages // of the sources
	times   []CallTime     // of each call; nil unless they are measured
	site    uintptr        // of what has none of its own; 0 for that of the context
	rebound bool           // something else than the plan's own sources is bound
}

// use is one of the plan's sources in a run.
type use struct {
	own           Array
	bound         Bound         // what is read in its place
	read, written device.Buffer // while they are held
}

// newRun is a run with room for all that it needs: one that ended, or a new one.
func (p *Plan) newRun() *run {
	if r := p.spare.Swap(nil); r != nil {
		return r
	}
	return &run{
		p: p, uses: make([]use, len(p.sources)), params: make([]uint64, len(p.params)),
		buffers: make([]device.Buffer, len(p.Buffers)), args: make([]device.Arg, 0, p.args),
	}
}

// end forgets what the run was about, and keeps the rest for the next one. A plan that has its arrays itself keeps them
// in the run too.
func (r *run) end() {
	if r.p.detached || r.rebound {
		for i := range r.uses {
			r.uses[i].own, r.uses[i].bound.Array = nil, nil
		}
		r.rebound = false
	}
	if len(r.buffers) > 0 {
		clear(r.buffers)
	}
	r.mapped, r.times = nil, nil
	r.p.spare.Store(r)
}

// bindAll takes the plan's own arrays and scalars, and others in the place of some.
func (r *run) bindAll(bind Bindings) {
	r.site = bind.Site
	if len(r.uses) > 0 && r.uses[0].own == nil { // a new run, or one that forgot
		for i, a := range r.p.sources {
			r.uses[i].own, r.uses[i].bound = a, Bound{Array: a}
		}
	}
	if len(bind.Arrays) > 0 {
		for i := range r.uses {
			if b, ok := bind.Arrays[r.uses[i].own]; ok {
				r.uses[i].bound, r.rebound = b, true
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
	if !ok {
		return n.Bits
	}
	return op.Cast(n.Slot.Type, n.Type, bits)
}

// evaluate runs the steps, appends the results to dst and ends the run.
func (r *run) evaluate(ctx context.Context, dst []device.Buffer) ([]device.Buffer, error) {
	if r.p.large != nil {
		device.Warn(ctx, r.p.large.Text, device.SiteOf(at(ctx, r.site)), "bytes", r.p.ResultBytes)
	}
	if err := r.all(ctx); err != nil {
		r.release()
		r.end()
		return nil, err
	}
	for _, b := range r.p.results {
		if b < 0 {
			dst = append(dst, nil)
		} else {
			dst = append(dst, r.buffers[b])
		}
	}
	r.end()
	return dst, nil
}

// hold takes the operands, so that freeing one while the plan runs leaves its memory until the end.
// Bindings are for what is read: an Out stays where it is.
func (r *run) hold() (err error) {
	for i := range r.uses {
		u := &r.uses[i]
		if r.p.use[i].written {
			if u.written, err = r.take(u.own); err != nil {
				return err
			}
		}
		if r.p.use[i].read {
			if u.read, err = r.take(u.bound.Array); err != nil {
				return err
			}
		}
	}
	return nil
}

// take holds an array, and notes if it is a mapped file.
func (r *run) take(a Array) (device.Buffer, error) {
	buf, err := a.Hold()
	if err != nil {
		return nil, err
	}
	if pages, ok := buf.(device.Pages); ok && !slices.Contains(r.mapped, pages) {
		r.mapped = append(r.mapped, pages)
	}
	return buf, nil
}

// letGo releases what is held. The operands are there until then: their memory goes when they are forgotten.
func (r *run) letGo() {
	for i := range r.uses {
		u := &r.uses[i]
		if u.written != nil {
			u.written = nil
			u.own.Release()
		}
		if u.read != nil {
			u.read = nil
			u.bound.Array.Release()
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
	defer r.letGo()
	if err := r.hold(); err != nil {
		return err
	}
	if r.p.Home != nil {
		ctx = device.Explicit(ctx) // the user asked for the copies
	}
	if r.crowded(ctx) {
		var stop func()
		ctx, stop = device.Governed(ctx, r.mapped)
		defer stop()
	}
	if err := r.steps(ctx, r.p.Steps, 0); err != nil {
		return err
	}
	if err := device.Sync(ctx, r.p.Device, r.site); err != nil {
		return err
	}
	return r.intact()
}

// intact says whether mapped files are as long as they were: what is cut off a file's last page reads as zeros.
func (r *run) intact() error {
	for _, pages := range r.mapped {
		if err := pages.Intact(); err != nil {
			return err
		}
	}
	return nil
}

// crowded reports whether mapped operands have more pages than the budget leaves beside the plan's own bytes: then
// few of them are to be in the process at a time.
func (r *run) crowded(ctx context.Context) bool {
	if len(r.mapped) == 0 {
		return false
	}
	bytes := 0
	for _, pages := range r.mapped {
		bytes += pages.Size()
	}
	live := r.p.PeakBytes
	if r.p.Home != nil {
		live = r.p.HomePeakBytes
	}
	budget, _ := device.Budget(ctx, r.p.host())
	return bytes > budget-live
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
	ctx = device.WithOp(at(ctx, cmp.Or(t.Site, r.site)), t.Name)
	home, dev := r.span(&t.home, i, t.Bytes), r.span(&t.dev, i, t.Bytes)
	if t.Up {
		return r.p.Device.Copy(ctx, dev, home)
	}
	return r.p.Device.Copy(ctx, home, dev)
}

func (r *run) span(s *slot, i, bytes int) device.Span {
	a := r.arg(s, i)
	return device.Span{Buffer: a.Buffer, Off: a.Off, Len: bytes}
}

func (r *run) alloc(ctx context.Context, i int) error {
	b := &r.p.Buffers[i]
	dev := r.p.Device
	if b.Home {
		dev = r.p.Home
	}
	buf, err := device.Alloc(ctx, dev, b.Bytes, device.Use{Purpose: b.Purpose, Op: b.Name, Site: cmp.Or(b.Site, r.site)})
	if err != nil {
		return err
	}
	r.buffers[i] = buf
	return nil
}

// at is the context of a call of the user's; without one it is that of the context.
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
	for k := range c.in {
		args = append(args, r.arg(&c.in[k], i))
	}
	for k := range c.out {
		args = append(args, r.arg(&c.out[k], i))
	}
	for _, n := range c.scalars {
		args = append(args, device.Arg{Bits: r.params[n]})
	}
	var work device.Span
	if c.workspace > 0 {
		b := r.p.work
		if c.Home {
			b = c.work
		}
		work = device.Span{Buffer: r.buffers[b], Len: c.workspace}
	}
	err := device.Launch(ctx, c.Program, r.site, args, work) // which counts where it was compiled for
	for k := range args {
		args[k].Buffer = nil // the run may outlive the arrays
	}
	return err
}

// arg is what a slot stands for in the i-th repetition.
func (r *run) arg(s *slot, i int) device.Arg {
	off := s.off + i*s.step
	switch {
	case s.ring > 0:
		return device.Arg{Buffer: r.buffers[s.buffer+i%s.ring], Off: off}
	case s.array < 0:
		return device.Arg{Buffer: r.buffers[s.buffer], Off: off}
	case s.out:
		return device.Arg{Buffer: r.uses[s.array].written, Off: off}
	}
	u := &r.uses[s.array]
	return device.Arg{Buffer: u.read, Off: off + u.bound.Shift}
}
