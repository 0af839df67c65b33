package ptx

import (
	"fmt"
	"strings"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/op"
)

// rareKey names a reduction of an angle, of which several routines take parts.
type rareKey struct{ mask, x string }

// rare writes a rare block: a branch for the few threads that need it, to the routine itself, as there are no
// calls. Its value is 0 elsewhere. The routines are those of package op, step by step.
func (w *writer) rare(memo map[rareKey][]string, in op.Inst, x []string) string {
	routine := op.Routine(in.Imm)
	switch routine {
	case op.IntPower:
		return w.intPower(in.Type, x[0], x[1], x[2])
	case op.Fmod:
		return w.onFloat64(in.Type, x[0], x[1:], w.fmod)
	case op.TrigQuadrant, op.TrigHigh, op.TrigLow:
		key := rareKey{x[0], x[1]}
		if memo[key] == nil {
			memo[key] = w.trig(in.Type, x[0], x[1])
		}
		return memo[key][routine-op.TrigQuadrant]
	}
	panic(fmt.Sprintf("BUG: ptx: no routine %v", routine))
}

// intPower is x to the power n of integers, wrapping, 0 for n < 0.
func (w *writer) intPower(t dtype.DType, mask, x, n string) string {
	m := machine[t]
	w.comment("rare int_power")
	result, base, left := w.variable(t, "0"), w.variable(t, x), w.variable(t, n)
	run := mask
	if t.Kind() == dtype.SignedKind {
		run = w.to(pred, "setp.ge.and."+m.typ, left, "0", mask)
	}
	w.where(run, func() {
		w.emit("mov."+m.bits, result, "1")
		w.while("ne."+m.typ, left, "0", func() {
			odd := w.to(pred, "setp.ne."+m.typ, w.to(m.class, "and."+m.bits, left, "1"), "0")
			w.when(odd, "mul.lo."+m.typ, result, result, base)
			w.emit("mul.lo."+m.typ, base, base, base)
			w.emit("shr."+strings.Replace(signedType(t), "s", "u", 1), left, left, "1")
		})
	})
	return w.narrow(t, result)
}

// onFloat64 writes a routine on float64 for a float type. The float32 result must be exact.
func (w *writer) onFloat64(t dtype.DType, mask string, x []string, routine func(mask string, x []string) string) string {
	wide := make([]string, len(x))
	for i := range x {
		wide[i] = w.inRegister(t, x[i])
		if t == dtype.Float32 {
			wide[i] = w.convert(t, dtype.Float64, wide[i])
		}
	}
	result := routine(mask, wide)
	if t == dtype.Float32 {
		return w.convert(dtype.Float64, t, result)
	}
	return result
}

// The layout of a float64.
const (
	expOne  = "4503599627370496"    // 2^52, one in the exponent and the hidden bit
	expInf  = "9218868437227405312" // the bits of infinity
	absBits = "9223372036854775807"
	signBit = "-9223372036854775808"
	nanBits = "9221120237041090560"
)

// fmod is x - y·trunc(x/y): the remainder of the significands, eleven bits of the quotient at a time.
func (w *writer) fmod(mask string, x []string) string {
	w.comment("rare fmod")
	result := w.variable(dtype.Float64, "0d0000000000000000")
	w.where(mask, func() {
		xb, yb := w.to(b64, "mov.b64", x[0]), w.to(b64, "mov.b64", x[1])
		sign := w.to(b64, "and.b64", xb, signBit)
		ax, ay := w.to(b64, "and.b64", xb, absBits), w.to(b64, "and.b64", yb, absBits)
		bits := w.to(b64, "mov.b64", xb) // where |x| < |y|
		w.where(w.to(pred, "setp.ge.u64", ax, ay), func() {
			mx, ex := w.significand(ax)
			my, ey := w.significand(ay)
			w.emit("mov.b64", bits, w.remainderBits(mx, ex, my, ey))
		})
		w.emit("and.b64", bits, bits, absBits)
		w.emit("or.b64", bits, bits, sign)
		undefined := w.to(pred, "setp.eq.u64", ay, "0")
		w.emit("setp.gt.or.u64", undefined, ay, expInf, undefined)
		w.emit("setp.ge.or.u64", undefined, ax, expInf, undefined)
		w.emit("selp.b64", bits, nanBits, bits, undefined)
		w.emit("mov.b64", result, bits)
	})
	return result
}

