package tensor

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/plan"
)

// Chunks computes an expression a few rows at a time and yields the parts, in order along axis 0, each
// with as many rows as the budget allows. The bits are those of Eval. Values that all parts need, such
// as column means, are computed first and once. A part is the receiver's to Free, before the next is
// asked for; an error ends the sequence. With Through a part is a new array of the host's, with as many rows as go
// through the device at once; an Eval whose Out is a file copies and computes at the same time.
//
//	for part, err := range z.Chunks(ctx, np.Budget(512<<20)) { … }
func (e *Expr) Chunks(ctx context.Context, opts ...EvalOption) iter.Seq2[*Tensor, error] {
	site := caller(1)
	c, err := e.Chunked(opts...)
	if err != nil {
		return func(yield func(*Tensor, error) bool) { yield(nil, err) }
	}
	return c.eval(ctx, site)
}

// Chunked is the plan of an expression that is computed a few rows at a time.
type Chunked struct {
	site   uintptr
	opt    *evaluation
	node   *ir.Node
	dev    device.Device // that computes
	home   device.Device // of the parts
	extent int           // along axis 0
	rows   int           // in a part
	shared []*ir.Node    // values that all parts need
	before *Plan         // of those, nil if there are none
	each   *Plan         // of the part that takes most
}

// Rows is the number of rows of each part; the last may have fewer.
func (c *Chunked) Rows() int { return c.rows }

// Parts is the number of parts.
func (c *Chunked) Parts() int {
	if c.rows == 0 {
		return 0
	}
	return (c.extent + c.rows - 1) / c.rows
}

// PeakBytes is the most that is live on the device at one time, if each part is freed before the next is asked for or
// as many later as Keep says.
func (c *Chunked) PeakBytes() int {
	if c.rows == 0 {
		return 0
	}
	kept := min(c.opt.kept, max(c.Parts()-1, 0))
	peak, _ := c.bytes(c.each, kept)
	if c.before == nil {
		return peak
	}
	return max(c.before.PeakBytes, peak)
}

// bytes is the most that is live on the device, and at the host's if that is another, while a part is computed and so many
// are kept.
func (c *Chunked) bytes(p *Plan, kept int) (dev, home int) {
	held := kept * p.ResultBytes
	if c.before != nil {
		held += c.before.ResultBytes
	}
	if p.Home == nil {
		return p.PeakBytes + held, 0
	}
	return p.PeakBytes, p.HomePeakBytes + held
}

// where is the option that has parts computed where the whole is.
func (c *Chunked) where() EvalOption {
	if c.opt.through {
		return Through(c.dev)
	}
	return On(c.dev)
}

// String is the plans of what all parts need, and of one part.
func (c *Chunked) String() string {
	s := fmt.Sprintf("in %d parts of %d rows: peak %s (%d bytes)\n", c.Parts(), c.rows, device.FormatBytes(c.PeakBytes()), c.PeakBytes())
	if c.before != nil {
		s += "first, once: " + c.before.String()
	}
	if c.each != nil {
		s += "each part: " + c.each.String()
	}
	return s
}

// Chunked plans Chunks: it finds how many rows fit the budget. Nothing is allocated. An expression
// without rows, or of which not even one fits, is an error.
func (e *Expr) Chunked(opts ...EvalOption) (*Chunked, error) { return e.chunked(caller(1), opts) }

func (e *Expr) chunked(site uintptr, opts []EvalOption) (*Chunked, error) {
	c, err := e.cut(site, opts)
	if err != nil {
		return nil, placed("chunks", site, err)
	}
	return c, nil
}

func (e *Expr) cut(site uintptr, opts []EvalOption) (*Chunked, error) {
	if e == nil || e.err != nil {
		return nil, E(e).err
	}
	ctx := context.Background()
	c := &Chunked{site: site, opt: options(ctx, opts), node: strong(e.n)}
	if c.opt.outs != nil || c.opt.mask != nil {
		return nil, &plan.OutError{Op: "chunks", Why: "the parts are new arrays: Out and WhereMask are for Eval"}
	}
	if len(c.node.Shape) == 0 {
		return nil, &ir.OptionError{Name: "chunks", Option: "shape", Why: "the result " + broadcast.FormatShape(c.node.Shape) + " has no axis to cut along; use Eval"}
	}
	c.extent = c.node.Shape[0]
	whole, err := c.opt.plan(ctx, []*Expr{{n: c.node}})
	if err != nil {
		return nil, err
	}
	c.dev, c.home = whole.Device, whole.ResultDevice()
	whole.Close()
	if c.extent == 0 {
		return c, nil
	}
	return c, c.fit(ctx)
}

// standIns are leaves for the values that all parts need: arrays without memory, to plan with.
func (c *Chunked) standIns() map[*ir.Node]*ir.Node {
	leaves := map[*ir.Node]*ir.Node{}
	for _, n := range c.shared {
		t := Tensor{mem: &memory{dev: c.home, name: n.Name()}, typ: n.Type, at: broadcast.Contiguous(n.Shape, n.Type.Size())}
		leaves[n] = t.node()
	}
	return leaves
}

