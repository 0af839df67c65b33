package ptx

import (
	"fmt"
	"strings"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/op"
)

// tileWriter writes the kernel of a product: the chains of a tile of results through one chunk of k.
type tileWriter struct {
	*writer
	o             *ir.MatMul
	f             factors
	t             tiling
	mma           string      // the shape of the tensor cores' instruction, or ""
	async         bool        // shared memory is filled by asynchronous copies
	held          dtype.DType // the type in shared memory: that of a register
	a, b          *side
	m, n          string // rows and columns of the results
	firstM        string // the first row and column of the tile
	firstN        string
	left          string // the k of the chunk that are not brought to shared memory yet; 0 or less where there are none
	todo          string // those that are not multiplied yet
	batch, matrix string // the index in the batch, and among the chunks of all
	tid           string
	y, x          string // the first row and column of a thread's results, within the tile
	acc           [][]string
}

// tiles launches the chains of all chunks.
func (m *module) tiles(o *ir.MatMul, split canon.Split, to array) {
	f := factorsOf(o, to)
	turned := *o
	turned.M, turned.N = f.m, f.n
	t, mma := chooseTiling(&turned, split, m.target)
	w := &tileWriter{writer: newWriter("matmul"), o: o, f: f, t: t, mma: mma, held: held(o.Type), async: m.target.async(o.Type)}
	w.comment("matmul %v: tiles of %d by %d results, %d of k, in %d stages", o.Type, t.rows, t.cols, t.depth, w.stages())
	w.ctas, w.exact, w.isa = t.ctas, true, w.needs()
	tm, tn := ceilDiv(f.m, t.rows), ceilDiv(f.n, t.cols)
	across := 1 // rows of tiles that CTAs next to each other take, so that they share columns in the cache
	if tm >= 8 {
		across = 8
	}
	w.locate(ceilDiv(tm, across), across, tn, split)
	result := w.sides(split)
	if mma == "" {
		w.chains()
	} else {
		w.chainsMMA()
	}
	w.finishTile(result, to.kind == Operand)
	m.launch(w.writer, ceilDiv(tm, across)*across*tn*split.Chunks*extent(o.Batch), t.threads())
}

// needs is the PTX that the kernel is written in.
func (w *tileWriter) needs() isa {
	switch {
	case w.mma == "m16n8k8":
		return isaMMA
	case w.async:
		return isaAsync
	}
	return isaBase
}

// stages is how many tiles of each side there are in shared memory.
func (w *tileWriter) stages() int {
	if w.async {
		return w.t.stages
	}
	return 2
}

// locate finds the tile, the chunk and the batch of a CTA. Its tiles go down by the given number of rows of tiles,
// then across.
func (w *tileWriter) locate(groups, down, tn int, split canon.Split) {
	w.m, w.n = w.word("m", w.f.m), w.word("n", w.f.n)
	w.tid = w.special("tid.x")
	w.comment("the tile of the CTA")
	index, within := w.divide(w.special("ctaid.x"), w.divisor(down*tn))
	index, group := w.divide(index, w.divisor(groups))
	shift, rows := w.word("shift", log2(down)), w.word("down", down)
	tileN := w.to(b32, "shr.u32", within, shift)
	tileM := w.to(b32, "and.b32", within, w.to(b32, "sub.u32", rows, "1"))
	tileM = w.to(b32, "mad.lo.u32", group, rows, tileM)
	w.matrix = index
	w.firstM = w.to(b32, "mul.lo.u32", tileM, fmt.Sprint(w.t.rows))
	w.firstN = w.to(b32, "mul.lo.u32", tileN, fmt.Sprint(w.t.cols))
	w.when(w.to(pred, "setp.ge.u32", w.firstM, w.m), "bra", "END")
}

