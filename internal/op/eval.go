package op

import (
	"math"

	"github.com/tare-go/tare/dtype"
)

// mask has the bits that an element of type t has.
func mask(t dtype.DType) uint64 { return math.MaxUint64 >> (64 - 8*t.Size()) }

// signed is the value of the element of a signed type.
func signed(t dtype.DType, bits uint64) int64 {
	shift := 64 - 8*t.Size()
	return int64(bits<<shift) >> shift
}

func from32(bits uint64) float32  { return math.Float32frombits(uint32(bits)) }
func bits32(x float32) uint64     { return uint64(math.Float32bits(x)) }
func truth(b bool) uint64         { return uint64(btoi(b)) }
func isSigned(t dtype.DType) bool { return t.Kind() == dtype.SignedKind }

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Eval computes the program for one element. Operands and result are bit patterns in the low bits
// of a word, whose other bits are 0 in the result. It is slow and obvious, and what every kernel
// must equal; NaNs are equal whatever their bits.
func (p *Program) Eval(args ...uint64) uint64 {
	var room [16]uint64
	v := room[:]
	if len(p.Insts) > len(room) {
		v = make([]uint64, len(p.Insts))
	}
	for i, in := range p.Insts {
		x, y, z := v[in.Args[0]], v[in.Args[1]], v[in.Args[2]]
		switch {
		case in.Prim == PrimConst:
			v[i] = in.Imm
		case in.Prim == PrimArg:
			v[i] = args[in.Imm] & mask(in.Type)
		default:
			from := p.Insts[in.Args[0]].Type
			if in.Prim == PrimRare {
				from = in.Type
			}
			v[i] = evalInst(in, from, x, y, z) & mask(in.Type)
		}
	}
	return v[p.Out]
}

// evalInst computes one instruction; from is the type of its first operand.
func evalInst(in Inst, from dtype.DType, x, y, z uint64) uint64 {
	switch in.Prim {
	case PrimSelect:
		if x != 0 {
			return y
		}
		return z
	case PrimPick:
		entries := Pick(in.Imm).Bits()
		return entries[x%uint64(len(entries))]
	case PrimRare:
		if x == 0 {
			return 0
		}
		return routines[in.Imm].eval(in.Type, y, z)
	case PrimBitcast:
		return x
	case PrimConvert:
		return evalConvert(from, in.Type, x)
	}
	switch {
	case from == dtype.Float32:
		return eval32(in.Prim, from32(x), from32(y), from32(z))
	case from == dtype.Float64:
		return eval64(in.Prim, math.Float64frombits(x), math.Float64frombits(y), math.Float64frombits(z))
	case isSigned(from):
		return evalSigned(in.Prim, uint64(8*from.Size()), signed(from, x), signed(from, y))
	case from == dtype.Bool && in.Prim == PrimNot:
		return x ^ 1
	}
	return evalUnsigned(in.Prim, uint64(8*from.Size()), x, y)
}

// evalFloat is what the two float types share.
func evalFloat[T float](p Prim, x, y T) (r uint64, ok bool) {
	switch p {
	case PrimEq:
		return truth(x == y), true
	case PrimNe:
		return truth(x != y), true
	case PrimLt:
		return truth(x < y), true
	case PrimLe:
		return truth(x <= y), true
	}
	return 0, false
}

func eval64(p Prim, x, y, z float64) uint64 {
	if r, ok := evalFloat(p, x, y); ok {
		return r
	}
	return math.Float64bits(float64Prim(p, x, y, z))
}

func float64Prim(p Prim, x, y, z float64) float64 {
	switch p {
	case PrimAdd:
		return x + y
	case PrimSub:
		return x - y
	case PrimMul:
		return x * y
	case PrimDiv:
		return x / y
	case PrimSqrt:
		return math.Sqrt(x)
	case PrimFMA:
		return math.FMA(x, y, z)
	case PrimNeg:
		return math.Copysign(x, -math.Copysign(1, x))
	case PrimAbs:
		return math.Abs(x)
	case PrimCopysign:
		return math.Copysign(x, y)
	case PrimMin:
		return min(x, y)
	case PrimMax:
		return max(x, y)
	case PrimRint:
		return math.RoundToEven(x)
	case PrimFloor:
		return math.Floor(x)
	case PrimTrunc:
		return math.Trunc(x)
	case PrimCeil:
		return math.Ceil(x)
	}
	panic("BUG: no float primitive " + p.String())
}

