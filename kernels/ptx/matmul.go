package ptx

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/op"
)

// product launches a product of matrices.
func (m *module) product(o *ir.MatMul, f form) {
	split := o.Order()
	switch {
	case max(o.M, o.N, o.K) > maxIndex:
		m.refused = true
	case extent(o.Batch)*o.M*o.N == 0:
	case split.Lane:
		m.dot(o, f)
	case split.Chunks <= 1:
		m.tiles(o, split, array{kind: Operand, index: 2})
	default:
		sums := array{kind: Scratch, off: m.reserve(extent(o.Batch) * split.Chunks * o.M * o.N * o.Type.Size())}
		m.tiles(o, split, sums)
		m.addChunks(o, split, sums)
	}
}

func extent(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

// dot launches a product of a row with a column, for each index of the batch: a fold by the lane rule, of which
// the step is a fused multiply-add, and to which +0 is added.
func (m *module) dot(o *ir.MatMul, f form) {
	r := len(o.Batch)
	k := &ir.Kernel{Space: append(slices.Clone(o.Batch), o.K), Lo: r, Hi: r + 1, Rule: canon.Lane,
		In: []ir.Operand{
			{Type: o.Type, Strides: append(slices.Clone(o.A.Strides[:r]), o.A.Strides[r+1])},
			{Type: o.Type, Strides: slices.Clone(o.B.Strides[:r+1])},
		},
		Out: []ir.Operand{{Type: o.Type, Strides: append(slices.Clone(o.To.Strides[:r]), 0)}},
		Code: []ir.Inst{
			{Kind: ir.Load, Type: o.Type, Args: [3]int{-1, -1, -1}},
			{Kind: ir.Load, Type: o.Type, Args: [3]int{-1, -1, -1}, Index: 1},
			{Kind: ir.Fold, Code: op.Add, Type: o.Type, Args: [3]int{0, 1, -1}, Row: true},
			{Kind: ir.Store, Type: o.Type, Args: [3]int{2, -1, -1}, Row: true},
		}}
	m.kernel(&pass{Kernel: k, at: places(o), closed: true}, f)
}

// addChunks adds the results of the chunks of k, left to right, and +0.
func (m *module) addChunks(o *ir.MatMul, split canon.Split, sums array) {
	r := len(o.Batch)
	space := append(slices.Clone(o.Batch), o.M, o.N, split.Chunks)
	from := append(spread(append(slices.Clone(o.Batch), split.Chunks*o.M, o.N), o.Type.Size()), o.M*o.N*o.Type.Size())
	k := &ir.Kernel{Space: space, Lo: r + 2, Hi: r + 3, Rule: canon.Chunk,
		In:  []ir.Operand{{Type: o.Type, Strides: from}},
		Out: []ir.Operand{{Type: o.Type, Strides: append(slices.Clone(o.To.Strides), 0)}},
		Code: []ir.Inst{
			{Kind: ir.Load, Type: o.Type, Args: [3]int{-1, -1, -1}},
			{Kind: ir.Fold, Code: op.Add, Type: o.Type, Args: [3]int{0, -1, -1}, Row: true},
			{Kind: ir.Store, Type: o.Type, Args: [3]int{1, -1, -1}, Row: true},
		}}
	p := &pass{Kernel: k, at: []array{sums, {kind: Operand, index: 2}}, closed: true}
	for _, part := range p.merged().parts(0, m.target.indices()) {
		m.columns(part, inOrder)
	}
}

// tiling is how a product is cut: a CTA of 16 by 16 threads computes rows by cols results, and brings depth
// indices of k to shared memory at a time.
type tiling struct{ rows, cols, depth int }

// chooseTiling is where a target's better kernels will be chosen.
func chooseTiling(o *ir.MatMul, t Target) tiling {
	large := tiling{128, 128, 8}
	if ceilDiv(o.M, large.rows)*ceilDiv(o.N, large.cols)*extent(o.Batch) >= 2*t.processors() {
		return large
	}
	return tiling{64, 64, 16}
}

// side is an operand of a product as a tile is brought to shared memory: [depth][width], padded.
type side struct {
	width   int      // rows of A, columns of B
	alongK  bool     // neighbouring threads take neighbouring k, else neighbouring rows or columns
	at      []string // the address of each element that the thread brings
	outside []string // predicate of each: beyond the rows or columns
	k       []string // the index of k of each, within the tile
	to      []string // the address of each in shared memory
	step    string   // bytes from a tile to the next
	shared  string
	values  []string // the elements that the thread brings
}

// tileWriter writes the kernel of a product.
type tileWriter struct {
	*writer
	o              *ir.MatMul
	t              tiling
	held           dtype.DType // the type in shared memory: that of a register
	m, n           string      // rows and columns of the results
	firstM, firstN string      // the first row and column of the tile
	k, end         string      // the index of k at hand, and where the chunk ends
	batch, matrix  string      // the index in the batch, and among the chunks of all
	tid, tx, ty    string      // the thread, its place among columns and rows
	strides        [2]int      // of results: along rows, along columns
	acc            [][]string
}

// pad is the elements between rows of a tile in shared memory: it spreads columns over banks.
const pad = 4

// held is the type that has a register's size: narrow integers and bools are multiplied in 32 bits, of which only
// the low ones count.
func held(t dtype.DType) dtype.DType {
	switch {
	case t == dtype.Bool:
		return dtype.Uint32
	case t.Size() < 4 && t.Kind() == dtype.SignedKind:
		return dtype.Int32
	case t.Size() < 4:
		return dtype.Uint32
	}
	return t
}

// tiles launches the chains of all chunks. With several chunks they go to the workspace: batch, chunk, row, column.
func (m *module) tiles(o *ir.MatMul, split canon.Split, to array) {
	t := chooseTiling(o, m.target)
	w := &tileWriter{writer: newWriter("matmul"), o: o, t: t, held: held(o.Type)}
	if w.held.Size() == 4 {
		w.ctas = 2
	}
	w.comment("matmul %v, tiles of %d by %d, %d of k", o.Type, t.rows, t.cols, t.depth)
	tm, tn := ceilDiv(o.M, t.rows), ceilDiv(o.N, t.cols)
	w.locate(tm, tn, split)
	base := w.matrices(to)
	r := len(o.Batch)
	a := w.side("a", t.rows, w.firstM, w.m, base[0], o.A.Strides[r], o.A.Strides[r+1])
	b := w.side("b", t.cols, w.firstN, w.n, base[1], o.B.Strides[r+1], o.B.Strides[r])
	w.clear()
	w.chains(a, b)
	w.finishTile(base[2], to.kind == Operand)
	m.launch(w.writer, tm*tn*split.Chunks*extent(o.Batch), maxThreads)
}

// locate finds the tile, the chunk and the batch of a CTA, and the place of a thread among 16 by 16.
func (w *tileWriter) locate(tm, tn int, split canon.Split) {
	index, tileN := w.divide(w.special("ctaid.x"), w.divisor(tn))
	index, tileM := w.divide(index, w.divisor(tm))
	w.matrix = index
	batch, chunk := w.divide(index, w.divisor(split.Chunks))
	w.batch = batch
	w.m, w.n = w.word("m", w.o.M), w.word("n", w.o.N)
	w.tid = w.special("tid.x")
	w.tx, w.ty = w.to(b32, "and.b32", w.tid, "15"), w.to(b32, "shr.u32", w.tid, "4")
	length := w.word("length", split.Len)
	w.k = w.variable(dtype.Uint32, w.to(b32, "mul.lo.u32", chunk, length))
	w.end = w.to(b32, "min.u32", w.to(b32, "add.u32", w.k, length), w.word("k", w.o.K))
	w.firstM = w.to(b32, "mul.lo.u32", tileM, fmt.Sprint(w.t.rows))
	w.firstN = w.to(b32, "mul.lo.u32", tileN, fmt.Sprint(w.t.cols))
}

// matrices are the addresses of the matrices A, B and of results that the CTA works on, and the strides of results.
func (w *tileWriter) matrices(to array) []string {
	o, r, size := w.o, len(w.o.Batch), w.o.Type.Size()
	walk := w.newWalk(o.Batch, 0, r, [][]int{o.A.Strides[:r], o.B.Strides[:r], o.To.Strides[:r]}, []int{0, 0, 0})
	result := w.address("to", to)
	base := walk.offsets(w.batch, []string{w.address("a", array{index: 0}), w.address("b", array{index: 1}), result})
	w.strides = [2]int{o.To.Strides[r], o.To.Strides[r+1]}
	if to.kind == Scratch {
		w.strides = [2]int{o.N * size, size}
		elements := w.to(b64, "mul.lo.s64", w.to(b64, "mul.wide.u32", w.m, w.n), w.to(b64, "cvt.u64.u32", w.matrix))
		base[2] = w.to(b64, "mad.lo.s64", elements, fmt.Sprint(size), result)
	}
	return base
}

// chains carries the chains through the chunk, a tile of each operand after the other.
func (w *tileWriter) chains(a, b *side) {
	w.fetch(a)
	w.fetch(b)
	w.while("lt.u32", w.k, w.end, func() {
		w.emit("bar.sync", "0")
		w.keep(a)
		w.keep(b)
		w.emit("bar.sync", "0")
		w.emit("add.u32", w.k, w.k, fmt.Sprint(w.t.depth))
		w.fetch(a) // the next tile, while this one is multiplied
		w.fetch(b)
		w.multiply(a, b)
	})
}

// side prepares what a thread brings of an operand. across is the stride of rows or columns, along that of k.
func (w *tileWriter) side(name string, width int, first, limit, base string, across, along int) *side {
	size := w.o.Type.Size()
	s := &side{width: width}
	s.alongK = along != 0 && (across == 0 || max(along, -along) < max(across, -across))
	s.shared = w.sharedBytes(name, w.t.depth*(width+pad)*w.held.Size())
	sAcross, sAlong := w.stride(across, across == size), w.stride(along, along == size)
	s.step = w.param("step", "u64", b64, Arg{Kind: Word, Value: int64(along * w.t.depth), Size: 8})
	inner, shift := width, log2(width)
	if s.alongK {
		inner, shift = w.t.depth, log2(w.t.depth)
	}
	x := w.to(b32, "and.b32", w.tid, fmt.Sprint(inner-1))
	y := w.to(b32, "shr.u32", w.tid, fmt.Sprint(shift))
	for j := range width * w.t.depth / maxThreads {
		yj := w.plus(y, j*maxThreads/inner)
		row, kk := x, yj
		if s.alongK {
			row, kk = yj, x
		}
		global := w.to(b32, "add.u32", first, row)
		at := w.advance(base, global, sAcross)
		at = w.advance(at, w.to(b32, "add.u32", w.k, kk), sAlong)
		s.at = append(s.at, w.to(b64, "mov.b64", at))
		s.outside = append(s.outside, w.to(pred, "setp.ge.u32", global, limit))
		s.k = append(s.k, kk)
		place := w.to(b32, "mad.lo.u32", kk, fmt.Sprint(width+pad), row)
		s.to = append(s.to, w.to(b32, "mad.lo.u32", place, fmt.Sprint(w.held.Size()), w.to(b32, "mov.u32", s.shared)))
	}
	return s
}

func (w *writer) plus2(e string, n int) string { return w.plus(e, n) }

func log2(n int) int {
	s := 0
	for 1<<s < n {
		s++
	}
	return s
}

// clear starts the chains at +0.
func (w *tileWriter) clear() {
	for range w.t.rows / 16 {
		var row []string
		for range w.t.cols / 16 {
			row = append(row, w.variable(w.held, w.constant(w.held, 0)))
		}
		w.acc = append(w.acc, row)
	}
}

// fetch loads the elements of a tile into registers; those beyond the matrix or the chunk are +0, which changes no
// result: canon.Chain.
func (w *tileWriter) fetch(s *side) {
	for j, at := range s.at {
		out := w.to(pred, "setp.ge.or.u32", w.to(b32, "add.u32", w.k, s.k[j]), w.end, s.outside[j])
		if j == len(s.values) {
			s.values = append(s.values, w.reg(machine[w.held].class))
		}
		w.move(w.held, s.values[j], w.constant(w.held, 0))
		w.when("!"+out, "ld.global."+machine[w.o.Type].mem, s.values[j], "["+at+"]")
		w.emit("add.s64", at, at, s.step)
	}
}

// keep stores them in shared memory.
func (w *tileWriter) keep(s *side) {
	for j, v := range s.values {
		w.emit("st.shared."+machine[w.held].mem, "["+s.to[j]+"]", v)
	}
}

// multiply carries the chains through the tiles in shared memory, k ascending.
func (w *tileWriter) multiply(a, b *side) {
	fromA := w.to(b32, "mad.lo.u32", w.ty, fmt.Sprint(4*w.held.Size()), w.to(b32, "mov.u32", a.shared))
	fromB := w.to(b32, "mad.lo.u32", w.tx, fmt.Sprint(4*w.held.Size()), w.to(b32, "mov.u32", b.shared))
	step := fused(w.held)
	if w.o.Type == dtype.Bool {
		bld, x := op.NewBuilder(w.held, w.held, w.held, w.held)
		step = bld.Build(bld.Or(x[2], bld.And(x[0], x[1])))
	}
	for kk := range w.t.depth {
		va, vb := w.fragment(fromA, a, kk), w.fragment(fromB, b, kk)
		for i := range va {
			for j := range vb {
				w.move(w.held, w.acc[i][j], w.program(step, va[i], vb[j], w.acc[i][j]))
			}
		}
	}
}

// fragment loads what a thread needs of one k: fours of elements, 64 apart.
func (w *tileWriter) fragment(from string, s *side, kk int) []string {
	var all []string
	size := w.held.Size()
	n := piece(size, 4)
	for group := 0; group < s.width; group += 64 {
		for e := 0; e < 4; e += n {
			var regs []string
			for range n {
				regs = append(regs, w.reg(machine[w.held].class))
			}
			off := (kk*(s.width+pad) + group + e) * size
			w.emit(fmt.Sprintf("ld.shared.v%d.%s", n, machine[w.held].mem), "{"+strings.Join(regs, ", ")+"}", fmt.Sprintf("[%s+%d]", from, off))
			all = append(all, regs...)
		}
	}
	return all
}

// finishTile stores the results that are inside, with +0 added to those that are final.
func (w *tileWriter) finishTile(base string, final bool) {
	down, across := w.stride(w.strides[0], false), w.stride(w.strides[1], w.strides[1] == w.o.Type.Size())
	y := w.to(b32, "mad.lo.u32", w.ty, "4", w.firstM)
	x := w.to(b32, "mad.lo.u32", w.tx, "4", w.firstN)
	for i, acc := range w.acc {
		row := w.plus(y, i/4*64+i%4)
		outside := w.to(pred, "setp.ge.u32", row, w.m)
		at := w.advance(base, row, down)
		for j, v := range acc {
			col := w.plus(x, j/4*64+j%4)
			inside := w.to(pred, "not.pred", w.to(pred, "setp.ge.or.u32", col, w.n, outside))
			if final && w.held.IsFloat() {
				v = w.to(machine[w.held].class, "add.rn."+machine[w.held].typ, v, w.constant(w.held, 0))
			}
			w.when(inside, "st.global."+storeType(w.o.Type), "["+w.advance(at, col, across)+"]", v)
		}
	}
}
