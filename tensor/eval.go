package tensor

import (
	"context"
	"fmt"
	"slices"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/plan"
)

// Plan says what an evaluation does before it does it: steps, bytes, warnings. It prints itself.
type Plan = plan.Plan

// EvalOption is an option of Eval, EvalAll, Plan and Prepare.
type EvalOption interface {
	evaluation(e *evaluation)
}

type evalOption func(e *evaluation)

func (o evalOption) evaluation(e *evaluation) { o(e) }

// evaluation is what the options say.
type evaluation struct {
	plan.Options
	through bool // Device, from where operands are and results go
	outs    []*Tensor
	mask    Array
	budget  int
	capped  bool
	kept    int
	roof    *Roof
	made    []plan.Target // of the expressions, once they are planned

	room struct { // of the lists, for one expression
		made [1]plan.Target
		outs [1]*Tensor
	}
}

// Out gives the arrays that results are written to: one for each expression, of its shape, and of a
// type that the result may be cast to within its kind. An Out that is an operand itself is written in
// place; one that shares memory with an operand in another way gets its values through a temporary,
// which the plan names. An evaluation that was begun and ends with an error, or is cancelled, may leave
// an Out with some elements written and some not.
func Out(out ...*Tensor) EvalOption {
	if len(out) == 1 {
		return oneOut{out[0]}
	}
	all := slices.Clone(out)
	return evalOption(func(e *evaluation) { e.outs = all })
}

// oneOut is an Out of one array, which takes no memory.
type oneOut struct{ *Tensor }

func (o oneOut) evaluation(e *evaluation) { e.outs = append(e.room.outs[:0], o.Tensor) }

// On is the device that an expression without operands in memory is evaluated on. With operands
// elsewhere it is an error: nothing moves unless asked, with To.
func On(dev device.Device) DeviceOption { return DeviceOption{dev} }

// Through evaluates on a device what is in the host's memory, or in mapped files, and stays there: operands are copied to the
// device, and results back into a new array of the host's or into Out, a few rows at a time where that fits the
// device and its budget better than all at once, while the device computes others. So arrays may be larger than the
// device's memory and, where they are files, than the host's. Operands that are on the device already are
// used there. What is copied is in the plan, to the byte. A Budget is for the device.
func Through(dev device.Device) EvalOption {
	return evalOption(func(e *evaluation) { e.Device, e.through = dev, true })
}

// DeviceOption is the option that On makes. It serves evaluations and the creation of arrays.
type DeviceOption struct{ dev device.Device }

func (o DeviceOption) evaluation(e *evaluation) { e.Device = o.dev }

// Budget bounds the bytes that the evaluation may have live at one time: with Through those on the device. A plan that
// needs more is cut into chunks that fit, with the same bits in the result; what cannot be cut so is a
// *device.BudgetError before anything is allocated.
func Budget(bytes int) EvalOption {
	return evalOption(func(e *evaluation) { e.budget, e.capped = bytes, true })
}

// Keep is how many parts of Chunks the receiver still holds when it asks for the next: their bytes are
// planned for, too. Without it, it is none.
func Keep(parts int) EvalOption {
	return evalOption(func(e *evaluation) { e.kept = max(parts, 0) })
}

// Strict refuses what the plan would warn of as a likely mistake: two operands that are both
// broadcast, a reduction without KeepDims that meets another axis than its own, and operands of
// different types that meet in a third.
var Strict EvalOption = evalOption(func(e *evaluation) { e.Options.Strict = true })

// Stepwise makes every operator a step of its own, with its result in memory, as NumPy does. The bits
// of the result are the same; it is there to see what intermediates cost. See Eager.
var Stepwise EvalOption = evalOption(func(e *evaluation) { e.Options.Eager = true })

// MaskOption is the option that WhereMask makes.
type MaskOption struct{ mask Array }

// WhereMask limits an evaluation to where the bool array is true: other elements of Out, which is
// needed, keep their values. In a reduction, elements where it is false are absent.
func WhereMask(mask Array) MaskOption { return MaskOption{mask} }

func (o MaskOption) evaluation(e *evaluation) { e.mask = o.mask }

func (o MaskOption) reduction(r *ir.Reduction) error {
	e := E(o.mask)
	r.Where = e.n
	return e.err
}

type eagerKey struct{}

