package ptx

import (
	"fmt"
	"slices"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/ir"
)

// team is the threads that share a row.
type team struct {
	thread string // the number of a thread in its team
	size   int
	leader string // predicate: thread 0
	sync   string // the barrier after which its threads may write what others of them have read
}

// rowKernel writes a kernel whose teams take a row each, folded dimensions last.
type rowKernel struct {
	*kernelWriter
	team
	kept, inner *walk
	n           string   // elements of a row
	stores      []int    // of row values, which come last
	share       []string // CTAs: the shared memory of results of blocks, by fold of a stage
	staging     *staging // what lies in shared memory between stages, or nil
	slots       []string // the addresses of its slots
	reading     bool     // others of the team may still read shared memory that is about to be written
}

func newRowKernel(name string, p *pass) *rowKernel {
	r := &rowKernel{kernelWriter: newKernelWriter(name, p)}
	r.held = map[int]string{}
	r.kept, r.inner = r.walkOver(0, p.Lo), r.walkOver(p.Lo, p.Hi)
	r.n = r.word("n", p.RowLen())
	return r
}

// rowsOfWarps launches a kernel with a warp for each row of at most one block. What several stages use lies in shared
// memory, if that has room for enough rows.
func (m *module) rowsOfWarps(p *pass) {
	x, bytes := m.stagingOfWarp(p)
	r := newRowKernel("rows", p)
	r.comment("a warp for each row of at most %d elements", canon.Block)
	rows := r.word("rows", p.Rows())
	row := r.warp()
	end := r.label("END")
	r.when(r.to(pred, "setp.ge.u32", row, rows), "bra", end)
	r.team = team{r.lane(), 32, r.to(pred, "setp.eq.u32", r.lane(), "0"), "bar.warp.sync -1"}
	r.enter(r.kept.offsets(row, r.none()))
	if x != nil {
		warp := r.to(b32, "shr.u32", r.special("tid.x"), "5")
		r.stage(x, r.to(b32, "mad.lo.u32", warp, r.word("room", bytes), r.to(b32, "mov.u32", dynamicName)))
		r.bring(m.target)
	}
	r.stages(func(folds []*fold, code []int, width int) []accumulator {
		return r.block(folds, code, width, "0", r.n)
	})
	r.place(end)
	m.launchWarps(r.writer, p.Rows(), bytes)
}

// launchWarps launches a kernel for so many warps, with shared memory for each: small CTAs where there are few, or
// where they take much of that.
func (m *module) launchWarps(w *writer, warps, shared int) {
	perCTA := maxThreads / 32
	for perCTA > 1 && (ceilDiv(warps, perCTA) < 4*m.target.processors() || perCTA*shared > maxShared) {
		perCTA /= 2
	}
	w.dynamic = perCTA * shared
	m.launch(w, ceilDiv(warps, perCTA), 32*perCTA)
}

// warp is the number of the thread's warp in the launch.
func (w *writer) warp() string {
	perCTA := w.to(b32, "shr.u32", w.special("ntid.x"), "5")
	return w.to(b32, "mad.lo.u32", w.special("ctaid.x"), perCTA, w.to(b32, "shr.u32", w.special("tid.x"), "5"))
}

// lane is the number of the thread in its warp.
func (w *writer) lane() string {
	if w.loaded["lane"] == "" {
		w.loaded["lane"] = w.reg(b32)
		fmt.Fprintf(&w.loads, "\tand.b32 %s, %s, 31;\n", w.loaded["lane"], w.special("tid.x"))
	}
	return w.loaded["lane"]
}

// ctaBlocks is the most blocks of a row that a CTA takes: their results are in shared memory.
const ctaBlocks = 512

