package plan

import (
	"context"
	"maps"
	"math"
	"slices"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/internal/ir"
)

// chunkBuilder writes a plan in chunks: sections of calls, one after another, some of them repeated.
type chunkBuilder struct {
	ctx    context.Context
	q      *Plan
	budget int
	chunks *Chunking
	err    error // of a device, while trying what fits

	targets  []Target // with equal subexpressions made one
	dst      []slot   // where whole results go
	sections []section
	shared   map[*ir.Node]*ir.Node // values that are stored before the results, and the leaves that stand for them
	pending  []*ir.Node            // of those, what is not computed yet
	memo     map[*ir.Node]*ir.Node // see reduced
}

// section is the calls from the end of the section before up to but without end.
type section struct {
	end   int
	times int // they are repeated; 0 if they are not
}

func newChunkBuilder(ctx context.Context, p *Plan, budget int) *chunkBuilder {
	b := &chunkBuilder{ctx: ctx, budget: budget, shared: map[*ir.Node]*ir.Node{}, memo: map[*ir.Node]*ir.Node{}}
	b.chunks = &Chunking{Budget: budget, Whole: p.PeakBytes}
	b.q = &Plan{Device: p.Device, large: p.large, Warnings: p.Warnings, targets: p.targets, work: -1, Chunks: b.chunks, Operands: p.Operands}
	b.targets = sharing(p.targets)
	for _, t := range p.targets {
		if t.Out != nil {
			b.q.results = append(b.q.results, -1)
			b.dst = append(b.dst, b.q.out(t.Out))
			continue
		}
		i := b.q.buffer(Buffer{Name: t.Node.Name(), Purpose: device.Result, Bytes: t.Node.Bytes(), Site: t.Node.Site})
		b.q.results = append(b.q.results, i)
		b.dst = append(b.dst, slot{array: -1, buffer: i})
	}
	return b
}

// sharing is targets whose equal subexpressions are one node, so that a value is stored once.
func sharing(targets []Target) []Target {
	var all []*ir.Node
	for _, t := range targets {
		all = append(all, t.Node)
		if t.Mask != nil {
			all = append(all, t.Mask)
		}
	}
	all = ir.Share(all)
	shared := slices.Clone(targets)
	for i := range shared {
		shared[i].Node, all = all[0], all[1:]
		if shared[i].Mask != nil {
			shared[i].Mask, all = all[0], all[1:]
		}
	}
	return shared
}

// leaf is what stands for a value that is stored before the results.
func (b *chunkBuilder) leaf(n *ir.Node) *ir.Node {
	leaf, ok := b.shared[n]
	if !ok {
		leaf = b.store(n)
		b.shared[n] = leaf
		b.pending = append(b.pending, n)
	}
	return leaf
}

// store is a leaf on a new buffer for the value of a node.
func (b *chunkBuilder) store(n *ir.Node) *ir.Node {
	i := b.q.buffer(Buffer{Name: n.Name(), Purpose: device.Intermediate, Bytes: n.Bytes(), Site: n.Site})
	return ir.NewLeaf(stagedArray(i), n.Type, broadcast.Contiguous(n.Shape, n.Type.Size()))
}

// stagedAt is where a leaf of store is.
func stagedAt(leaf *ir.Node) slot { return slot{array: -1, buffer: int(leaf.Array.(stagedArray))} }

// whole is the results as they are without chunks.
func (b *chunkBuilder) whole() []ir.Output {
	outs := make([]ir.Output, len(b.targets))
	for i, t := range b.targets {
		outs[i] = fresh(t.Node)
		if t.Out != nil {
			outs[i] = ir.Output{Node: t.Node, At: t.Out.At.Clone(), Mask: t.Mask}
			outs[i].At.Offset = 0
		}
	}
	return outs
}

// parts are the results [lo, hi) along an axis.
func (b *chunkBuilder) parts(axis, lo, hi int) []ir.Output {
	parts := ir.Parts{Whole: b.leaf}
	outs := b.whole()
	for i, o := range outs {
		outs[i] = ir.Output{Node: parts.Of(o.Node, axis, lo, hi), At: sliced(o.At, axis, lo, hi)}
		if o.Mask != nil {
			outs[i].Mask = parts.Of(o.Mask, axis, lo, hi)
		}
	}
	return outs
}

