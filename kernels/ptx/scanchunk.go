package ptx

import (
	"fmt"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/canon"
)

// segmentPitch is the elements from a segment to the next in shared memory: one more than it has, so that lanes that
// go through segments side by side use different banks.
const segmentPitch = canon.ScanSegment + 1

// inChunks reports whether a warp should take chunks of a line: they are contiguous and not too short.
func (p *pass) inChunks() bool {
	size := p.In[0].Type.Size()
	last := len(p.Space) - 1
	return p.Hi-p.Lo == 1 && p.RowLen() >= 4*canon.ScanSegment && p.In[0].Strides[last] == size && p.Out[0].Strides[last] == size
}

// scanChunks launches a scan of contiguous lines: the totals of chunks, what is before each, and then the chunks. A
// chunk is read in whole sectors, to shared memory, where each lane has a segment.
func (m *module) scanChunks(p *pass) {
	chunks := ceilDiv(p.RowLen(), canon.ScanChunk)
	var before *array
	if chunks > 1 {
		before = &array{kind: Scratch, off: m.reserve(p.Rows() * chunks * p.In[0].Type.Size())}
		m.chunkKernel(p, "chunk_totals", func(c *chunkScan) { c.storeTotal(*before) })
		m.prefixes(p, chunks, *before)
	}
	m.chunkKernel(p, "chunk_scan", func(c *chunkScan) { c.storeScan(before) })
}

// chunkScan writes a kernel of which each warp has a chunk in shared memory.
type chunkScan struct {
	*rowKernel
	f           *fold
	size        int
	line, chunk string
	first, n    string // the chunk's first element in its line, and the number of its elements
	slot        string // the address of the chunk in shared memory
	segment     string // that of the lane's segment
	count       string // the elements of that
}

// chunkKernel launches a kernel with a warp for each chunk of each line; body writes what it does when the chunk is in
// shared memory.
func (m *module) chunkKernel(p *pass, name string, body func(c *chunkScan)) {
	r := newRowKernel(name, p)
	r.comment("a warp for each %d elements of each line, a lane for each %d", canon.ScanChunk, canon.ScanSegment)
	chunks := ceilDiv(p.RowLen(), canon.ScanChunk)
	segments := min(ceilDiv(p.RowLen(), canon.ScanSegment), canon.ScanChunk/canon.ScanSegment)
	c := &chunkScan{rowKernel: r, f: r.foldsOf([]int{1})[0], size: p.In[0].Type.Size()}
	room := (segments*segmentPitch*c.size + 15) &^ 15
	total := r.word("total", p.Rows()*chunks)
	warp := r.warp()
	end := r.label("END")
	r.when(r.to(pred, "setp.ge.u32", warp, total), "bra", end)
	c.line, c.chunk = r.divide(warp, r.divisor(chunks))
	r.enter(r.kept.offsets(c.line, r.none()))
	c.first = r.to(b32, "shl.b32", c.chunk, fmt.Sprint(log2(canon.ScanChunk)))
	c.n = r.to(b32, "min.u32", r.to(b32, "sub.u32", r.n, c.first), fmt.Sprint(canon.ScanChunk))
	c.slot = r.to(b32, "mad.lo.u32", r.to(b32, "shr.u32", r.special("tid.x"), "5"), r.word("room", room), r.to(b32, "mov.u32", dynamicName))
	c.segment = r.to(b32, "mad.lo.u32", r.lane(), fmt.Sprint(segmentPitch*c.size), c.slot)
	left := r.to(b32, "sub.s32", c.n, r.to(b32, "shl.b32", r.lane(), fmt.Sprint(log2(canon.ScanSegment))))
	c.count = r.to(b32, "max.s32", r.to(b32, "min.s32", left, fmt.Sprint(canon.ScanSegment)), "0")
	c.bring(m.target)
	body(c)
	r.place(end)
	m.launchWarps(r.writer, p.Rows()*chunks, room)
}

