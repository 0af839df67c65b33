package op

import (
	"math"
	"sync/atomic"

	"github.com/tare-go/tare/dtype"
)

// TruncInt32 is x rounded toward zero; NaN and values that do not fit give the minimum, on every
// architecture.
func TruncInt32[T float32 | float64](x T) int32 {
	if x > -0x1p31-1 && x < 0x1p31 {
		return int32(x)
	}
	return math.MinInt32
}

// TruncInt64 is x rounded toward zero; NaN and values that do not fit give the minimum, on every
// architecture.
func TruncInt64[T float32 | float64](x T) int64 {
	if x >= -0x1p63 && x < 0x1p63 {
		return int64(x)
	}
	return math.MinInt64
}

// CastProgram converts elements as C does, and is defined for every value. Floats go to integers
// toward zero. NaN, infinities and values that do not fit give what NumPy shows on x86: the
// minimum of int32 and int64, from which int8, int16, uint8, uint16 and uint32 (which goes by
// int64) take the low bits; uint64 has 2^63 for NaN and values below -2^63, 0 above its range.
func CastProgram(from, to dtype.DType) *Program {
	b, x := NewBuilder(to, from)
	return b.Build(castBody(b, to, x[0]))
}

// casts are programs that Cast has needed.
var casts [dtype.Count][dtype.Count]atomic.Pointer[Program]

// Cast is one element in another type, as CastProgram converts it.
func Cast(from, to dtype.DType, bits uint64) uint64 {
	if from == to {
		return bits
	}
	p := casts[from][to].Load()
	if p == nil {
		p = CastProgram(from, to)
		casts[from][to].Store(p)
	}
	return p.Eval(bits)
}

func castBody(b *Builder, to dtype.DType, x Value) Value {
	if !b.Type(x).IsFloat() || !to.IsInteger() {
		return b.Convert(to, x)
	}
	switch to {
	case dtype.Uint64:
		return castUint64(b, x)
	case dtype.Int64, dtype.Uint32:
		return b.Convert(to, b.Convert(dtype.Int64, x))
	}
	return b.Convert(to, b.Convert(dtype.Int32, x))
}

// castUint64 converts the values from 2^63 on less 2^63, and adds it again as the top bit.
func castUint64(b *Builder, x Value) Value {
	t := b.Type(x)
	half := b.ConstOf(t, 0x1p63)
	large := b.Le(half, x)
	low := b.Convert(dtype.Int64, b.Select(large, b.Sub(x, half), x))
	top := b.Select(large, b.Bits(dtype.Int64, 1<<63), b.Bits(dtype.Int64, 0))
	return b.Convert(dtype.Uint64, b.Xor(low, top))
}
