package cpu

import (
	"context"
	"runtime"
	"unsafe"

	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/ir"
)

// Sizes of the blocks of a product, in elements. A task computes a block of results. Operands come to
// it packed, depth indices of k at a time: a block of A is strips of mr rows one after the other, a
// block of B strips of nr columns, and in a strip k goes slowest.
const (
	blockRows = 64
	blockCols = 64
	depth     = 256
	mr, nr    = 4, 2

	vectorRows = 256 // of a block of a product with a vector
)

// matMulProgram runs a product of matrices. Each result is a chain of fused multiply-adds, k
// ascending, that is carried through the packed blocks of one chunk of k; canon.Product says where
// chunks end. Where there are few results, the workers share the chunks.
type matMulProgram struct {
	pool          *pool
	m             *ir.MatMul
	split         canon.Split
	math          productMath
	a, b, c       operand
	height, width int  // rows and columns of the result, as it is computed
	skinny        bool // B is a vector
	swapped       bool // A is the right operand and B the left one, transposed
	batches       int
	rows          int // of a block of results, a multiple of mr
	cols          int // the same, a multiple of nr
	deep          int // indices of k that are packed at once
	down          int // blocks of rows
	across        int // blocks of columns
	shares        bool
	scratch       int // bytes of a worker
	shared        int // bytes of partial results
	packA         int // offsets in the scratch
	packB         int
	raw           int // of float32 elements, which are packed as float64
	chain         int // of the results of the chunk that is being computed
	sum           int // of those of all chunks before
	runs          freeList[matMulRun]
}

// operand is the strides of a matrix: of a batch, of a row, of a column.
type operand struct {
	batch    []dim
	row, col int
}

// compileMatMul makes a program for the workers of a pool.
func compileMatMul(p *pool, m *ir.MatMul) device.Program {
	split := m.Order()
	if split.Lane && m.M == 1 && m.N == 1 {
		return compileDot(p, m)
	}
	c := &matMulProgram{
		pool: p, m: m, height: m.M, width: m.N, split: split, math: mathOf(m.Type),
		a: operandOf(m.Batch, m.A), b: operandOf(m.Batch, m.B), c: operandOf(m.Batch, m.To),
		batches: extent(m.Batch, dims(0, len(m.Batch))), deep: min(depth, split.Len),
	}
	if c.results() == 0 {
		return c
	}
	c.shape()
	c.down, c.across = ceilDiv(c.height, c.rows), ceilDiv(c.width, c.cols)
	c.shares = split.Chunks > 1 && c.blocks() < 2*p.workers && p.workers > 1
	c.reserve()
	return c
}

// shape chooses the blocks. A vector is taken as the right operand; if it is the left one, the
// product is transposed, which changes no bits.
func (p *matMulProgram) shape() {
	if p.height == 1 {
		p.swapped = true
		p.height, p.width = p.width, p.height
		p.a, p.b = p.b.transposed(), p.a.transposed()
		p.c = p.c.transposed()
	}
	p.skinny = p.width == 1
	p.rows, p.cols = min(blockRows, ceilDiv(p.height, mr)*mr), min(blockCols, ceilDiv(p.width, nr)*nr)
	if p.skinny {
		p.rows, p.cols = min(vectorRows, p.height), 1
	}
}

func (o operand) transposed() operand { return operand{o.batch, o.col, o.row} }

func operandOf(batch []int, o ir.Operand) operand {
	loops := make([]dim, len(batch))
	for i, n := range batch {
		loops[i] = dim{n, o.Strides[i]}
	}
	return operand{merge(loops), o.Strides[len(batch)], o.Strides[len(batch)+1]}
}

// results is the number of results, and blocks that of their blocks.
func (p *matMulProgram) results() int { return p.batches * p.m.M * p.m.N }
func (p *matMulProgram) blocks() int  { return p.batches * p.down * p.across }

// blockBytes is the size of a block of results.
func (p *matMulProgram) blockBytes() int { return p.rows * p.cols * p.m.Type.Size() }

