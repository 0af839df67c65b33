package cpu

import (
	"context"
	"unsafe"

	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/op"
	"github.com/tare-go/tare/kernels/simd"
)

// gemvProgram runs products of a matrix and a vector, from either side: each result is a chain along a line
// of the matrix, which is read once, where it lies. If the lines are contiguous, sixteen of them are read at
// once; if what lies beside each other belongs to different results, many chains go through some lines of k.
type gemvProgram struct {
	pool    *pool
	m       *ir.MatMul
	update  update
	split   canon.Split
	kernel  simd.GemmKernel
	add     simd.Func
	settle  func(c unsafe.Pointer, n int)
	turned  bool    // the matrix is the caller's right operand
	a       operand // the matrix: a row for each result, a column for each index of k
	x, c    operand // the vector and the results, of which row is the stride
	batches int
	height  int  // results
	byCols  bool // the results' elements lie side by side
	packs   bool // the vector is copied to the scratch
	block   int  // results of a block
	blocks  int  // of one product
	group   int  // blocks of a task
	short   bool // it is over before a helper would wake
	scratch int  // bytes of a worker
	vector  int  // offsets in the scratch
	rest    int
	chains  int
	runs    freeList[gemvRun]
}

// Sizes for products with vectors.
const (
	mostChains = 2048    // that go through lines of k together: they stay in the first cache
	shortLine  = 32      // elements of a line, below which the kernel of products is faster
	restSteps  = 512     // of k that the kernel of products takes at a time: it reads past their end
	chainSteps = 1 << 15 // of k between two looks at the context
	wakeBytes  = 2 << 20 // that are read, at least, where helpers are woken for it: they take as long
)

// compileGemv makes a program of a product with a vector; it gives nil for those that a matMulProgram does
// as well or better: the matrix is contiguous in neither direction, or too small in one of them.
func compileGemv(p *pool, m *ir.MatMul, u update) *gemvProgram {
	t, kernel, batches := m.Type, simd.Gemm(m.Type), extent(m.Batch, dims(0, len(m.Batch)))
	turned := m.N > 1
	if min(m.M, m.N) != 1 || batches == 0 || kernel.Rows == nil || m.K == 0 || u.scales && turned {
		return nil
	}
	g := &gemvProgram{
		pool: p, m: m, update: u, split: m.Order(), kernel: kernel, add: simd.Kernel(op.Add, []dtype.DType{t, t}), settle: settleOf(t),
		turned: turned, height: max(m.M, m.N), batches: batches,
		a: operandOf(m.Batch, m.A), x: operandOf(m.Batch, m.B), c: operandOf(m.Batch, m.To),
	}
	if turned {
		g.a, g.x, g.c = g.x.transposed(), g.a.transposed(), g.c.transposed()
	}
	if !g.plan() {
		return nil
	}
	return g
}

// plan cuts the results into blocks, and reports whether that is the way to compute them.
func (p *gemvProgram) plan() bool {
	size := p.m.Type.Size()
	side := 64 / size
	switch {
	case p.a.col == size && p.height >= simd.RowsAtOnce && p.m.K >= shortLine:
		p.block = simd.RowsAtOnce
	case p.a.row == size && p.height >= 4*side:
		p.byCols = true
		p.block = p.columns(side)
	default:
		return false
	}
	p.blocks = ceilDiv(p.height, p.block)
	if p.split.Chunks > 1 && p.batches*p.blocks < p.least() && p.steps() > 2*shareSteps {
		return false
	}
	p.group = max(1, min(vectorSteps*p.blocks/max(1, p.steps()/p.batches), ceilDiv(p.batches*p.blocks, 4*p.pool.workers)))
	if p.steps() < vectorSteps {
		p.group = p.batches * p.blocks
	}
	p.short = p.steps()*size < wakeBytes
	p.reserve()
	return true
}

// least is the blocks that keep the workers busy. Those of columns are cut in equal parts, others are not.
func (p *gemvProgram) least() int {
	if p.byCols || p.pool.workers == 1 {
		return p.pool.workers
	}
	return 2 * p.pool.workers
}