// rowsOfCTAs launches a kernel with a CTA for each row. Its warps take blocks in turn; then each folds their
// results. What several stages use lies in shared memory, if that has room.
func (m *module) rowsOfCTAs(p *pass) {
	x, bytes := m.stagingOfCTA(p)
	threads := maxThreads
	if bytes > maxShared {
		threads = 2 * maxThreads // there are few of them on a multiprocessor
	}
	r := newRowKernel("long_rows", p)
	r.comment("a CTA for each row, its warps take blocks of %d", canon.Block)
	tid := r.special("tid.x")
	r.team = team{tid, threads, r.to(pred, "setp.eq.u32", tid, "0"), "bar.sync 0"}
	r.enter(r.kept.offsets(r.special("ctaid.x"), r.none()))
	r.shareResults(x, bytes)
	if x != nil {
		r.bring(m.target)
	}
	blocks := r.to(b32, "shr.u32", r.to(b32, "add.u32", r.n, fmt.Sprint(canon.Block-1)), "12")
	r.stages(func(folds []*fold, code []int, width int) []accumulator {
		r.settle()
		warp := r.to(b32, "shr.u32", tid, "5")
		b := r.variable(dtype.Uint32, warp)
		r.while("lt.u32", b, blocks, func() {
			from := r.to(b32, "shl.b32", b, "12")
			to := r.to(b32, "min.u32", r.to(b32, "add.u32", from, fmt.Sprint(canon.Block)), r.n)
			for i, acc := range r.block(folds, code, width, from, to) {
				r.shareResult(folds[i], r.share[i], b, acc)
			}
			r.emit("add.u32", b, b, fmt.Sprint(threads/32))
		})
		r.emit("bar.sync", "0")
		var results []accumulator
		for i, f := range folds {
			results = append(results, r.foldShared(f, r.share[i], blocks))
		}
		return results
	})
	m.launch(r.writer, p.Rows(), threads)
}

// shareResults makes room for results of blocks: declared, or before the slots of a row, as what is declared counts
// against the shared memory that a CTA has without leave.
func (r *rowKernel) shareResults(x *staging, bytes int) {
	if x == nil {
		for _, n := range r.p.sharedResults() {
			r.share = append(r.share, r.sharedBytes("results", n))
		}
		return
	}
	for _, n := range r.p.sharedResults() {
		r.share = append(r.share, fmt.Sprintf("%s+%d", dynamicName, r.dynamic))
		r.dynamic += n
	}
	r.stage(x, r.to(b32, "mov.u32", fmt.Sprintf("%s+%d", dynamicName, r.dynamic)))
	r.dynamic += bytes
}

// stagingOfWarp is what a warp keeps in shared memory, and the bytes of it; or nil.
func (m *module) stagingOfWarp(p *pass) (*staging, int) {
	x := p.staging(false)
	if x == nil {
		return nil, 0
	}
	bytes, _ := x.bytes(p.RowLen())
	if bytes > m.target.maxDynamic()/rowsPerSM {
		return nil, 0
	}
	return x, bytes
}

// needsCTA reports whether a row of one block has more to keep than a warp can have, but not more than a CTA.
func (m *module) needsCTA(p *pass) bool {
	if p.staging(false) == nil {
		return false
	}
	warp, _ := m.stagingOfWarp(p)
	cta, _ := m.stagingOfCTA(p)
	return warp == nil && cta != nil
}

// stagingOfCTA is what a CTA keeps in shared memory beside the results of blocks, and the bytes of it; or nil.
func (m *module) stagingOfCTA(p *pass) (*staging, int) {
	x := p.staging(true)
	if x == nil {
		return nil, 0
	}
	bytes, _ := x.bytes(p.RowLen())
	room := m.target.maxDynamic()
	for _, results := range p.sharedResults() {
		room -= results
	}
	if bytes > room {
		return nil, 0
	}
	return x, bytes
}

// maxShared is the shared memory that every CTA may have.
const maxShared = 48 << 10

// sharedResults is the bytes for the results of blocks, of each fold of a stage: values, then indices.
func (p *pass) sharedResults() []int {
	var bytes []int
	_, stages := p.Stages()
	for _, st := range stages {
		for i, v := range st.Folds {
			if i == len(bytes) {
				bytes = append(bytes, 0)
			}
			in := p.Code[v]
			n := p.Code[in.Args[0]].Type.Size()
			if in.Kind == ir.ArgFold {
				n = 8 + 8
			}
			bytes[i] = max(bytes[i], n*ctaBlocks)
		}
	}
	return bytes
}

