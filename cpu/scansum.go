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
	return &chunkSums{
		segments: func(tile, src unsafe.Pointer, n int, total unsafe.Pointer) {
			totals := totalsOf(tile, n)
			s.Segments(tile, src, unsafe.Pointer(unsafe.SliceData(totals)), n/seg)
			if whole := n - n%seg; whole < n {
				y := unsafe.Slice((*T)(tile), n)[whole:]
				runningSum(y, unsafe.Slice((*T)(src), n)[whole:])
				totals[len(totals)-1] = y[len(y)-1]
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

// sumLine is the running sum of one line by all workers. A chunk's segments are summed as soon as a worker
// takes it; then it waits for the total of the chunks before, which workers took earlier, and passes on
// its own.
type sumLine struct {
	*scanRun
	dst, src unsafe.Pointer
	passed   atomic.Int64 // chunks that are in the prefix
}

func (r *scanRun) sumLine(ctx context.Context, line int) error {
	l := &sumLine{scanRun: r, dst: unsafe.Add(r.dst, offset(r.to, line)), src: unsafe.Add(r.src, offset(r.from, line))}
	return r.pool.run(ctx, ceilDiv(r.n, canon.ScanChunk), l)
}

// task does chunk i.
func (l *sumLine) task(w, i int) {
	lo := i * canon.ScanChunk
	n := min(canon.ScanChunk, l.n-lo)
	tile, total, before := l.part(w, 4), l.part(w, 1), l.part(w, 0)
	prefix := unsafe.Add(l.work, l.scratch*l.pool.workers)
	l.sums.segments(tile, l.gathered(w, unsafe.Add(l.src, lo*l.fs), n), n, total)
	if !l.wait(i) {
		return
	}
	move(before, prefix, l.size)
	l.plus(prefix, total, i > 0, 1)
	l.passed.Store(int64(i) + 1)
	if i == 0 {
		before = nil
	}
	l.finish(unsafe.Add(l.dst, lo*l.ts), tile, n, before)
}

// patientSpins is some tens of microseconds.
const patientSpins = 1 << 14

// wait returns when the chunks before i are in the prefix; false if that will not happen, as the job is over.
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