// lanesOver goes over the chunk, each lane one element of 32: move has the address of four, 32 apart, in global and in
// shared memory, of which those are there whose predicate holds or is "".
func (c *chunkScan) lanesOver(base string, move func(global, shared string, inside []string)) {
	lane := c.to(b32, "mul.lo.u32", c.lane(), fmt.Sprint(c.size))
	global := c.to(b64, "add.s64", c.to(b64, "mad.wide.u32", c.first, fmt.Sprint(c.size), base), c.to(b64, "cvt.u64.u32", lane))
	shared := c.to(b32, "add.u32", c.slot, lane)
	done := c.variable(dtype.Uint32, "0")
	whole := c.to(b32, "and.b32", c.n, fmt.Sprint(-canon.ScanSegment))
	c.while("lt.u32", done, whole, func() {
		move(global, shared, make([]string, 4))
		c.emit("add.s64", global, global, fmt.Sprint(canon.ScanSegment*c.size))
		c.emit("add.u32", shared, shared, fmt.Sprint(segmentPitch*c.size))
		c.emit("add.u32", done, done, fmt.Sprint(canon.ScanSegment))
	})
	c.comment("the last segment, if it is short")
	rest := c.to(b32, "sub.s32", c.to(b32, "sub.u32", c.n, whole), c.lane())
	var inside []string
	for j := range 4 {
		inside = append(inside, c.to(pred, "setp.gt.s32", rest, fmt.Sprint(32*j)))
	}
	move(global, shared, inside)
}

// guarded is an instruction under a predicate, if there is one.
func guarded(p, instruction string) string {
	if p == "" {
		return instruction
	}
	return "@" + p + " " + instruction
}

// bring copies the chunk to shared memory.
func (c *chunkScan) bring(target Target) {
	async := target.Arch >= 80 && c.size >= 4
	typ := map[int]string{1: "u8", 2: "u16", 4: "b32", 8: "b64"}[c.size]
	class := b32
	if c.size == 8 {
		class = b64
	}
	c.lanesOver(c.at[0], func(global, shared string, inside []string) {
		var x []string
		for j, p := range inside {
			from, to := fmt.Sprintf("[%s+%d]", global, 32*j*c.size), fmt.Sprintf("[%s+%d]", shared, 32*j*c.size)
			if async {
				c.emit(guarded(p, "cp.async.ca.shared.global"), to, from, fmt.Sprint(c.size))
				continue
			}
			x = append(x, c.reg(class))
			c.emit(guarded(p, "ld.global."+typ), x[j], from)
		}
		for j, v := range x {
			c.emit(guarded(inside[j], "st.shared."+typ), fmt.Sprintf("[%s+%d]", shared, 32*j*c.size), v)
		}
	})
	if async {
		c.isa = c.isa.with(isaAsync)
		c.emit("cp.async.wait_all")
	}
	c.emit("bar.warp.sync -1")
}

// overSegment goes through the lane's segment in order: use has the address of an element and its value.
func (c *chunkScan) overSegment(use func(at, x string)) {
	at := c.variable(dtype.Uint32, c.segment)
	i := c.variable(dtype.Uint32, "0")
	whole := c.to(b32, "and.b32", c.count, "-4")
	for _, several := range []int{4, 1} {
		end := c.count
		if several > 1 {
			end = whole
		}
		c.while("lt.u32", i, end, func() {
			var x []string
			for j := range several {
				x = append(x, c.loadFrom("shared", c.f.t, fmt.Sprintf("[%s+%d]", at, j*c.size)))
			}
			for j := range several {
				use(fmt.Sprintf("[%s+%d]", at, j*c.size), x[j])
			}
			c.emit("add.u32", at, at, fmt.Sprint(several*c.size))
			c.emit("add.u32", i, i, fmt.Sprint(several))
		})
	}
}

// totals is the total of the lane's segment; of none it is neutral.
func (c *chunkScan) totals() accumulator {
	c.comment("totals of segments")
	acc := c.start(c.f)
	c.overSegment(func(_, x string) { c.assign(c.f, acc, c.join(c.f, acc, accumulator{v: x}), "") })
	return acc
}

// fromLane is the value that a lane has.
func (k *kernelWriter) fromLane(t dtype.DType, v string, lane int) string {
	return k.shuffle(t, v, "idx", lane)
}

