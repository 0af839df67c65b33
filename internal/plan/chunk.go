package plan

import (
	"context"
	"fmt"
	"slices"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/internal/ir"
)

// Chunking is how a plan was cut to fit its budget: the results are computed a few rows at a time,
// with the same bits.
type Chunking struct {
	Axis   int // of the results
	Rows   int // along the axis, in each chunk; the last may have fewer
	Chunks int
	Budget int
	Whole  int // bytes that the plan would have taken at once
}

// String says it in one line.
func (c *Chunking) String() string {
	return fmt.Sprintf("%d chunks of %d along axis %d, for the budget of %s: at once it would take %s",
		c.Chunks, c.Rows, c.Axis, device.FormatBytes(c.Budget), device.FormatBytes(c.Whole))
}

// fit cuts a plan that does not fit the budget along an axis of its results, into the largest chunks
// that fit. What cannot be cut, or does not fit even a row at a time, is returned as it is: the budget
// is an error when it is run, before anything is allocated.
func fit(ctx context.Context, p *Plan, opt Options) (*Plan, error) {
	if opt.Eager || device.Check(ctx, p.Device, "", p.PeakBytes, nil) == nil {
		return p, nil
	}
	budget, _ := device.Budget(ctx, p.Device)
	if p.ResultBytes > budget {
		return p, nil
	}
	for axis := range p.targets[0].Node.Shape {
		n, ok := p.extent(axis)
		if !ok {
			continue
		}
		c := chunker{p: p, axis: axis, n: n, budget: budget}
		best, err := c.largest(ctx)
		if err != nil {
			p.Close()
			return nil, err
		}
		if best != nil {
			p.Close()
			return best, nil
		}
	}
	return p, nil
}

// extent is that of the results along an axis, if it is the same for all.
func (p *Plan) extent(axis int) (int, bool) {
	n := p.targets[0].Node.Shape[axis]
	for _, t := range p.targets {
		if len(t.Node.Shape) <= axis || t.Node.Shape[axis] != n || t.Node.Kind == ir.Scalar {
			return 0, false
		}
		if t.Out != nil && p.reads(t.Out) { // a chunk would overwrite what the next one reads
			return 0, false
		}
	}
	return n, n > 1
}

// reads reports whether the targets read memory that an Out shares.
func (p *Plan) reads(out *ir.Node) bool {
	found := false
	for _, t := range p.targets {
		ns := []*ir.Node{t.Node}
		if t.Mask != nil {
			ns = append(ns, t.Mask)
		}
		ir.Walk(ns, func(n *ir.Node) { found = found || (n.Kind == ir.Leaf && sharesMemory(n, out)) })
	}
	return found
}

// chunker makes plans of chunks of any number of rows.
type chunker struct {
	p       *Plan
	axis, n int
	budget  int
}

// largest searches for the most rows whose plan fits; nil if there are none.
func (c *chunker) largest(ctx context.Context) (*Plan, error) {
	var best *Plan
	lo, hi := 1, c.n-1
	for lo <= hi {
		rows := (lo + hi) / 2
		q, err := c.plan(ctx, rows)
		if err != nil {
			if best != nil {
				best.Close()
			}
			return nil, err
		}
		if q == nil || q.PeakBytes > c.budget {
			if q != nil {
				q.Close()
			}
			hi = rows - 1
			continue
		}
		if best != nil {
			best.Close()
		}
		best, lo = q, rows+1
	}
	return best, nil
}

// plan computes what all chunks need whole, and then the chunks one after another; nil if they cannot
// be repeated.
func (c *chunker) plan(ctx context.Context, rows int) (*Plan, error) {
	q := &Plan{Device: c.p.Device, Operands: nil, Warnings: c.p.Warnings, targets: c.p.targets, work: -1}
	q.Chunks = &Chunking{Axis: c.axis, Rows: rows, Chunks: (c.n + rows - 1) / rows, Budget: c.budget, Whole: c.p.PeakBytes}
	b := &chunkBuilder{chunker: c, q: q, shared: map[*ir.Node]*ir.Node{}}
	b.destinations()
	full := c.n / rows
	var chunks [][]ir.Output // the first few, which tell how far operands move from one to the next
	for i := range min(full, 3) {
		chunks = append(chunks, b.parts(i*rows, (i+1)*rows))
	}
	var rest []ir.Output
	if c.n%rows > 0 {
		rest = b.parts(full*rows, c.n)
	}
	b.prelude()
	whole := len(q.Calls)
	if !b.body(chunks) {
		return nil, nil
	}
	body := len(q.Calls)
	q.emit(ir.Lower(rest, ir.Options{}), b.dst)
	if err := q.compile(ctx, &whole, &body); err != nil {
		return nil, err
	}
	q.scheduleChunks(whole, body, full)
	return q, nil
}

// chunkBuilder writes the calls of a plan in chunks.
type chunkBuilder struct {
	*chunker
	q      *Plan
	dst    []slot
	shared map[*ir.Node]*ir.Node // values that all chunks need, and the leaves that stand for them
	order  []*ir.Node            // those values, in the order met
}