func (p *matMulProgram) reserve() {
	size, packed := p.m.Type.Size(), p.math.packed
	if p.skinny {
		packed = size
	}
	if !p.skinny || p.a.row != size && p.a.col != size {
		p.packA = reserve(&p.scratch, p.rows*p.deep*packed)
	}
	if !p.skinny || p.b.row != size {
		p.packB = reserve(&p.scratch, p.cols*p.deep*packed)
	}
	if p.math.widen != nil && !p.skinny {
		p.raw = reserve(&p.scratch, max(p.rows, p.cols)*p.deep*size)
	}
	p.chain = reserve(&p.scratch, p.blockBytes())
	p.sum = reserve(&p.scratch, p.blockBytes())
	if p.shares {
		p.shared = p.blocks() * p.split.Chunks * p.blockBytes()
	}
}

// Workspace is the packed blocks of all workers, and the partial results.
func (p *matMulProgram) Workspace() int { return p.scratch*p.pool.workers + p.shared }

// Close has nothing to release.
func (p *matMulProgram) Close() error { return nil }

// matMulRun is one run of a product.
type matMulRun struct {
	p       *matMulProgram
	a, b, c unsafe.Pointer
	work    unsafe.Pointer
	final   bool // the chunks are done, and are added
	done    <-chan struct{}
}

// Run computes the product. Whatever it has started is over when it returns, also with an error.
func (p *matMulProgram) Run(ctx context.Context, args []device.Arg, work device.Span) error {
	if p.pool.closed.Load() {
		return device.ErrClosed
	}
	r := p.runs.get()
	if r == nil {
		r = &matMulRun{}
	}
	*r = matMulRun{p: p}
	if err := r.start(args, work); err != nil {
		return err
	}
	r.done = ctx.Done()
	err := r.run(ctx)
	runtime.KeepAlive(args)
	*r = matMulRun{}
	p.runs.put(r)
	return err
}

func (r *matMulRun) start(args []device.Arg, work device.Span) error {
	var at [3]unsafe.Pointer
	err := addresses(at[:], args)
	if err != nil {
		return err
	}
	r.a, r.b, r.c = at[0], at[1], at[2]
	if r.p.swapped {
		r.a, r.b = r.b, r.a
	}
	r.work, err = workspace(work, r.p.Workspace())
	return err
}

func (r *matMulRun) run(ctx context.Context) error {
	p := r.p
	if p.results() == 0 {
		return ctx.Err()
	}
	if !p.shares {
		return p.pool.run(ctx, p.blocks(), r)
	}
	if err := p.pool.run(ctx, p.blocks()*p.split.Chunks, r); err != nil {
		return err
	}
	r.final = true
	return p.pool.run(ctx, p.blocks(), r)
}

// task computes a block of results, or one chunk of a block, or adds the chunks of a block.
func (r *matMulRun) task(worker, i int) {
	p := r.p
	w := productWorker{r, unsafe.Add(r.work, worker*p.scratch)}
	switch {
	case r.final:
		bl := p.block(i)
		first := r.partial(i * p.split.Chunks)
		for c := 1; c < p.split.Chunks; c++ {
			p.math.add(first, first, r.partial(i*p.split.Chunks+c), nil, p.rows*p.cols)
		}
		r.store(bl, first)
	case p.shares:
		bl, c := p.block(i/p.split.Chunks), i%p.split.Chunks
		w.chunk(bl, c, r.partial(i))
	default:
		w.block(p.block(i))
	}
}

// partial is the block of partial results with a number.
func (r *matMulRun) partial(i int) unsafe.Pointer {
	return unsafe.Add(r.work, r.p.scratch*r.p.pool.workers+i*r.p.blockBytes())
}

// resultBlock is where a block of results is.
type resultBlock struct{ batch, i, j, rows, cols int }

// block is the block with a number: columns go fastest, then rows, then batches.
func (p *matMulProgram) block(n int) resultBlock {
	i, j := n/p.across%p.down*p.rows, n%p.across*p.cols
	return resultBlock{n / p.across / p.down, i, j, min(p.rows, p.height-i), min(p.cols, p.width-j)}
}