// fitsCTA reports whether a CTA can take a row.
func (p *pass) fitsCTA() bool {
	total := 0
	for _, bytes := range p.sharedResults() {
		total += bytes
	}
	return total <= maxShared && canon.Blocks(p.RowLen()) <= ctaBlocks
}

// shareResult stores the result of block b: values first, then indices.
func (r *rowKernel) shareResult(f *fold, name, b string, acc accumulator) {
	first := r.to(pred, "setp.eq.u32", r.lane(), "0")
	r.store("shared", f.t, "["+r.sharedAddress(name, b, f.t)+"]", acc.v, first)
	if f.index {
		r.store("shared", dtype.Int64, fmt.Sprintf("[%s+%d]", r.sharedAddress(name, b, dtype.Int64), 8*ctaBlocks), acc.i, first)
	}
}

func (r *rowKernel) sharedAddress(name, index string, t dtype.DType) string {
	return r.to(b32, "mad.lo.u32", index, fmt.Sprint(t.Size()), r.to(b32, "mov.u32", name))
}

// foldShared folds the results of blocks, at most one block of them.
func (r *rowKernel) foldShared(f *fold, name, n string) accumulator {
	width := f.lanes()
	lanes := make([]accumulator, width)
	for j := range lanes {
		lanes[j] = r.start(f)
	}
	last := r.to(b32, "sub.u32", n, "1")
	row := r.variable(dtype.Uint32, "0")
	r.while("lt.u32", row, n, func() {
		e := r.to(b32, "mad.lo.u32", r.lane(), fmt.Sprint(width), row)
		for j := range lanes {
			at := e
			if j > 0 {
				at = r.to(b32, "add.u32", e, fmt.Sprint(j))
			}
			valid := r.to(pred, "setp.lt.u32", at, n)
			at = r.to(b32, "min.u32", at, last)
			x := accumulator{v: r.loadFrom("shared", f.t, "["+r.sharedAddress(name, at, f.t)+"]")}
			if f.index {
				x.i = r.loadFrom("shared", dtype.Int64, fmt.Sprintf("[%s+%d]", r.sharedAddress(name, at, dtype.Int64), 8*ctaBlocks))
			}
			r.assign(f, lanes[j], r.join(f, lanes[j], x), valid)
		}
		r.emit("add.u32", row, row, fmt.Sprint(32*width))
	})
	return r.tree(f, lanes)
}

// blocks launches a kernel with a warp for each block of each row, which stores the results of the folds.
func (m *module) blocks(p *pass, to []partial) {
	r := newRowKernel("blocks", p)
	r.comment("a warp for each block of %d elements of each row", canon.Block)
	blocks := canon.Blocks(p.RowLen())
	each := r.divisor(blocks)
	total := r.word("total", p.Rows()*blocks)
	warp := r.warp()
	end := r.label("END")
	r.when(r.to(pred, "setp.ge.u32", warp, total), "bra", end)
	row, b := r.divide(warp, each)
	r.team = team{r.lane(), 32, r.to(pred, "setp.eq.u32", r.lane(), "0"), "bar.warp.sync -1"}
	r.enter(r.kept.offsets(row, r.none()))
	from := r.to(b32, "shl.b32", b, "12")
	last := r.to(b32, "min.u32", r.to(b32, "add.u32", from, fmt.Sprint(canon.Block)), r.n)
	before, stages := p.Stages()
	r.rowValues(before)
	for _, g := range r.widths(r.foldsOf(stages[0].Folds)) {
		for i, acc := range r.block(g.folds, r.needed(g.folds), g.width, from, last) {
			r.storePartial(g.folds[i], to[slices.Index(stages[0].Folds, g.folds[i].inst)], warp, acc, r.leader)
		}
	}
	r.place(end)
	m.launchWarps(r.writer, p.Rows()*blocks, 0)
}

// storePartial stores an accumulator as the given element of the partial results.
func (k *kernelWriter) storePartial(f *fold, to partial, at string, acc accumulator, mask string) {
	put := func(t dtype.DType, a array, v string) {
		address := k.to(b64, "mad.wide.u32", at, fmt.Sprint(t.Size()), k.address("partial", a))
		k.store("global", t, "["+address+"]", v, mask)
	}
	put(f.t, to.value, acc.v)
	if f.index {
		put(dtype.Int64, to.index, acc.i)
	}
}

