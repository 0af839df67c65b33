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
	outs   []*Tensor
	mask   Array
	budget int
	capped bool
}

// Out gives the arrays that results are written to: one for each expression, of its shape, and of a
// type that the result may be cast to within its kind. An Out that is an operand itself is written in
// place; one that shares memory with an operand in another way gets its values through a temporary,
// which the plan names.
func Out(out ...*Tensor) EvalOption {
	return evalOption(func(e *evaluation) { e.outs = out })
}

// On is the device that an expression without operands in memory is evaluated on. With operands
// elsewhere it is an error: nothing moves unless asked, with To.
func On(dev device.Device) DeviceOption { return DeviceOption{dev} }

// DeviceOption is the option that On makes. It serves evaluations and the creation of arrays.
type DeviceOption struct{ dev device.Device }

func (o DeviceOption) evaluation(e *evaluation) { e.Device = o.dev }

// Budget bounds the bytes that the evaluation may have live at one time. A plan that needs more is cut
// into chunks that fit, with the same bits in the result; what cannot be cut so is a
// *device.BudgetError before anything is allocated.
func Budget(bytes int) EvalOption {
	return evalOption(func(e *evaluation) { e.budget, e.capped = bytes, true })
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
		o.evaluation(e)
	}
	return e
}

// Plan compiles the expression and says what evaluating it does. Nothing is allocated or moved.
func (e *Expr) Plan(opts ...EvalOption) (*Plan, error) { return PlanAll([]*Expr{e}, opts...) }

// PlanAll says what EvalAll of the same expressions does.
func PlanAll(exprs []*Expr, opts ...EvalOption) (*Plan, error) {
	ctx := context.Background()
	return options(ctx, opts).plan(ctx, exprs)
}

// Eval computes the expression from what its operands hold now, and returns a new array, or Out.
func (e *Expr) Eval(ctx context.Context, opts ...EvalOption) (*Tensor, error) {
	ts, err := EvalAll(ctx, []*Expr{e}, opts...)
	if err != nil {
		return nil, err
	}
	return ts[0], nil
}

// EvalAll computes several expressions in one evaluation: what they share is computed once, and
// those that fold or map the same rows go over memory together.
func EvalAll(ctx context.Context, exprs []*Expr, opts ...EvalOption) ([]*Tensor, error) {
	p, err := prepare(ctx, exprs, opts)
	if err != nil {
		return nil, err
	}
	defer p.plan.Close()
	return p.run(ctx, plan.Bindings{})
}

// plan makes the plan of expressions.
func (e *evaluation) plan(ctx context.Context, exprs []*Expr) (*Plan, error) {
	targets, err := e.targets(exprs)
	if err != nil {
		return nil, err
	}
	if e.Device == nil && !readsArrays(targets) {
		if e.Device, err = device.Open("cpu"); err != nil {
			return nil, err
		}
	}
	return plan.New(e.budgeted(ctx), targets, e.Options)
}

// budgeted is the context with the budget that was asked for.
func (e *evaluation) budgeted(ctx context.Context) context.Context {
	if e.capped {
		return device.WithBudget(ctx, e.budget)
	}
	return ctx
}

func readsArrays(targets []plan.Target) bool {
	found := false
	for _, t := range targets {
		ir.Walk([]*ir.Node{t.Node}, func(n *ir.Node) { found = found || n.Kind == ir.Leaf })
		found = found || t.Out != nil
	}
	return found
}

func (e *evaluation) targets(exprs []*Expr) ([]plan.Target, error) {
	targets := make([]plan.Target, len(exprs))
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
	t.Mask = m
	return err
}

// Prepared is a compiled evaluation, to be run again and again: with what its operands hold then,
// with other operands of the same shapes, with other scalars.
type Prepared struct {
	plan *Plan
	opt  *evaluation
}

// Prepare compiles an expression once. Close releases what it holds.
func Prepare(e *Expr, opts ...EvalOption) (*Prepared, error) {
	return prepare(context.Background(), []*Expr{e}, opts)
}

func prepare(ctx context.Context, exprs []*Expr, opts []EvalOption) (*Prepared, error) {
	opt := options(ctx, opts)
	p, err := opt.plan(ctx, exprs)
	if err != nil {
		return nil, err
	}
	return &Prepared{plan: p, opt: opt}, nil
}

// Plan is what each evaluation does.
func (p *Prepared) Plan() *Plan { return p.plan }

// Close releases the compiled programs.
func (p *Prepared) Close() error { return p.plan.Close() }

// Binding puts an operand or a scalar in the place of one that the plan was made with.
type Binding func(b *plan.Bindings) error

// Bind reads other wherever the plan reads old. Both have the same shape, type and strides, and are
// on the same device.
func Bind(old, other *Tensor) Binding {
	return func(b *plan.Bindings) error {
		if old == nil || other == nil {
			return errNil
		}
		if old.typ != other.typ || !slices.Equal(old.at.Shape, other.at.Shape) || !slices.Equal(old.at.Strides, other.at.Strides) || old.mem.dev != other.mem.dev {
			return fmt.Errorf("bind: %v %s with strides %v on %s cannot stand for %v %s with strides %v on %s; prepare a plan for it",
				other.typ, broadcast.FormatShape(other.at.Shape), other.at.Strides, other.mem.dev.Info().Name,
				old.typ, broadcast.FormatShape(old.at.Shape), old.at.Strides, old.mem.dev.Info().Name)
		}
		b.Arrays[old.mem] = plan.Bound{Array: other.mem, Shift: other.at.Offset - old.at.Offset}
		return nil
	}
}

// Set gives a Scalar another value, of the same kind of number.
func Set[N Number | bool](scalar *Expr, v N) Binding {
	return func(b *plan.Bindings) error {
		if scalar == nil || scalar.err != nil || scalar.n.Slot == nil {
			return fmt.Errorf("set: not a Scalar")
		}
		t, bits := weak(v)
		if t != scalar.n.Slot.Type {
			return fmt.Errorf("set: the scalar was made with a number of type %v, and gets %v; the type of the plan depends on it", scalar.n.Slot.Type, t)
		}
		b.Scalars[scalar.n.Slot] = bits
		return nil
	}
}

// Eval runs the plan and returns a new array, or Out.
func (p *Prepared) Eval(ctx context.Context, bindings ...Binding) (*Tensor, error) {
	var b plan.Bindings
	if len(bindings) > 0 {
		b = plan.Bindings{Arrays: map[ir.Source]plan.Bound{}, Scalars: map[*ir.Slot]uint64{}}
	}
	for _, bind := range bindings {
		if err := bind(&b); err != nil {
			return nil, err
		}
	}
	ts, err := p.run(ctx, b)
	if err != nil {
		return nil, err
	}
	return ts[0], nil
}

func (p *Prepared) run(ctx context.Context, bind plan.Bindings) ([]*Tensor, error) {
	bufs, err := p.plan.Run(p.opt.budgeted(ctx), bind)
	if err != nil {
		return nil, err
	}
	ts := make([]*Tensor, len(bufs))
	for i, n := range p.plan.Results() {
		if p.opt.outs != nil {
			ts[i] = p.opt.outs[i]
			ts[i].mem.version.Add(1)
			continue
		}
		ts[i] = &Tensor{mem: newMemory(p.plan.Device, bufs[i]), typ: n.Type, at: broadcast.Contiguous(n.Shape, n.Type.Size())}
	}
	return ts, nil
}
