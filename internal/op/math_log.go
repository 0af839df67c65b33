package op

import (
	"math"

	"github.com/tare-go/tare/dtype"
)

// logarithm is k·ln2 + log(m) for x = m·2^k, with the special values put in at the end.
func logarithm(b *Builder, t dtype.DType, x Value) Value {
	l := layoutOf(b, t)
	return l.specialLog(x, l.logOf(x, nil))
}

// log1p is the logarithm of u = 1 + x, and what the sum lost to rounding, divided by u.
func log1p(b *Builder, t dtype.DType, x Value) Value {
	l := layoutOf(b, t)
	one := l.constant(1)
	u, e := l.twoSum(b.Max(x, one), b.Min(x, one))
	c := b.Div(e, u)
	v := l.specialLog(u, l.logOf(u, &c))
	return b.Select(b.Lt(b.Abs(x), l.constant(l.pick(0x1p-25, 0x1p-54))), x, v)
}

// specialLog is v for x positive and finite, else what the logarithm of x is.
func (l layout) specialLog(x, v Value) Value {
	b := l.b
	zero, inf := l.constant(0), l.constant(math.Inf(1))
	special := b.Select(b.Lt(x, zero), l.constant(math.NaN()), x)
	special = b.Select(b.Eq(x, zero), l.constant(math.Inf(-1)), special)
	return b.means(b.Select(b.And(b.Lt(zero, x), b.Lt(x, inf)), v, special), IdiomLogarithm, 0, x, v)
}

// logOf is log(x) + c for x positive and finite, and a c far below the rest, or nil for 0.
func (l layout) logOf(x Value, c *Value) Value {
	if l.t == dtype.Float32 {
		return l.log32(x, c)
	}
	return l.log64(x, c)
}

// log32 adds log(1+f) = f - f²/2 + f³·P(f) to k·ln2, whose low part is added first. The sum of the high part
// and f keeps its error.
func (l layout) log32(x Value, c *Value) Value {
	b := l.b
	k, m, _ := l.decompose(x, 0x3f300000) // 11/16: where the terms of the two sides cancel alike
	f := b.Sub(m, l.constant(1))          // exact
	low := b.Mul(k, l.constant(ln2Parts32[1]))
	if c != nil {
		low = b.FMA(k, l.constant(ln2Parts32[1]), *c)
	}
	h := b.FMA(l.poly(f, log32), f, l.constant(-0.5))
	q := b.FMA(h, b.Mul(f, f), low)
	high, e := l.twoSum(b.Mul(k, l.constant(ln2Parts32[0])), f)
	return b.Add(high, b.Add(e, q))
}

// log64 is fdlibm's arrangement: with s = f/(2+f) and R = s²·P(s²), log(1+f) = f - (f²/2 - s·(f²/2 + R)). It takes a
// division and no list: lists, of which each takes seven instructions of AVX2, would make that level slower.
func (l layout) log64(x Value, c *Value) Value {
	b := l.b
	k, m, _ := l.decompose(x, 0x3fe6a09e667f3bcd) // √½
	f := b.Sub(m, l.constant(1))                  // exact
	low := b.Mul(k, l.constant(ln2Parts64[1]))
	if c != nil {
		low = b.FMA(k, l.constant(ln2Parts64[1]), *c)
	}
	s := b.Div(f, b.Add(l.constant(2), f))
	z := b.Mul(s, s)
	r := b.Mul(l.poly(z, log64), z)
	half := b.Mul(b.Mul(l.constant(0.5), f), f)
	low = b.FMA(s, b.Add(half, r), low)
	return b.FMA(k, l.constant(ln2Parts64[0]), b.Sub(f, b.Sub(half, low)))
}

// tabledRoot is the bits of the least m of tabledLog, so that 1 is well within the first sixteenth.
const tabledRoot = 1023<<52 - 1<<47

// tabledLog is the logarithm of x in float64, as high + low + log(1+r+e), where x = 2^k·(1+r+e)/inverse for one of
// sixteen inverses; high, which is a multiple of 2^-42, and r are exact, and so is e, what r lacks. Next to 1 the inverse
// is 1, and high, low and e are 0.
func (l layout) tabledLog(x Value) (high, low, r, e Value) {
	b := l.b
	k, m, i := l.decompose(x, tabledRoot)
	high = b.FMA(k, l.constant(ln2Parts64[0]), b.Pick(PickLogHigh, i))
	low = b.FMA(k, l.constant(ln2Parts64[1]), b.Pick(PickLogLow, i))
	product, e := l.twoProduct(m, b.Pick(PickLogInverse, i))
	return high, low, b.Sub(product, l.constant(1)), e
}

// logSum is log(x) of float64 as a sum of two floats, to about 2^-65 of it.
func (l layout) logSum(x Value) (high, low Value) {
	b := l.b
	high, low, r, e := l.tabledLog(x)
	sum, e1 := l.twoSum(high, r)
	square, e2 := l.twoProduct(r, b.Mul(r, l.constant(-0.5)))
	sum, e3 := l.twoSum(sum, square)
	minus := b.Neg(r)
	low = b.Add(low, b.FMA(minus, b.FMA(minus, e, e), e)) // e·(1-r+r²), for e/(1+r)
	rest := b.FMA(l.poly(r, logLong), b.Mul(b.Mul(r, r), r), low)
	return l.twoSum(sum, b.Add(b.Add(e1, e3), b.Add(e2, rest)))
}

// logBase is the logarithm times 1/log(base), a sum of two floats. The logarithm is one too, so that
// the powers of the base come out exact; float32 takes it in float64.
func logBase(b *Builder, t dtype.DType, x Value, scale []float64) Value {
	l := layoutOf(b, dtype.Float64)
	wide := b.Convert(dtype.Float64, x)
	if t == dtype.Float32 {
		v := b.Mul(l.logOf(wide, nil), l.constant(scale[0]))
		return b.Convert(t, l.specialLog(wide, v))
	}
	high, low := l.logSum(wide)
	product, e := l.twoProduct(high, l.constant(scale[0]))
	e = b.FMA(high, l.constant(scale[1]), b.FMA(low, l.constant(scale[0]), e))
	return l.specialLog(x, b.Add(product, e))
}