// destinations are where whole results go.
func (b *chunkBuilder) destinations() {
	for _, t := range b.q.targets {
		if t.Out != nil {
			b.q.results = append(b.q.results, -1)
			b.dst = append(b.dst, b.q.out(t.Out))
			continue
		}
		i := b.q.buffer(Buffer{Name: t.Node.Name(), Purpose: device.Result, Bytes: t.Node.Bytes(), Site: t.Node.Site})
		b.q.results = append(b.q.results, i)
		b.dst = append(b.dst, slot{array: -1, buffer: i})
	}
}

// whole gives a leaf for a value that all chunks need; its buffer is filled by the prelude.
func (b *chunkBuilder) whole(n *ir.Node) *ir.Node {
	leaf, ok := b.shared[n]
	if !ok {
		i := b.q.buffer(Buffer{Name: n.Name(), Purpose: device.Intermediate, Bytes: n.Bytes(), Site: n.Site})
		leaf = ir.NewLeaf(stagedArray(i), n.Type, broadcast.Contiguous(n.Shape, n.Type.Size()))
		b.shared[n] = leaf
		b.order = append(b.order, n)
	}
	return leaf
}

// parts are the outputs of one chunk.
func (b *chunkBuilder) parts(lo, hi int) []ir.Output {
	parts := ir.Parts{Whole: b.whole}
	outs := make([]ir.Output, len(b.q.targets))
	ix := make([]broadcast.Index, b.axis+1)
	ix[b.axis] = broadcast.Range(lo, hi)
	for i, t := range b.q.targets {
		at := broadcast.Contiguous(t.Node.Shape, t.Node.Type.Size())
		if t.Out != nil {
			at = t.Out.At.Clone()
			at.Offset = 0
		}
		part, err := at.Index(ix...)
		if err != nil {
			panic("BUG: plan: " + err.Error())
		}
		outs[i] = ir.Output{Node: parts.Of(t.Node, b.axis, lo, hi), At: part}
		if t.Mask != nil {
			outs[i].Mask = parts.Of(t.Mask, b.axis, lo, hi)
		}
	}
	return outs
}

// prelude computes the shared values.
func (b *chunkBuilder) prelude() {
	outs := make([]ir.Output, len(b.order))
	dst := make([]slot, len(b.order))
	for i, n := range b.order {
		outs[i] = fresh(n)
		dst[i] = slot{array: -1, buffer: int(b.shared[n].Array.(stagedArray))}
	}
	b.q.emit(ir.Lower(outs, ir.Options{}), dst)
}

// body writes the calls of a chunk that is repeated, from one chunk and the next: they differ in
// offsets alone. By accident two operands of one chunk can be the same memory, and its calls fewer; then
// the chunks after it serve, and if they do not either, there is no body.
func (b *chunkBuilder) body(chunks [][]ir.Output) bool {
	if len(chunks) == 1 {
		b.q.emit(ir.Lower(chunks[0], ir.Options{}), b.dst)
		return true
	}
	for i, next := range chunks[1:] {
		from, to := b.calls(chunks[i]), b.calls(next)
		if !slices.EqualFunc(from, to, func(x, y Call) bool { return x.Op.String() == y.Op.String() }) {
			continue
		}
		a := b.q.emit(ir.Lower(chunks[i], ir.Options{}), b.dst)
		for j, c := range b.q.Calls[len(b.q.Calls)-len(a.low.Calls):] {
			follow(c.in, from[j].in, to[j].in, i)
			follow(c.out, from[j].out, to[j].out, i)
		}
		return true
	}
	return false
}

// calls are the calls that a chunk is lowered to, by themselves.
func (b *chunkBuilder) calls(chunk []ir.Output) []Call {
	p := &Plan{Buffers: slices.Clone(b.q.Buffers), arrays: slices.Clone(b.q.arrays), Operands: slices.Clone(b.q.Operands)}
	p.emit(ir.Lower(chunk, ir.Options{}), b.dst)
	return p.Calls
}

// follow makes slots move as they do from chunk i to the next, and start where chunk 0 does.
func follow(slots, from, to []slot, i int) {
	for j := range slots {
		slots[j].step = to[j].off - from[j].off
		slots[j].off = from[j].off - i*slots[j].step
	}
}

// scheduleChunks repeats the calls from whole up to body for each full chunk; those before are the
// prelude, those after the rest.
func (p *Plan) scheduleChunks(whole, body, full int) {
	var always []int // results and what all chunks need
	for i, b := range p.Buffers {
		if b.Purpose == device.Result {
			p.Steps = append(p.Steps, Step{Kind: Alloc, Buffer: i})
		}
	}
	first, last := p.lifetimes(0, len(p.Calls))
	for i, b := range p.Buffers {
		if b.Purpose != device.Result && first[i] >= 0 && first[i] < whole && last[i] >= whole {
			always = append(always, i)
		}
	}
	p.Steps = append(p.Steps, p.section(0, whole, always)...)
	p.Steps = append(p.Steps, Step{Kind: Repeat, Count: full, Body: p.section(whole, body, always)})
	p.Steps = append(p.Steps, p.section(body, len(p.Calls), always)...)
	for _, i := range always {
		p.Steps = append(p.Steps, Step{Kind: Free, Buffer: i})
	}
	p.account()
}
