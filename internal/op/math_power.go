package op

import (
	"math"

	"github.com/tare-go/tare/dtype"
)

// power is x^y. That of float32 takes |x|^y in float64.
func power(b *Builder, t dtype.DType, x, y Value) Value {
	if t.IsInteger() {
		return intPower(b, t, x, y)
	}
	l := layoutOf(b, t)
	a := b.Abs(x)
	if t == dtype.Float64 {
		return l.signedPower(x, y, l.longPower(a, y))
	}
	wide := layoutOf(b, dtype.Float64)
	v := wide.shortPower(b.Convert(dtype.Float64, a), b.Convert(dtype.Float64, y))
	return l.signedPower(x, y, b.Convert(t, v))
}

// intPower squares and multiplies for exponents below 16, and leaves larger ones to the rare path.
func intPower(b *Builder, t dtype.DType, x, n Value) Value {
	zero, one := b.Const(0), b.Const(1)
	p, square := one, x
	for bit := range 4 {
		set := b.Ne(b.And(n, b.Const(float64(int(1)<<bit))), zero)
		p = b.Select(set, b.Mul(p, square), p)
		square = b.Mul(square, square)
	}
	large := b.Lt(b.Const(15), n)
	p = b.Select(large, b.Rare(IntPower, t, large, x, n), p)
	if t.Kind() == dtype.UnsignedKind {
		return p
	}
	odd := b.Ne(b.And(n, one), zero)
	inverse := b.Select(b.And(b.Eq(x, b.Const(-1)), odd), x, b.Abs(x)) // of -1 and 1
	inverse = b.Select(b.Eq(b.Abs(x), one), inverse, zero)
	return b.Select(b.Lt(n, zero), inverse, p)
}

// signedPower puts the sign and the special cases of IEEE 754's pow around v, which is |x|^y but where that is 1
// for a y that is infinite or no number.
func (l layout) signedPower(x, y, v Value) Value {
	b := l.b
	zero, one, inf := l.constant(0), l.constant(1), l.constant(math.Inf(1))
	a := b.Abs(x)
	v = b.Select(b.Or(b.Eq(a, one), b.Eq(y, zero)), one, v)
	half := b.Mul(y, l.constant(0.5))
	whole := b.Eq(b.Rint(y), y)
	odd := b.And(whole, b.Ne(b.Rint(half), half))
	v = b.Select(odd, b.Copysign(v, x), v)
	root := b.And(b.And(b.Lt(x, zero), b.Lt(a, inf)), b.Not(whole)) // of a negative number
	return b.Select(root, l.constant(math.NaN()), v)
}

// logOfMagnitude is v for a positive and finite, and the logarithm of a where it is 0, infinite or NaN.
func (l layout) logOfMagnitude(a, v Value) Value {
	b := l.b
	special := b.Select(b.Lt(a, l.constant(math.Inf(1))), v, a)
	special = b.Select(b.Eq(a, l.constant(0)), l.constant(math.Inf(-1)), special)
	return b.means(special, IdiomLogarithm, 0, a, v)
}

// shortPower is a^y to about 2^-36, for results that are rounded to float32, and an a that was one.
func (l layout) shortPower(a, y Value) Value {
	b := l.b
	k, fraction := l.split(a, l.constant(0x1p52+1023), tabledRoot)
	m, i := l.significand(fraction, tabledRoot)
	f := b.FMA(m, b.Pick(PickLogInverse, i), l.constant(-1))
	log := b.Add(b.FMA(k, l.constant(math.Ln2), b.Pick(PickLogSum, i)), f)
	log = l.logOfMagnitude(a, b.FMA(l.poly(f, logShort), b.Mul(f, f), log))
	x := b.Min(b.Max(b.Mul(y, log), l.constant(-200)), l.constant(200))
	t, high, low := l.sixteenths(x)
	r := b.Add(high, low)
	scale := l.halfPower(t)
	p := b.FMA(scale, b.FMA(l.poly(r, expTableShort), b.Mul(r, r), r), scale)
	return b.Add(p, p)
}

// longPower is e^(y·log a), with the logarithm and the product as sums of two floats.
func (l layout) longPower(a, y Value) Value {
	b := l.b
	high, low := l.logSum(a)
	high = l.logOfMagnitude(a, high)
	product, rest := l.twoProduct(y, high)
	rest = b.FMA(y, low, rest)
	x := b.Min(b.Max(product, l.constant(-746)), l.constant(710))
	rest = b.Select(b.Eq(x, product), rest, l.constant(0))
	return l.tabledExp(x, &rest)
}
