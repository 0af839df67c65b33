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

// matMulProgram runs a product of matrices. Each result is a chain of fused multiply-adds, k
// ascending, that is carried through blocks of one chunk of k; MatMul.Order says where chunks end.
// A task computes blocks of results or, where there are few of those, a chunk of one.
type matMulProgram struct {
	pool    *pool
	m       *ir.MatMul
	split   canon.Split
	kernel  simd.GemmKernel
	add     simd.Func
	then    *epilogue                     // nil if the results are stored as they are
	settle  func(c unsafe.Pointer, n int) // adds +0 to floats: no product is -0
	update  update
	swapped bool // A is the right operand and B the left one, transposed
	a, b, c operand
	size    int // of an element of c
	batches int
	workers int // that have a part
	height  int // rows of the result, as it is computed
	width   int // columns
	blocking
	down    int  // blocks of rows
	across  int  // blocks of columns
	group   int  // blocks of a part
	short   bool // it is over before a helper would wake
	shares  bool
	staged  bool // results are not computed where they belong, but moved there
	scratch int  // bytes of a worker
	shared  int  // bytes of partial results
	steps   int  // of a result
	packA   int  // offsets in the scratch
	packB   int
	chain   int // of the results of the chunk that is being computed
	sum     int // of those of all chunks before, if results are staged
	runs    freeList[matMulRun]
}

// operand is the strides of a matrix: of a batch, of a row, of a column.
type operand struct {
	batch    []dim
	row, col int
}

func (o operand) transposed() operand { return operand{o.batch, o.col, o.row} }

func operandOf(batch []int, o ir.Operand) operand {
	loops := make([]dim, len(batch))
	for i, n := range batch {
		loops[i] = dim{n, o.Strides[i]}
	}
	return operand{merge(loops), o.Strides[len(batch)], o.Strides[len(batch)+1]}
}

// compileProduct makes a program of any product but a dot product.
func compileProduct(p *pool, m *ir.MatMul, u update) *matMulProgram {
	c := newProduct(p, m, u)
	if c.results() > 0 {
		c.arrange()
		c.reserve()
	}
	return c
}

// newProduct is the program of a product before it is planned.
func newProduct(p *pool, m *ir.MatMul, u update) *matMulProgram {
	to := m.Outputs()[0]
	return &matMulProgram{
		pool: p, m: m, update: u, height: m.M, width: m.N, split: m.Order(), kernel: simd.Gemm(m.Type),
		add: simd.Kernel(op.Add, []dtype.DType{m.Type, m.Type}), settle: settleOf(m.Type),
		a: operandOf(m.Batch, m.A), b: operandOf(m.Batch, m.B), c: operandOf(m.Batch, to), size: to.Type.Size(),
		batches: extent(m.Batch, dims(0, len(m.Batch))), steps: max(1, m.K),
	}
}

// arrange chooses the way.
func (p *matMulProgram) arrange() {
	p.orient()
	p.flatten()
	p.plan()
	p.workers = min(p.pool.workers, p.parts())
}

// settleOf is the function that adds +0 to n elements, nil for types without -0.
func settleOf(t dtype.DType) func(c unsafe.Pointer, n int) {
	switch t {
	case dtype.Float64:
		return settle[float64]
	case dtype.Float32:
		return settle[float32]
	}
	return nil
}

func settle[T float32 | float64](c unsafe.Pointer, n int) {
	v := unsafe.Slice((*T)(c), n)
	for i := range v {
		v[i] += 0
	}
}

// results is the number of results, and blocks that of their blocks.
func (p *matMulProgram) results() int { return p.batches * p.height * p.width }
func (p *matMulProgram) blocks() int  { return p.batches * p.down * p.across }

// parts is the number of parts that are dealt to workers.
func (p *matMulProgram) parts() int {
	if p.shares {
		return p.blocks() * p.split.Chunks
	}
	return ceilDiv(p.blocks(), p.group)
}

// rowBytes is the size of a row of a block of results, and blockBytes that of the block.
func (p *matMulProgram) rowBytes() int   { return p.cols * p.m.Type.Size() }
func (p *matMulProgram) blockBytes() int { return p.rows * p.rowBytes() }

func (p *matMulProgram) reserve() {
	if p.then != nil {
		p.then.at = reserve(&p.scratch, p.then.scratch)
	}
	if !p.directA {
		p.packA = reserve(&p.scratch, p.high*p.deep*p.m.Type.Size())
	}
	p.packB = reserve(&p.scratch, p.bytesB())
	if p.shares {
		p.shared = p.blocks() * p.split.Chunks * p.blockBytes()
		return
	}
	if p.split.Chunks > 1 {
		p.chain = reserve(&p.scratch, p.blockBytes())
	}
	if p.staged {
		p.sum = reserve(&p.scratch, p.blockBytes())
	}
}

// Workspace is the packed blocks of all workers, and the partial results.
func (p *matMulProgram) Workspace() int { return p.scratch*p.workers + p.shared }

// Close has nothing to release.
func (p *matMulProgram) Close() error { return nil }