// sides finds the matrices of the batch and the chunk of k, and prepares what the thread brings of them. It gives
// the address of the results.
func (w *tileWriter) sides(split canon.Split) string {
	w.comment("its chunk of k, and its matrices")
	batch, chunk := w.divide(w.matrix, w.divisor(split.Chunks))
	length := w.word("length", split.Len)
	from := w.to(b32, "mul.lo.u32", chunk, length)
	end := w.to(b32, "min.u32", w.to(b32, "add.u32", from, length), w.word("k", w.o.K))
	w.left = w.variable(dtype.Int32, w.to(b32, "sub.u32", end, from))
	w.todo = w.variable(dtype.Int32, w.left)
	o, f, size := w.o, w.f, w.o.Type.Size()
	walk := w.newWalk(o.Batch, 0, len(o.Batch), [][]int{f.a.batch, f.b.batch, o.To.Strides[:len(o.Batch)]}, []int{0, 0, 0})
	result := w.address("to", f.to)
	base := walk.offsets(batch, []string{w.address("a", f.a.at), w.address("b", f.b.at), result})
	if f.to.kind == Scratch {
		elements := w.to(b64, "mul.lo.s64", w.to(b64, "mul.wide.u32", w.m, w.n), w.to(b64, "cvt.u64.u32", w.matrix))
		base[2] = w.to(b64, "mad.lo.s64", elements, fmt.Sprint(size), result)
	}
	w.a, w.b = w.newSide(f.a, w.t.rows), w.newSide(f.b, w.t.cols)
	w.b.at = w.a.bytes()
	stage := w.a.bytes() + w.b.bytes()
	memory := w.sharedMemory("tiles", stage*w.stages())
	w.prepare(w.a, "a", base[0], f.a, w.firstM, w.m, from, memory)
	w.prepare(w.b, "b", base[1], f.b, w.firstN, w.n, from, memory)
	return base[2]
}

// stageBytes is what a tile of both sides has in shared memory.
func (w *tileWriter) stageBytes() int { return w.a.bytes() + w.b.bytes() }

// next makes the offset of a stage in shared memory that of the next: they go round.
func (w *tileWriter) next(offset string) {
	w.emit("add.u32", offset, offset, fmt.Sprint(w.stageBytes()))
	around := w.to(pred, "setp.eq.u32", offset, fmt.Sprint(w.stages()*w.stageBytes()))
	w.emit("selp.b32", offset, "0", offset, around)
}

// lanes finds the place of a thread among the results: warps in rows, and lanes in rows within. Pairs of
// lanes next to each other, and lanes two apart, share rows or columns, so that reads of 16 bytes need the
// fewest turns.
func (w *tileWriter) lanes() {
	t := w.t
	w.comment("the results of the thread")
	lane, warp := w.lane(), w.to(b32, "shr.u32", w.tid, "5")
	down, across := w.to(b32, "div.u32", warp, fmt.Sprint(t.warps[1])), w.to(b32, "rem.u32", warp, fmt.Sprint(t.warps[1]))
	var ly, lx string
	switch t.lanes {
	case 1:
		ly, lx = w.zero(), lane
	case 32:
		ly, lx = lane, w.zero()
	default:
		ly = w.to(b32, "and.b32", w.to(b32, "shr.u32", lane, "1"), "3")
		lx = w.to(b32, "mad.lo.u32", w.to(b32, "shr.u32", lane, "3"), "2", w.to(b32, "and.b32", lane, "1"))
	}
	w.y = w.to(b32, "mad.lo.u32", ly, fmt.Sprint(w.vector(t.down)), w.to(b32, "mul.lo.u32", down, fmt.Sprint(t.rows/t.warps[0])))
	w.x = w.to(b32, "mad.lo.u32", lx, fmt.Sprint(w.vector(t.across)), w.to(b32, "mul.lo.u32", across, fmt.Sprint(t.cols/t.warps[1])))
}

// vector is how many of n rows or columns of a thread lie next to each other: 16 bytes.
func (w *tileWriter) vector(n int) int { return piece(w.held.Size(), n) }

// clear starts down by across chains at +0.
func (w *tileWriter) clear(down, across int) {
	for range down {
		var row []string
		for range across {
			row = append(row, w.variable(w.held, w.constant(w.held, 0)))
		}
		w.acc = append(w.acc, row)
	}
}

// chains carries the chains through the chunk, one tile of k after the other, with plain multiply-adds. While those
// of one k are computed, what the next needs is read from shared memory.
func (w *tileWriter) chains() {
	t := w.t
	w.lanes()
	w.clear(t.down, t.across)
	stage := w.variable(dtype.Uint32, "0")
	offA := w.to(b32, "mad.lo.u32", w.y, fmt.Sprint(w.held.Size()), w.a.shared)
	offB := w.to(b32, "mad.lo.u32", w.x, fmt.Sprint(w.held.Size()), w.b.shared)
	var fa, fb [2][]string
	for i := range fa {
		fa[i], fb[i] = w.registers(t.down), w.registers(t.across)
	}
	atA, atB := w.variable(dtype.Uint32, offA), w.variable(dtype.Uint32, offB)
	read := func(k int) {
		w.fragment(fa[k&1], atA, w.a, k%t.depth, 32/t.lanesAcross())
		w.fragment(fb[k&1], atB, w.b, k%t.depth, t.lanesAcross())
	}
	w.fill()
	read(0)
	w.loop(func() {
		if !w.async {
			w.fetchTiles()
		}
		for k := range t.depth {
			if k == t.depth-1 {
				w.turn(stage)
				w.emit("add.u32", atA, offA, stage)
				w.emit("add.u32", atB, offB, stage)
			}
			read(k + 1)
			w.comment("k %d", k)
			w.multiply(fa[k&1], fb[k&1])
		}
	})
}

