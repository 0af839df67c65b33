package op

import (
	"math"

	"github.com/tare-go/tare/dtype"
)

// exp is e^x. The last step multiplies by two powers of two, so that a result below the normal numbers is
// rounded once more and no more.
func exp(b *Builder, t dtype.DType, x Value) Value {
	l := layoutOf(b, t)
	x = b.Min(b.Max(x, l.constant(l.pick(-104, -746))), l.constant(l.pick(89, 710)))
	if t == dtype.Float64 {
		return l.tabledExp(x, nil)
	}
	return l.scaledExp(l.reduceExp(x))
}

// scaledExp is 2^n·e^(high+low) of float32, where t = magic + n and |high+low| <= ln2/2.
func (l layout) scaledExp(t, high, low Value) Value {
	b := l.b
	r := b.Add(high, low)
	q := b.FMA(l.poly(r, exp32), b.Mul(r, r), low)
	return l.scale(b.Add(b.Add(high, q), l.constant(1)), b.Sub(t, l.magic()))
}

// scale is p·2^n, rounded once more where that is subnormal. n is an integer between twice the smallest and twice
// the largest exponent.
func (l layout) scale(p, n Value) Value {
	b := l.b
	half := b.FMA(n, l.constant(0.5), l.magic())
	other := b.Add(b.Sub(n, b.Sub(half, l.magic())), l.magic())
	return b.means(b.Mul(b.Mul(p, l.exp2(half)), l.exp2(other)), IdiomScale, 0, p, n)
}

// reduceExp returns t = magic + n for the integer n nearest to x/ln2, and high + low = x - n·ln2 of float32, of which
// high is exact.
func (l layout) reduceExp(x Value) (t, high, low Value) {
	b := l.b
	t = b.FMA(x, l.constant(0x1.715476p+0), l.magic())
	n := b.Sub(t, l.magic())
	high = b.FMA(n, l.constant(-ln2Parts32[0]), x)
	return t, high, b.Mul(n, l.constant(-ln2Parts32[1]))
}

// sixteenths is x as n·ln2/16 + high + low for float64, where t = magic + n and high is exact. It counts in low what
// 2^(n/16) lacks in halfPower.
func (l layout) sixteenths(x Value) (t, high, low Value) {
	b := l.b
	t = b.FMA(x, l.constant(log2eSixteen[0]), l.magic())
	n := b.Sub(t, l.magic())
	high = b.FMA(n, l.constant(-ln2Sixteenth[0]), x)
	return t, high, b.FMA(n, l.constant(-ln2Sixteenth[1]), b.Pick(PickExpLow, b.Bitcast(l.word, t)))
}

// tabledExp is e^(x+more) of float64, where more is far below x, or nil for 0.
func (l layout) tabledExp(x Value, more *Value) Value {
	t, high, low := l.sixteenths(x)
	if more != nil {
		low = l.b.Add(low, *more)
	}
	return l.tabledScale(t, l.b.Add(high, low))
}

// tabledScale is 2^(n/16)·e^r of float64, less what ExpHalf lacks, where t = magic + n, for r from -ln2/32 to ln2/32.
func (l layout) tabledScale(t, r Value) Value {
	b := l.b
	q := b.FMA(l.poly(r, expTable), b.Mul(r, r), r)
	half := b.Pick(PickExpHalf, b.Bitcast(l.word, t))
	n := b.Sub(t, l.magic())
	return l.scale(b.FMA(half, q, half), b.Floor(b.FMA(n, l.constant(0.0625), l.constant(1))))
}

// halfPower is 2^(n/16)/2 but for its last bits, which ExpLow has, where t = magic + n and the result is normal.
func (l layout) halfPower(t Value) Value {
	b := l.b
	i := b.Bitcast(l.word, t)
	exponent := b.Shl(b.And(i, l.integer(^uint64(15))), l.integer(48))
	return b.Bitcast(l.t, b.Add(b.Bitcast(l.word, b.Pick(PickExpHalf, i)), exponent))
}

// exp2 is 2^n·e^(r·ln2), where n is x rounded and r what is left; the product is a sum of two floats.
func exp2(b *Builder, t dtype.DType, x Value) Value {
	l := layoutOf(b, t)
	x = b.Min(b.Max(x, l.constant(l.pick(-151, -1076))), l.constant(l.pick(129, 1025)))
	if t == dtype.Float64 {
		n := b.FMA(x, l.constant(16), l.magic())
		r := b.FMA(b.Sub(n, l.magic()), l.constant(-0.0625), x)
		return l.tabledScale(n, b.FMA(r, l.constant(math.Ln2), b.Pick(PickExpLow, b.Bitcast(l.word, n))))
	}
	n := b.Add(x, l.magic())
	r := b.Sub(x, b.Sub(n, l.magic()))
	high, e := l.twoProduct(r, l.constant(ln2Sum32[0]))
	return l.scaledExp(n, high, b.FMA(r, l.constant(ln2Sum32[1]), e))
}

