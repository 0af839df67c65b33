package op

import "github.com/tare-go/tare/dtype"

// sine is made for |x|, and has its sign changed with that of x.
func sine(b *Builder, t dtype.DType, x Value) Value {
	l := layoutOf(b, t)
	v, turned := l.circular(b.Abs(x), 0)
	return l.negate(v, b.Xor(turned, b.Bitcast(l.word, x)))
}

// cosine is the sine one quadrant ahead.
func cosine(b *Builder, t dtype.DType, x Value) Value {
	l := layoutOf(b, t)
	return l.negate(l.circular(x, 1))
}

// circular is the sine of x plus ahead quadrants, to be negated where turned has the sign's bit: a polynomial of the
// remainder of x by π/2, chosen by the quadrant.
func (l layout) circular(x Value, ahead uint64) (v, turned Value) {
	b := l.b
	t, r, low := l.reduceTrig(x)
	s, c := l.sineCosine(r, low)
	quadrant := b.Bitcast(l.word, t)
	if ahead != 0 {
		quadrant = b.Add(quadrant, l.integer(ahead))
	}
	odd := b.Ne(b.And(quadrant, l.integer(1)), l.integer(0))
	return b.Select(odd, c, s), b.Shl(quadrant, l.integer(uint64(8*l.t.Size()-2)))
}

// negate is v with its sign changed where word has the sign's bit.
func (l layout) negate(v, word Value) Value {
	b := l.b
	sign := b.And(word, l.integer(1<<(8*l.t.Size()-1)))
	return b.Bitcast(l.t, b.Xor(b.Bitcast(l.word, v), sign))
}

// reduceTrig returns t = magic + n, whose low bits are the quadrant, and r + low = x - n·π/2, where low is below a
// hundredth of r. π/2 is a sum of three floats, the first so short that x - n times it is exact. Large x take the rare
// path.
func (l layout) reduceTrig(x Value) (t, r, low Value) {
	b := l.b
	part, limit := halfPi64, 0x1p20
	if l.t == dtype.Float32 {
		part, limit = halfPi32, 0x1p15
	}
	t = b.FMA(x, l.constant(l.pick(0x1.45f306p-1, 0x1.45f306dc9c883p-1)), l.magic())
	n := b.Sub(t, l.magic())
	first := b.FMA(n, l.constant(-part[0]), x)
	product, rest := l.twoProduct(n, l.constant(part[1]))
	r = b.Sub(first, product)
	e := b.Sub(b.Sub(b.Sub(first, r), product), rest)
	low = b.FMA(n, l.constant(-part[2]), e)

	far := b.Lt(l.constant(limit), b.Abs(x))
	quadrant := b.Add(b.Rare(TrigQuadrant, l.t, far, x, x), l.magic())
	return b.Select(far, quadrant, t),
		b.Select(far, b.Rare(TrigHigh, l.t, far, x, x), r),
		b.Select(far, b.Rare(TrigLow, l.t, far, x, x), low)
}

// sineCosine returns the sine and cosine of r + low, |r| <= π/4.
func (l layout) sineCosine(r, low Value) (s, c Value) {
	b := l.b
	sp, cp := sin64, cos64
	if l.t == dtype.Float32 {
		sp, cp = sin32, cos32
	}
	z := b.Mul(r, r)
	one, half := l.constant(1), l.constant(-0.5)
	w := b.FMA(z, half, one)
	e := b.FMA(z, half, b.Sub(one, w)) // what w lacks
	s = b.Add(r, b.FMA(b.Mul(l.poly(z, sp), z), r, b.Mul(low, w)))
	c = b.Add(w, b.FMA(b.Mul(l.poly(z, cp), z), z, b.FMA(b.Neg(r), low, e)))
	return s, c
}