// lanesAcross is the lanes of a warp next to each other in a row.
func (t tiling) lanesAcross() int { return 32 / t.lanes }

// loop writes the loop over the tiles of the chunk. There is one even if it has no k: of zeros.
func (w *tileWriter) loop(body func()) {
	top := w.label("TILE")
	w.place(top)
	body()
	w.emit("sub.s32", w.todo, w.todo, fmt.Sprint(w.t.depth))
	w.when(w.to(pred, "setp.gt.s32", w.todo, "0"), "bra", top)
}

// fill brings the first tiles to shared memory, as many as there are stages, and waits for the first.
func (w *tileWriter) fill() {
	w.comment("the first tiles")
	if !w.async {
		w.fetchTiles()
		w.keep(w.a, "0")
		w.keep(w.b, "0")
		w.emit("bar.sync", "0")
		return
	}
	for s := range w.stages() {
		w.copyTiles(fmt.Sprint(s * w.stageBytes()))
	}
	w.emit("cp.async.wait_group", fmt.Sprint(w.stages()-1))
	w.emit("bar.sync", "0")
}

// turn makes the next stage that at hand, once its tile is there for all threads. The tile that is done with is
// overwritten.
func (w *tileWriter) turn(stage string) {
	w.comment("the next tile")
	if !w.async {
		w.next(stage)
		w.keep(w.a, stage)
		w.keep(w.b, stage)
		w.emit("bar.sync", "0")
		return
	}
	w.emit("cp.async.wait_group", fmt.Sprint(w.stages()-2))
	w.emit("bar.sync", "0")
	w.copyTiles(stage)
	w.next(stage)
}

// copyTiles begins to copy the next tile of each side to a stage.
func (w *tileWriter) copyTiles(stage string) {
	w.copy(w.a, stage)
	w.copy(w.b, stage)
	w.emit("cp.async.commit_group")
	w.emit("sub.s32", w.left, w.left, fmt.Sprint(w.t.depth))
}

// fetchTiles loads the next tile of each side into registers.
func (w *tileWriter) fetchTiles() {
	w.fetch(w.a)
	w.fetch(w.b)
	w.emit("sub.s32", w.left, w.left, fmt.Sprint(w.t.depth))
}

// registers are n new registers for elements in shared memory.
func (w *tileWriter) registers(n int) []string {
	var all []string
	for range n {
		all = append(all, w.reg(machine[w.held].class))
	}
	return all
}

// fragment reads what a thread needs of one k: vectors of elements, as many vectors apart as there are lanes.
func (w *tileWriter) fragment(to []string, at string, s *side, k, lanes int) {
	size := w.held.Size()
	n := w.vector(len(to))
	for i := 0; i < len(to); i += n {
		place := fmt.Sprintf("[%s+%d]", at, (k*s.pitch+i*lanes)*size)
		if n == 1 {
			w.emit("ld.shared."+machine[w.held].mem, to[i], place)
			continue
		}
		w.emit(fmt.Sprintf("ld.shared.v%d.%s", n, machine[w.held].mem), braced(to[i:i+n]), place)
	}
}

func braced(regs []string) string { return "{" + strings.Join(regs, ", ") + "}" }

// multiply carries all chains of the thread by one k, column by column.
func (w *tileWriter) multiply(a, b []string) {
	step := ir.ProductStep(w.held)
	if w.o.Type == dtype.Bool {
		bld, x := op.NewBuilder(w.held, w.held, w.held, w.held)
		step = bld.Build(bld.Or(x[2], bld.And(x[0], x[1])))
	}
	for j := range b {
		for i := range a {
			if w.held.IsFloat() {
				w.emit("fma.rn."+machine[w.held].typ, w.acc[i][j], a[i], b[j], w.acc[i][j])
				continue
			}
			w.move(w.held, w.acc[i][j], w.program(step, a[i], b[j], w.acc[i][j]))
		}
	}
}

