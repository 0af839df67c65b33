package cpu

import (
	"context"
	"runtime"
	"unsafe"

	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/op"
	"github.com/tare-go/tare/kernels/simd"
)

const (
	scanWidth  = 512       // lines that are scanned side by side, where they are neighbours in memory
	blockBytes = 128 << 10 // of a worker's part of a line: they stay in the second cache between the steps of a sum
	scanBlock  = 128       // chunks of a long line that are summed, and then scanned while they are in the cache
)

// scanProgram is a running fold. Lines that lie side by side in memory are scanned together, a row of
// them at a time, by the operator's kernel; other lines one by one, a chunk of canon.ScanChunk at a
// time. Where there are fewer lines than workers, the workers share the chunks of a line: see sumLine for sums;
// with other operators the totals of chunks come first, and then each is scanned from that of those before it.
type scanProgram struct {
	pool     *pool
	s        *ir.Scan
	fn       simd.Func
	store    simd.Func // fn for results that may go past the caches
	size     int
	sums     *chunkSums // of single lines; nil for fn, one by one
	large    bool       // the result may go past the caches
	from, to []dim      // of the lines, without those side by side
	n        int        // elements of a line
	fs, ts   int        // bytes between them
	wide     int        // lines side by side
	groups   int        // of lines side by side, of up to scanWidth, for each index of the other lines
	others   int
	shares   bool
	group    int // lines of a task
	block    int // chunks of a task, where workers share a line
	scratch  int
	totals   int // bytes of the totals of chunks
}

func compileScan(p *pool, s *ir.Scan) device.Program {
	c := &scanProgram{pool: p, s: s, fn: binary(s.Code, s.Type), store: simd.Past(s.Code, []dtype.DType{s.Type, s.Type}), size: s.Type.Size(), n: s.Space[s.Axis], wide: 1, others: 1}
	c.fs, c.ts = s.From.Strides[s.Axis], s.To.Strides[s.Axis]
	c.lines()
	c.groups = (c.wide + scanWidth - 1) / scanWidth
	c.large = c.n*c.others*c.wide*c.size > pastFrom
	if c.wide == 1 {
		c.sums = chunkSumsOf(s)
	}
	chunks := (c.n + canon.ScanChunk - 1) / canon.ScanChunk
	c.shares = c.wide == 1 && c.others < p.workers && p.workers > 1 && chunks >= 4*p.workers
	c.group = max(1, min(taskSize/max(1, c.n*min(c.wide, scanWidth)), c.others*c.groups/(4*p.workers)))
	c.block = 1
	switch {
	case c.shares && c.sums != nil:
		c.block = blockBytes / (canon.ScanChunk * c.size)
		c.totals = reserveFor(c.size)
	case c.shares:
		c.totals = (min(chunks, scanBlock) + 1) * c.size
	}
	c.scratch = 4 * reserveFor(min(c.wide, scanWidth)*c.size)
	if c.wide == 1 {
		c.scratch += c.block*reserveFor(tileBytesOf(c.size)) + reserveFor(c.size)
	}
	return c
}

// reserveFor is the bytes that a part of the scratch takes.
func reserveFor(bytes int) int {
	total := 0
	reserve(&total, bytes)
	return total
}

// lines sorts the other dimensions: the last one is side by side if it is contiguous in both operands
// and wide enough for the kernel to be worth its call.
func (c *scanProgram) lines() {
	s := c.s
	last := len(s.Space) - 1
	for d, e := range s.Space {
		switch {
		case d == s.Axis:
		case d == last && e >= 8 && s.From.Strides[d] == c.size && s.To.Strides[d] == c.size:
			c.wide = e
		default:
			c.from, c.to = append(c.from, dim{e, s.From.Strides[d]}), append(c.to, dim{e, s.To.Strides[d]})
			c.others *= e
		}
	}
}

// Workspace is the scratch of the workers, and the totals of a shared line.
func (c *scanProgram) Workspace() int { return c.scratch*c.pool.workers + c.totals }

// Close has nothing to release.
func (c *scanProgram) Close() error { return nil }

// Run scans all lines.
func (c *scanProgram) Run(ctx context.Context, args []device.Arg, work device.Span) error {
	if c.pool.closed.Load() {
		return device.ErrClosed
	}
	if c.n*c.others*c.wide == 0 {
		return ctx.Err()
	}
	var at [2]unsafe.Pointer
	if err := addresses(at[:], args); err != nil {
		return err
	}
	base, err := workspace(work, c.Workspace())
	if err != nil {
		return err
	}
	defer runtime.KeepAlive(args)
	r := &scanRun{scanProgram: c, src: at[0], dst: at[1], work: base, past: c.large && at[0] != at[1]}
	if !c.shares {
		return c.pool.run(ctx, ceilDiv(c.others*c.groups, c.group), r)
	}
	for line := range c.others {
		share := r.long
		if c.sums != nil {
			share = r.sumLine
		}
		if err := share(ctx, line); err != nil {
			return err
		}
	}
	return nil
}

