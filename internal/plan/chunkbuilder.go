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

	targets []Target // with equal subexpressions made one
	dst     []slot   // where whole results go
	staged  stay
	sparse  bool                  // a section would have to gather, and may not
	shared  map[*ir.Node]*ir.Node // values that are stored before the results, and the leaves that stand for them
	pending []*ir.Node            // of those, what is not computed yet
	memo    map[*ir.Node]*ir.Node // see reduced
}

func newChunkBuilder(ctx context.Context, p *Plan, c cut) *chunkBuilder {
	b := &chunkBuilder{ctx: ctx, budget: c.budget, shared: map[*ir.Node]*ir.Node{}, memo: map[*ir.Node]*ir.Node{}}
	b.chunks = &Chunking{Axis: c.axis, Gathers: c.gathers, Budget: c.budget, Whole: p.PeakBytes}
	b.q = &Plan{Device: p.Device, Home: p.Home, large: p.large, Warnings: p.Warnings, targets: p.targets, title: p.title, layouts: p.layouts, work: -1, Chunks: b.chunks, Operands: p.Operands}
	b.targets = sharing(p.targets)
	for _, t := range p.targets {
		if t.Out != nil {
			b.q.results = append(b.q.results, -1)
			b.dst = append(b.dst, b.q.out(t.Out))
			continue
		}
		i := b.q.result(t)
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
	return b.section(outs, dst)
}

// section writes the calls that compute outputs into places, once.
func (b *chunkBuilder) section(outs []ir.Output, dst []slot) bool {
	from := len(b.q.Calls)
	b.q.emit(ir.Lower(outs, ir.Options{}), dst)
	return b.stage(from, 0)
}

// stage ends a section.
func (b *chunkBuilder) stage(from, times int) bool {
	ok := b.q.stage(from, times, &b.staged)
	b.sparse = b.sparse || !ok
	return ok
}

// search is the most rows, up to n, of which chunks fit the budget; 0 if none do, or if chunks of many would have to gather
// what they read: those of few are not worth their copies then.
func (b *chunkBuilder) search(n int, write func(rows int) bool) int {
	b.sparse = false
	rows := largest(n, func(rows int) bool { return b.trial(func() bool { return write(rows) }) <= b.budget })
	if b.sparse || b.err != nil {
		return 0
	}
	return rows
}

// most is the most rows of n that a chunk may have: half of them where operands and results are copied, as those of one
// chunk are copied while another is computed.
func (b *chunkBuilder) most(n int) int {
	if b.q.Home != nil {
		return max(n/2, 1)
	}
	return n - 1
}

// repeat writes sections that compute the parts of n rows: the full ones, which are repeated, and the rest. It is false
// if they cannot be repeated.
func (b *chunkBuilder) repeat(n, rows int, dst []slot, part func(lo, hi int) []ir.Output) bool {
	full, from := n/rows, len(b.q.Calls)
	var chunks [][]ir.Output // the first few, which tell how far operands move from one to the next
	for i := range min(full, 3) {
		chunks = append(chunks, part(i*rows, (i+1)*rows))
	}
	if !b.body(chunks, dst) || !b.stage(from, full) {
		return false
	}
	return n%rows == 0 || b.section(part(full*rows, n), dst)
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
	if b.err = b.q.schedule(b.ctx); b.err != nil {
		return math.MaxInt
	}
	b.err = b.q.Close()
	return b.q.PeakBytes
}

// saved keeps what is written so far; the function that it returns takes back what is written from now on.
func (b *chunkBuilder) saved() (restore func()) {
	q := b.q
	calls, buffers, sources, params, work := q.Calls, q.Buffers, q.sources, q.params, q.work
	sections, transfers, staged := q.sections, q.Transfers, b.staged
	pending, reductions := b.pending, b.chunks.Reductions
	shared, memo := maps.Clone(b.shared), maps.Clone(b.memo)
	q.Calls = slices.Clone(calls)
	for i := range q.Calls {
		q.Calls[i].in, q.Calls[i].out = slices.Clone(calls[i].in), slices.Clone(calls[i].out)
	}
	q.Buffers, q.sources, q.params = slices.Clone(buffers), slices.Clone(sources), slices.Clone(params)
	q.sections, q.Transfers = slices.Clone(sections), slices.Clip(transfers)
	b.chunks.Reductions = slices.Clip(reductions)
	return func() {
		q.Calls, q.Buffers, q.sources, q.params, q.work = calls, buffers, sources, params, work
		q.sections, q.Transfers, b.staged = sections, transfers, staged
		b.pending, b.chunks.Reductions = pending, reductions
		b.shared, b.memo = shared, memo
	}
}

// finish is the plan.
func (b *chunkBuilder) finish() (*Plan, error) {
	if err := b.q.schedule(b.ctx); err != nil {
		return nil, err
	}
	return b.q, nil
}