// part is the expression of some rows, with leaves for what all parts need.
func (c *Chunked) part(lo, hi int, leaves map[*ir.Node]*ir.Node) *Expr {
	parts := ir.Parts{Whole: func(n *ir.Node) *ir.Node {
		if leaf, ok := leaves[n]; ok {
			return leaf
		}
		if !slices.Contains(c.shared, n) {
			c.shared = append(c.shared, n)
		}
		return n
	}}
	return &Expr{n: parts.Of(c.node, 0, lo, hi)}
}

// fit plans what all parts need, and searches for the most rows that fit beside it.
func (c *Chunked) fit(ctx context.Context) error {
	ctx = c.opt.budgeted(ctx)
	c.part(0, 1, nil) // meets what all parts need
	var err error
	if len(c.shared) > 0 {
		if c.before, err = c.opt.plan(ctx, c.exprs()); err != nil {
			return err
		}
		c.before.Close() // it is only read
		if err := c.before.Check(ctx); err != nil {
			return err
		}
	}
	leaves := c.standIns()
	for lo, hi := 1, c.extent; lo <= hi; {
		rows := (lo + hi + 1) / 2
		p, err := c.widest(rows, leaves)
		if err != nil {
			return err
		}
		over := c.over(ctx, p)
		switch {
		case over == nil:
			c.each, c.rows, lo = p, rows, rows+1
		case rows == 1:
			return over
		default:
			hi = rows - 1
		}
	}
	return nil
}

// over is nil, or the error of a part that does not fit the budgets, or does not go through the device at once.
func (c *Chunked) over(ctx context.Context, p *Plan) error {
	if p.Home != nil && p.Chunks != nil {
		return &device.BudgetError{Op: c.rowName(), Need: p.Chunks.Whole, Budget: p.Chunks.Budget, Why: "what goes through " + c.dev.Info().Name + " at once", Plan: p}
	}
	dev, home := c.bytes(p, c.opt.kept)
	if err := device.Check(ctx, c.home, c.rowName(), home, p); err != nil {
		return err
	}
	return device.Check(ctx, c.dev, c.rowName(), dev, p)
}

// rowName is what does not fit where one row does not.
func (c *Chunked) rowName() string {
	if len(c.shared) == 0 {
		return "a row of " + c.node.Name()
	}
	return fmt.Sprintf("a row of %s, beside what all %d rows need", c.node.Name(), c.extent)
}

// asPart is the option of parts.
var asPart = evalOption(func(e *evaluation) { e.Part = true })

// widest is the plan of the parts of so many rows that takes most: of the first, the second, which
// lies otherwise in memory, or the last, which has fewer rows and may need more workspace.
func (c *Chunked) widest(rows int, leaves map[*ir.Node]*ir.Node) (*Plan, error) {
	var most *Plan
	for _, lo := range []int{0, rows, c.extent / rows * rows} {
		if lo >= c.extent {
			continue
		}
		p, err := c.part(lo, min(lo+rows, c.extent), leaves).Plan(c.where(), asPart)
		if err != nil {
			return nil, err
		}
		p.Close()
		if most == nil || p.PeakBytes > most.PeakBytes {
			most = p
		}
	}
	return most, nil
}

// exprs are the values that all parts need.
func (c *Chunked) exprs() []*Expr {
	es := make([]*Expr, len(c.shared))
	for i, n := range c.shared {
		es[i] = &Expr{n: n}
	}
	return es
}

// Eval computes the parts and yields them, as Chunks does.
func (c *Chunked) Eval(ctx context.Context) iter.Seq2[*Tensor, error] { return c.eval(ctx, caller(1)) }

// eval is Eval on behalf of a call of the user's.
func (c *Chunked) eval(ctx context.Context, site uintptr) iter.Seq2[*Tensor, error] {
	return func(yield func(*Tensor, error) bool) {
		if ctx == nil {
			yield(nil, placed("chunks", site, &NilError{"context"}))
			return
		}
		ctx := c.opt.budgeted(ctx)
		leaves := map[*ir.Node]*ir.Node{}
		if c.before != nil {
			stored, err := evalAll(ctx, "chunks", site, c.exprs(), []EvalOption{c.where()}, nil)
			if err != nil {
				yield(nil, err)
				return
			}
			for i, t := range stored {
				leaves[c.shared[i]] = t.node()
				defer t.Free()
			}
		}
		for lo := 0; lo < c.extent; lo += c.rows {
			part, err := c.part(lo, min(lo+c.rows, c.extent), leaves).evalAt(ctx, "chunks", site, c.where(), asPart)
			if !yield(part, err) || err != nil {
				return
			}
		}
	}
}
