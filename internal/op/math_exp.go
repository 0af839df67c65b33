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
	b := l.b
	t, r, tail := l.reduceExp(x, low)
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

// tanh is E/(E+2), where E = e^(2|x|) - 1 as a sum of two floats, with the division's remainder
// worked in, and the sign of x.
func tanh(b *Builder, t dtype.DType, x Value) Value {
	l := layoutOf(b, t)
	a := b.Min(b.Abs(x), l.constant(l.pick(10, 20))) // beyond, the result is 1
	high, low := l.expm1Sum(b.Add(a, a))
	two := l.constant(2)
	d, e := l.twoSum(b.Max(high, two), b.Min(high, two))
	e = b.Add(e, low)
	reciprocal := b.Div(l.constant(1), d)
	z := b.Mul(high, reciprocal)
	rest := b.Add(b.FMA(b.Neg(z), d, high), low)
	rest = b.FMA(b.Neg(z), e, rest)
	return b.Copysign(b.FMA(rest, reciprocal, z), x)
}

// expm1Sum is e^x - 1 as a sum of two floats, for x from 0 to where 2^n is normal.
func (l layout) expm1Sum(x Value) (high, low Value) {
	b := l.b
	c := exp64
	if l.t == dtype.Float32 {
		c = expm132
	}
	t, r, tail := l.reduceExp(x, nil)
	q := b.FMA(l.poly(r, c), b.Mul(r, r), tail)
	scale := l.exp2(t)
	// The terms of scale·(1 + r + q) - 1, in the order of their size, or scale = 1 and the first is 0.
	high, low = l.twoSum(b.Sub(scale, l.constant(1)), b.Mul(scale, r))
	low = b.FMA(scale, q, low)
	return l.twoSum(high, low)
}
