package op

import (
	"math"
	"math/big"
	"sync"
)

// bigPrec is the precision in bits with which the reference functions compute. Results are good to
// more than 150 bits.
const bigPrec = 256

func newBig() *big.Float                { return new(big.Float).SetPrec(bigPrec) }
func bigFloat(v float64) *big.Float     { return newBig().SetFloat64(v) }
func bigMul(x, y *big.Float) *big.Float { return newBig().Mul(x, y) }
func bigAdd(x, y *big.Float) *big.Float { return newBig().Add(x, y) }
func bigSub(x, y *big.Float) *big.Float { return newBig().Sub(x, y) }
func bigQuo(x, y *big.Float) *big.Float { return newBig().Quo(x, y) }

// constantPrec is enough for π to reduce the largest float64.
const constantPrec = 1024 + 2*bigPrec

// halfPi is π/2 by Machin's formula, π/4 = 4·arctan(1/5) - arctan(1/239).
var halfPi = sync.OnceValue(func() *big.Float {
	sum := arcSeries(5, 8, -1)
	return sum.Add(sum, arcSeries(239, -2, -1))
})

// bigLn2 is ln 2 = 18·artanh(1/26) - 2·artanh(1/4801) + 8·artanh(1/8749).
var bigLn2 = sync.OnceValue(func() *big.Float {
	sum := arcSeries(26, 18, 1)
	sum.Add(sum, arcSeries(4801, -2, 1))
	return sum.Add(sum, arcSeries(8749, 8, 1))
})

// arcSeries is factor·(1/n + sign/(3n³) + 1/(5n⁵) + …).
func arcSeries(n, factor, sign int64) *big.Float {
	one := new(big.Float).SetPrec(constantPrec).SetInt64(factor)
	term := one.Quo(one, new(big.Float).SetInt64(n))
	square := new(big.Float).SetPrec(constantPrec).SetInt64(sign * n * n)
	sum := new(big.Float).SetPrec(constantPrec)
	for k := int64(1); term.Sign() != 0 && term.MantExp(nil) > -constantPrec; k += 2 {
		sum.Add(sum, new(big.Float).SetPrec(constantPrec).Quo(term, new(big.Float).SetInt64(k)))
		term.Quo(term, square)
	}
	return sum
}

// nearest is the integer nearest to x.
func nearest(x *big.Float) *big.Int {
	half := big.NewFloat(math.Copysign(0.5, float64(x.Sign())))
	n, _ := new(big.Float).SetPrec(x.Prec()).Add(x, half).Int(nil)
	return n
}

// bigExp is e^x.
func bigExp(x ...*big.Float) *big.Float {
	n := nearest(bigQuo(x[0], bigLn2()))
	r := bigSub(x[0], bigMul(new(big.Float).SetInt(n), bigLn2()))
	const squarings = 10
	r.SetMantExp(r, -squarings)
	sum, term := bigFloat(1), bigFloat(1)
	for k := 1.0; term.Sign() != 0 && term.MantExp(nil) > -bigPrec-8; k++ {
		term = bigQuo(bigMul(term, r), bigFloat(k))
		sum.Add(sum, term)
	}
	for range squarings {
		sum.Mul(sum, sum)
	}
	return sum.SetMantExp(sum, int(n.Int64()))
}

// bigExp2 is 2^x.
func bigExp2(x ...*big.Float) *big.Float { return bigExp(bigMul(x[0], bigLn2())) }

// tinySeries is x + a·x² + b·x³ for |x| < 2^-80, where no more terms count.
func tinySeries(x *big.Float, a, b float64) *big.Float {
	inner := bigAdd(bigFloat(a), bigMul(bigFloat(b), x))
	return bigMul(x, bigAdd(bigFloat(1), bigMul(x, inner)))
}

// bigExpm1 is e^x - 1.
func bigExpm1(x ...*big.Float) *big.Float {
	if x[0].MantExp(nil) < -80 {
		return tinySeries(x[0], 1./2, 1./6)
	}
	return bigSub(bigExp(x...), bigFloat(1))
}

