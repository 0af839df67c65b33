package op

import (
	"math"

	"github.com/tare-go/tare/dtype"
)

// power is x^y.
func power(b *Builder, t dtype.DType, x, y Value) Value {
	switch {
	case t.IsInteger():
		return intPower(b, t, x, y)
	case t == dtype.Float32:
		wide := layoutOf(b, dtype.Float64)
		v := wide.power(b.Convert(dtype.Float64, x), b.Convert(dtype.Float64, y), wide.shortPower)
		return b.Convert(t, v)
	}
	l := layoutOf(b, t)
	return l.power(x, y, l.longPower)
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

// power puts the sign and the special cases of IEEE 754's pow around positive, which computes |x|^y.
func (l layout) power(x, y Value, positive func(a, y Value) Value) Value {
	b := l.b
	zero, one, inf := l.constant(0), l.constant(1), l.constant(math.Inf(1))
	a := b.Abs(x)
	v := positive(a, y)
	half := b.Mul(y, l.constant(0.5))
	whole := b.Eq(b.Rint(y), y)
	odd := b.And(whole, b.Ne(b.Rint(half), half))
	v = b.Select(odd, b.Copysign(v, x), v)
	root := b.And(b.And(b.Lt(x, zero), b.Lt(a, inf)), b.Not(whole)) // of a negative number
	v = b.Select(root, l.constant(math.NaN()), v)
	unit := b.Or(b.Eq(x, one), b.Or(b.Eq(y, zero), b.And(b.Eq(a, one), b.Eq(b.Abs(y), inf))))
	return b.Select(unit, one, v)
}

// shortPower is a^y to about 2^-42, for results that are rounded to float32.
func (l layout) shortPower(a, y Value) Value {
	b := l.b
	k, m := l.decompose(a)
	f := b.Sub(m, l.constant(1))
	s := b.Div(f, b.Add(l.constant(2), f))
	z := b.Mul(s, s)
	log := b.FMA(b.Mul(l.poly(z, log64), z), s, b.Add(s, s))
	log = l.specialLog(a, b.FMA(k, l.constant(math.Ln2), log))
	x := b.Min(b.Max(b.Mul(y, log), l.constant(-200)), l.constant(200))
	t := b.FMA(x, l.constant(math.Log2E), l.magic())
	r := b.FMA(b.Sub(t, l.magic()), l.constant(-math.Ln2), x)
	p := b.FMA(l.poly(r, expShort), b.Mul(r, r), r)
	return b.Mul(b.Add(p, l.constant(1)), l.exp2(t))
}

// longPower is e^(y·log a), with the logarithm and the product as sums of two floats.
func (l layout) longPower(a, y Value) Value {
	b := l.b
	high, low := l.logSum(a)
	high = l.specialLog(a, high)
	product, rest := l.twoProduct(y, high)
	rest = b.FMA(y, low, rest)
	x := b.Min(b.Max(product, l.constant(-746)), l.constant(710))
	rest = b.Select(b.Eq(x, product), rest, l.constant(0))
	return l.expSum(x, &rest)
}

// logSum is log(a) as a sum of two floats, to about 2^-64 of it. With s = (m-1)/(m+1), log(m) is
// 2s + s³·(2/3 + z·Q(z)), z = s², of which all but z·Q(z) is computed in two floats.
func (l layout) logSum(a Value) (high, low Value) {
	b := l.b
	k, m := l.decompose(a)
	one := l.constant(1)
	f := b.Sub(m, one) // exact
	d, dLow := l.twoSum(l.constant(2), f)
	reciprocal := b.Div(one, d)
	s := b.Mul(f, reciprocal)
	rest := b.FMA(b.Neg(s), dLow, b.FMA(b.Neg(s), d, f))
	sLow := b.Mul(rest, reciprocal)
	// z = s²
	z, zLow := l.twoProduct(s, s)
	zLow = b.FMA(b.Add(s, s), sLow, zLow)
	// p = 2/3 + z·Q(z)
	p, pLow := l.twoSum(l.constant(twoThirds[0]), b.Mul(z, l.poly(z, logTail)))
	pLow = b.Add(pLow, l.constant(twoThirds[1]))
	// w = s³, v = w·p
	w, wLow := l.twoProduct(z, s)
	wLow = b.FMA(z, sLow, b.FMA(zLow, s, wLow))
	v, vLow := l.twoProduct(w, p)
	vLow = b.FMA(w, pLow, b.FMA(wLow, p, vLow))
	// 2s + v, then k·ln2 is added
	sum, e := l.twoSum(b.Add(s, s), v)
	e = b.Add(e, b.Add(b.Add(sLow, sLow), vLow))
	total, e2 := l.twoSum(b.Mul(k, l.constant(ln2Parts64[0])), sum)
	e = b.Add(e2, b.FMA(k, l.constant(ln2Parts64[1]), e))
	return l.twoSum(total, e)
}