// Eager makes the evaluations with the returned context Stepwise.
func Eager(ctx context.Context) context.Context { return context.WithValue(ctx, eagerKey{}, true) }

func options(ctx context.Context, opts []EvalOption) *evaluation {
	e := &evaluation{}
	e.Options.Eager, _ = ctx.Value(eagerKey{}).(bool)
	for _, o := range opts {
		if o != nil {
			o.evaluation(e)
		}
	}
	return e
}

// Plan compiles the expression and says what evaluating it does. Nothing is allocated or moved.
func (e *Expr) Plan(opts ...EvalOption) (*Plan, error) { return planned(caller(1), []*Expr{e}, opts) }

// PlanAll says what EvalAll of the same expressions does.
func PlanAll(exprs []*Expr, opts ...EvalOption) (*Plan, error) {
	return planned(caller(1), exprs, opts)
}

func planned(site uintptr, exprs []*Expr, opts []EvalOption) (*Plan, error) {
	ctx := context.Background()
	opt := options(ctx, opts)
	p, err := opt.plan(ctx, exprs)
	if err == nil {
		err = opt.explain(ctx, p)
	}
	return p, placed("plan", site, err)
}

// explain completes a plan that is made to be read, and releases its programs.
func (e *evaluation) explain(ctx context.Context, p *Plan) error {
	p.Explain()
	p.Roof = e.roof
	if err := p.Close(); err != nil || p.Eager {
		return err
	}
	opt := e.Options
	opt.Eager, opt.Strict = true, false
	stepwise, err := plan.New(ctx, e.made, opt)
	if err != nil {
		return err
	}
	totals := stepwise.Totals()
	p.Stepwise = &totals
	return stepwise.Close()
}

// Roof is the most that a device was seen to do, from which plans predict times. See MeasureRoof and Under.
type Roof = plan.Roof

// MeasureRoof measures a device for a tenth of a second or so, with 128 MiB of its memory.
func MeasureRoof(ctx context.Context, dev device.Device) (Roof, error) {
	return plan.MeasureRoof(ctx, dev)
}

// Under is an option of Plan and ExplainAnalyze: times are predicted, as the least that a device with such a roof
// takes.
func Under(roof Roof) EvalOption { return evalOption(func(e *evaluation) { e.roof = &roof }) }

// Analysis is a plan with what was measured when it ran. It prints itself.
type Analysis = plan.Analysis

// ExplainAnalyze evaluates the expression as Eval does, one step after another, and tells what each took beside what
// the plan predicted. The result is freed, unless it goes into Out.
func (e *Expr) ExplainAnalyze(ctx context.Context, opts ...EvalOption) (*Analysis, error) {
	site := caller(1)
	p, err := prepare(ctx, "analyze", site, []*Expr{e}, opts)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	p.plan.Explain()
	p.plan.Roof = p.opt.roof
	a, err := p.plan.Analyze(p.opt.budgeted(device.WithSite(ctx, site)))
	for _, out := range p.opt.outs {
		out.mem.version.Add(1)
	}
	return a, placed("analyze", site, err)
}

// Eval computes the expression from what its operands hold now, and returns a new array, or Out.
//
//go:noinline
func (e *Expr) Eval(ctx context.Context, opts ...EvalOption) (*Tensor, error) {
	site := siteOf(returnPC(0), 1)
	return e.evalAt(ctx, "eval", site, opts...)
}

// evalAt is Eval on behalf of a call of the user's.
func (e *Expr) evalAt(ctx context.Context, name string, site uintptr, opts ...EvalOption) (*Tensor, error) {
	var room [1]*Tensor
	ts, err := evalAll(ctx, name, site, []*Expr{e}, opts, room[:0])
	if err != nil {
		return nil, err
	}
	return ts[0], nil
}

// EvalAll computes several expressions in one evaluation: what they share is computed once, and
// those that fold or map the same rows go over memory together.
func EvalAll(ctx context.Context, exprs []*Expr, opts ...EvalOption) ([]*Tensor, error) {
	return evalAll(ctx, "eval", caller(1), exprs, opts, nil)
}

// evalAll appends to dst what it evaluates.
func evalAll(ctx context.Context, name string, site uintptr, exprs []*Expr, opts []EvalOption, dst []*Tensor) ([]*Tensor, error) {
	if ctx == nil {
		return nil, placed(name, site, &NilError{"context"})
	}
	opt := options(ctx, opts)
	ts, err := opt.eval(ctx, site, exprs, dst)
	return ts, placed(name, site, err)
}

