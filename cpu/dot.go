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

// dotProgram runs products of which M and N are 1, by the lane rule: each block of k is folded to a
// partial result, and then the blocks of each batch are.
type dotProgram struct {
	pool    *pool
	m       *ir.MatMul
	update  update
	lanes   simd.LanesFunc
	settle  func(c unsafe.Pointer, n int)
	fold    fold
	start   [canon.LaneBytes / 8]uint64 // lanes of nothing
	a, b, c operand
	batches int
	blocks  int // of one batch
	group   int // blocks of a task
	scratch int
	tileA   int // offsets in the scratch
	tileB   int
	tail    int
	runs    freeList[dotRun]
}

func compileDot(p *pool, m *ir.MatMul, u update) *dotProgram {
	t := m.Type
	d := &dotProgram{
		pool: p, m: m, update: u, lanes: simd.Gemm(t).Lanes, settle: settleOf(t),
		a: operandOf(m.Batch, m.A), b: operandOf(m.Batch, m.B), c: operandOf(m.Batch, m.To),
		batches: extent(m.Batch, dims(0, len(m.Batch))), blocks: canon.Blocks(m.K),
	}
	d.fold = fold{
		fn: simd.Kernel(op.Add, []dtype.DType{t, t}), size: t.Size(), lanes: canon.Lanes(t.Size()), per16: canon.Per16(t.Size()),
		free: !t.IsFloat(), pairs: pairFunc(op.Add, t), empty: ir.FoldAbsent(op.Add, t),
	}
	d.fold.fast, _ = simd.FoldOf(op.Add, t)
	fillBits(t, unsafe.Pointer(&d.start), d.fold.empty, d.fold.lanes)
	d.group = max(1, taskSize/max(1, min(m.K, canon.Block)))
	d.fold.acc = reserve(&d.scratch, canon.LaneBytes)
	if d.a.col != t.Size() {
		d.tileA = reserve(&d.scratch, canon.Block*t.Size())
	}
	if d.b.row != t.Size() || u.scales {
		d.tileB = reserve(&d.scratch, canon.Block*t.Size())
	}
	d.tail = reserve(&d.scratch, 2*canon.LaneBytes)
	return d
}

// Workspace is the accumulators and tiles of all workers, and the partial results.
func (p *dotProgram) Workspace() int {
	return p.scratch*p.pool.workers + p.batches*p.blocks*p.m.Type.Size()
}

// Close has nothing to release.
func (p *dotProgram) Close() error { return nil }

// dotRun is one run.
type dotRun struct {
	p       *dotProgram
	a, b, c unsafe.Pointer
	work    unsafe.Pointer
	factors factors
	final   bool
}

// Run computes the products. Whatever it has started is over when it returns, also with an error.
func (p *dotProgram) Run(ctx context.Context, args []device.Arg, work device.Span) error {
	return launch(ctx, p.pool, &p.runs, p.newRun, args, work)
}

func (p *dotProgram) apply(a, b, c, work unsafe.Pointer, f factors) {
	applyOnce(&p.runs, p.newRun, a, b, c, work, f)
}

func (p *dotProgram) newRun() *dotRun { return &dotRun{p: p} }

func (r *dotRun) start(args []device.Arg, work device.Span) error {
	return startProduct(r, r.p.Workspace(), args, work)
}

func (r *dotRun) bind(a, b, c, work unsafe.Pointer, f factors) {
	r.a, r.b, r.c, r.work, r.factors, r.final = a, b, c, work, f, false
}

func (r *dotRun) reset() { *r = dotRun{p: r.p} }

func (r *dotRun) run(ctx context.Context) error {
	p := r.p
	if n := p.batches * p.blocks; n > 0 {
		short := 2*p.batches*p.m.K*p.m.Type.Size() < wakeBytes
		if err := p.pool.do(ctx, ceilDiv(n, p.group), r, short); err != nil {
			return err
		}
	}
	r.final = true
	if p.batches == 0 {
		return ctx.Err()
	}
	return p.pool.run(ctx, ceilDiv(p.batches, taskSize/8), r)
}

// partial is where the result of a block is.
func (r *dotRun) partial(i int) unsafe.Pointer {
	return unsafe.Add(r.work, r.p.scratch*r.p.pool.workers+i*r.p.m.Type.Size())
}

