package canon

// The constants of the scan.
const (
	ScanSegment = 128  // elements added in sequence
	ScanChunk   = 4096 // elements whose segment offsets are added in sequence: 32 segments
)

// Scan is the running fold of n values, the slow obvious way: put(i, out) receives each result, in
// order. It is the same along any axis, by the logical index along it.
//
// A segment of 128 values is scanned in sequence from its first value. Within a chunk of 4096, the
// offset S of a segment is the total of the segments before it, added left to right; the total of
// the chunk is fl(S + total) of its last segment. The prefix P of a chunk is the total of the chunks
// before it, added left to right. out = fl(fl(P + S) + seg), where seg is the segment's own scan.
//
// What does not exist is not added: the first chunk has no P and the first segment of a chunk no S,
// so that out is fl(S + seg), fl(P + seg), or seg, and the scan of [-0.0] is [-0.0].
func Scan[T any](n int, at func(i int) T, put func(i int, out T), add func(a, b T) T) {
	var prefix optional[T]
	for lo := 0; lo < n; lo += ScanChunk {
		total := scanChunk(lo, min(lo+ScanChunk, n), at, put, add, prefix)
		prefix = prefix.plus(total, add)
	}
}

// scanChunk scans the values [lo, hi), at most a chunk, and returns their total.
func scanChunk[T any](lo, hi int, at func(i int) T, put func(i int, out T), add func(a, b T) T, prefix optional[T]) T {
	var offset optional[T]
	for ; lo < hi; lo += ScanSegment {
		base := prefix
		if offset.ok {
			base = prefix.plus(offset.value, add)
		}
		var seg optional[T]
		for i := lo; i < min(lo+ScanSegment, hi); i++ {
			seg = seg.plus(at(i), add)
			put(i, base.plus(seg.value, add).value)
		}
		offset = offset.plus(seg.value, add)
	}
	return offset.value
}

// optional is a value that may not exist yet.
type optional[T any] struct {
	value T
	ok    bool
}

// plus is fl(o + v), or v where o does not exist.
func (o optional[T]) plus(v T, add func(a, b T) T) optional[T] {
	if !o.ok {
		return optional[T]{v, true}
	}
	return optional[T]{add(o.value, v), true}
}
