package simd

import (
	"math"
	"unsafe"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/canon"
)

// Scan is the two steps of a running sum over whole segments of canon.ScanSegment contiguous elements, in
// canon's order.
type Scan struct {
	// Segments sums each segment from its start: dst[i] is the sum up to element i, totals[s] that of all
	// of segment s. dst may be src.
	Segments func(dst, src, totals unsafe.Pointer, segments int)

	// Bases adds bases[s] to the elements of segment s. dst may be src. With past, dst is not read again
	// soon, see Past.
	Bases func(dst, src, bases unsafe.Pointer, segments int, past bool)

	// Group is how many segments Segments takes side by side; fewer are slower.
	Group int
}

// ScanOf is the running sum of the level in use for elements of type t; ok is false for types that have none:
// those of less than 8 bytes other than float32.
func ScanOf(t dtype.DType) (s Scan, ok bool) {
	loops := active.Load().scans[t]
	switch t {
	case dtype.Float32:
		return scanOf[float32](loops), true
	case dtype.Float64:
		return scanOf[float64](loops), true
	case dtype.Int64:
		return scanOf[int64](loops), true
	case dtype.Uint64:
		return scanOf[uint64](loops), true
	}
	return Scan{}, false
}

// NoBase is the base that changes no element, a zero of T: -0 where there is one.
func NoBase[T number]() T {
	var zero T
	switch z := any(&zero).(type) {
	case *float32:
		*z = float32(math.Copysign(0, -1))
	case *float64:
		*z = math.Copysign(0, -1)
	}
	return zero
}

// scanLoops are loops in assembly: segments are taken in groups.
type scanLoops struct {
	segments    func(dst, src, totals unsafe.Pointer, groups int)
	bases, past func(dst, src, bases unsafe.Pointer, segments int)
	group       int
}

const segment = canon.ScanSegment

// scanOf makes the running sum of a type, with the loops that there are.
func scanOf[T number](loops *scanLoops) Scan {
	if loops == nil {
		return Scan{segmentSums[T], addBases[T], 1}
	}
	size := int(unsafe.Sizeof(*new(T)))
	return Scan{
		Group: loops.group,
		Segments: func(dst, src, totals unsafe.Pointer, segments int) {
			whole := segments - segments%loops.group
			if whole > 0 {
				loops.segments(dst, src, totals, whole/loops.group)
			}
			at := whole * segment * size
			segmentSums[T](unsafe.Add(dst, at), unsafe.Add(src, at), unsafe.Add(totals, whole*size), segments-whole)
		},
		Bases: func(dst, src, bases unsafe.Pointer, segments int, past bool) {
			switch {
			case segments == 0:
			case past && uintptr(dst)%64 == 0:
				loops.past(dst, src, bases, segments)
			default:
				loops.bases(dst, src, bases, segments)
			}
		},
	}
}

// segmentSums scans segments, four at a time, for additions that need not wait for each other.
func segmentSums[T number](dst, src, totals unsafe.Pointer, segments int) {
	x, y := unsafe.Slice((*T)(src), segments*segment), unsafe.Slice((*T)(dst), segments*segment)
	t := unsafe.Slice((*T)(totals), segments)
	for ; len(t) >= 4; x, y, t = x[4*segment:], y[4*segment:], t[4:] {
		fourSums(y[:4*segment], x[:4*segment])
		for i := range 4 {
			t[i] = y[i*segment+segment-1]
		}
	}
	for i := range t {
		oneSum(y[i*segment:][:segment], x[i*segment:][:segment])
		t[i] = y[i*segment+segment-1]
	}
}

func oneSum[T number](y, x []T) {
	s := x[0]
	y[0] = s
	for i := 1; i < len(x) && i < len(y); i++ {
		s += x[i]
		y[i] = s
	}
}

// fourSums scans four segments side by side.
func fourSums[T number](y, x []T) {
	x0, x1, x2, x3 := (*[segment]T)(x), (*[segment]T)(x[segment:]), (*[segment]T)(x[2*segment:]), (*[segment]T)(x[3*segment:])
	y0, y1, y2, y3 := (*[segment]T)(y), (*[segment]T)(y[segment:]), (*[segment]T)(y[2*segment:]), (*[segment]T)(y[3*segment:])
	a, b, c, d := x0[0], x1[0], x2[0], x3[0]
	y0[0], y1[0], y2[0], y3[0] = a, b, c, d
	for i := 1; i < segment; i++ {
		a, b, c, d = a+x0[i], b+x1[i], c+x2[i], d+x3[i]
		y0[i], y1[i], y2[i], y3[i] = a, b, c, d
	}
}

func addBases[T number](dst, src, bases unsafe.Pointer, segments int, _ bool) {
	x, y := unsafe.Slice((*T)(src), segments*segment), unsafe.Slice((*T)(dst), segments*segment)
	for s, base := range unsafe.Slice((*T)(bases), segments) {
		part := y[s*segment:][:segment]
		for i, v := range x[s*segment:][:segment] {
			part[i] = base + v
		}
	}
}
