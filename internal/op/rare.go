package op

import (
	"math"
	"math/bits"

	"github.com/tare-go/tare/dtype"
)

// Routine is the work of a rare block: a scalar function of one or two operands of one type, with
// a result of that type, for the few elements that straight-line code cannot serve. Each has one
// implementation in Go, RareXxx; a target without calls has its own and must agree to the bit.
type Routine uint8

// The routines.
const (
	IntPower     Routine = iota // x to the power y of any integers, wrapping; y < 0 gives 0
	Fmod                        // x - y*trunc(x/y), exact, with the sign of x; NaN for infinite x and y = 0
	TrigQuadrant                // n mod 4, in 0 … 3, where n is x/(π/2) rounded to an integer; |x| >= 2, here and below
	TrigHigh                    // x - n·π/2 rounded; NaN for infinities and NaN
	TrigLow                     // what TrigHigh lacks
	NumRoutine
)

var routines = [NumRoutine]struct {
	name, goName string
	kinds        string
	eval         func(t dtype.DType, x, y uint64) uint64
}{
	IntPower:     {"int_power", "RareIntPower", "i", evalIntPower},
	Fmod:         {"fmod", "RareFmod", "f", onFloats(RareFmod[float32], RareFmod[float64])},
	TrigQuadrant: {"trig_quadrant", "RareTrigQuadrant", "f", onFloats(RareTrigQuadrant[float32], RareTrigQuadrant[float64])},
	TrigHigh:     {"trig_high", "RareTrigHigh", "f", onFloats(RareTrigHigh[float32], RareTrigHigh[float64])},
	TrigLow:      {"trig_low", "RareTrigLow", "f", onFloats(RareTrigLow[float32], RareTrigLow[float64])},
}

// String is the routine's name in printed programs.
func (r Routine) String() string { return routines[r].name }

// GoName is the name of this package's function, with a type parameter, that does the work.
func (r Routine) GoName() string { return routines[r].goName }

func (r Routine) takes(arg, result dtype.DType) bool {
	return arg == result && kindIn(arg, routines[r].kinds)
}

// onFloats lifts a routine on the two float types to bits.
func onFloats(f32 func(x, y float32) float32, f64 func(x, y float64) float64) func(dtype.DType, uint64, uint64) uint64 {
	return func(t dtype.DType, x, y uint64) uint64 {
		if t == dtype.Float32 {
			return bits32(f32(from32(x), from32(y)))
		}
		return math.Float64bits(f64(math.Float64frombits(x), math.Float64frombits(y)))
	}
}

// evalIntPower powers in 64 bits: the low bits of a product depend on low bits only.
func evalIntPower(t dtype.DType, x, n uint64) uint64 {
	if t.Kind() == dtype.SignedKind && signed(t, n) < 0 {
		return 0
	}
	return RareIntPower(x, n) & mask(t)
}

type integer interface {
	int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64
}

type float interface{ float32 | float64 }

// RareIntPower is IntPower.
func RareIntPower[T integer](x, n T) T {
	if n < 0 {
		return 0
	}
	p := T(1)
	for ; n > 0; n >>= 1 {
		if n&1 != 0 {
			p *= x
		}
		x *= x
	}
	return p
}

// RareFmod is Fmod.
func RareFmod[T float](x, y T) T { return T(math.Mod(float64(x), float64(y))) }

// RareTrigQuadrant is TrigQuadrant. The second operand is not used, here and below.
func RareTrigQuadrant[T float](x, _ T) T {
	n, _, _ := reduceTrig(float64(x))
	return T(n)
}

// RareTrigHigh is TrigHigh.
func RareTrigHigh[T float](x, _ T) T {
	_, high, _ := reduceTrig(float64(x))
	return T(high)
}

// RareTrigLow is TrigLow.
func RareTrigLow[T float](x, _ T) T {
	_, high, low := reduceTrig(float64(x))
	return T((high - float64(T(high))) + low)
}

