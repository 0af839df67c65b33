package cpu

import (
	"context"
	"runtime"
	"sync/atomic"
	"unsafe"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/op"
	"github.com/tare-go/tare/kernels/simd"
)

// chunkSums is the two steps of the running sum of a chunk of up to canon.ScanChunk contiguous elements: the
// second needs the total of all chunks before, to which only the first contributes.
type chunkSums struct {
	// segments sums the segments of a chunk to a tile, which may be src, and its total to total.
	segments func(tile, src unsafe.Pointer, n int, total unsafe.Pointer)
	// bases adds to a tile what comes before its segments, also before the chunk where prefix is not nil.
	bases func(dst, tile unsafe.Pointer, n int, prefix unsafe.Pointer, past bool)
}

// tileBytesOf is the bytes of a tile: the elements, and after them a total of each segment.
func tileBytesOf(size int) int {
	return (canon.ScanChunk + canon.ScanChunk/canon.ScanSegment) * size
}

// chunkSumsOf is nil for what is not a sum of large enough elements.
func chunkSumsOf(s *ir.Scan) *chunkSums {
	sums, ok := simd.ScanOf(s.Type)
	if !ok || s.Code != op.Add {
		return nil
	}
	switch s.Type {
	case dtype.Float64:
		return newChunkSums[float64](sums)
	case dtype.Float32:
		return newChunkSums[float32](sums)
	case dtype.Int64:
		return newChunkSums[int64](sums)
	}
	return newChunkSums[uint64](sums)
}

type addable interface {
	int64 | uint64 | float32 | float64
}

func newChunkSums[T addable](s simd.Scan) *chunkSums {
	const seg = canon.ScanSegment
	size := int(unsafe.Sizeof(*new(T)))
	totalsOf := func(tile unsafe.Pointer, n int) []T {
		return unsafe.Slice((*T)(unsafe.Add(tile, canon.ScanChunk*size)), ceilDiv(n, seg))
	}
	group := s.Group * seg
	return &chunkSums{
		segments: func(tile, src unsafe.Pointer, n int, total unsafe.Pointer) {
			totals := totalsOf(tile, n)
			done := n - n%group
			s.Segments(tile, src, unsafe.Pointer(unsafe.SliceData(totals)), done/seg)
			if done < n {
				y, x := unsafe.Slice((*T)(tile), done+group)[done:], unsafe.Slice((*T)(src), n)[done:]
				restOf(s, y, x, totals[done/seg:])
			}
			sum := totals[0]
			for _, t := range totals[1:] {
				sum += t
			}
			*(*T)(total) = sum
		},
		bases: func(dst, tile unsafe.Pointer, n int, prefix unsafe.Pointer, past bool) {
			totals := totalsOf(tile, n)
			basesOf(totals, (*T)(prefix))
			s.Bases(dst, tile, unsafe.Pointer(unsafe.SliceData(totals)), n/seg, past)
			whole := n - n%seg
			x, y := unsafe.Slice((*T)(tile), n)[whole:], unsafe.Slice((*T)(dst), n)[whole:]
			for i, v := range x {
				y[i] = totals[len(totals)-1] + v
			}
		},
	}
}

// restOf sums the segments of less than a group: a group that is filled up with nothing where that is less than half, else one
// by one.
func restOf[T addable](s simd.Scan, y, x, totals []T) {
	const seg = canon.ScanSegment
	if 2*len(x) > len(y) {
		for i := copy(y, x); i < len(y); i++ {
			y[i] = simd.NoBase[T]()
		}
		at := unsafe.Pointer(unsafe.SliceData(y))
		s.Segments(at, at, unsafe.Pointer(unsafe.SliceData(totals)), s.Group)
		return
	}
	for ; len(x) > 0; totals = totals[1:] {
		n := min(seg, len(x))
		runningSum(y, x[:n])
		totals[0] = y[n-1]
		y, x = y[n:], x[n:]
	}
}