// significand is m and e with the float m·2^(e-1075), m from 2^52 to 2^53; of 0 and infinities it is of no use, but
// m is not 0.
func (w *writer) significand(bits string) (m, e string) {
	field := w.to(b32, "cvt.u32.u64", w.to(b64, "shr.u64", bits, "52"))
	fraction := w.to(b64, "and.b64", bits, "4503599627370495")
	normal := w.to(b64, "or.b64", fraction, expOne)
	lead := w.to(b32, "sub.s32", w.to(b32, "clz.b64", fraction), "11")
	tiny := w.to(pred, "setp.eq.u32", field, "0")
	m = w.to(b64, "selp.b64", w.to(b64, "shl.b64", fraction, lead), normal, tiny)
	e = w.to(b32, "selp.b32", w.to(b32, "sub.s32", "1", lead), field, tiny)
	zero := w.to(pred, "setp.eq.u64", m, "0")
	return w.to(b64, "selp.b64", expOne, m, zero), e
}

// remainderBits is the float remainder of two significands with their exponents, ex >= ey.
func (w *writer) remainderBits(mx, ex, my, ey string) string {
	r := w.to(b64, "rem.u64", mx, my)
	left := w.to(b32, "sub.s32", ex, ey)
	w.while("gt.s32", left, "0", func() {
		step := w.to(b32, "min.s32", left, "11")
		w.emit("shl.b64", r, r, step)
		w.emit("rem.u64", r, r, my)
		w.emit("sub.s32", left, left, step)
	})
	lead := w.to(b32, "sub.s32", w.to(b32, "clz.b64", r), "11")
	e := w.to(b32, "sub.s32", ey, lead)
	high := w.to(b64, "shl.b64", r, lead)
	normal := w.to(b64, "add.u64", high, w.to(b64, "shl.b64", w.to(b64, "cvt.s64.s32", w.to(b32, "sub.s32", e, "1")), "52"))
	subnormal := w.to(b64, "shr.u64", high, w.to(b32, "sub.s32", "1", e))
	bits := w.to(b64, "selp.b64", normal, subnormal, w.to(pred, "setp.gt.s32", e, "0"))
	return w.to(b64, "selp.b64", "0", bits, w.to(pred, "setp.eq.u64", r, "0"))
}

// trig is the quadrant and the two parts of the remainder of an angle, in type t.
func (w *writer) trig(t dtype.DType, mask, x string) []string {
	w.comment("rare trig: Payne and Hanek's reduction")
	w.table = true
	x = w.inRegister(t, x)
	zero := "0d0000000000000000"
	n, high, low := w.variable(dtype.Float64, zero), w.variable(dtype.Float64, zero), w.variable(dtype.Float64, zero)
	w.where(mask, func() {
		wide := x
		if t == dtype.Float32 {
			wide = w.convert(t, dtype.Float64, x)
		}
		w.reduceTrig(wide, n, high, low)
		if t == dtype.Float32 { // what the float32 nearest to high lacks is in low
			narrow := w.convert(t, dtype.Float64, w.convert(dtype.Float64, t, high))
			w.emit("add.rn.f64", low, w.to(f64, "sub.rn.f64", high, narrow), low)
		} else {
			w.emit("add.rn.f64", low, w.to(f64, "sub.rn.f64", high, high), low)
		}
	})
	parts := []string{n, high, low}
	if t == dtype.Float32 {
		for i := range parts {
			parts[i] = w.convert(dtype.Float64, t, parts[i])
		}
	}
	return parts
}