// twoOverPi is the fraction of 2/π, 64 bits a word, after one word of zeros.
var twoOverPi = [...]uint64{
	0,
	0xa2f9836e4e441529, 0xfc2757d1f534ddc0, 0xdb6295993c439041, 0xfe5163abdebbc561,
	0xb7246e3a424dd2e0, 0x06492eea09d1921c, 0xfe1deb1cb129a73e, 0xe88235f52ebb4484,
	0xe99c7026b45f7e41, 0x3991d639835339f4, 0x9c845f8bbdf9283b, 0x1ff897ffde05980f,
	0xef2f118b5a0a6d1f, 0x6d367ecf27cb09b7, 0x4f463f669e5fea2d, 0x7527bac7ebe5f17b,
	0x3d0739f78a5292ea, 0x6bfb5fb11f8d5d08, 0x56033046fc7b6bab,
}

// reduceTrig returns n mod 4 and high + low = x - n·π/2, |high| <= π/4, for |x| >= 2. It
// multiplies the mantissa by those 192 bits of 2/π that give the quotient's bits of weight 4 to
// 2^-189 (Payne and Hanek, 1983), of which the last 53 are spoiled by what lies below. Of 128 bits
// of fraction the closest approach of a float64 to a multiple of π/2 takes 62; 66 remain.
func reduceTrig(x float64) (n int, high, low float64) {
	if math.IsInf(x, 0) || x != x {
		return 0, math.NaN(), math.NaN()
	}
	b := math.Float64bits(x)
	m := b&(1<<52-1) | 1<<52
	e := int(b>>52&0x7ff) - 1075 // |x| = m·2^e, e >= -51
	// The quotient's bit of weight 4 is bit -e+2 of 2/π, counted so that bit 0 weighs 1; in
	// the table, word 0 holds the weights 2^63 … 2^0.
	first := 63 - 2 + e
	w, s := first/64, uint(first%64)
	var p [3]uint64 // a third of 192 bits each, the most significant first
	for i := range p {
		p[i] = twoOverPi[w+i]<<s | twoOverPi[w+i+1]>>(64-s)
	}
	// The low 192 bits of m·p: three bits before the binary point.
	h2, l2 := bits.Mul64(m, p[2])
	h1, l1 := bits.Mul64(m, p[1])
	q2 := l2
	q1, c := bits.Add64(l1, h2, 0)
	q0 := m*p[0] + h1 + c
	// Round to the nearest integer, leaving a fraction in [-1/2, 1/2).
	n = int((q0>>60 + 1) >> 1 & 3)
	q0 <<= 3
	q0 |= q1 >> 61
	q1 = q1<<3 | q2>>61
	high, low = scaleFraction(int64(q0), q1)
	if x < 0 {
		return -n & 3, -high, -low
	}
	return n, high, low
}

// scaleFraction multiplies the signed fraction of 128 bits by π/2, as the sum of two floats.
func scaleFraction(top int64, bottom uint64) (high, low float64) {
	neg := top < 0
	hi, lo := uint64(top), bottom
	if neg {
		var c uint64
		lo, c = bits.Add64(^lo, 1, 0)
		hi = ^hi + c
	}
	scale := -64
	if hi == 0 {
		hi, lo, scale = lo, 0, -128
	}
	z := bits.LeadingZeros64(hi)
	hi, lo = hi<<z|lo>>(64-z), lo<<z
	// 53 bits, and the 64 that follow.
	a := math.Ldexp(float64(hi>>11), scale-z+11)
	c := math.Ldexp(float64(hi<<53|lo>>11), scale-z-53)
	const (
		piHigh = 0x1.921fb54442d18p0
		piLow  = 0x1.1a62633145c07p-54
	)
	h := float64(a * piHigh)
	l := math.FMA(a, piHigh, -h) + (float64(a*piLow) + float64(c*piHigh))
	high = h + l
	low = (h - high) + l
	if neg {
		return -high, -low
	}
	return high, low
}