// run is results of a thread next to each other in a row.
type run struct {
	row, col int // from the thread's first
	values   []string
}

// runs are the results of a thread by rows.
func (w *tileWriter) runs() []run {
	if w.mma != "" {
		return w.runsMMA()
	}
	t := w.t
	v, h := w.vector(t.down), w.vector(t.across)
	var all []run
	for i, row := range w.acc {
		for j := 0; j < t.across; j += h {
			all = append(all, run{i/v*v*t.lanes + i%v, j * t.lanesAcross(), row[j : j+h]})
		}
	}
	return all
}

// finishTile stores the results that are inside, with +0 added to those that are final: next to each other at
// once, where they lie at a multiple of what that takes.
func (w *tileWriter) finishTile(base string, final bool) {
	size := w.o.Type.Size()
	w.comment("where the results go")
	down, next := w.stride(w.f.down, false), w.stride(w.f.next, w.f.next == size)
	y, x := w.to(b32, "add.u32", w.firstM, w.y), w.to(b32, "add.u32", w.firstN, w.x)
	at := w.advance(w.advance(base, y, down), x, next)
	all := w.runs()
	if final && w.held.IsFloat() {
		w.comment("+0 makes -0 +0")
		for _, r := range all {
			for _, v := range r.values {
				w.emit("add.rn."+machine[w.held].typ, v, v, w.constant(w.held, 0))
			}
		}
	}
	n := len(all[0].values)
	if next.unit && n > 1 && size >= 4 {
		slow := w.label("SLOW")
		w.when("!"+w.alignedResults(base, down, n*size), "bra", slow)
		w.comment("results in vectors of %d", n)
		w.eachRow(all, at, y, down, func(r run, at, inside string) {
			in := w.to(pred, "setp.lt.and.u32", w.plus(x, r.col), w.n, inside)
			w.when(in, fmt.Sprintf("st.global.v%d.%s", n, storeType(w.o.Type)), fmt.Sprintf("[%s+%d]", at, r.col*size), braced(r.values))
		})
		w.emit("bra", "END")
		w.place(slow)
	}
	w.comment("results one by one")
	w.eachRow(all, at, y, down, func(r run, at, inside string) {
		for j, v := range r.values {
			in := w.to(pred, "setp.lt.and.u32", w.plus(x, r.col+j), w.n, inside)
			place := w.displaced(at, r.col+j, next)
			w.when(in, "st.global."+storeType(w.o.Type), "["+place+"]", v)
		}
	})
	w.place("END")
}

// eachRow goes through runs by rows: store writes one, given the address of its row at the thread's first column and
// whether the row is inside.
func (w *tileWriter) eachRow(all []run, at, y string, down stride, store func(r run, at, inside string)) {
	row, inside, place := -1, "", ""
	for _, r := range all {
		if r.row != row {
			row = r.row
			inside = w.to(pred, "setp.lt.u32", w.plus(y, row), w.m)
			place = w.displaced(at, row, down)
		}
		store(r, place, inside)
	}
}

// displaced is an address n strides further.
func (w *writer) displaced(at string, n int, s stride) string {
	switch {
	case n == 0 || s.bytes == 0:
		return at
	case s.unit:
		return fmt.Sprintf("%s+%d", at, n*s.bytes)
	case s.wide:
		return w.to(b64, "mad.lo.s64", s.reg, fmt.Sprint(n), at)
	}
	return w.to(b64, "mad.wide.s32", s.reg, fmt.Sprint(n), at)
}

// alignedResults is a predicate: the rows of the results begin and end at multiples of so many bytes.
func (w *tileWriter) alignedResults(base string, down stride, bytes int) string {
	ends := w.to(b64, "mul.wide.u32", w.n, fmt.Sprint(w.o.Type.Size()))
	all := w.to(b64, "or.b64", base, ends)
	switch {
	case down.wide:
		all = w.to(b64, "or.b64", all, down.reg)
	case down.bytes != 0:
		all = w.to(b64, "or.b64", all, w.to(b64, "cvt.s64.s32", down.reg))
	}
	return w.to(pred, "setp.eq.u64", w.to(b64, "and.b64", all, fmt.Sprint(bytes-1)), "0")
}