// vectorSteps is the multiplications of a task, at least: they wait for memory more than for anything else.
const vectorSteps = 1 << 14

func (p *gemvProgram) steps() int { return p.batches * p.height * p.m.K }

// columns is the results of a block where they lie side by side: equal parts for the workers, in whole
// cache lines.
func (p *gemvProgram) columns(side int) int {
	parts := ceilDiv(p.height, mostChains)
	if p.height*p.m.K > offerSteps && p.batches < 2*p.pool.workers {
		parts = ceilDiv(parts, p.pool.workers) * p.pool.workers
	}
	return ceilDiv(ceilDiv(p.height, parts), side) * side
}

// reserve lays out the scratch: the vector, if it is copied, the part of it that the kernel of products is given
// for what is left of rows and of k, and the chains of one chunk and of the sum.
func (p *gemvProgram) reserve() {
	size := p.m.Type.Size()
	if p.packs = p.x.row != size || p.update.scales; p.packs {
		p.vector = reserve(&p.scratch, p.m.K*size)
	}
	if !p.byCols {
		p.rest = reserve(&p.scratch, (restSteps+p.kernel.NR)*size)
	}
	p.chains = reserve(&p.scratch, p.block*size)
	reserve(&p.scratch, p.block*size)
}

// Workspace is the scratch of all workers.
func (p *gemvProgram) Workspace() int { return p.scratch * p.pool.workers }

// Close has nothing to release.
func (p *gemvProgram) Close() error { return nil }

// gemvRun is one run.
type gemvRun struct {
	p       *gemvProgram
	a, x, c unsafe.Pointer
	factors factors
	workers []gemvWorker
	done    <-chan struct{}
}

// gemvWorker is a worker at it.
type gemvWorker struct {
	*gemvRun
	scratch unsafe.Pointer
	packed  int // the product whose vector is in the scratch, from 1; 0 for none
	panel   simd.GemmPanel
	_       [64]byte // keeps the panels of two workers in different lines of the caches
}

// Run computes the products. Whatever it has started is over when it returns, also with an error.
func (p *gemvProgram) Run(ctx context.Context, args []device.Arg, work device.Span) error {
	return launch(ctx, p.pool, &p.runs, p.newRun, args, work)
}

func (p *gemvProgram) apply(a, b, c, work unsafe.Pointer, f factors) {
	applyOnce(&p.runs, p.newRun, a, b, c, work, f)
}

func (p *gemvProgram) newRun() *gemvRun {
	r := &gemvRun{p: p, workers: make([]gemvWorker, p.pool.workers)}
	for w := range r.workers {
		r.workers[w].gemvRun = r
	}
	return r
}

func (r *gemvRun) start(args []device.Arg, work device.Span) error {
	return startProduct(r, r.p.Workspace(), args, work)
}

func (r *gemvRun) bind(a, b, c, work unsafe.Pointer, f factors) {
	r.a, r.x, r.c, r.factors = a, b, c, f
	if r.p.turned {
		r.a, r.x = b, a
	}
	for w := range r.workers {
		r.workers[w].scratch, r.workers[w].packed = unsafe.Add(work, w*r.p.scratch), 0
	}
}

func (r *gemvRun) run(ctx context.Context) error {
	r.done = ctx.Done()
	return r.p.pool.do(ctx, ceilDiv(r.p.batches*r.p.blocks, r.p.group), r, r.p.short)
}

func (r *gemvRun) reset() {
	r.a, r.x, r.c, r.done = nil, nil, nil, nil
	for w := range r.workers {
		r.workers[w].scratch = nil
		r.workers[w].panel = simd.GemmPanel{}
	}
}

func (r *gemvRun) cancelled() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// task computes blocks of results.
func (r *gemvRun) task(worker, i int) {
	p, w := r.p, &r.workers[worker]
	for n := i * p.group; n < min((i+1)*p.group, p.batches*p.blocks); n++ {
		w.block(n/p.blocks, n%p.blocks*p.block)
	}
}