// expm1 is e^x - 1. Where it is tiny, it is x.
func expm1(b *Builder, t dtype.DType, x Value) Value {
	l := layoutOf(b, t)
	y := b.Min(b.Max(x, l.constant(l.pick(-20, -40))), l.constant(l.pick(89, 710)))
	half := l.halfExpm1(y)
	return b.Select(b.Lt(b.Abs(x), l.constant(l.pick(0x1p-25, 0x1p-54))), x, b.Add(half, half))
}

// halfExpm1 is (e^x - 1)/2: half of it, because 2^n itself may be beyond the largest float.
func (l layout) halfExpm1(x Value) Value {
	b := l.b
	scale, r, q := l.expm1Parts(x)
	half := l.constant(0.5)
	// The terms of scale·(1 + r + q) - 1/2 in the order of their size, or the first is 0.
	first := b.Sub(scale, half)
	lost := b.Sub(b.Sub(scale, first), half) // for large n; for n < 0 it does not count
	product, e := l.twoProduct(scale, r)
	high, low := l.twoSum(first, product)
	return b.Add(high, b.Add(b.Add(b.FMA(scale, q, e), low), lost))
}

// expm1Parts is e^x/2 as scale·(1 + high + rest), where e^x is neither subnormal nor above the largest float. scale is
// 1/2 for the x next to 0, and high is exact.
func (l layout) expm1Parts(x Value) (scale, high, rest Value) {
	b := l.b
	reduce, c := l.reduceExp, expm132
	if l.t == dtype.Float64 {
		reduce, c = l.sixteenths, expTable
	}
	t, high, low := reduce(x)
	r := b.Add(high, low)
	rest = b.FMA(l.poly(r, c), b.Mul(r, r), low)
	if l.t == dtype.Float64 {
		return l.halfPower(t), high, rest
	}
	return l.exp2(b.Sub(t, l.constant(1))), high, rest
}

// tanh is made for |x|, and has the sign of x.
func tanh(b *Builder, t dtype.DType, x Value) Value {
	l := layoutOf(b, t)
	a := b.Min(b.Abs(x), l.constant(l.pick(9.5, 20))) // beyond, the result is 1
	if t == dtype.Float32 {
		return b.Copysign(l.tanh32(a), x)
	}
	return b.Copysign(l.tanh64(a), x)
}

// tanh32 takes a polynomial for the interval that a is in, as d = a - centre: the sum of the function at the centre,
// the slope's part and the rest, of which in the first interval only the last rounds.
func (l layout) tanh32(a Value) Value {
	b := l.b
	i := b.Shr(b.Bitcast(l.word, b.Add(a, l.constant(1))), l.integer(20))
	d := b.Sub(a, b.Pick(PickTanhCentre, i))
	p := b.Pick(PickTanh5, i)
	for _, t := range []Pick{PickTanh4, PickTanh3, PickTanh2} {
		p = b.FMA(p, d, b.Pick(t, i))
	}
	rest := b.FMA(d, b.Pick(PickTanh1, i), b.Mul(p, b.Mul(d, d)))
	return b.Add(rest, b.Pick(PickTanh0, i))
}

// tanh64 is 1 - 1/h, where h = (e^2a + 1)/2. Instead of 1/h, which would be rounded, v is subtracted, a multiple of
// 2^-30 near it, and then (1 - v·h)/h, of which 1 - v·h loses almost nothing.
func (l layout) tanh64(a Value) Value {
	b := l.b
	one := l.constant(1)
	scale, r, q := l.expm1Parts(b.Add(a, a))
	first := b.Add(scale, l.constant(0.5))
	inverse := b.Div(one, b.FMA(scale, b.Add(r, q), first))
	round := l.constant(0x1.8p22)
	v := b.Sub(b.Add(inverse, round), round)
	part := b.Neg(b.Mul(v, scale)) // exact
	rest := b.FMA(part, q, b.FMA(part, r, b.FMA(b.Neg(v), first, one)))
	z := b.FMA(b.Neg(rest), inverse, b.Sub(one, v))
	return b.Select(b.Lt(a, l.constant(0x1p-27)), a, z)
}
