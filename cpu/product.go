package cpu

import (
	"unsafe"

	"github.com/tare-go/tare/kernels/simd"
)

// productWorker is a worker at a product.
type productWorker struct {
	*matMulRun
	id      int
	steps   int // since other goroutines had a turn
	scratch unsafe.Pointer
	packed  packedB
	blocks  [shapes]*kernelRun // of the epilogue
	panel   simd.GemmPanel
	_       [64]byte // keeps the panels of two workers in different lines of the caches
}

// packedB says which columns of B a worker has packed, from which index of k on: those of the block before may serve
// again.
type packedB struct {
	batch, j, k int
	valid       bool
}

// start is for the worker itself, and so is reset: to write what another core has at hand takes time.
func (w *productWorker) start() {
	if w.p.scratch > 0 {
		w.scratch = unsafe.Add(w.work, w.id*w.p.scratch)
	}
	w.packed = packedB{}
}

// reset forgets what the worker pointed to.
func (w *productWorker) reset() {
	w.scratch, w.panel = nil, simd.GemmPanel{}
	for _, r := range w.blocks {
		if r != nil {
			r.reset()
		}
	}
}

// block computes a block of results, chunk after chunk.
func (w *productWorker) block(bl resultBlock) {
	p := w.p
	sum := w.output(bl)
	if p.staged {
		sum = strided{unsafe.Add(w.scratch, p.sum), p.rowBytes(), p.m.Type.Size()}
	}
	w.panel.Ahead = 0
	w.begin(bl, 0, sum)
	w.chunk(bl, 0, sum, p.split.Chunks == 1)
	if p.split.Chunks > 1 {
		w.addRest(bl, sum)
	}
	if p.staged {
		w.deliver(bl, sum)
	}
}

// deliver moves a block of results to where it belongs, or goes on with it.
func (w *productWorker) deliver(bl resultBlock, from strided) {
	if w.p.then != nil {
		w.goOn(bl, from.at)
		return
	}
	moveGrid(w.p.m.Type.Size(), w.output(bl), from, bl.rows, bl.cols)
}

// begin puts what the chains of the first chunk start from, beta times C, to where they are carried. Other
// chains, and those of plain products, start from +0.
func (w *productWorker) begin(bl resultBlock, c int, to strided) {
	p := w.p
	if c > 0 || !p.update.starts {
		return
	}
	if from := w.output(bl); from != to {
		moveGrid(p.m.Type.Size(), to, from, bl.rows, bl.cols)
	}
	for i := range bl.rows {
		scaleBy(p.m.Type, to.from(i, 0).at, bl.cols, w.factors.beta)
	}
}

// addRest computes all chunks but the first, and adds them to the sum in turn.
func (w *productWorker) addRest(bl resultBlock, sum strided) {
	p := w.p
	chain := strided{unsafe.Add(w.scratch, p.chain), p.rowBytes(), p.m.Type.Size()}
	for c := 1; c < p.split.Chunks; c++ {
		w.chunk(bl, c, chain, false)
		for i := range bl.rows {
			at := sum.from(i, 0).at
			p.add(at, at, chain.from(i, 0).at, nil, bl.cols)
			if p.settle != nil && c == p.split.Chunks-1 {
				p.settle(at, bl.cols)
			}
		}
	}
}

// cancelled reports whether the context of the run has ended: what is computed then is not used.
func (r *matMulRun) cancelled() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// chunk computes the chains of one chunk of k, unless it is cancelled.
func (w *productWorker) chunk(bl resultBlock, c int, to strided, settle bool) {
	p := w.p
	lo, hi := c*p.split.Len, min((c+1)*p.split.Len, p.m.K)
	for k := lo; k < hi || k == lo; k += p.deep {
		n := min(p.deep, hi-k)
		w.aim(c, k, n, to, settle)
		if at := (packedB{bl.batch, bl.j, k, true}); !p.directB && n > 0 && w.packed != at {
			w.packed = at
			w.pack(bl, k, n)
		}
		w.multiply(bl, k, n, to)
	}
}

