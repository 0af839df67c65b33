package plan

import (
	"context"
	"runtime"

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
	r := run{p: p, bind: bind, buffers: make([]device.Buffer, len(p.Buffers))}
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
	p       *Plan
	bind    Bindings
	buffers []device.Buffer
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
	var seen map[ir.Source]bool
	for _, n := range r.p.arrays {
		a := n.Array.(Array)
		if b, ok := r.bind.Arrays[a]; ok {
			a = b.Array
		}
		if !a.Mapped() || seen[a] {
			continue
		}
		if seen == nil {
			seen = map[ir.Source]bool{}
		}
		seen[a] = true
		if buf, err := a.Buffer(); err == nil {
			if pages, ok := buf.(device.Pages); ok {
				mapped = append(mapped, pages)
				bytes += a.Bytes()
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
			arg, err := r.arg(s)
			if err != nil {
				return err
			}
			args = append(args, arg)
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

// arg is what a slot stands for. Bindings are for what is read: an Out stays where it is.
func (r *run) arg(s slot) (device.Arg, error) {
	if s.array < 0 {
		return device.Arg{Buffer: r.buffers[s.buffer], Off: s.off}, nil
	}
	a, off := r.p.arrays[s.array].Array.(Array), s.off
	if b, ok := r.bind.Arrays[a]; ok && !s.out {
		a, off = b.Array, off+b.Shift
	}
	buf, err := a.Buffer()
	return device.Arg{Buffer: buf, Off: off}, err
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