// scanRun is one run; its tasks are groups of lines.
type scanRun struct {
	*scanProgram
	src, dst, work unsafe.Pointer
	past           bool // the result goes past the caches
}

// part is a piece of a worker's scratch: rows of the lines' prefixes, offsets, bases and segments, and
// for single lines a chunk and a sum.
func (r *scanRun) part(w, i int) unsafe.Pointer {
	row := reserveFor(min(r.wide, scanWidth) * r.size)
	off := w*r.scratch + min(i, 4)*row
	if i == 5 {
		off += r.block * reserveFor(tileBytesOf(r.size))
	}
	return unsafe.Add(r.work, off)
}

// tile is the k-th of a worker's tiles.
func (r *scanRun) tile(w, k int) unsafe.Pointer {
	return unsafe.Add(r.part(w, 4), k*reserveFor(tileBytesOf(r.size)))
}

// task scans some groups of lines.
func (r *scanRun) task(w, i int) {
	for g := i * r.group; g < min((i+1)*r.group, r.others*r.groups); g++ {
		r.lines(w, g)
	}
	if r.past {
		simd.Fence()
	}
}

// lines scans group i.
func (r *scanRun) lines(w, i int) {
	line, group := i/r.groups, i%r.groups
	src := unsafe.Add(r.src, offset(r.from, line)+group*scanWidth*r.size)
	dst := unsafe.Add(r.dst, offset(r.to, line)+group*scanWidth*r.size)
	if r.wide == 1 {
		r.single(w, dst, src)
		return
	}
	r.rows(w, dst, src, min(scanWidth, r.wide-group*scanWidth))
}

// rows scans lines that lie side by side.
func (r *scanRun) rows(w int, dst, src unsafe.Pointer, width int) {
	prefix, sum, base, seg := r.part(w, 0), r.part(w, 1), r.part(w, 2), r.part(w, 3)
	bytes := width * r.size
	store := r.fn
	if r.past && r.store != nil {
		store = r.store
	}
	for lo := 0; lo < r.n; lo += canon.ScanChunk {
		hi := min(lo+canon.ScanChunk, r.n)
		for at := lo; at < hi; at += canon.ScanSegment {
			has := r.base(base, prefix, sum, lo > 0, at > lo, width)
			for i := at; i < min(at+canon.ScanSegment, hi); i++ {
				x, y := unsafe.Add(src, i*r.fs), unsafe.Add(dst, i*r.ts)
				if i == at {
					move(seg, x, bytes)
				} else {
					r.fn(seg, seg, x, nil, width)
				}
				if has == nil {
					move(y, seg, bytes)
				} else {
					store(y, has, seg, nil, width)
				}
			}
			r.plus(sum, seg, at > lo, width)
		}
		r.plus(prefix, sum, lo > 0, width)
	}
}

// base is what is added to a segment: prefix and offset, as far as they exist; nil for nothing.
func (r *scanRun) base(base, prefix, sum unsafe.Pointer, hasPrefix, hasSum bool, width int) unsafe.Pointer {
	switch {
	case hasPrefix && hasSum:
		r.fn(base, prefix, sum, nil, width)
		return base
	case hasPrefix:
		return prefix
	case hasSum:
		return sum
	}
	return nil
}

// plus adds to a running total, which may not exist yet.
func (r *scanRun) plus(total, x unsafe.Pointer, exists bool, width int) {
	if exists {
		r.fn(total, total, x, nil, width)
		return
	}
	move(total, x, width*r.size)
}

// single scans a line, a chunk at a time.
func (r *scanRun) single(w int, dst, src unsafe.Pointer) {
	prefix, total := r.part(w, 0), r.part(w, 1)
	for lo := 0; lo < r.n; lo += canon.ScanChunk {
		n := min(canon.ScanChunk, r.n-lo)
		from := unsafe.Add(src, lo*r.fs)
		if r.sums != nil {
			r.sumChunk(w, unsafe.Add(dst, lo*r.ts), from, n, prefix, total, lo > 0)
			continue
		}
		if r.n > lo+n { // in place the elements are gone afterwards
			r.sum(w, total, from, n)
		}
		r.scan(w, unsafe.Add(dst, lo*r.ts), from, n, prefix, lo > 0)
		r.plus(prefix, total, lo > 0, 1)
	}
}

// gathered is n elements of a line, one after the other; in a tile if they do not lie so.
func (r *scanRun) gathered(tile, src unsafe.Pointer, n int) unsafe.Pointer {
	if r.fs == r.size || n == 1 {
		return src
	}
	moveGrid(r.size, strided{tile, 0, r.size}, strided{src, 0, r.fs}, 1, n)
	return tile
}

// scan scans a chunk from the prefix, if there is one.
func (r *scanRun) scan(w int, dst, src unsafe.Pointer, n int, prefix unsafe.Pointer, has bool) {
	x := r.gathered(r.tile(w, 0), src, n)
	y := dst
	if r.ts != r.size && n > 1 {
		y = r.part(w, 4)
	}
	if !has {
		prefix = nil
	}
	r.steps(w, y, x, n, prefix)
	if y != dst {
		r.scatter(dst, y, n)
	}
}