// store adds the zero that ends a product and writes a block to the output.
func (r *matMulRun) store(bl resultBlock, sum unsafe.Pointer) {
	p := r.p
	if p.math.settle != nil {
		p.math.settle(sum, p.rows*p.cols)
	}
	size := p.m.Type.Size()
	off := offset(p.c.batch, bl.batch) + bl.i*p.c.row + bl.j*p.c.col
	moveGrid(size, strided{unsafe.Add(r.c, off), p.c.row, p.c.col}, strided{sum, p.cols * size, size}, bl.rows, bl.cols)
}

// productWorker is a worker at a task.
type productWorker struct {
	*matMulRun
	scratch unsafe.Pointer
}

// block computes a block of results, chunk after chunk.
func (w productWorker) block(bl resultBlock) {
	p := w.p
	chain, sum := unsafe.Add(w.scratch, p.chain), unsafe.Add(w.scratch, p.sum)
	w.chunk(bl, 0, sum)
	for c := 1; c < p.split.Chunks; c++ {
		w.chunk(bl, c, chain)
		p.math.add(sum, sum, chain, nil, p.rows*p.cols)
	}
	w.store(bl, sum)
}

// chunk computes the chains of one chunk of k.
func (w productWorker) chunk(bl resultBlock, c int, chain unsafe.Pointer) {
	p := w.p
	if p.skinny {
		w.vectorChunk(bl, c, chain)
		return
	}
	clear(unsafe.Slice((*byte)(chain), p.blockBytes()))
	end := min((c+1)*p.split.Len, p.m.K)
	for k := c * p.split.Len; k < end && !w.cancelled(); k += p.deep {
		n := min(p.deep, end-k)
		w.packA(bl, k, n)
		w.packB(bl, k, n)
		w.multiply(bl, n, chain)
	}
}

// cancelled reports whether nobody wants the results any more.
func (r *matMulRun) cancelled() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// packA packs n columns of A, from column k on.
func (w productWorker) packA(bl resultBlock, k, n int) {
	a := w.p.a
	off := offset(a.batch, bl.batch) + bl.i*a.row + k*a.col
	w.strips(strided{unsafe.Add(w.a, off), a.col, a.row}, bl.rows, mr, n, w.p.packA)
}

// packB packs n rows of B, from row k on.
func (w productWorker) packB(bl resultBlock, k, n int) {
	b := w.p.b
	off := offset(b.batch, bl.batch) + k*b.row + bl.j*b.col
	w.strips(strided{unsafe.Add(w.b, off), b.row, b.col}, bl.cols, nr, n, w.p.packB)
}

// strips packs n indices of k, the rows of src, by count rows or columns of a matrix, in strips of
// width. Zeros fill the last strip; what they give is not stored.
func (w productWorker) strips(src strided, count, width, n, at int) {
	size := w.p.m.Type.Size()
	to := at
	if w.p.math.widen != nil {
		to = w.p.raw
	}
	full := ceilDiv(count, width) * width * n
	for i := 0; i < count; i += width {
		dst := unsafe.Add(w.scratch, to+i*n*size)
		cols := min(width, count-i)
		if cols < width {
			clear(unsafe.Slice((*byte)(dst), width*n*size))
		}
		moveGrid(size, strided{dst, width * size, size}, src.from(0, i), n, cols)
	}
	if w.p.math.widen != nil {
		w.p.math.widen(unsafe.Add(w.scratch, at), unsafe.Add(w.scratch, to), nil, nil, full)
	}
}

// multiply carries the chains of a block through n packed indices of k.
func (w productWorker) multiply(bl resultBlock, n int, chain unsafe.Pointer) {
	p := w.p
	size := p.m.Type.Size()
	for j := 0; j < bl.cols; j += nr {
		b := unsafe.Add(w.scratch, p.packB+j*n*p.math.packed)
		for i := 0; i < bl.rows; i += mr {
			a := unsafe.Add(w.scratch, p.packA+i*n*p.math.packed)
			p.math.micro(unsafe.Add(chain, (i*p.cols+j)*size), p.cols, a, b, n)
		}
	}
}
