package cpu

import (
	"unsafe"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/op"
)

type addable interface {
	int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64 | float32 | float64
}

// chunkOf is the running sum and the total of a chunk of contiguous elements; nil for other operators.
func chunkOf(s *ir.Scan) (chunk func(dst, src unsafe.Pointer, n int, prefix unsafe.Pointer), total func(dst, src unsafe.Pointer, n int)) {
	if s.Code != op.Add {
		return nil, nil
	}
	switch s.Type {
	case dtype.Float64:
		return sumChunk[float64], totalChunk[float64]
	case dtype.Float32:
		return sumChunk[float32], totalChunk[float32]
	case dtype.Int64:
		return sumChunk[int64], totalChunk[int64]
	case dtype.Uint64:
		return sumChunk[uint64], totalChunk[uint64]
	}
	return nil, nil
}

// sumChunk scans up to canon.ScanChunk elements. Segments are scanned four at a time, for additions
// that need not wait for each other; then their bases are added.
func sumChunk[T addable](dst, src unsafe.Pointer, n int, prefix unsafe.Pointer) {
	const seg = canon.ScanSegment
	x, y := unsafe.Slice((*T)(src), n), unsafe.Slice((*T)(dst), n)
	at := 0
	for ; at+4*seg <= n; at += 4 * seg {
		fourSums(y[at:at+4*seg], x[at:at+4*seg])
	}
	for ; at < n; at += seg {
		oneSum(y[at:min(at+seg, n)], x[at:min(at+seg, n)])
	}
	var sum, base T
	for at := 0; at < n; at += seg {
		part := y[at:min(at+seg, n)]
		last := part[len(part)-1]
		has := prefix != nil || at > 0
		switch {
		case prefix != nil && at > 0:
			base = *(*T)(prefix) + sum
		case prefix != nil:
			base = *(*T)(prefix)
		default:
			base = sum
		}
		if at == 0 {
			sum = last
		} else {
			sum += last
		}
		if has {
			addBase(part, base)
		}
	}
}

func addBase[T addable](part []T, base T) {
	for i := range part {
		part[i] = base + part[i]
	}
}

func oneSum[T addable](y, x []T) {
	s := x[0]
	y[0] = s
	for i := 1; i < len(x) && i < len(y); i++ {
		s += x[i]
		y[i] = s
	}
}

// fourSums scans four segments side by side.
func fourSums[T addable](y, x []T) {
	const seg = canon.ScanSegment
	x0, x1, x2, x3 := (*[seg]T)(x), (*[seg]T)(x[seg:]), (*[seg]T)(x[2*seg:]), (*[seg]T)(x[3*seg:])
	y0, y1, y2, y3 := (*[seg]T)(y), (*[seg]T)(y[seg:]), (*[seg]T)(y[2*seg:]), (*[seg]T)(y[3*seg:])
	a, b, c, d := x0[0], x1[0], x2[0], x3[0]
	y0[0], y1[0], y2[0], y3[0] = a, b, c, d
	for i := 1; i < seg; i++ {
		a, b, c, d = a+x0[i], b+x1[i], c+x2[i], d+x3[i]
		y0[i], y1[i], y2[i], y3[i] = a, b, c, d
	}
}

// totalChunk is the total of up to canon.ScanChunk elements: those of the segments, left to right.
func totalChunk[T addable](dst, src unsafe.Pointer, n int) {
	const seg = canon.ScanSegment
	x := unsafe.Slice((*T)(src), n)
	var sum T
	at := 0
	for ; at+4*seg <= n; at += 4 * seg {
		a, b, c, d := fourTotals(x[at : at+4*seg])
		if at == 0 {
			sum = a
		} else {
			sum += a
		}
		sum += b
		sum += c
		sum += d
	}
	for ; at < n; at += seg {
		s := x[at]
		for _, v := range x[at+1 : min(at+seg, n)] {
			s += v
		}
		if at == 0 {
			sum = s
		} else {
			sum += s
		}
	}
	*(*T)(dst) = sum
}

func fourTotals[T addable](x []T) (a, b, c, d T) {
	const seg = canon.ScanSegment
	x0, x1, x2, x3 := (*[seg]T)(x), (*[seg]T)(x[seg:]), (*[seg]T)(x[2*seg:]), (*[seg]T)(x[3*seg:])
	a, b, c, d = x0[0], x1[0], x2[0], x3[0]
	for i := 1; i < seg; i++ {
		a, b, c, d = a+x0[i], b+x1[i], c+x2[i], d+x3[i]
	}
	return a, b, c, d
}
