package plan

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/internal/ir"
)

// Chunking is how a plan was cut to fit its budget: the results, and sums and other reductions on the way to them,
// are computed a few rows at a time, with the same bits.
type Chunking struct {
	Axis       int // of the results; -1 if they are computed at once
	Rows       int // along the axis, in each chunk; the last may have fewer
	Chunks     int
	Reductions []ReductionChunks
	Gathers    bool // what moves to the device is gathered at home first
	Budget     int
	Whole      int // bytes that the plan would have taken at once
}

// ReductionChunks is a reduction of which a few rows are computed at a time, in whole blocks of its order.
type ReductionChunks struct {
	Name   string
	Axis   int // of what is reduced
	Rows   int
	Chunks int
}

// String says it in one line.
func (c *Chunking) String() string {
	var parts []string
	for _, r := range c.Reductions {
		parts = append(parts, fmt.Sprintf("%d chunks of %d along axis %d of what %s takes in", r.Chunks, r.Rows, r.Axis, r.Name))
	}
	if c.Axis >= 0 {
		parts = append(parts, fmt.Sprintf("%d chunks of %d along axis %d", c.Chunks, c.Rows, c.Axis))
	}
	gathered := ""
	if c.Gathers {
		gathered = ", whose operands are gathered first"
	}
	return fmt.Sprintf("%s%s, for the budget of %s: at once it would take %s",
		strings.Join(parts, ", then "), gathered, device.FormatBytes(c.Budget), device.FormatBytes(c.Whole))
}

// fit cuts a plan that does not fit the budget: along an axis of its results, into the largest chunks that fit, or
// else along its reductions. What cannot be cut, or does not fit even so, is returned as it is: the budget
// is an error when it is run, before anything is allocated.
func fit(ctx context.Context, p *Plan, opt Options) (*Plan, error) {
	ctx = device.Beside(ctx, p.Device, p.HomePeakBytes)
	fits := device.Check(ctx, p.Device, "", p.PeakBytes, nil) == nil
	if opt.Eager || fits && (p.Home == nil || p.PeakBytes <= pipelined) || p.overwrites() {
		return p, nil
	}
	budget, _ := device.Budget(ctx, p.Device)
	if p.Home == nil && p.ResultBytes > budget {
		return p, nil
	}
	for _, b := range slices.Compact([]int{device.LastingBudget(ctx, p.Device), budget}) {
		q, err := p.cutTo(ctx, b, fits)
		if q != nil || err != nil {
			p.Close()
			return q, err
		}
	}
	return p, nil
}

// cutTo is the plan cut to a budget in the first way that does; nil if none does.
func (p *Plan) cutTo(ctx context.Context, budget int, fits bool) (*Plan, error) {
	for _, c := range p.cuts(budget, fits) {
		if q, err := chunked(ctx, p, c); q != nil || err != nil {
			return q, err
		}
	}
	return nil, nil
}

// pipelined is the bytes within which what goes through a device is cut if it can be: a few chunks of megabytes keep
// copies and computing busy at the same time.
const pipelined = 256 << 20

// cut is a way to cut a plan.
type cut struct {
	axis    int // of the results; -1 for none
	budget  int
	gathers bool // what moves
}

// cuts are the ways, in the order in which they are tried. What fits at once is cut for the pipeline alone.
func (p *Plan) cuts(budget int, fits bool) []cut {
	var all []cut
	along := func(budget int, gathers bool) {
		for axis := range p.targets[0].Node.Shape {
			all = append(all, cut{axis, budget, gathers})
		}
	}
	none := func(budget int) { all = append(all, cut{-1, budget, false}) }
	if p.Home == nil {
		none(budget)
		along(budget, false)
		return all
	}
	if budget > pipelined {
		along(pipelined, false)
		none(pipelined)
	}
	if !fits {
		along(budget, false)
		none(budget)
		along(budget, true)
	}
	return all
}

// chunked is the plan cut in one way; nil if that does not fit.
func chunked(ctx context.Context, p *Plan, c cut) (*Plan, error) {
	axis, n := c.axis, 1
	if axis >= 0 {
		var ok bool
		if n, ok = p.extent(axis); !ok {
			return nil, nil
		}
	}
	b := newChunkBuilder(ctx, p, c)
	done := false
	if axis < 0 {
		done = b.atOnce()
	} else {
		done = b.along(axis, n)
	}
	if b.err != nil || !done {
		return nil, b.err
	}
	return b.finish()
}

// extent is that of the results along an axis, if it is the same for all.
func (p *Plan) extent(axis int) (int, bool) {
	n := p.targets[0].Node.Shape[axis]
	for _, t := range p.targets {
		if len(t.Node.Shape) <= axis || t.Node.Shape[axis] != n || t.Node.Kind == ir.Scalar {
			return 0, false
		}
	}
	return n, n > 1
}

// overwrites reports whether a target goes into memory that a target reads: a section would overwrite what it, or the
// next one, reads.
func (p *Plan) overwrites() bool {
	return slices.ContainsFunc(p.targets, func(t Target) bool { return t.Out != nil && p.reads(t.Out) })
}

// reads reports whether the targets read memory that an Out shares.
func (p *Plan) reads(out *ir.Node) bool {
	found := false
	for _, t := range p.targets {
		ns := []*ir.Node{t.Node}
		if t.Mask != nil {
			ns = append(ns, t.Mask)
		}
		ir.Walk(ns, func(n *ir.Node) {
			found = found || n.Kind == ir.Leaf && (sharesMemory(n, out) || p.Home != nil && n.Array == out.Array && meet(n, out))
		})
	}
	return found
}

// meet reports whether the bytes from the first to the last of two views overlap: those are what is copied.
func meet(a, b *ir.Node) bool {
	from, to := a.At.Extent(a.Type.Size())
	low, high := b.At.Extent(b.Type.Size())
	return from < high && low < to
}

// largest is the largest number from 1 to n for which fits holds, which holds for all below it; 0 if for none.
func largest(n int, fits func(int) bool) int {
	best := 0
	for lo, hi := 1, n; lo <= hi; {
		mid := (lo + hi) / 2
		if fits(mid) {
			best, lo = mid, mid+1
		} else {
			hi = mid - 1
		}
	}
	return best
}

// atOnce computes the results as a whole, from reductions in chunks.
func (b *chunkBuilder) atOnce() bool {
	outs := b.whole()
	for i := range outs {
		outs[i].Node = b.reduced(outs[i].Node)
		if outs[i].Mask != nil {
			outs[i].Mask = b.reduced(outs[i].Mask)
		}
	}
	if len(b.chunks.Reductions) == 0 {
		return false
	}
	return b.fits(func() bool { return b.section(outs, b.dst) })
}

// along computes n rows of the results along an axis, as many at a time as fit.
func (b *chunkBuilder) along(axis, n int) bool {
	b.parts(axis, 0, 1) // meets what all chunks need
	b.stageShared()
	rows := b.search(b.most(n), func(rows int) bool { return b.rows(axis, n, rows) })
	if rows == 0 {
		return false
	}
	b.chunks.Rows, b.chunks.Chunks = rows, (n+rows-1)/rows
	return b.rows(axis, n, rows)
}

// rows writes the chunks: those that are full, repeated, and the rest.
func (b *chunkBuilder) rows(axis, n, rows int) bool {
	return b.repeat(n, rows, b.dst, func(lo, hi int) []ir.Output { return b.parts(axis, lo, hi) })
}
