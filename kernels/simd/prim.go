package simd

import (
	"math"
	"unsafe"
)

// The primitives of op.Prim for which Go has no operator, as functions that the compiler inlines.

type signed interface{ int8 | int16 | int32 | int64 }

type unsigned interface {
	uint8 | uint16 | uint32 | uint64
}

type integer interface{ signed | unsigned }

type float interface{ float32 | float64 }

type number interface{ integer | float }

type element interface{ number | bool }

// sel is x if m, else y.
func sel[T element](m bool, x, y T) T {
	if m {
		return x
	}
	return y
}

// fromBool is 1 if m, else 0.
func fromBool[T number](m bool) T {
	if m {
		return 1
	}
	return 0
}

// quo is x / y, and 0 by zero.
func quo[T integer](x, y T) T {
	if y == 0 {
		return 0
	}
	return x / y
}

// rem is x % y, and 0 by zero.
func rem[T integer](x, y T) T {
	if y == 0 {
		return 0
	}
	return x % y
}

// absInt is |x|; the minimum wraps.
func absInt[T signed](x T) T {
	if x < 0 {
		return -x
	}
	return x
}

// abs clears the sign bit.
func abs[T float](x T) T {
	if unsafe.Sizeof(x) == 4 {
		return T(math.Float32frombits(math.Float32bits(float32(x)) &^ (1 << 31)))
	}
	return T(math.Abs(float64(x)))
}

// copysign is |x| with the sign bit of y.
func copysign[T float](x, y T) T {
	if unsafe.Sizeof(x) == 4 {
		const top = 1 << 31
		return T(math.Float32frombits(math.Float32bits(float32(x))&^top | math.Float32bits(float32(y))&top))
	}
	return T(math.Copysign(float64(x), float64(y)))
}

func sqrt[T float](x T) T  { return T(math.Sqrt(float64(x))) }
func rint[T float](x T) T  { return T(math.RoundToEven(float64(x))) }
func floor[T float](x T) T { return T(math.Floor(float64(x))) }
func trunc[T float](x T) T { return T(math.Trunc(float64(x))) }
func ceil[T float](x T) T  { return T(math.Ceil(float64(x))) }

// width is the number of bits of x.
func width[T integer](x T) uint64 { return uint64(8 * unsafe.Sizeof(x)) }

// bitsOf is the element's own bits, with zeros above.
func bitsOf[T integer](x T) uint64 { return uint64(x) & (math.MaxUint64 >> (64 - width(x))) }

// shl is x << y; from the width on it is 0.
func shl[T integer](x, y T) T { return x << bitsOf(y) }

// shr is x >> y with zeros shifted in; from the width on it is 0.
func shr[T integer](x, y T) T { return T(bitsOf(x) >> bitsOf(y)) }

// sar is x >> y with the sign shifted in.
func sar[T integer](x, y T) T {
	up := 64 - width(x)
	return T(int64(uint64(x)<<up) >> up >> min(bitsOf(y), 63))
}
