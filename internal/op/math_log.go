package op

import (
	"math"

	"github.com/tare-go/tare/dtype"
)

// logarithm is k·ln2 + log(m) for x = m·2^k, with the special values put in at the end.
func logarithm(b *Builder, t dtype.DType, x Value) Value {
	l := layoutOf(b, t)
	k, m := l.decompose(x)
	v := l.logOf(k, m)
	zero, inf := l.constant(0), l.constant(math.Inf(1))
	special := b.Select(b.Lt(x, zero), l.constant(math.NaN()), x)
	special = b.Select(b.Eq(x, zero), l.constant(math.Inf(-1)), special)
	return b.Select(b.And(b.Lt(zero, x), b.Lt(x, inf)), v, special)
}

// logOf is k·ln2 + log(m).
func (l layout) logOf(k, m Value) Value {
	f := l.b.Sub(m, l.constant(1)) // exact
	if l.t == dtype.Float32 {
		return l.log32(k, f)
	}
	return l.log64(k, f)
}

// log32 adds log(1+f) = f - f²/2 + f³·P(f) to k·ln2. The sum k·ln2 + f keeps its error.
func (l layout) log32(k, f Value) Value {
	b := l.b
	h := b.FMA(l.poly(f, log32), f, l.constant(-0.5))
	q := b.FMA(h, b.Mul(f, f), b.Mul(k, l.constant(ln2Parts32[1])))
	high, low := l.twoSum(b.Mul(k, l.constant(ln2Parts32[0])), f)
	return b.Add(high, b.Add(low, q))
}

// log64 is fdlibm's arrangement: with s = f/(2+f) and R = s²·P(s²),
// log(1+f) = f - (f²/2 - s·(f²/2 + R)).
func (l layout) log64(k, f Value) Value {
	b := l.b
	s := b.Div(f, b.Add(l.constant(2), f))
	z := b.Mul(s, s)
	r := b.Mul(l.poly(z, log64), z)
	half := b.Mul(b.Mul(l.constant(0.5), f), f)
	low := b.FMA(s, b.Add(half, r), b.Mul(k, l.constant(ln2Parts64[1])))
	return b.FMA(k, l.constant(ln2Parts64[0]), b.Sub(f, b.Sub(half, low)))
}
