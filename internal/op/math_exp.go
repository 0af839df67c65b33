package op

import "github.com/tare-go/tare/dtype"

// exp is e^x = 2^n·e^r, where n is x/ln2 rounded and |r| <= ln2/2. The remainder is a sum of two
// floats, the polynomial's leading terms 1 + r as well. The last step multiplies by two powers of
// two, so that a result below the normal numbers is rounded once more and no more.
func exp(b *Builder, t dtype.DType, x Value) Value {
	l := layoutOf(b, t)
	x = b.Min(b.Max(x, l.constant(l.pick(-104, -746))), l.constant(l.pick(89, 710)))
	return l.expSum(x, nil)
}

// expSum is e^(x+low), where low is far below x, or nil for 0. x is such that the result's exponent
// is between twice the smallest and twice the largest.
func (l layout) expSum(x Value, low *Value) Value {
	t, r, tail := l.reduceExp(x, low)
	return l.scaledExp(t, r, tail)
}

// scaledExp is 2^n·e^(r+tail), where t = magic + n and |r| <= ln2/2.
func (l layout) scaledExp(t, r, tail Value) Value {
	b := l.b
	q := b.FMA(l.poly(r, l.expPoly()), b.Mul(r, r), tail)
	one, rest := l.twoSum(l.constant(1), r)
	p := b.Add(one, b.Add(rest, q))
	n := b.Sub(t, l.magic())
	half := b.FMA(n, l.constant(0.5), l.magic())
	other := b.Add(b.Sub(n, b.Sub(half, l.magic())), l.magic())
	return b.Mul(b.Mul(p, l.exp2(half)), l.exp2(other))
}

func (l layout) expPoly() []float64 {
	if l.t == dtype.Float32 {
		return exp32
	}
	return exp64
}

// reduceExp returns t = magic + n for the integer n nearest to x/ln2, and r + tail = x + low - n·ln2.
func (l layout) reduceExp(x Value, low *Value) (t, r, tail Value) {
	b := l.b
	ln2 := ln2Parts64
	if l.t == dtype.Float32 {
		ln2 = ln2Parts32
	}
	t = b.FMA(x, l.constant(l.pick(0x1.715476p+0, 0x1.71547652b82fep+0)), l.magic())
	n := b.Sub(t, l.magic())
	high := b.FMA(n, l.constant(-ln2[0]), x) // exact
	var rest Value
	if low == nil {
		rest = b.Mul(n, l.constant(-ln2[1]))
	} else {
		rest = b.FMA(n, l.constant(-ln2[1]), *low)
	}
	r, tail = l.twoSum(high, rest)
	return t, r, tail
}

// exp2 is 2^n·e^(r·ln2), where n is x rounded and r what is left; the product is a sum of two floats.
func exp2(b *Builder, t dtype.DType, x Value) Value {
	l := layoutOf(b, t)
	x = b.Min(b.Max(x, l.constant(l.pick(-151, -1076))), l.constant(l.pick(129, 1025)))
	n := b.Add(x, l.magic())
	r := b.Sub(x, b.Sub(n, l.magic()))
	ln2 := fullLn2(t)
	high, e := l.twoProduct(r, l.constant(ln2[0]))
	return l.scaledExp(n, high, b.FMA(r, l.constant(ln2[1]), e))
}

// fullLn2 is ln2 as the sum of two floats, the first of full length.
func fullLn2(t dtype.DType) []float64 {
	if t == dtype.Float32 {
		return ln2Sum32
	}
	return ln2Sum64
}

// expm1 is e^x - 1. Where it is tiny, it is x.
func expm1(b *Builder, t dtype.DType, x Value) Value {
	l := layoutOf(b, t)
	y := b.Min(b.Max(x, l.constant(l.pick(-20, -40))), l.constant(l.pick(89, 710)))
	high, low := l.halfExpm1(y)
	v := b.Add(high, low)
	return b.Select(b.Lt(b.Abs(x), l.constant(l.pick(0x1p-25, 0x1p-54))), x, b.Add(v, v))
}

// tanh is E/(E+2), where E = e^(2|x|) - 1 as a sum of two floats, with the division's remainder
// worked in, and the sign of x.
func tanh(b *Builder, t dtype.DType, x Value) Value {
	l := layoutOf(b, t)
	a := b.Min(b.Abs(x), l.constant(l.pick(10, 20))) // beyond, the result is 1
	half, halfLow := l.halfExpm1(b.Add(a, a))
	one := l.constant(1)
	d, e := l.twoSum(b.Max(half, one), b.Min(half, one)) // E/2 + 1
	e = b.Add(e, halfLow)
	reciprocal := b.Div(one, d)
	z := b.Mul(half, reciprocal)
	rest := b.Add(b.FMA(b.Neg(z), d, half), halfLow)
	rest = b.FMA(b.Neg(z), e, rest)
	z = b.FMA(rest, reciprocal, z)
	z = b.Select(b.Lt(a, l.constant(l.pick(0x1p-13, 0x1p-28))), a, z) // also where a half is not exact
	return b.Copysign(z, x)
}

// halfExpm1 is (e^x - 1)/2 as a sum of two floats, for results that neither overflow nor are
// subnormal. Half of it, because 2^n itself may be beyond the largest float.
func (l layout) halfExpm1(x Value) (high, low Value) {
	b := l.b
	c := exp64
	if l.t == dtype.Float32 {
		c = expm132
	}
	half := l.constant(0.5)
	t, r, tail := l.reduceExp(x, nil)
	q := b.FMA(l.poly(r, c), b.Mul(r, r), tail)
	scale := l.exp2(b.Sub(t, l.constant(1))) // 2^(n-1)
	// The terms of scale·(1 + r + q) - 1/2 in the order of their size, or n = 0 and the first is 0.
	first := b.Sub(scale, half)
	lost := b.Sub(b.Sub(scale, first), half) // for large n; for n < 0 it does not count
	high, low = l.twoSum(first, b.Mul(scale, r))
	return l.twoSum(high, b.Add(b.FMA(scale, q, low), lost))
}
