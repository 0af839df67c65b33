package ptx

import (
	"fmt"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/ir"
)

// scan launches a running fold: the totals of segments, what is before each segment in its chunk, what is before
// each chunk, and then the segments again. What does not exist is the neutral element, which changes no bits.
// Arrays of totals have the lines of one segment next to each other.
func (m *module) scan(o *ir.Scan) {
	if extent(o.Space) == 0 {
		return
	}
	p := scanPass(o).foldedLast().merged()
	if p.RowLen() > m.target.indices() {
		m.refused = true
		return
	}
	for _, part := range p.parts(0, m.target.indices()) {
		if part.inChunks() {
			m.scanChunks(part)
		} else {
			m.scanLines(part)
		}
	}
}

// scanPass is a scan as a kernel with a fold, whose result is that of a whole line, and a store of elements.
func scanPass(o *ir.Scan) *pass {
	none := [3]int{-1, -1, -1}
	k := &ir.Kernel{Space: o.Space, Lo: o.Axis, Hi: o.Axis + 1, Rule: canon.Chunk, In: []ir.Operand{o.From}, Out: []ir.Operand{o.To},
		Code: []ir.Inst{
			{Kind: ir.Load, Type: o.Type, Args: none},
			{Kind: ir.Fold, Code: o.Code, Type: o.Type, Args: [3]int{0, -1, -1}, Row: true},
			{Kind: ir.Store, Type: o.Type, Args: [3]int{0, -1, -1}},
		}}
	return &pass{Kernel: k, at: places(o)}
}

func (m *module) scanLines(p *pass) {
	t := p.In[0].Type
	lines, segments := p.Rows(), ceilDiv(p.RowLen(), canon.ScanSegment)
	room := func(n int) array { return array{kind: Scratch, off: m.reserve(lines * n * t.Size())} }
	var before []array // of segments, of chunks
	if segments > 1 {
		before = append(before, room(segments))
		m.chunks(p, canon.ScanSegment, []partial{{value: before[0]}})
		const group = canon.ScanChunk / canon.ScanSegment
		if chunks := ceilDiv(segments, group); chunks > 1 {
			before = append(before, room(chunks))
			m.exclusive(p, segments, group, before[0], before[1:])
			m.exclusive(p, chunks, chunks, before[1], nil)
		} else {
			m.exclusive(p, segments, segments, before[0], nil)
		}
	}
	m.segments(p, before)
}

// exclusive launches a kernel with a thread for each group of n totals of each line: each total becomes the fold
// of those before it in its group. The folds of whole groups go to another array, if there is one.
func (m *module) exclusive(p *pass, n, group int, totals array, whole []array) {
	groups, lines := ceilDiv(n, group), p.Rows()
	w := newWriter("before")
	k := &kernelWriter{writer: w, p: p}
	f := k.foldsOf([]int{1})[0]
	size := f.t.Size()
	w.comment("%v %v of what is before, in groups", f.code, f.t)
	all := w.word("total", groups*lines)
	count, per, step := w.word("n", n), w.word("group", group), w.word("lines", lines)
	thread := w.globalThread()
	end := w.label("END")
	w.when(w.to(pred, "setp.ge.u32", thread, all), "bra", end)
	g, line := w.divide(thread, w.divisor(lines))
	i := w.to(b32, "mul.lo.u32", g, per)
	last := w.to(b32, "min.u32", w.to(b32, "add.u32", i, per), count)
	place := w.to(b64, "add.u64", w.to(b64, "mul.wide.u32", i, step), w.to(b64, "cvt.u64.u32", line))
	at := w.to(b64, "mad.lo.u64", place, fmt.Sprint(size), w.address("totals", totals))
	bytes := w.to(b64, "mul.wide.u32", step, fmt.Sprint(size))
	acc := k.start(f)
	i = w.variable(dtype.Uint32, i)
	w.while("lt.u32", i, last, func() {
		x := accumulator{v: w.load(f.t, at, 0)}
		w.store("global", f.t, "["+at+"]", acc.v, "")
		k.assign(f, acc, k.join(f, acc, x), "")
		w.emit("add.u64", at, at, bytes)
		w.emit("add.u32", i, i, "1")
	})
	for _, a := range whole {
		k.storePartial(f, partial{value: a}, thread, acc, "")
	}
	w.place(end)
	m.launchThreads(w, groups*lines)
}

