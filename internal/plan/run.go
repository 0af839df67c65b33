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

// Check is the budget's word on the plan: nil or a *device.BudgetError.
func (p *Plan) Check(ctx context.Context) error {
	return device.Check(ctx, p.Device, p.name(), p.PeakBytes, p)
}

func (p *Plan) name() string {
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
	n := len(p.arrays)
	all := make([]device.Buffer, 2*n+len(p.Buffers))
	r := run{p: p, bind: bind, read: all[:n], written: all[n : 2*n], buffers: all[2*n:]}
	if err := r.all(ctx); err != nil {
		r.release()
		return nil, err
	}
	results := make([]device.Buffer, len(p.targets))
	for i, b := range p.results {
		if b >= 0 {
			results[i] = r.buffers[b]
		}
	}
	return results, nil
}

type run struct {
	p             *Plan
	bind          Bindings
	read, written []device.Buffer // of the plan's arrays, held
	buffers       []device.Buffer
}

// bound is the array that is read in the place of the plan's i-th.
func (r *run) bound(i int) (a Array, shift int) {
	a = r.p.arrays[i].Array.(Array)
	if b, ok := r.bind.Arrays[a]; ok {
		return b.Array, b.Shift
	}
	return a, 0
}

// hold takes the operands, so that freeing one while the plan runs leaves its memory until the end.
// Bindings are for what is read: an Out stays where it is.
func (r *run) hold() (err error) {
	for i, n := range r.p.arrays {
		a, _ := r.bound(i)
		if r.p.written[i] {
			if r.written[i], err = n.Array.(Array).Hold(); err != nil {
				return err
			}
			if a == n.Array {
				continue
			}
		}
		if r.read[i], err = a.Hold(); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) letGo() {
	for i, n := range r.p.arrays {
		if r.written[i] != nil {
			n.Array.(Array).Release()
		}
		if r.read[i] != nil {
			a, _ := r.bound(i)
			a.Release()
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
	defer r.residency(ctx)()
	if err := r.steps(ctx, r.p.Steps, 0); err != nil {
		return err
	}
	return r.p.Device.Sync(ctx)
}

// residency keeps few pages of mapped operands in the process, if they are more than the budget leaves
// beside the plan's own bytes.
func (r *run) residency(ctx context.Context) (stop func()) {
	var mapped []device.Pages
	bytes := 0
	for i, buf := range r.read {
		if pages, ok := buf.(device.Pages); ok {
			if a, _ := r.bound(i); a.Mapped() && !slices.Contains(mapped, pages) {
				mapped = append(mapped, pages)
				bytes += buf.Size()
			}
		}
	}
	if len(mapped) == 0 {
		return func() {}
	}
	if budget, _ := device.Budget(ctx, r.p.Device); bytes <= budget-r.p.PeakBytes {
		return func() {}
	}
	return device.Residency(mapped)
}

// steps runs steps in their i-th repetition.
func (r *run) steps(ctx context.Context, steps []Step, i int) error {
	for _, s := range steps {
		var err error
		switch s.Kind {
		case Alloc:
			err = r.alloc(ctx, s.Buffer)
		case Run:
			err = r.call(ctx, &r.p.Calls[s.Call], i)
		case Free:
			r.buffers[s.Buffer].Free()
			r.buffers[s.Buffer] = nil
		case Repeat:
			for i := range s.Count {
				if err = ctx.Err(); err == nil {
					err = r.steps(ctx, s.Body, i)
				}
				if err != nil {
					break
				}
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *run) alloc(ctx context.Context, i int) error {
	b := r.p.Buffers[i]
	ctx = device.WithPurpose(at(ctx, b.Site), b.Purpose)
	buf, err := r.p.Device.Alloc(ctx, b.Bytes)
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

func (r *run) call(ctx context.Context, c *Call, i int) error {
	args := make([]device.Arg, 0, len(c.in)+len(c.out)+len(c.scalars))
	for _, slots := range [2][]slot{c.in, c.out} {
		for _, s := range slots {
			s.off += i * s.step
			args = append(args, r.arg(s))
		}
	}
	for _, n := range c.scalars {
		args = append(args, device.Arg{Bits: r.scalar(n)})
	}
	var work device.Span
	if n := c.Program.Workspace(); n > 0 {
		work = device.Span{Buffer: r.buffers[r.p.work], Len: n}
	}
	return c.Program.Run(at(ctx, c.Site), args, work)
}

// arg is what a slot stands for.
func (r *run) arg(s slot) device.Arg {
	if s.array < 0 {
		return device.Arg{Buffer: r.buffers[s.buffer], Off: s.off}
	}
	if buf := r.read[s.array]; buf != nil && !s.out {
		_, shift := r.bound(s.array)
		return device.Arg{Buffer: buf, Off: s.off + shift}
	}
	return device.Arg{Buffer: r.written[s.array], Off: s.off}
}

func (r *run) scalar(n *ir.Node) uint64 {
	bits, ok := r.bind.Scalars[n.Slot]
	switch {
	case !ok:
		return n.Bits
	case n.Slot.Type == n.Type:
		return bits
	}
	return op.CastProgram(n.Slot.Type, n.Type).Eval(bits)
}