// leftToRight folds the values of the warp's lanes in order into what is there. With before, which is there too, it
// notes what was there before the lane's own.
func (k *kernelWriter) leftToRight(f *fold, v, all accumulator, before *accumulator) {
	for i := range 32 {
		if before != nil {
			k.assign(f, *before, all, k.to(pred, "setp.eq.u32", k.lane(), fmt.Sprint(i)))
		}
		k.assign(f, all, k.join(f, all, accumulator{v: k.fromLane(f.t, v.v, i)}), "")
	}
}

// storeTotal stores the total of the chunk: those of the lines of a chunk lie next to each other.
func (c *chunkScan) storeTotal(to array) {
	all := c.start(c.f)
	c.leftToRight(c.f, c.totals(), all, nil)
	at := c.to(b32, "mad.lo.u32", c.chunk, c.word("lines", c.p.Rows()), c.line)
	c.storePartial(c.f, partial{value: to}, at, all, c.to(pred, "setp.eq.u32", c.lane(), "0"))
}

// storeScan scans the segments, with what is before them, and stores the chunk.
func (c *chunkScan) storeScan(prefix *array) {
	base := c.start(c.f)
	c.leftToRight(c.f, c.totals(), c.start(c.f), &base)
	if prefix != nil {
		at := c.to(b32, "mad.lo.u32", c.chunk, c.word("lines", c.p.Rows()), c.line)
		address := c.to(b64, "mad.wide.u32", at, fmt.Sprint(c.size), c.address("prefix", *prefix))
		base = c.join(c.f, accumulator{v: c.load(c.f.t, address, 0)}, base)
	}
	c.comment("scans of segments")
	acc := c.start(c.f)
	c.overSegment(func(at, x string) {
		c.assign(c.f, acc, c.join(c.f, acc, accumulator{v: x}), "")
		c.store("shared", c.f.t, at, c.join(c.f, base, acc).v, "")
	})
	c.emit("bar.warp.sync -1")
	c.comment("the chunk to global memory")
	typ := storeType(c.f.t)
	c.lanesOver(c.at[1], func(global, shared string, inside []string) {
		var x []string
		for j, p := range inside {
			x = append(x, c.reg(map[bool]string{true: b32, false: machine[c.f.t].class}[c.f.t == dtype.Bool]))
			c.emit(guarded(p, "ld.shared."+typ), x[j], fmt.Sprintf("[%s+%d]", shared, 32*j*c.size))
		}
		for j, p := range inside {
			c.emit(guarded(p, "st.global."+typ), fmt.Sprintf("[%s+%d]", global, 32*j*c.size), x[j])
		}
	})
}

// prefixes launches a kernel with a warp for each line, which makes of the totals of its chunks what is before each, 32
// at a time: the chain of additions does not wait for memory.
func (m *module) prefixes(p *pass, n int, totals array) {
	w := newWriter("prefixes")
	k := &kernelWriter{writer: w, p: p}
	f := k.foldsOf([]int{1})[0]
	size := f.t.Size()
	w.comment("a warp for each line: what is before each of its chunks")
	lines, count := w.word("lines", p.Rows()), w.word("n", n)
	line := w.warp()
	end := w.label("END")
	w.when(w.to(pred, "setp.ge.u32", line, lines), "bra", end)
	chunk := w.variable(dtype.Uint32, "0")
	all := k.start(f)
	w.while("lt.u32", chunk, count, func() {
		i := w.to(b32, "add.u32", chunk, w.lane())
		inside := w.to(pred, "setp.lt.u32", i, count)
		at := w.to(b32, "mad.lo.u32", w.to(b32, "min.u32", i, w.to(b32, "sub.u32", count, "1")), lines, line)
		address := w.to(b64, "mad.wide.u32", at, fmt.Sprint(size), w.address("totals", totals))
		x := accumulator{v: w.load(f.t, address, 0)}
		before := k.start(f)
		k.leftToRight(f, x, all, &before)
		w.emit("bar.warp.sync -1")
		k.store("global", f.t, "["+address+"]", before.v, inside)
		w.emit("add.u32", chunk, chunk, "32")
	})
	w.place(end)
	m.launchWarps(w, p.Rows(), 0)
}