// globalThread is the number of the thread in the launch.
func (w *writer) globalThread() string {
	return w.to(b32, "mad.lo.u32", w.special("ctaid.x"), w.special("ntid.x"), w.special("tid.x"))
}

// segments launches a kernel with a thread for each segment of each line, which folds from its first element on,
// and stores each result with what is before the segment.
func (m *module) segments(p *pass, before []array) {
	r := newRowKernel("scan", p)
	r.comment("a thread for each segment of %d elements of each line", canon.ScanSegment)
	lines, count := p.Rows(), ceilDiv(p.RowLen(), canon.ScanSegment)
	f := r.foldsOf([]int{1})[0]
	total := r.word("total", lines*count)
	thread := r.globalThread()
	end := r.label("END")
	r.when(r.to(pred, "setp.ge.u32", thread, total), "bra", end)
	segment, line := r.divide(thread, r.divisor(lines))
	r.enter(r.kept.offsets(line, r.none()))
	base := r.base(f, before, thread, segment, line)
	acc := r.start(f)
	put := func(pt *point, j int) string {
		r.assign(f, acc, r.join(f, acc, accumulator{v: pt.values[j][0]}), "")
		if len(before) == 0 {
			return r.variable(f.t, acc.v)
		}
		return r.join(f, base, acc).v
	}
	i := r.variable(dtype.Uint32, r.to(b32, "shl.b32", segment, fmt.Sprint(log2(canon.ScanSegment))))
	last := r.to(b32, "min.u32", r.to(b32, "add.u32", i, fmt.Sprint(canon.ScanSegment)), r.n)
	step := func(n int) {
		pt := &point{offset: r.inner.offsets(i, r.none())}
		r.elements([]*point{pt}, n, r.inner, []int{0})
		for j := range n {
			pt.values[j][0] = put(pt, j)
		}
		r.kernelWriter.stores([]*point{pt}, n, r.inner, []int{2})
		r.emit("add.u32", i, i, fmt.Sprint(n))
	}
	if width := r.width(); r.inner.vectors(width) {
		slow := r.label("SLOW")
		r.unlessAligned(r.inner, width, []int{0, 2}, slow)
		rest := r.to(b32, "and.b32", last, fmt.Sprint(width-1))
		r.while("lt.u32", i, r.to(b32, "sub.u32", last, rest), func() { step(width) })
		r.place(slow)
	}
	r.while("lt.u32", i, last, func() { step(1) })
	r.place(end)
	m.launchThreads(r.writer, lines*count)
}

// base is the fold of all that is before a segment: of its chunk, and of the chunks before that.
func (r *rowKernel) base(f *fold, before []array, thread, segment, line string) accumulator {
	load := func(name string, a array, index string) accumulator {
		at := r.to(b64, "mad.wide.u32", index, fmt.Sprint(f.t.Size()), r.address(name, a))
		return accumulator{v: r.load(f.t, at, 0)}
	}
	switch len(before) {
	case 0:
		return accumulator{}
	case 1:
		return load("before", before[0], thread)
	}
	chunk := r.to(b32, "shr.u32", segment, fmt.Sprint(log2(canon.ScanChunk/canon.ScanSegment)))
	lines := r.word("lines", r.p.Rows())
	return r.join(f, load("prefix", before[1], r.to(b32, "mad.lo.u32", chunk, lines, line)), load("before", before[0], thread))
}