func (r *dotRun) task(worker, i int) {
	p := r.p
	scratch := unsafe.Add(r.work, worker*p.scratch)
	if r.final {
		for b := i * (taskSize / 8); b < min((i+1)*(taskSize/8), p.batches); b++ {
			r.finish(b, unsafe.Add(scratch, p.fold.acc))
		}
		return
	}
	for n := i * p.group; n < min((i+1)*p.group, p.batches*p.blocks); n++ {
		r.block(n, scratch)
	}
}

// block folds one block of k of one batch.
func (r *dotRun) block(n int, scratch unsafe.Pointer) {
	p := r.p
	size := p.m.Type.Size()
	batch, k := n/p.blocks, n%p.blocks*canon.Block
	count := min(canon.Block, p.m.K-k)
	a := r.vector(r.a, p.a.batch, p.a.col, batch, k, count, unsafe.Add(scratch, p.tileA))
	b := r.vector(r.b, p.b.batch, p.b.row, batch, k, count, unsafe.Add(scratch, p.tileB))
	if p.update.scales {
		b = r.scaled(b, count, unsafe.Add(scratch, p.tileB))
	}
	acc := unsafe.Add(scratch, p.fold.acc)
	copyBytes(acc, unsafe.Pointer(&p.start), canon.LaneBytes)
	rows := count / p.fold.lanes
	p.lanes(acc, a, b, rows)
	if done := rows * p.fold.lanes; done < count {
		r.lastRow(acc, unsafe.Add(a, done*size), unsafe.Add(b, done*size), count-done, unsafe.Add(scratch, p.tail))
	}
	p.fold.tree(acc, count, 1)
	copyBytes(r.partial(n), acc, size)
}

// lastRow carries the lanes through a row of which only n elements are there. The others are -0 and +0:
// they change no lane.
func (r *dotRun) lastRow(acc, a, b unsafe.Pointer, n int, tail unsafe.Pointer) {
	p := r.p
	x, y := tail, unsafe.Add(tail, canon.LaneBytes)
	copyBytes(x, unsafe.Pointer(&p.start), canon.LaneBytes)
	clear(unsafe.Slice((*byte)(y), canon.LaneBytes))
	copyBytes(x, a, n*p.m.Type.Size())
	copyBytes(y, b, n*p.m.Type.Size())
	p.lanes(acc, x, y, 1)
}

// vector is count elements of an operand from k on, packed if they are not contiguous.
func (r *dotRun) vector(base unsafe.Pointer, batch []dim, stride, b, k, count int, tile unsafe.Pointer) unsafe.Pointer {
	at := unsafe.Add(base, offset(batch, b)+k*stride)
	size := r.p.m.Type.Size()
	if stride == size {
		return at
	}
	moveGrid(size, strided{tile, count * size, size}, strided{at, 0, stride}, 1, count)
	return tile
}

// scaled is count elements times alpha, in a tile.
func (r *dotRun) scaled(v unsafe.Pointer, count int, tile unsafe.Pointer) unsafe.Pointer {
	if v != tile {
		copyBytes(tile, v, count*r.p.m.Type.Size())
	}
	scaleBy(r.p.m.Type, tile, count, r.factors.alpha)
	return tile
}

// finish folds the blocks of a batch and stores the result: beta times C is added to it before +0.
func (r *dotRun) finish(batch int, acc unsafe.Pointer) {
	p := r.p
	size := p.m.Type.Size()
	result := acc
	if p.blocks == 0 {
		put(size, result, p.fold.empty)
	} else {
		result = r.partial(batch * p.blocks)
		p.fold.blocks(result, acc, p.blocks, 1)
	}
	to := unsafe.Add(r.c, offset(p.c.batch, batch))
	if p.update.starts {
		scaleBy(p.m.Type, to, 1, r.factors.beta)
		p.fold.fn(result, to, result, nil, 1)
	}
	if p.settle != nil {
		p.settle(result, 1)
	}
	copyBytes(to, result, size)
}

func fillBits(t dtype.DType, at unsafe.Pointer, bits uint64, n int) {
	for i := range n {
		put(t.Size(), unsafe.Add(at, i*t.Size()), bits)
	}
}