// stages writes the row values that need no fold, then the folds and row values of each stage, then all stores.
// run folds one group, and every thread of the team has the results.
func (r *rowKernel) stages(run func(folds []*fold, code []int, width int) []accumulator) {
	before, stages := r.p.Stages()
	r.rowValues(before)
	for s, st := range stages {
		r.makeValues(s)
		for _, g := range r.widths(r.foldsOf(st.Folds)) {
			if r.p.RowLen() == 0 {
				for _, f := range g.folds {
					r.row[f.inst] = r.empty(f)
				}
				continue
			}
			for i, acc := range run(g.folds, r.needed(g.folds), g.width) {
				r.row[g.folds[i].inst] = r.result(g.folds[i], acc)
			}
			r.reading = r.staging != nil || len(r.share) > 0
		}
		r.rowValues(st.Rows)
		if len(st.Stores) > 0 && r.p.RowLen() > 0 {
			if r.readsMemory(r.elementsOf(st.Stores)) {
				r.emit(r.sync) // others of the team may still fold what is overwritten where outputs are inputs
			}
			r.storeElements(st.Stores)
		}
	}
	switch {
	case len(r.stores) == 0:
		return
	case r.size == 1:
		r.storeRows()
		return
	}
	r.emit(r.sync)
	r.where(r.leader, r.storeRows)
}

// settle waits for the others of the team, where they may still read what is about to be written.
func (r *rowKernel) settle() {
	if r.reading {
		r.emit(r.sync)
	}
	r.reading = false
}

// readsMemory reports whether code loads elements from global memory.
func (r *rowKernel) readsMemory(code []int) bool {
	return slices.ContainsFunc(code, func(i int) bool { return r.p.Code[i].Kind == ir.Load && r.held[i] == "" })
}

// rowValues writes row values, and notes the stores among them for later.
func (r *rowKernel) rowValues(code []int) {
	for _, i := range code {
		switch in := r.p.Code[i]; in.Kind {
		case ir.Store:
			r.stores = append(r.stores, i)
		case ir.Load:
			r.row[i] = r.load(in.Type, r.at[in.Index], 0)
		default:
			r.row[i] = r.value(in, func(a int) string { return r.row[a] })
		}
	}
}

// storeRows stores row values.
func (r *rowKernel) storeRows() {
	r.kernelWriter.stores([]*point{{offset: r.none()}}, 1, &walk{strides: make([][]stride, len(r.strides))}, r.stores)
}

// groupOfFolds is folds of a stage that can share what they read: threads take the same elements.
type groupOfFolds struct {
	width int
	folds []*fold
}

// widths groups folds by the elements of a thread. Where the order does not show, any will do.
func (k *kernelWriter) widths(folds []*fold) []groupOfFolds {
	var groups []groupOfFolds
	add := func(f *fold, width int) {
		for i := range groups {
			if groups[i].width == width {
				groups[i].folds = append(groups[i].folds, f)
				return
			}
		}
		groups = append(groups, groupOfFolds{width, []*fold{f}})
	}
	for _, f := range folds {
		if f.ordered() {
			add(f, f.lanes())
		}
	}
	for _, f := range folds {
		if !f.ordered() && len(groups) > 0 {
			add(f, groups[0].width)
		} else if !f.ordered() {
			add(f, f.lanes())
		}
	}
	return groups
}

// needed is the element values, in order, on which folds depend.
func (k *kernelWriter) needed(folds []*fold) []int {
	need := make([]bool, len(k.p.Code))
	for _, f := range folds {
		need[f.arg] = true
		if f.with >= 0 {
			need[f.with] = true
		}
	}
	var code []int
	for i := len(k.p.Code) - 1; i >= 0; i-- {
		in := k.p.Code[i]
		if !need[i] || in.Row {
			continue
		}
		code = append(code, i)
		for _, a := range in.Args {
			if a >= 0 && k.held[i] == "" {
				need[a] = true
			}
		}
	}
	slices.Reverse(code)
	return code
}

