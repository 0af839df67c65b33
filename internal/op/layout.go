package op

import (
	"math"

	"github.com/tare-go/tare/dtype"
)

// layout is how a float type is made, as constants of one program.
type layout struct {
	b        *Builder
	t, word  dtype.DType // the float type, and the unsigned integers as wide
	mantissa uint64      // the number of explicit bits of the significand
	bias     uint64      // of the exponent
}

func layoutOf(b *Builder, t dtype.DType) layout {
	if t == dtype.Float32 {
		return layout{b, t, dtype.Uint32, 23, 127}
	}
	return layout{b, t, dtype.Uint64, 52, 1023}
}

// pick is the first for float32, else the second.
func (l layout) pick(narrow, wide float64) float64 {
	if l.t == dtype.Float32 {
		return narrow
	}
	return wide
}

// constant is a constant of the float type.
func (l layout) constant(v float64) Value { return l.b.ConstOf(l.t, v) }

// integer is a constant of the integers as wide.
func (l layout) integer(v uint64) Value { return l.b.Bits(l.word, v) }

// magic is the number that, added to another below a quarter of it, rounds it to an integer, and
// leaves that integer in the low bits: 1.5·2^52 for float64.
func (l layout) magic() Value { return l.constant(math.Ldexp(1.5, int(l.mantissa))) }

// exp2 is 2^n, where t = magic + n, for n from 1-bias to bias.
func (l layout) exp2(t Value) Value {
	b := l.b
	exponent := b.Shl(b.Bitcast(l.word, t), l.integer(l.mantissa))
	return b.Bitcast(l.t, b.Add(exponent, l.integer(l.bias<<l.mantissa)))
}

// poly is the polynomial with coefficients c, the constant first, by Horner's rule.
func (l layout) poly(x Value, c []float64) Value {
	p := l.constant(c[len(c)-1])
	for i := len(c) - 2; i >= 0; i-- {
		p = l.b.FMA(p, x, l.constant(c[i]))
	}
	return p
}

// twoSum returns s and the error e of s = x + y, where |x| >= |y| or x = 0 (Dekker's fast two-sum).
func (l layout) twoSum(x, y Value) (s, e Value) {
	s = l.b.Add(x, y)
	return s, l.b.Add(l.b.Sub(x, s), y)
}

// twoProduct returns p and the error e of p = x·y.
func (l layout) twoProduct(x, y Value) (p, e Value) {
	p = l.b.Mul(x, y)
	return p, l.b.FMA(x, y, l.b.Neg(p))
}

// decompose returns k and m with x = m·2^k, for x positive and finite. root is the bits of the least m, and the low bits
// of i say in which sixteenth from there m is.
func (l layout) decompose(x Value, root uint64) (k, m, i Value) {
	b := l.b
	tiny := b.Lt(x, l.constant(math.Ldexp(1, 1-int(l.bias)))) // subnormal
	lift := l.mantissa + 2
	normal := b.Select(tiny, b.Mul(x, l.constant(math.Ldexp(1, int(lift)))), x)
	high := math.Ldexp(1, int(l.mantissa))
	offset := b.Select(tiny, l.constant(high+float64(l.bias+lift)), l.constant(high+float64(l.bias)))
	k, fraction := l.split(normal, offset, root)
	m, i = l.significand(b.means(fraction, IdiomFraction, root, x), root)
	return b.means(k, IdiomExponent, root, x), m, i
}

// split returns the k of decompose, and the bits of its m less root, for normal numbers; offset is 2^mantissa plus what
// is taken from the biased exponent.
func (l layout) split(x, offset Value, root uint64) (k, fraction Value) {
	b := l.b
	// Counted from the least m, numbers have the exponent of the m that belongs to them.
	u := b.Add(b.Bitcast(l.word, x), l.integer(l.bias<<l.mantissa-root))
	fraction = b.And(u, l.integer(1<<l.mantissa-1))
	// The exponent in the low bits of 2^52 (2^23) is that number plus the exponent.
	exponent := b.Or(b.Shr(u, l.integer(l.mantissa)), l.integer((l.bias+l.mantissa)<<l.mantissa))
	return b.Sub(b.Bitcast(l.t, exponent), offset), fraction
}

// significand is the m whose bits less root are fraction, and in which sixteenth it is.
func (l layout) significand(fraction Value, root uint64) (m, i Value) {
	b := l.b
	return b.Bitcast(l.t, b.Add(fraction, l.integer(root))), b.Shr(fraction, l.integer(l.mantissa-4))
}
