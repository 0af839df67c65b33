package op

import (
	"math"

	"github.com/tare-go/tare/dtype"
)

// logarithm is k·ln2 + log(m) for x = m·2^k, with the special values put in at the end.
func logarithm(b *Builder, t dtype.DType, x Value) Value {
	l := layoutOf(b, t)
	k, m := l.decompose(x)
	return l.specialLog(x, l.logOf(k, m, nil))
}

// log1p is the logarithm of u = 1 + x, and what the sum lost to rounding, divided by u.
func log1p(b *Builder, t dtype.DType, x Value) Value {
	l := layoutOf(b, t)
	one := l.constant(1)
	u, e := l.twoSum(b.Max(x, one), b.Min(x, one))
	k, m := l.decompose(u)
	c := b.Div(e, u)
	v := l.specialLog(u, l.logOf(k, m, &c))
	return b.Select(b.Lt(b.Abs(x), l.constant(l.pick(0x1p-25, 0x1p-54))), x, v)
}

// specialLog is v for x positive and finite, else what the logarithm of x is.
func (l layout) specialLog(x, v Value) Value {
	b := l.b
	zero, inf := l.constant(0), l.constant(math.Inf(1))
	special := b.Select(b.Lt(x, zero), l.constant(math.NaN()), x)
	special = b.Select(b.Eq(x, zero), l.constant(math.Inf(-1)), special)
	return b.Select(b.And(b.Lt(zero, x), b.Lt(x, inf)), v, special)
}

// logOf is k·ln2 + log(m) + c, for a c far below the rest, or nil for 0.
func (l layout) logOf(k, m Value, c *Value) Value {
	b := l.b
	f := b.Sub(m, l.constant(1)) // exact
	ln2, log := ln2Parts64, l.log64
	if l.t == dtype.Float32 {
		ln2, log = ln2Parts32, l.log32
	}
	low := b.Mul(k, l.constant(ln2[1]))
	if c != nil {
		low = b.FMA(k, l.constant(ln2[1]), *c)
	}
	return log(k, f, low)
}

// log32 adds log(1+f) = f - f²/2 + f³·P(f) to k·ln2, whose low part is given. The sum of the high part
// and f keeps its error.
func (l layout) log32(k, f, low Value) Value {
	b := l.b
	h := b.FMA(l.poly(f, log32), f, l.constant(-0.5))
	q := b.FMA(h, b.Mul(f, f), low)
	high, e := l.twoSum(b.Mul(k, l.constant(ln2Parts32[0])), f)
	return b.Add(high, b.Add(e, q))
}

// log64 is fdlibm's arrangement: with s = f/(2+f) and R = s²·P(s²),
// log(1+f) = f - (f²/2 - s·(f²/2 + R)). The low part of k·ln2 is given.
func (l layout) log64(k, f, low Value) Value {
	b := l.b
	s := b.Div(f, b.Add(l.constant(2), f))
	z := b.Mul(s, s)
	r := b.Mul(l.poly(z, log64), z)
	half := b.Mul(b.Mul(l.constant(0.5), f), f)
	low = b.FMA(s, b.Add(half, r), low)
	return b.FMA(k, l.constant(ln2Parts64[0]), b.Sub(f, b.Sub(half, low)))
}

// logBase is the logarithm times 1/log(base), a sum of two floats. The logarithm is one too, so that
// the powers of the base come out exact; float32 takes it in float64.
func logBase(b *Builder, t dtype.DType, x Value, scale []float64) Value {
	l := layoutOf(b, dtype.Float64)
	wide := b.Convert(dtype.Float64, x)
	if t == dtype.Float32 {
		k, m := l.decompose(wide)
		v := b.Mul(l.logOf(k, m, nil), l.constant(scale[0]))
		return b.Convert(t, l.specialLog(wide, v))
	}
	high, low := l.logSum(wide)
	product, e := l.twoProduct(high, l.constant(scale[0]))
	e = b.FMA(high, l.constant(scale[1]), b.FMA(low, l.constant(scale[0]), e))
	return l.specialLog(x, b.Add(product, e))
}