// block folds the elements [from, to) of the row at hand, at most one block, by one warp: lanes, then the tree. If
// operands are aligned a thread has the lanes of 16 bytes, else lanes 32 apart, so that its warp reads neighbours.
func (r *rowKernel) block(folds []*fold, code []int, width int, from, to string) []accumulator {
	acc := make([][]accumulator, len(folds))
	for i, f := range folds {
		for range width {
			acc[i] = append(acc[i], r.start(f))
		}
	}
	row := r.variable(dtype.Uint32, from)
	if !r.inner.vectors(width) {
		return r.spreadRows(folds, acc, code, width, row, to)
	}
	aligned := r.aligned(r.inner, width, code)
	if aligned == "" {
		return r.vectorRows(folds, acc, code, width, row, to)
	}
	slow, end := r.label("SLOW"), r.label("FOLDED")
	r.when("!"+aligned, "bra", slow)
	results := r.vectorRows(folds, acc, code, width, row, to)
	r.emit("bra", end)
	r.place(slow)
	for i, x := range r.spreadRows(folds, acc, code, width, row, to) {
		r.assign(folds[i], results[i], x, "")
	}
	r.place(end)
	return results
}

// atOnce is how many rows of lanes a thread should take at once, for enough bytes in flight.
func (k *kernelWriter) atOnce(width int, code []int) int {
	if 4*width*k.work(code) > verbose/8 {
		return 1
	}
	return 4
}

// vectorRows takes rows of lanes, 16 bytes a thread: several at once, then one by one, then what there is of the last.
func (r *rowKernel) vectorRows(folds []*fold, acc [][]accumulator, code []int, width int, row, to string) []accumulator {
	take := func(several int) {
		e := r.to(b32, "mad.lo.u32", r.lane(), fmt.Sprint(width), row)
		var points []*point
		for s := range several {
			index := r.plus(e, s*32*width)
			points = append(points, r.pointAt(index, code))
		}
		r.elements(points, width, r.inner, code)
		for s, pt := range points {
			for j := range width {
				for i, f := range folds {
					r.update(f, acc[i][j], pt, j, r.elementIndex(f, e, s*32*width+j), "")
				}
			}
		}
	}
	left := r.to(b32, "sub.u32", to, row)
	for several := r.atOnce(width, code); several > 0; several /= 4 {
		step := 32 * width * several
		rest := r.to(b32, "and.b32", left, fmt.Sprint(step-1))
		r.while("lt.u32", row, r.to(b32, "sub.u32", to, rest), func() {
			take(several)
			r.emit("add.u32", row, row, fmt.Sprint(step))
		})
	}
	rest := r.to(b32, "and.b32", left, fmt.Sprint(width-1))
	whole := r.to(b32, "sub.u32", to, rest)
	mine := r.to(b32, "mad.lo.u32", r.lane(), fmt.Sprint(width), row)
	r.where(r.to(pred, "setp.lt.u32", mine, whole), func() { take(1) })
	r.lastFew(folds, acc, code, mine, whole, to)
	var results []accumulator
	for i, f := range folds {
		results = append(results, r.tree(f, acc[i]))
	}
	return results
}

// lastFew takes what is left after vectors, which all is of the thread whose first element is at whole.
func (r *rowKernel) lastFew(folds []*fold, acc [][]accumulator, code []int, mine, whole, to string) {
	is := r.to(pred, "setp.eq.u32", mine, whole)
	r.emit("setp.lt.and.u32", is, whole, to, is)
	r.where(is, func() {
		for j := range len(acc[0]) - 1 {
			if j == 0 {
				r.single(folds, acc, code, whole, whole, "", 0)
				continue
			}
			index := r.plus(whole, j)
			valid := r.to(pred, "setp.lt.u32", index, to)
			r.single(folds, acc, code, r.to(b32, "selp.b32", index, whole, valid), index, valid, j)
		}
	})
}

// single takes one element, which counts where valid holds or is "", as one of lane j of the thread.
func (r *rowKernel) single(folds []*fold, acc [][]accumulator, code []int, at, index, valid string, j int) {
	pt := r.pointAt(at, code)
	r.elements([]*point{pt}, 1, r.inner, code)
	for i, f := range folds {
		r.update(f, acc[i][j], pt, 0, index, valid)
	}
}