// block computes the results of a batch from the i-th on.
func (w *gemvWorker) block(batch, i int) {
	p, size := w.p, w.p.m.Type.Size()
	n := min(p.block, p.height-i)
	x := w.contiguous(batch)
	a := strided{unsafe.Add(w.a, offset(p.a.batch, batch)), p.a.row, p.a.col}.from(i, 0)
	to := strided{unsafe.Add(w.c, offset(p.c.batch, batch)), p.c.row, size}.from(i, 0)
	sum := unsafe.Add(w.scratch, p.chains)
	chain := unsafe.Add(sum, p.block*size)
	clear(unsafe.Slice((*byte)(sum), p.block*size))
	if p.update.starts {
		moveGrid(size, strided{sum, size, size}, to, n, 1)
		scaleBy(p.m.Type, sum, n, w.factors.beta)
	}
	w.carry(sum, a, x, 0, n)
	for c := 1; c < p.split.Chunks; c++ {
		clear(unsafe.Slice((*byte)(chain), p.block*size))
		w.carry(chain, a, x, c, n)
		p.add(sum, sum, chain, nil, n)
	}
	if p.settle != nil {
		p.settle(sum, n)
	}
	moveGrid(size, to, strided{sum, size, size}, n, 1)
}

// contiguous is the vector of a batch, copied if it has to be.
func (w *gemvWorker) contiguous(batch int) unsafe.Pointer {
	p, size := w.p, w.p.m.Type.Size()
	x := unsafe.Add(w.x, offset(p.x.batch, batch))
	if !p.packs {
		return x
	}
	to := unsafe.Add(w.scratch, p.vector)
	if w.packed != batch+1 {
		moveGrid(size, strided{to, size, size}, strided{x, p.x.row, size}, p.m.K, 1)
		if p.update.scales {
			scaleBy(p.m.Type, to, p.m.K, w.factors.alpha)
		}
		w.packed = batch + 1
	}
	return to
}

// carry carries n chains through one chunk of k, unless it is cancelled.
func (w *gemvWorker) carry(acc unsafe.Pointer, a strided, x unsafe.Pointer, c, n int) {
	p, size := w.p, w.p.m.Type.Size()
	hi := min((c+1)*p.split.Len, p.m.K)
	for lo := c * p.split.Len; lo < hi && !w.cancelled(); lo += chainSteps {
		count, at, y := min(chainSteps, hi-lo), a.from(0, lo).at, unsafe.Add(x, lo*size)
		if p.byCols {
			p.kernel.Cols(acc, at, y, a.col, count, n)
			continue
		}
		w.lines(acc, at, y, count, n)
	}
}

// lines carries n chains along their lines of the matrix: sixteen at a time, whole registers of k, and what
// is left by the kernel of products.
func (w *gemvWorker) lines(acc, a, x unsafe.Pointer, count, n int) {
	p, size := w.p, w.p.m.Type.Size()
	whole := 0
	if n == simd.RowsAtOnce {
		whole = count &^ (64/size - 1)
		p.kernel.Rows(acc, a, x, p.a.row, whole)
	}
	for k := whole; k < count; k += restSteps {
		w.left(acc, unsafe.Add(a, k*size), unsafe.Add(x, k*size), min(restSteps, count-k), n)
	}
}

// left carries n chains through what the kernel of lines cannot take.
func (w *gemvWorker) left(acc, a, x unsafe.Pointer, count, n int) {
	p, size := w.p, w.p.m.Type.Size()
	part := unsafe.Add(w.scratch, p.rest)
	copyBytes(part, x, count*size)
	w.panel = simd.GemmPanel{
		A: a, B: part, C: acc, K: count, Rows: n, Cols: 1,
		ARow: p.a.row, ACol: size, AStrip: p.kernel.MR * p.a.row, BRow: size, CRow: size, Mode: simd.GemmCarry, NextC: uintptr(acc),
	}
	p.kernel.Run(&w.panel)
}
