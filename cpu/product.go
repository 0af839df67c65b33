package cpu

import (
	"unsafe"

	"github.com/tare-go/tare/kernels/simd"
)

// productWorker is a worker at a product.
type productWorker struct {
	*matMulRun
	scratch unsafe.Pointer
	panel   simd.GemmPanel
	_       [64]byte // keeps the panels of two workers in different lines of the caches
}

// block computes a block of results, chunk after chunk.
func (w *productWorker) block(bl resultBlock) {
	p := w.p
	size := p.m.Type.Size()
	to := w.output(bl)
	sum := to
	if p.staged {
		sum = strided{unsafe.Add(w.scratch, p.sum), p.rowBytes(), size}
	}
	w.panel.Ahead = 0
	w.begin(bl, 0, sum)
	w.chunk(bl, 0, sum, p.split.Chunks == 1)
	if p.split.Chunks > 1 {
		w.addRest(bl, sum)
	}
	if p.staged {
		moveGrid(size, to, sum, bl.rows, bl.cols)
	}
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
	w.panel.CRow = to.row
	lo, hi := c*p.split.Len, min((c+1)*p.split.Len, p.m.K)
	for k := lo; k < hi || k == lo; k += p.deep {
		if w.cancelled() {
			return
		}
		n := min(p.deep, hi-k)
		w.panel.K, w.panel.Mode = n, 0
		if k > lo || c == 0 && p.update.starts {
			w.panel.Mode |= simd.GemmCarry
		}
		if settle && k+n == hi {
			w.panel.Mode |= simd.GemmSettle
		}
		if w.streams {
			w.panel.Mode |= simd.GemmStream
		}
		w.multiply(bl, k, n, to)
	}
}

// multiply carries the chains of a block through n indices of k.
func (w *productWorker) multiply(bl resultBlock, k, n int, to strided) {
	p := w.p
	nr := p.kernel.NR
	b := strided{unsafe.Add(w.b, offset(p.b.batch, bl.batch)), p.b.row, p.b.col}.from(k, bl.j)
	a := strided{unsafe.Add(w.a, offset(p.a.batch, bl.batch)), p.a.row, p.a.col}.from(bl.i, k)
	if !p.directB && n > 0 {
		w.packColumns(b, n, bl.cols)
		w.scaleColumns(n, bl.cols)
	}
	for i := 0; i < bl.rows; i += p.high {
		w.panel.Rows = min(p.high, bl.rows-i)
		w.bindA(a.from(i, 0), n)
		for j := 0; j < bl.cols; j += nr {
			w.panel.Cols = min(nr, bl.cols-j)
			w.bindB(b, n, j)
			w.panel.C = to.from(i, j).at
			w.askAhead(bl, i, j)
			p.kernel.Run(&w.panel)
		}
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

// bindA points the panel to rows of A and, unless they can be read where they lie, packs them
// first: as rows, or as columns if these are contiguous.
func (w *productWorker) bindA(a strided, n int) {
	p, x := w.p, &w.panel
	size := p.m.Type.Size()
	if !p.directA && n > 0 {
		packed := strided{unsafe.Add(w.scratch, p.packA), n * size, size}
		if a.row == size && a.col != size {
			packed = strided{packed.at, size, x.Rows * size}
		}
		moveGrid(size, packed, a, x.Rows, n)
		if p.update.scales && p.swapped {
			scaleBy(p.m.Type, packed.at, x.Rows*n, w.factors.alpha)
		}
		a = packed
	}
	x.A, x.ARow, x.ACol, x.AStrip = a.at, a.row, a.col, p.kernel.MR*a.row
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

// packColumns packs n rows of B: strips of NR columns, in each of which k goes slowest.
func (w *productWorker) packColumns(b strided, n, cols int) {
	p := w.p
	size, nr := p.m.Type.Size(), p.kernel.NR
	at := unsafe.Add(w.scratch, p.packB)
	if p.vector {
		moveGrid(size, strided{at, size, size}, b, n, 1)
		return
	}
	full := 0
	if b.col == size {
		full = cols / nr
		for k := range n {
			if p.kernel.Ask != nil && k+packAhead < n {
				p.kernel.Ask(uintptr(b.from(k+packAhead, 0).at), cols*size)
			}
			p.kernel.Spread(unsafe.Add(at, k*nr*size), b.from(k, 0).at, full, n*nr*size)
		}
	}
	for j := full * nr; j < cols; j += nr {
		w.packStrip(unsafe.Add(at, j*n*size), b.from(0, j), n, min(nr, cols-j))
	}
}

// scaleColumns multiplies the packed columns by alpha, if B is the caller's right operand.
func (w *productWorker) scaleColumns(n, cols int) {
	p := w.p
	if !p.update.scales || p.swapped {
		return
	}
	if !p.vector {
		n *= ceilDiv(cols, p.kernel.NR) * p.kernel.NR
	}
	scaleBy(p.m.Type, unsafe.Add(w.scratch, p.packB), n, w.factors.alpha)
}

// packStrip packs n rows of a strip of B. Columns that are not there stay as they are: what they give is
// not stored.
func (w *productWorker) packStrip(at unsafe.Pointer, b strided, n, cols int) {
	size := w.p.m.Type.Size()
	to := strided{at, w.p.kernel.NR * size, size}
	side, many := 32/size, n/4*4
	turned := 0
	if w.p.kernel.Turn != nil && b.row == size && many > 0 {
		turned = cols / side * side
	}
	for j := 0; j < turned; j += side {
		w.p.kernel.Turn(to.from(0, j).at, b.from(0, j).at, b.col, many, to.row)
	}
	if turned > 0 && many < n {
		moveGrid(size, to.from(many, 0), b.from(many, 0), n-many, turned)
	}
	if turned < cols {
		moveGrid(size, to.from(0, turned), b.from(0, turned), n, cols-turned)
	}
}