// plans are those of evaluations that may come again.
var plans plan.Cache

// eval plans and evaluates expressions.
func (e *evaluation) eval(ctx context.Context, site uintptr, exprs []*Expr, dst []*Tensor) ([]*Tensor, error) {
	if err := e.make(exprs, e.room.made[:0]); err != nil {
		return nil, err
	}
	var room [1]device.Buffer
	bufs, p, err := plans.Eval(e.budgeted(ctx), site, e.made, e.Options, room[:0])
	return e.results(bufs, p, err, dst)
}

// plan makes the plan of expressions.
func (e *evaluation) plan(ctx context.Context, exprs []*Expr) (*Plan, error) {
	if err := e.make(exprs, nil); err != nil {
		return nil, err
	}
	return plan.New(e.budgeted(ctx), e.made, e.Options)
}

// make finds the targets, and where operands and results are of what goes through a device.
func (e *evaluation) make(exprs []*Expr, room []plan.Target) (err error) {
	if e.made, err = e.targets(exprs, room); err == nil && e.through {
		err = e.findHome()
	}
	return err
}

// findHome finds where an evaluation through a device has its operands and results: in the host's memory.
func (e *evaluation) findHome() (err error) {
	if e.Device == nil {
		return &NilError{"device"}
	}
	e.Home = nil
	find := func(dev device.Device) {
		if e.Home == nil && dev.Info().Kind == hostKind {
			e.Home = dev
		}
	}
	eachArray(e.made, find)
	find(e.Device)
	if e.Home == nil {
		e.Home, err = device.Open(hostKind)
	}
	return err
}

// hostKind is the kind of devices whose memory is the host's, and the name of one.
const hostKind = "cpu"

// budgeted is the context with the budget that was asked for.
func (e *evaluation) budgeted(ctx context.Context) context.Context {
	switch {
	case !e.capped:
		return ctx
	case e.through:
		return device.WithBudgetOn(ctx, e.Device, e.budget)
	}
	return device.WithBudget(ctx, e.budget)
}

// eachArray calls do with the device of each array of targets.
func eachArray(targets []plan.Target, do func(dev device.Device)) {
	visit := func(n *ir.Node) {
		if n.Array != nil {
			do(n.Array.(plan.Array).Device())
		}
	}
	for _, t := range targets {
		ir.Walk([]*ir.Node{t.Node}, visit)
		for _, n := range [...]*ir.Node{t.Out, t.Mask} {
			if n != nil {
				ir.Walk([]*ir.Node{n}, visit)
			}
		}
	}
}

// targets are those of expressions, in room if there is enough.
func (e *evaluation) targets(exprs []*Expr, room []plan.Target) ([]plan.Target, error) {
	targets := slices.Grow(room, len(exprs))[:len(exprs)]
	if e.outs != nil && len(e.outs) != len(exprs) {
		return nil, &plan.OutError{Op: "eval", Why: fmt.Sprintf("%d arrays for %d expressions", len(e.outs), len(exprs))}
	}
	if e.mask != nil && e.outs == nil {
		return nil, &plan.OutError{Op: "eval", Why: "WhereMask needs Out: a new array has no values where the mask is false"}
	}
	for i, x := range exprs {
		if x == nil {
			return nil, errNil
		}
		if x.err != nil {
			return nil, x.err
		}
		targets[i].Node = strong(x.n)
		if e.outs != nil {
			if err := e.into(&targets[i], e.outs[i]); err != nil {
				return nil, err
			}
		}
	}
	return targets, nil
}

// strong is a node whose type is settled: a Go number by itself has its own type.
func strong(n *ir.Node) *ir.Node {
	if n.Weak {
		return ir.CastTo(n, n.Type)
	}
	return n
}