// spreadRows takes rows of lanes, of which a thread has the lanes 32 apart.
func (r *rowKernel) spreadRows(folds []*fold, acc [][]accumulator, code []int, width int, row, to string) []accumulator {
	step := 32 * width
	rest := r.to(b32, "and.b32", r.to(b32, "sub.u32", to, row), fmt.Sprint(step-1))
	e := r.to(b32, "add.u32", row, r.lane())
	e = r.variable(dtype.Uint32, e)
	r.while("lt.u32", row, r.to(b32, "sub.u32", to, rest), func() {
		var points []*point
		for j := range width {
			index := r.plus(e, 32*j)
			points = append(points, r.pointAt(index, code))
		}
		r.elements(points, 1, r.inner, code)
		for j, pt := range points {
			for i, f := range folds {
				r.update(f, acc[i][j], pt, 0, r.elementIndex(f, e, 32*j), "")
			}
		}
		r.emit("add.u32", row, row, fmt.Sprint(step))
		r.emit("add.u32", e, e, fmt.Sprint(step))
	})
	last := r.to(b32, "sub.u32", to, "1")
	r.where(r.to(pred, "setp.ne.u32", rest, "0"), func() {
		for j := range width {
			index := r.plus(e, 32*j)
			valid := r.to(pred, "setp.lt.u32", index, to)
			r.single(folds, acc, code, r.to(b32, "min.u32", index, last), index, valid, j)
		}
	})
	var results []accumulator
	for i, f := range folds {
		results = append(results, r.spreadTree(f, acc[i]))
	}
	return results
}

// pointAt is the point of an element. It has offsets if code has loads or stores of global memory.
func (r *rowKernel) pointAt(index string, code []int) *point {
	stores := slices.ContainsFunc(code, func(i int) bool { return r.p.Code[i].Kind == ir.Store })
	if !stores && !r.readsMemory(code) {
		return &point{offset: r.none(), index: index}
	}
	return &point{offset: r.inner.offsets(index, r.none()), index: index}
}

// elementIndex is e plus an offset, for folds that want indices.
func (r *rowKernel) elementIndex(f *fold, e string, offset int) string {
	if !f.index || f.with >= 0 {
		return ""
	}
	return r.to(b32, "add.u32", e, fmt.Sprint(offset))
}

// storeElements computes and stores element values of the row at hand.
func (r *rowKernel) storeElements(stores []int) {
	code := r.elementsOf(stores)
	r.eachElement(code, append(slices.Clone(code), stores...), func(pt *point, n int) {
		r.kernelWriter.stores([]*point{pt}, n, r.inner, stores)
	})
}

// eachElement computes element values of the whole row at hand, in vectors where the operands of touched are aligned;
// use writes what is done with them.
func (r *rowKernel) eachElement(code, touched []int, use func(pt *point, n int)) {
	width := r.width()
	index := r.variable(dtype.Uint32, r.thread)
	step := func(e string, n int) {
		pt := r.pointAt(e, touched)
		r.elements([]*point{pt}, n, r.inner, code)
		use(pt, n)
	}
	if r.inner.vectors(width) && width*r.work(code) <= verbose {
		slow := r.label("SLOW")
		r.unlessAligned(r.inner, width, touched, slow)
		end := r.to(b32, "and.b32", r.n, fmt.Sprint(-width))
		e := r.to(b32, "mul.lo.u32", r.thread, fmt.Sprint(width))
		e = r.variable(dtype.Uint32, e)
		r.while("lt.u32", e, end, func() {
			step(e, width)
			r.emit("add.u32", e, e, fmt.Sprint(r.size*width))
		})
		r.emit("add.u32", index, index, end)
		r.place(slow)
	}
	r.while("lt.u32", index, r.n, func() {
		step(index, 1)
		r.emit("add.u32", index, index, fmt.Sprint(r.size))
	})
}

// elementsOf is the element values on which stores depend.
func (k *kernelWriter) elementsOf(stores []int) []int {
	var folds []*fold
	for _, i := range stores {
		in := k.p.Code[i]
		folds = append(folds, &fold{arg: in.Args[0], with: in.Args[1]})
	}
	return k.needed(folds)
}