// basesOf replaces the totals of segments by what is added to them: the sum of those before, and prefix
// unless it is nil.
func basesOf[T addable](totals []T, prefix *T) {
	sum := totals[0]
	totals[0] = simd.NoBase[T]()
	if prefix != nil {
		totals[0] = *prefix
	}
	for i := 1; i < len(totals); i++ {
		base, next := sum, sum+totals[i]
		if prefix != nil {
			base = *prefix + sum
		}
		totals[i], sum = base, next
	}
}

func runningSum[T addable](y, x []T) {
	s := x[0]
	y[0] = s
	for i := 1; i < len(x) && i < len(y); i++ {
		s += x[i]
		y[i] = s
	}
}

// sumLine is the running sum of one line by all workers. The segments of a block of chunks are summed as soon as a
// worker takes it; then it waits for the total of the chunks before, which workers took earlier, and passes on
// that with its own. A block is long, so that a worker reads memory in order.
type sumLine struct {
	*scanRun
	dst, src unsafe.Pointer
	passed   atomic.Int64 // blocks that are in the prefix
}

func (r *scanRun) sumLine(ctx context.Context, line int) error {
	l := &sumLine{scanRun: r, dst: unsafe.Add(r.dst, offset(r.to, line)), src: unsafe.Add(r.src, offset(r.from, line))}
	return r.pool.run(ctx, ceilDiv(r.n, r.block*canon.ScanChunk), l)
}

// task does block i.
func (l *sumLine) task(w, i int) {
	lo := i * l.block * canon.ScanChunk
	n := min(l.block*canon.ScanChunk, l.n-lo)
	for k := range ceilDiv(n, canon.ScanChunk) {
		at, tile := k*canon.ScanChunk, l.tile(w, k)
		count := min(canon.ScanChunk, n-at)
		l.sums.segments(tile, l.gathered(tile, unsafe.Add(l.src, (lo+at)*l.fs), count), count, l.of(w, 1, k))
	}
	if !l.wait(i) {
		return
	}
	l.pass(w, i, ceilDiv(n, canon.ScanChunk))
	for k := range ceilDiv(n, canon.ScanChunk) {
		at := k * canon.ScanChunk
		before := l.of(w, 0, k)
		if l.fs == l.size && l.past {
			simd.Prefetch(uintptr(l.src)+uintptr((lo+at+l.pool.workers*l.block*canon.ScanChunk)*l.fs), canon.ScanChunk*l.size)
		}
		if i+k == 0 {
			before = nil
		}
		l.finish(unsafe.Add(l.dst, (lo+at)*l.ts), l.tile(w, k), min(canon.ScanChunk, n-at), before)
	}
	if l.past {
		simd.Fence()
	}
}

// of is the k-th element of a part of a worker's scratch.
func (l *sumLine) of(w, part, k int) unsafe.Pointer { return unsafe.Add(l.part(w, part), k*l.size) }

// pass takes the prefixes of the chunks of block i, and adds their totals to the line's.
func (l *sumLine) pass(w, i, chunks int) {
	prefix := unsafe.Add(l.work, l.scratch*l.pool.workers)
	for k := range chunks {
		move(l.of(w, 0, k), prefix, l.size)
		l.plus(prefix, l.of(w, 1, k), i+k > 0, 1)
	}
	l.passed.Store(int64(i) + 1)
}

// patientSpins is some tens of microseconds.
const patientSpins = 1 << 14

// wait returns when the blocks before i are in the prefix; false if that will not happen, as the job is over.
func (l *sumLine) wait(i int) bool {
	for spins := 0; l.passed.Load() != int64(i); spins++ {
		if spins%64 != 63 {
			continue
		}
		select {
		case <-l.pool.done:
			return false
		default:
		}
		if l.pool.end.Load() != nil {
			return false
		}
		if spins > patientSpins || !l.pool.spare() { // the one before may need this processor
			runtime.Gosched()
		}
	}
	return true
}