// sliced is the part [lo, hi) of a layout along an axis.
func sliced(at broadcast.View, axis, lo, hi int) broadcast.View {
	ix := make([]broadcast.Index, axis+1)
	ix[axis] = broadcast.Range(lo, hi)
	part, err := at.Index(ix...)
	if err != nil {
		panic("BUG: plan: " + err.Error())
	}
	return part
}

// stageShared computes the values that were met: together if that fits, so that they share what they read, or else one
// after another, from reductions in chunks.
func (b *chunkBuilder) stageShared() {
	ns := b.pending
	b.pending = nil
	if len(ns) == 0 || b.err != nil {
		return
	}
	if b.fits(func() bool { return b.compute(ns, ns) }) {
		return
	}
	for _, n := range ns {
		small := b.reduced(n)
		b.compute([]*ir.Node{n}, []*ir.Node{small})
	}
}

// compute is a section that stores values, computed by other nodes, where the leaves of them are.
func (b *chunkBuilder) compute(values, by []*ir.Node) bool {
	var outs []ir.Output
	var dst []slot
	for i, n := range values {
		outs = append(outs, fresh(by[i]))
		dst = append(dst, stagedAt(b.shared[n]))
	}
	b.section(outs, dst)
	return true
}

// section writes the calls that compute outputs into places, once.
func (b *chunkBuilder) section(outs []ir.Output, dst []slot) {
	b.q.emit(ir.Lower(outs, ir.Options{}), dst)
	b.sections = append(b.sections, section{end: len(b.q.Calls)})
}

// repeat writes sections that compute the parts of n rows: the full ones, which are repeated, and the rest. It is false
// if they cannot be repeated.
func (b *chunkBuilder) repeat(n, rows int, dst []slot, part func(lo, hi int) []ir.Output) bool {
	full := n / rows
	var chunks [][]ir.Output // the first few, which tell how far operands move from one to the next
	for i := range min(full, 3) {
		chunks = append(chunks, part(i*rows, (i+1)*rows))
	}
	if !b.body(chunks, dst) {
		return false
	}
	b.sections = append(b.sections, section{len(b.q.Calls), full})
	if n%rows > 0 {
		b.section(part(full*rows, n), dst)
	}
	return true
}

// body writes the calls of a chunk that is repeated, from one chunk and the next: they differ in
// offsets alone. By accident two operands of one chunk can be the same memory, and its calls fewer; then
// the chunks after it serve, and if they do not either, there is no body.
func (b *chunkBuilder) body(chunks [][]ir.Output, dst []slot) bool {
	if len(chunks) == 1 {
		b.q.emit(ir.Lower(chunks[0], ir.Options{}), dst)
		return true
	}
	for i, next := range chunks[1:] {
		from, to := b.calls(chunks[i], dst), b.calls(next, dst)
		if !slices.EqualFunc(from, to, func(x, y Call) bool { return x.Op.String() == y.Op.String() }) {
			continue
		}
		a := b.q.emit(ir.Lower(chunks[i], ir.Options{}), dst)
		for j, c := range b.q.Calls[len(b.q.Calls)-len(a.low.Calls):] {
			follow(c.in, from[j].in, to[j].in, i)
			follow(c.out, from[j].out, to[j].out, i)
		}
		return true
	}
	return false
}

// calls are the calls that a chunk is lowered to, by themselves.
func (b *chunkBuilder) calls(chunk []ir.Output, dst []slot) []Call {
	p := &Plan{Buffers: slices.Clone(b.q.Buffers), sources: slices.Clone(b.q.sources), params: slices.Clone(b.q.params), Chunks: b.chunks}
	p.emit(ir.Lower(chunk, ir.Options{}), dst)
	return p.Calls
}

// follow makes slots move as they do from chunk i to the next, and start where chunk 0 does.
func follow(slots, from, to []slot, i int) {
	for j := range slots {
		slots[j].step = to[j].off - from[j].off
		slots[j].off = from[j].off - i*slots[j].step
	}
}