// reduceTrig sets n, high and low for an angle x of at least 2: n·π/2 + high + low is x, n from 0 to 3.
func (w *writer) reduceTrig(x, n, high, low string) {
	bits := w.to(b64, "mov.b64", x)
	m := w.to(b64, "or.b64", w.to(b64, "and.b64", bits, "4503599627370495"), expOne)
	field := w.to(b32, "and.b32", w.to(b32, "cvt.u32.u64", w.to(b64, "shr.u64", bits, "52")), "2047")
	first := w.to(b32, "sub.s32", field, "1014") // the first bit of 2/π that counts
	p := w.piBits(first)
	q0, q1, q2 := w.productBits(m, p)
	quadrant := w.to(b32, "cvt.u32.u64", w.to(b64, "shr.u64", q0, "60"))
	quadrant = w.to(b32, "and.b32", w.to(b32, "shr.u32", w.to(b32, "add.u32", quadrant, "1"), "1"), "3")
	top := w.funnel(q0, q1, "3", "61")
	bottom := w.funnel(q1, q2, "3", "61")
	h, l, negative := w.scaleFraction(top, bottom)
	below := w.to(pred, "setp.lt.s64", bits, "0")
	flip := w.to(b64, "selp.b64", signBit, "0", w.to(pred, "xor.pred", negative, below))
	back := w.to(b32, "and.b32", w.to(b32, "neg.s32", quadrant), "3")
	quadrant = w.to(b32, "selp.b32", back, quadrant, below)
	finite := w.to(pred, "setp.lt.u32", field, "2047")
	w.emit("cvt.rn.f64.s32", n, w.to(b32, "selp.b32", quadrant, "0", finite))
	for _, part := range [][2]string{{high, h}, {low, l}} {
		v := w.to(b64, "xor.b64", w.to(b64, "mov.b64", part[1]), flip)
		w.emit("mov.b64", part[0], w.to(b64, "selp.b64", v, nanBits, finite))
	}
}

// piBits are 192 bits of 2/π from the given one on, the most significant first.
func (w *writer) piBits(first string) [3]string {
	address := w.to(b64, "mov.u64", "two_over_pi")
	index := w.to(b32, "shr.u32", first, "6")
	address = w.to(b64, "mad.wide.u32", index, "8", address)
	s := w.to(b32, "and.b32", first, "63")
	rest := w.to(b32, "sub.u32", "64", s)
	var words [4]string
	for i := range words {
		words[i] = w.to(b64, "ld.const.b64", fmt.Sprintf("[%s+%d]", address, 8*i))
	}
	var p [3]string
	for i := range p {
		p[i] = w.funnel(words[i], words[i+1], s, rest)
	}
	return p
}

// funnel is high shifted left, with the top bits of low, shifted right, after it. PTX shifts by 64 give 0.
func (w *writer) funnel(high, low, left, right string) string {
	return w.to(b64, "or.b64", w.to(b64, "shl.b64", high, left), w.to(b64, "shr.u64", low, right))
}

// productBits are the low 192 bits of m·p, the most significant first.
func (w *writer) productBits(m string, p [3]string) (q0, q1, q2 string) {
	h2, h1 := w.to(b64, "mul.hi.u64", m, p[2]), w.to(b64, "mul.hi.u64", m, p[1])
	q2 = w.to(b64, "mul.lo.u64", m, p[2])
	l1 := w.to(b64, "mul.lo.u64", m, p[1])
	q1 = w.to(b64, "add.u64", l1, h2)
	carry := w.to(b64, "selp.b64", "1", "0", w.to(pred, "setp.lt.u64", q1, l1))
	q0 = w.to(b64, "add.u64", w.to(b64, "mad.lo.u64", m, p[0], h1), carry)
	return q0, q1, q2
}