// aim says how the chains of chunk c begin and end that are carried through n indices of k, and where they are.
func (w *productWorker) aim(c, k, n int, to strided, settle bool) {
	p := w.p
	lo, hi := c*p.split.Len, min((c+1)*p.split.Len, p.m.K)
	w.panel.CRow, w.panel.K, w.panel.Mode = to.row, n, 0
	if k > lo || c == 0 && p.update.starts {
		w.panel.Mode |= simd.GemmCarry
	}
	if settle && k+n == hi {
		w.panel.Mode |= simd.GemmSettle
	}
	if w.streams {
		w.panel.Mode |= simd.GemmStream
	}
}

// operandB is B at an index of k and a column.
func (w *productWorker) operandB(bl resultBlock, k int) strided {
	p := w.p
	return strided{unsafe.Add(w.b, offset(p.b.batch, bl.batch)), p.b.row, p.b.col}.from(k, bl.j)
}

// multiply carries the chains of a block through n indices of k.
func (w *productWorker) multiply(bl resultBlock, k, n int, to strided) {
	p := w.p
	nr := p.kernel.NR
	b := w.operandB(bl, k)
	a := strided{unsafe.Add(w.a, offset(p.a.batch, bl.batch)), p.a.row, p.a.col}.from(bl.i, k)
	for i := 0; i < bl.rows && !w.cancelled(); i += p.high {
		w.panel.Rows = min(p.high, bl.rows-i)
		w.bindA(a.from(i, 0), n)
		for j := 0; j < bl.cols; j += nr {
			w.panel.Cols = min(nr, bl.cols-j)
			w.bindB(b, n, j)
			w.panel.C = to.from(i, j).at
			w.panel.NextC = uintptr(w.panel.C)
			if j+nr < bl.cols {
				w.panel.NextC += uintptr(nr * to.col)
			}
			w.askAhead(bl, i, j)
			p.kernel.Run(&w.panel)
		}
		w.worked(w.panel.Rows * bl.cols * n)
	}
}

// worked gives other goroutines a turn now and then.
func (w *productWorker) worked(steps int) {
	if w.steps += steps; w.steps > yieldSteps {
		w.steps = 0
		w.p.pool.pause(w.id)
	}
}

// askAhead says what memory is needed after the panel at row i and column j of a block.
func (w *productWorker) askAhead(bl resultBlock, i, j int) {
	p, x := w.p, &w.panel
	switch {
	case p.next && i == 0:
		w.askNext(bl, j/p.kernel.NR)
	case p.ahead && j == 0:
		x.Ahead, x.AheadStep = uintptr(x.A)+2*uintptr(x.AStrip), x.AStrip
	case p.ahead:
		x.AheadStep = 0
	}
}

// askNext asks for a part of the next matrices of a batch: each strip of columns for another one.
func (w *productWorker) askNext(bl resultBlock, part int) {
	p := w.p
	batch, parts := min(bl.batch+1, p.batches-1), ceilDiv(bl.cols, p.kernel.NR)
	ask := func(base unsafe.Pointer, o operand, rows int) {
		bytes := rows * o.row / parts
		p.kernel.Ask(uintptr(base)+uintptr(offset(o.batch, batch)+part*bytes), bytes)
	}
	ask(w.a, p.a, p.height)
	ask(w.b, p.b, p.m.K)
	ask(w.c, p.c, p.height)
}

// bindA points the panel to rows of A and, unless they can be read where they lie, packs them first: strips of MR
// rows, in each of which k goes slowest.
func (w *productWorker) bindA(a strided, n int) {
	p, x := w.p, &w.panel
	size, mr := p.m.Type.Size(), p.kernel.MR
	if p.directA || n == 0 {
		x.A, x.ARow, x.ACol, x.AStrip = a.at, a.row, a.col, mr*a.row
		return
	}
	x.A, x.ARow, x.ACol, x.AStrip = unsafe.Add(w.scratch, p.packA), size, mr*size, mr*n*size
	for i := 0; i < x.Rows; i += mr {
		w.packRows(unsafe.Add(x.A, i*n*size), a.from(i, 0), min(mr, x.Rows-i), n)
	}
	if p.update.scales && p.swapped {
		scaleBy(p.m.Type, x.A, ceilDiv(x.Rows, mr)*mr*n, w.factors.alpha)
	}
}