// bigLog1p is log(1+x).
func bigLog1p(x ...*big.Float) *big.Float {
	if x[0].MantExp(nil) < -80 {
		return tinySeries(x[0], -1./2, 1./3)
	}
	return bigLog(bigAdd(bigFloat(1), x[0]))
}

// bigLog2 is the logarithm to base 2.
func bigLog2(x ...*big.Float) *big.Float { return bigQuo(bigLog(x...), bigLn2()) }

// bigLog10 is the logarithm to base 10.
func bigLog10(x ...*big.Float) *big.Float { return bigQuo(bigLog(x...), bigLog(bigFloat(10))) }

// bigLog is the natural logarithm of a positive x, by Halley's iteration on bigExp.
func bigLog(x ...*big.Float) *big.Float {
	m := newBig()
	e := x[0].MantExp(m)
	v, _ := m.Float64()
	if v < math.Sqrt2/2 {
		m.SetMantExp(m, 1)
		v, e = 2*v, e-1
	}
	y := bigFloat(math.Log(v))
	for range 2 {
		p := bigExp(y)
		step := bigQuo(bigSub(m, p), bigAdd(m, p))
		y.Add(y, step.SetMantExp(step, 1))
	}
	return y.Add(y, bigMul(bigFloat(float64(e)), bigLn2()))
}

// reduceBig returns x - n·π/2 and n mod 4.
func reduceBig(x *big.Float) (*big.Float, int) {
	prec := uint(bigPrec + bigPrec/2)
	if e := x.MantExp(nil); e > 0 {
		prec += uint(e)
	}
	q := new(big.Float).SetPrec(prec).Quo(x, halfPi())
	n := nearest(q)
	product := new(big.Float).SetPrec(prec).SetInt(n)
	product.Mul(product, halfPi())
	r := new(big.Float).SetPrec(prec).Sub(new(big.Float).SetPrec(prec).Set(x), product)
	return newBig().Set(r), int(new(big.Int).And(n, big.NewInt(3)).Int64())
}

// circularSeries sums x^first/first! - x^(first+2)/(first+2)! + …, first 0 or 1.
func circularSeries(x *big.Float, first int) *big.Float {
	term := bigFloat(1)
	if first == 1 {
		term.Set(x)
	}
	square := bigMul(x, x)
	sum := newBig().Set(term)
	for k := float64(first + 1); term.Sign() != 0 && term.MantExp(nil) > sum.MantExp(nil)-bigPrec; k += 2 {
		term = bigQuo(bigMul(term, square), bigFloat(-k*(k+1)))
		sum.Add(sum, term)
	}
	return sum
}

func bigCircular(x *big.Float, ahead int) *big.Float {
	r, n := reduceBig(x)
	n += ahead
	v := circularSeries(r, 1-n&1)
	if n&2 != 0 {
		v.Neg(v)
	}
	return v
}

// bigSin is the sine of x.
func bigSin(x ...*big.Float) *big.Float { return bigCircular(x[0], 0) }

// bigCos is the cosine of x.
func bigCos(x ...*big.Float) *big.Float { return bigCircular(x[0], 1) }

// bigTanh is the hyperbolic tangent of x.
func bigTanh(x ...*big.Float) *big.Float {
	if x[0].MantExp(nil) < -60 { // the next term of the series is 2^-240 of this
		cube := bigMul(x[0], bigMul(x[0], x[0]))
		return bigSub(x[0], bigQuo(cube, bigFloat(3)))
	}
	e := bigExp(bigMul(bigFloat(2), x[0]))
	return bigQuo(bigSub(e, bigFloat(1)), bigAdd(e, bigFloat(1)))
}

// bigPower is x^y for a positive x.
func bigPower(x ...*big.Float) *big.Float { return bigExp(bigMul(x[1], bigLog(x[0]))) }