// scaleFraction is a signed fraction of 128 bits times π/2, as the sum of two floats without the sign.
func (w *writer) scaleFraction(top, bottom string) (high, low, negative string) {
	negative = w.to(pred, "setp.lt.s64", top, "0")
	carry := w.to(b64, "selp.b64", "1", "0", w.to(pred, "setp.eq.u64", bottom, "0"))
	flipped := w.to(b64, "add.u64", w.to(b64, "not.b64", top), carry)
	hi := w.to(b64, "selp.b64", flipped, top, negative)
	lo := w.to(b64, "selp.b64", w.to(b64, "neg.s64", bottom), bottom, negative)
	small := w.to(pred, "setp.eq.u64", hi, "0")
	hi = w.to(b64, "selp.b64", lo, hi, small)
	lo = w.to(b64, "selp.b64", "0", lo, small)
	scale := w.to(b32, "selp.b32", "-128", "-64", small)
	z := w.to(b32, "clz.b64", hi)
	hi = w.funnel(hi, lo, z, w.to(b32, "sub.u32", "64", z))
	lo = w.to(b64, "shl.b64", lo, z)
	scale = w.to(b32, "sub.s32", scale, z)
	a := w.scaled(w.to(b64, "shr.u64", hi, "11"), scale, 11)
	c := w.scaled(w.funnel(hi, lo, "53", "11"), scale, -53)
	const piHigh, piLow = "0d3ff921fb54442d18", "0d3c91a62633145c07"
	h := w.to(f64, "mul.rn.f64", a, piHigh)
	rest := w.to(f64, "add.rn.f64", w.to(f64, "mul.rn.f64", a, piLow), w.to(f64, "mul.rn.f64", c, piHigh))
	l := w.to(f64, "add.rn.f64", w.to(f64, "fma.rn.f64", a, piHigh, w.to(f64, "neg.f64", h)), rest)
	high = w.to(f64, "add.rn.f64", h, l)
	low = w.to(f64, "add.rn.f64", w.to(f64, "sub.rn.f64", h, high), l)
	return high, low, negative
}

// scaled is an unsigned integer, rounded to a float, times 2^(scale + offset), which is no subnormal.
func (w *writer) scaled(v, scale string, offset int) string {
	e := w.to(b64, "cvt.s64.s32", w.to(b32, "add.s32", scale, fmt.Sprint(1023+offset)))
	power := w.to(f64, "mov.b64", w.to(b64, "shl.b64", e, "52"))
	return w.to(f64, "mul.rn.f64", w.to(f64, "cvt.rn.f64.u64", v), power)
}

// twoOverPi is the fraction of 2/π, 64 bits a word, after one word of zeros.
var twoOverPi = [...]uint64{
	0,
	0xa2f9836e4e441529, 0xfc2757d1f534ddc0, 0xdb6295993c439041, 0xfe5163abdebbc561,
	0xb7246e3a424dd2e0, 0x06492eea09d1921c, 0xfe1deb1cb129a73e, 0xe88235f52ebb4484,
	0xe99c7026b45f7e41, 0x3991d639835339f4, 0x9c845f8bbdf9283b, 0x1ff897ffde05980f,
	0xef2f118b5a0a6d1f, 0x6d367ecf27cb09b7, 0x4f463f669e5fea2d, 0x7527bac7ebe5f17b,
	0x3d0739f78a5292ea, 0x6bfb5fb11f8d5d08, 0x56033046fc7b6bab,
}

// writeTable declares the bits of 2/π.
func writeTable(b *strings.Builder) {
	fmt.Fprintf(b, "\n// 2/pi, 64 bits of the fraction a word, after one word of zeros\n.const .align 8 .b64 two_over_pi[%d] = {\n", len(twoOverPi))
	for i, v := range twoOverPi {
		sep := ","
		if i == len(twoOverPi)-1 {
			sep = ""
		}
		fmt.Fprintf(b, "\t0x%016x%s\n", v, sep)
	}
	b.WriteString("};\n")
}