// fits writes sections if the plan with them, so far, is within the budget.
func (b *chunkBuilder) fits(write func() bool) bool { return b.trial(write) <= b.budget && write() }

// trial is the peak of the plan so far with what is written, which is taken back. It is beyond all budgets if that
// cannot be written, or the device has an error.
func (b *chunkBuilder) trial(write func() bool) int {
	defer b.saved()()
	if b.err != nil || !write() {
		return math.MaxInt
	}
	if b.err = b.schedule(); b.err != nil {
		return math.MaxInt
	}
	b.err = b.q.Close()
	return b.q.PeakBytes
}

// saved keeps what is written so far; the function that it returns takes back what is written from now on.
func (b *chunkBuilder) saved() (restore func()) {
	q := b.q
	calls, buffers, sources, params, work := q.Calls, q.Buffers, q.sources, q.params, q.work
	sections, pending, reductions := b.sections, b.pending, b.chunks.Reductions
	shared, memo := maps.Clone(b.shared), maps.Clone(b.memo)
	q.Calls = slices.Clone(calls)
	for i := range q.Calls {
		q.Calls[i].in, q.Calls[i].out = slices.Clone(calls[i].in), slices.Clone(calls[i].out)
	}
	q.Buffers, q.sources, q.params = slices.Clone(buffers), slices.Clone(sources), slices.Clone(params)
	b.sections, b.chunks.Reductions = slices.Clip(sections), slices.Clip(reductions)
	return func() {
		q.Calls, q.Buffers, q.sources, q.params, q.work = calls, buffers, sources, params, work
		b.sections, b.pending, b.chunks.Reductions = sections, pending, reductions
		b.shared, b.memo = shared, memo
	}
}

// finish is the plan.
func (b *chunkBuilder) finish() (*Plan, error) {
	if err := b.schedule(); err != nil {
		return nil, err
	}
	return b.q, nil
}

// schedule compiles the calls and makes steps of the sections. Results are allocated first; other buffers live from
// the first section that touches them to the last.
func (b *chunkBuilder) schedule() error {
	ends := slices.Clone(b.sections)
	marks := make([]*int, len(ends))
	for i := range ends {
		marks[i] = &ends[i].end
	}
	q := b.q
	if err := q.compile(b.ctx, marks...); err != nil {
		return err
	}
	q.Steps = nil
	beyond := b.crossing(ends)
	for i, buf := range q.Buffers {
		if buf.Purpose == device.Result {
			q.Steps = append(q.Steps, Step{Kind: Alloc, Buffer: i})
		}
	}
	from := 0
	for i, s := range ends {
		for _, c := range beyond {
			if c.first == i {
				q.Steps = append(q.Steps, Step{Kind: Alloc, Buffer: c.buffer})
			}
		}
		body := q.section(from, s.end, func(buf int) bool {
			return q.Buffers[buf].Purpose == device.Result || slices.ContainsFunc(beyond, func(c crossing) bool { return c.buffer == buf })
		})
		if s.times > 0 {
			body = []Step{{Kind: Repeat, Count: s.times, Body: body}}
		}
		q.Steps = append(q.Steps, body...)
		for _, c := range beyond {
			if c.last == i {
				q.Steps = append(q.Steps, Step{Kind: Free, Buffer: c.buffer})
			}
		}
		from = s.end
	}
	q.account()
	return nil
}

// crossing is a buffer that several sections touch.
type crossing struct{ buffer, first, last int }

func (b *chunkBuilder) crossing(sections []section) []crossing {
	var all []crossing
	q := b.q
	for i, buf := range q.Buffers {
		if buf.Purpose == device.Result || i == q.work {
			continue
		}
		c := crossing{i, -1, -1}
		from := 0
		for j, s := range sections {
			if first, _ := q.lifetimes(from, s.end); first[i] >= 0 {
				if c.first < 0 {
					c.first = j
				}
				c.last = j
			}
			from = s.end
		}
		if c.first < c.last {
			all = append(all, c)
		}
	}
	return all
}