// scatter brings n elements to a line.
func (r *scanRun) scatter(dst, y unsafe.Pointer, n int) {
	moveGrid(r.size, strided{dst, 0, r.ts}, strided{y, 0, r.size}, 1, n)
}

// sumChunk is the running sum of a chunk, which has a prefix if it is not the line's first; the prefix is then
// that of the next one.
func (r *scanRun) sumChunk(w int, dst, src unsafe.Pointer, n int, prefix, total unsafe.Pointer, has bool) {
	tile := r.tile(w, 0)
	r.sums.segments(tile, r.gathered(tile, src, n), n, total)
	before := prefix
	if !has {
		before = nil
	}
	r.finish(dst, tile, n, before)
	r.plus(prefix, total, has, 1)
}

// finish adds to a chunk's segments what comes before them.
func (r *scanRun) finish(dst, tile unsafe.Pointer, n int, prefix unsafe.Pointer) {
	if r.ts == r.size || n == 1 {
		r.sums.bases(dst, tile, n, prefix, r.past)
		return
	}
	r.sums.bases(tile, tile, n, prefix, false)
	r.scatter(dst, tile, n)
}

// steps is a chunk by the operator's kernel, one element at a time.
func (r *scanRun) steps(w int, dst, src unsafe.Pointer, n int, prefix unsafe.Pointer) {
	base, seg, sum := r.part(w, 2), r.part(w, 3), r.part(w, 5)
	for at := 0; at < n; at += canon.ScanSegment {
		has := r.base(base, prefix, sum, prefix != nil, at > 0, 1)
		for i := at; i < min(at+canon.ScanSegment, n); i++ {
			r.plus(seg, unsafe.Add(src, i*r.size), i > at, 1)
			y := unsafe.Add(dst, i*r.size)
			if has == nil {
				move(y, seg, r.size)
			} else {
				r.fn(y, has, seg, nil, 1)
			}
		}
		r.plus(sum, seg, at > 0, 1)
	}
}

// sum is the total of a chunk: its segments' totals, added left to right.
func (r *scanRun) sum(w int, total, src unsafe.Pointer, n int) {
	x := r.gathered(r.tile(w, 0), src, n)
	seg := r.part(w, 3)
	for at := 0; at < n; at += canon.ScanSegment {
		for i := at; i < min(at+canon.ScanSegment, n); i++ {
			r.plus(seg, unsafe.Add(x, i*r.size), i > at, 1)
		}
		r.plus(total, seg, at > 0, 1)
	}
}

// longRun is the chunks of a part of one line: first their totals, then their scans.
type longRun struct {
	*scanRun
	dst, src unsafe.Pointer
	first, n int // chunks
	totals   unsafe.Pointer
	totalled bool
}

func (r *longRun) task(w, i int) {
	lo := (r.first + i) * canon.ScanChunk
	n := min(canon.ScanChunk, r.scanRun.n-lo)
	src := unsafe.Add(r.src, lo*r.fs)
	if !r.totalled {
		r.sum(w, unsafe.Add(r.totals, (i+1)*r.size), src, n)
		return
	}
	r.scan(w, unsafe.Add(r.dst, lo*r.ts), src, n, unsafe.Add(r.totals, i*r.size), r.first+i > 0)
}

// long scans one line on all workers. Total 0 is that of all chunks before the part, and the others
// become that of all chunks up to theirs.
func (r *scanRun) long(ctx context.Context, line int) error {
	chunks := (r.n + canon.ScanChunk - 1) / canon.ScanChunk
	l := &longRun{scanRun: r, dst: unsafe.Add(r.dst, offset(r.to, line)), src: unsafe.Add(r.src, offset(r.from, line))}
	l.totals = unsafe.Add(r.work, r.scratch*r.pool.workers)
	for l.first = 0; l.first < chunks; l.first += scanBlock {
		l.n = min(scanBlock, chunks-l.first)
		l.totalled = false
		if err := r.pool.run(ctx, l.n, l); err != nil {
			return err
		}
		for i := range l.n {
			if l.first+i > 0 {
				t := unsafe.Add(l.totals, (i+1)*r.size)
				r.fn(t, unsafe.Add(l.totals, i*r.size), t, nil, 1)
			}
		}
		l.totalled = true
		if err := r.pool.run(ctx, l.n, l); err != nil {
			return err
		}
		move(l.totals, unsafe.Add(l.totals, l.n*r.size), r.size)
	}
	return nil
}

// move copies bytes that do not overlap, or are the same.
func move(dst, src unsafe.Pointer, bytes int) {
	copy(unsafe.Slice((*byte)(dst), bytes), unsafe.Slice((*byte)(src), bytes))
}

// binary is the kernel of an operator of two operands of one type.
func binary(code op.Code, t dtype.DType) simd.Func {
	return simd.Kernel(code, []dtype.DType{t, t})
}