// into makes a target write an array.
func (e *evaluation) into(t *plan.Target, out *Tensor) error {
	n := t.Node
	switch {
	case out == nil:
		return &plan.OutError{Op: n.Name(), Why: errNil.Error()}
	case out.mem.readOnly:
		return &plan.OutError{Op: n.Name(), Why: out.mem.SourceName() + " is read-only: it is a file's pages; Copy it first"}
	case !slices.Equal(out.at.Shape, n.Shape):
		return &plan.OutError{Op: n.Name(), Why: fmt.Sprintf("the array has shape %s and the result %s", broadcast.FormatShape(out.at.Shape), broadcast.FormatShape(n.Shape))}
	case !dtype.CanCast(n.Type, out.typ, dtype.SameKind):
		return &plan.OutError{Op: n.Name(), Why: fmt.Sprintf("the result is %v and cannot go into %v without losing its kind; use AsType(…, %v) if that is meant", n.Type, out.typ, out.typ)}
	}
	t.Node, t.Out = ir.CastTo(n, out.typ), out.node()
	if e.mask == nil {
		return nil
	}
	mask := E(e.mask)
	if mask.err != nil {
		return mask.err
	}
	if mask.n.Type != dtype.Bool {
		return &plan.OutError{Op: n.Name(), Why: fmt.Sprintf("the mask is %v, and has to be bool", mask.n.Type)}
	}
	m, err := ir.BroadcastTo(mask.n, n.Shape)
	if err != nil {
		return fmt.Errorf("the mask: %w", err)
	}
	t.Mask = m
	return nil
}

// Prepared is a compiled evaluation, to be run again and again: with what its operands hold then,
// with other operands of the same shapes, with other scalars.
type Prepared struct {
	plan *Plan
	opt  *evaluation
}

// Prepare compiles an expression once. Close releases what it holds.
func Prepare(e *Expr, opts ...EvalOption) (*Prepared, error) {
	return prepare(context.Background(), "prepare", caller(1), []*Expr{e}, opts)
}

func prepare(ctx context.Context, name string, site uintptr, exprs []*Expr, opts []EvalOption) (*Prepared, error) {
	if ctx == nil {
		return nil, placed(name, site, &NilError{"context"})
	}
	opt := options(ctx, opts)
	p, err := opt.plan(device.WithSite(ctx, site), exprs)
	if err != nil {
		return nil, placed(name, site, err)
	}
	return &Prepared{plan: p, opt: opt}, nil
}

// Plan is what each evaluation does.
func (p *Prepared) Plan() *Plan { return p.plan }

// Close releases the compiled programs.
func (p *Prepared) Close() error { return p.plan.Close() }

// Eval runs the plan and returns a new array, or Out.
//
//go:noinline
func (p *Prepared) Eval(ctx context.Context, bindings ...Binding) (*Tensor, error) {
	site := siteOf(returnPC(0), 1)
	if ctx == nil {
		return nil, placed("eval", site, &NilError{"context"})
	}
	b, err := p.bound(bindings)
	if err != nil {
		return nil, placed("eval", site, err)
	}
	b.Site = site
	var room [1]*Tensor
	ts, err := p.run(ctx, b, room[:0])
	if err != nil {
		return nil, placed("eval", site, err)
	}
	return ts[0], nil
}

// bound is what the bindings of a run say.
func (p *Prepared) bound(bindings []Binding) (plan.Bindings, error) {
	if len(bindings) == 0 {
		return plan.Bindings{}, nil
	}
	b := reading(p.opt.made, p.opt.outs)
	for _, bind := range bindings {
		if bind == nil {
			continue
		}
		if err := bind(&b); err != nil {
			return plan.Bindings{}, err
		}
	}
	return b.Bindings, nil
}

func (p *Prepared) run(ctx context.Context, bind plan.Bindings, dst []*Tensor) ([]*Tensor, error) {
	var room [1]device.Buffer
	bufs, err := p.plan.Run(p.opt.budgeted(ctx), bind, room[:0])
	return p.opt.results(bufs, p.plan, err, dst)
}

// results appends the tensors of buffers that a plan returned, or Out.
func (e *evaluation) results(bufs []device.Buffer, p *Plan, err error, dst []*Tensor) ([]*Tensor, error) {
	for _, out := range e.outs {
		out.mem.version.Add(1) // also after an error, which may come when some elements are written
	}
	if err != nil {
		return nil, err
	}
	if e.outs != nil {
		return append(dst, e.outs...), nil
	}
	for i, t := range e.made {
		mem := newMemory(p.ResultDevice(), bufs[i], t.Node.Site)
		dst = append(dst, &Tensor{mem: mem, typ: t.Node.Type, at: p.Layout(i)})
	}
	return dst, nil
}