// matMulRun is one run of a product.
type matMulRun struct {
	p       *matMulProgram
	a, b, c unsafe.Pointer
	work    unsafe.Pointer
	factors factors
	workers []productWorker
	then    followed
	hands   shares
	dealt   shares          // of the workers that have parts
	streams bool            // the results go past the caches
	final   bool            // the chunks are done, and are added
	done    <-chan struct{} // of the context: a long chain looks at it, too
}

func (p *matMulProgram) newRun() *matMulRun {
	r := &matMulRun{p: p, workers: make([]productWorker, p.workers), hands: make(shares, p.workers)}
	for w := range r.workers {
		r.workers[w].matMulRun, r.workers[w].id = r, w
		r.workers[w].blocks = p.then.newRuns()
	}
	r.then = p.then.operandsOf()
	return r
}

// Run computes the product. Whatever it has started is over when it returns, also with an error.
func (p *matMulProgram) Run(ctx context.Context, args []device.Arg, work device.Span) error {
	return launch(ctx, p.pool, &p.runs, p.newRun, args, work)
}

func (p *matMulProgram) apply(a, b, c, work unsafe.Pointer, f factors) {
	applyOnce(&p.runs, p.newRun, a, b, c, work, f)
}

func (r *matMulRun) start(args []device.Arg, work device.Span) error {
	if r.p.then != nil {
		return r.startThen(args, work)
	}
	return startProduct(r, r.p.Workspace(), args, work)
}

func (r *matMulRun) bind(a, b, c, work unsafe.Pointer, f factors) {
	r.a, r.b, r.c, r.work, r.factors, r.final = a, b, c, work, f, false
	r.streams = r.p.stream && uintptr(r.c)%alignment == 0
	if r.p.swapped {
		r.a, r.b = r.b, r.a
	}
}

func (r *matMulRun) reset() {
	r.a, r.b, r.c, r.work, r.done = nil, nil, nil, nil, nil
	clear(r.then.at)
}

func (r *matMulRun) run(ctx context.Context) error {
	p := r.p
	if p.results() == 0 {
		return ctx.Err()
	}
	r.done = ctx.Done()
	if err := r.each(ctx, p.parts()); err != nil || !p.shares {
		return err
	}
	r.final = true
	return r.each(ctx, p.blocks())
}

// each does n parts: they are dealt to the workers.
func (r *matMulRun) each(ctx context.Context, n int) error {
	workers := min(n, len(r.workers))
	r.dealt = r.hands[:workers]
	r.dealt.deal(n)
	return r.p.pool.do(ctx, workers, r, r.p.short)
}

// yieldSteps is a millisecond or two of work, after which other goroutines have a turn: a service has some, which
// would wait for the 10 ms of a time slice.
const yieldSteps = 1 << 25

// task does parts until there are none left.
func (r *matMulRun) task(worker, _ int) {
	w := &r.workers[worker]
	w.start()
	defer w.reset()
	for i, ok := r.dealt.take(worker); ok && !r.cancelled(); i, ok = r.dealt.take(worker) {
		w.part(i)
	}
}

// part computes blocks of results, or one chunk of a block, or adds the chunks of a block.
func (w *productWorker) part(i int) {
	p := w.p
	switch {
	case w.final:
		w.addChunks(p.block(i), w.partial(i*p.split.Chunks))
	case p.shares:
		bl, c := p.block(i/p.split.Chunks), i%p.split.Chunks
		to := strided{w.partial(i), p.rowBytes(), p.m.Type.Size()}
		w.begin(bl, c, to)
		w.chunk(bl, c, to, false)
	default:
		for n := i * p.group; n < min((i+1)*p.group, p.blocks()); n++ {
			w.block(p.block(n))
		}
	}
}

// partial is the block of partial results with a number.
func (r *matMulRun) partial(i int) unsafe.Pointer {
	return unsafe.Add(r.work, r.p.scratch*r.p.workers+i*r.p.blockBytes())
}

// addChunks adds the partial results of a block, left to right, and stores them.
func (w *productWorker) addChunks(bl resultBlock, first unsafe.Pointer) {
	p := w.p
	for c := 1; c < p.split.Chunks; c++ {
		p.add(first, first, unsafe.Add(first, c*p.blockBytes()), nil, p.rows*p.cols)
	}
	if p.settle != nil {
		p.settle(first, p.rows*p.cols)
	}
	w.deliver(bl, strided{first, p.rowBytes(), p.m.Type.Size()})
}

// resultBlock is where a block of results is.
type resultBlock struct{ batch, i, j, rows, cols int }

// block is the block with a number: rows go fastest, for which the columns of B stay the same, then columns, then
// batches.
func (p *matMulProgram) block(n int) resultBlock {
	if p.down*p.across == 1 {
		return resultBlock{n, 0, 0, p.height, p.width}
	}
	i, j := n%p.down*p.rows, n/p.down%p.across*p.cols
	return resultBlock{n / p.across / p.down, i, j, min(p.rows, p.height-i), min(p.cols, p.width-j)}
}

// output is the memory of a block.
func (r *matMulRun) output(bl resultBlock) strided {
	c := r.p.c
	return strided{unsafe.Add(r.c, offset(c.batch, bl.batch)), c.row, c.col}.from(bl.i, bl.j)
}