// packRows packs a strip of rows of A.
func (w *productWorker) packRows(at unsafe.Pointer, a strided, rows, n int) {
	w.packTurned(strided{at, w.p.kernel.MR * w.p.m.Type.Size(), w.p.m.Type.Size()}, a.transposed(), n, rows)
}

// bindB points the panel to its strip of B, whose first column is j.
func (w *productWorker) bindB(b strided, n, j int) {
	p, x := w.p, &w.panel
	size, nr := p.m.Type.Size(), p.kernel.NR
	if p.vector {
		x.B, x.BRow = unsafe.Add(w.scratch, p.packB), size
		return
	}
	x.BRow = nr * size
	switch {
	case !p.directB:
		x.B = unsafe.Add(w.scratch, p.packB+j*n*size)
	case x.Cols == nr || n == 0:
		x.B, x.BRow = b.from(0, j).at, b.row
	default:
		x.B = unsafe.Add(w.scratch, p.packB)
		w.packStrip(x.B, b.from(0, j), n, x.Cols)
	}
}

// packAhead is how many rows of B are asked for before they are packed: they lie far apart.
const packAhead = 8

// pack packs the columns of a block at n indices of k: strips of NR columns, in each of which k goes slowest.
func (w *productWorker) pack(bl resultBlock, k, n int) {
	p := w.p
	size, nr := p.m.Type.Size(), p.kernel.NR
	at, b := unsafe.Add(w.scratch, p.packB), w.operandB(bl, k)
	if p.vector {
		moveGrid(size, strided{at, size, size}, b, n, 1)
	} else {
		full := 0
		if b.col == size {
			full = bl.cols / nr
			w.spread(at, b, n, full)
		}
		for j := full * nr; j < bl.cols; j += nr {
			w.packStrip(unsafe.Add(at, j*n*size), b.from(0, j), n, min(nr, bl.cols-j))
		}
	}
	w.scaleColumns(at, n, bl.cols)
}

// spread packs strips whose columns are contiguous.
func (w *productWorker) spread(at unsafe.Pointer, b strided, n, strips int) {
	p := w.p
	row := p.kernel.NR * p.m.Type.Size()
	for k := range n {
		if p.kernel.Ask != nil && k+packAhead < n {
			p.kernel.Ask(uintptr(b.from(k+packAhead, 0).at), strips*row)
		}
		p.kernel.Spread(unsafe.Add(at, k*row), b.from(k, 0).at, strips, n*row)
	}
}

// scaleColumns multiplies packed columns by alpha, if B is the caller's right operand.
func (w *productWorker) scaleColumns(at unsafe.Pointer, n, cols int) {
	p := w.p
	if !p.update.scales || p.swapped {
		return
	}
	if !p.vector {
		n *= ceilDiv(cols, p.kernel.NR) * p.kernel.NR
	}
	scaleBy(p.m.Type, at, n, w.factors.alpha)
}

// packStrip packs n rows of a strip of B. Columns that are not there stay as they are: what they give is
// not stored.
func (w *productWorker) packStrip(at unsafe.Pointer, b strided, n, cols int) {
	size := w.p.m.Type.Size()
	w.packTurned(strided{at, w.p.kernel.NR * size, size}, b, n, cols)
}

// packTurned copies n rows of cols columns side by side, by transposing them where the rows of the source are
// contiguous along n.
func (w *productWorker) packTurned(to, from strided, n, cols int) {
	size := w.p.m.Type.Size()
	side, many := 32/size, n/4*4
	turned := 0
	if w.p.kernel.Turn != nil && from.row == size && many > 0 && cols >= side {
		turned = cols
	}
	for j := 0; j < turned; j += side {
		j := min(j, cols-side) // the last ones may be turned twice
		w.p.kernel.Turn(to.from(0, j).at, from.from(0, j).at, from.col, many, to.row)
	}
	if turned > 0 && many < n {
		moveGrid(size, to.from(many, 0), from.from(many, 0), n-many, turned)
	}
	if turned < cols {
		moveGrid(size, to.from(0, turned), from.from(0, turned), n, cols-turned)
	}
}