// eval32 computes in float64 and rounds, which is right for all but fma: a float64 has more than
// twice the bits of a float32 and two more.
func eval32(p Prim, x, y, z float32) uint64 {
	if r, ok := evalFloat(p, x, y); ok {
		return r
	}
	if p == PrimFMA {
		return bits32(FMA32(x, y, z))
	}
	return bits32(float32(float64Prim(p, float64(x), float64(y), float64(z))))
}

func evalSigned(p Prim, width uint64, x, y int64) uint64 {
	switch p {
	case PrimDiv:
		if y == 0 {
			return 0
		}
		return uint64(x / y)
	case PrimRem:
		if y == 0 {
			return 0
		}
		return uint64(x % y)
	case PrimAbs:
		return uint64(max(x, -x))
	case PrimMin:
		return uint64(min(x, y))
	case PrimMax:
		return uint64(max(x, y))
	case PrimLt:
		return truth(x < y)
	case PrimLe:
		return truth(x <= y)
	case PrimShl, PrimShr, PrimSar:
		return evalShift(p, width, uint64(x), uint64(y))
	}
	return evalUnsigned(p, width, uint64(x), uint64(y))
}

func evalUnsigned(p Prim, width uint64, x, y uint64) uint64 {
	switch p {
	case PrimAdd:
		return x + y
	case PrimSub:
		return x - y
	case PrimMul:
		return x * y
	case PrimDiv:
		if y == 0 {
			return 0
		}
		return x / y
	case PrimRem:
		if y == 0 {
			return 0
		}
		return x % y
	case PrimNeg:
		return -x
	case PrimAbs:
		return x
	case PrimMin:
		return min(x, y)
	case PrimMax:
		return max(x, y)
	case PrimEq:
		return truth(x == y)
	case PrimNe:
		return truth(x != y)
	case PrimLt:
		return truth(x < y)
	case PrimLe:
		return truth(x <= y)
	case PrimAnd:
		return x & y
	case PrimOr:
		return x | y
	case PrimXor:
		return x ^ y
	case PrimNot:
		return ^x
	case PrimShl, PrimShr, PrimSar:
		return evalShift(p, width, x, y)
	}
	panic("BUG: no integer primitive " + p.String())
}

// evalShift shifts an element of the given width, held sign- or zero-extended in x.
func evalShift(p Prim, width, x, y uint64) uint64 {
	all := uint64(math.MaxUint64) >> (64 - width)
	x &= all
	y &= all
	switch {
	case p == PrimSar:
		return uint64(int64(x<<(64-width)) >> (64 - width) >> min(y, 63))
	case y >= width:
		return 0
	case p == PrimShl:
		return x << y
	}
	return x >> y
}

// evalConvert converts between any two types for which PrimConvert is defined.
func evalConvert(from, to dtype.DType, x uint64) uint64 {
	switch {
	case from.IsFloat():
		v := math.Float64frombits(x)
		if from == dtype.Float32 {
			v = float64(from32(x))
		}
		return convertFloat(to, v)
	case to == dtype.Bool:
		return truth(x != 0)
	case to == dtype.Float64 && isSigned(from):
		return math.Float64bits(float64(signed(from, x)))
	case to == dtype.Float64:
		return math.Float64bits(float64(x))
	case to == dtype.Float32 && isSigned(from):
		return bits32(float32(signed(from, x)))
	case to == dtype.Float32:
		return bits32(float32(x))
	case isSigned(from):
		return uint64(signed(from, x))
	}
	return x
}

func convertFloat(to dtype.DType, v float64) uint64 {
	switch to {
	case dtype.Bool:
		return truth(v != 0)
	case dtype.Float32:
		return bits32(float32(v))
	case dtype.Float64:
		return math.Float64bits(v)
	case dtype.Int32:
		return uint64(TruncInt32(v))
	}
	return uint64(TruncInt64(v))
}
