package ptxsim

import "math"

// The NaN results of operations.
const (
	nan32 = 0x7fffffff
	nan64 = 0x7ff8000000000000
)

func f32(v uint64) float32 { return math.Float32frombits(uint32(v)) }
func f64(v uint64) float64 { return math.Float64frombits(v) }

// bits32 is the bits of a result, with the NaN of PTX.
func bits32(v float32) uint64 {
	if v != v {
		return nan32
	}
	return uint64(math.Float32bits(v))
}

func bits64(v float64) uint64 {
	if v != v {
		return nan64
	}
	return math.Float64bits(v)
}

func addF32(d, a, b *vec) {
	for i := range d {
		d[i] = bits32(f32(a[i]) + f32(b[i]))
	}
}

func subF32(d, a, b *vec) {
	for i := range d {
		d[i] = bits32(f32(a[i]) - f32(b[i]))
	}
}

func mulF32(d, a, b *vec) {
	for i := range d {
		d[i] = bits32(f32(a[i]) * f32(b[i]))
	}
}

func divF32(d, a, b *vec) {
	for i := range d {
		d[i] = bits32(f32(a[i]) / f32(b[i]))
	}
}

// fmaF32 has the common case of fma32 in line.
func fmaF32(d, a, b, c *vec) {
	for i := range d {
		s := float64(f32(a[i]))*float64(f32(b[i])) + float64(f32(c[i]))
		r := float32(s)
		if innocuous(s) && r == r {
			d[i] = uint64(math.Float32bits(r))
		} else {
			d[i] = bits32(fma32(f32(a[i]), f32(b[i]), f32(c[i])))
		}
	}
}

func addF64(d, a, b *vec) {
	for i := range d {
		d[i] = bits64(f64(a[i]) + f64(b[i]))
	}
}

func subF64(d, a, b *vec) {
	for i := range d {
		d[i] = bits64(f64(a[i]) - f64(b[i]))
	}
}

func mulF64(d, a, b *vec) {
	for i := range d {
		d[i] = bits64(f64(a[i]) * f64(b[i]))
	}
}

func divF64(d, a, b *vec) {
	for i := range d {
		d[i] = bits64(f64(a[i]) / f64(b[i]))
	}
}

func fmaF64(d, a, b, c *vec) {
	for i := range d {
		d[i] = bits64(math.FMA(f64(a[i]), f64(b[i]), f64(c[i])))
	}
}

// rounded reads .rn and the float type.
func (d *decoder) rounded() Type {
	d.round()
	d.out.class = FloatClass
	return d.typ(floatTypes...)
}

func (d *decoder) floatBinary(op32, op64 binaryOp) exec {
	if t := d.rounded(); t == F64 {
		return d.binaryOf(op64, t)
	}
	return d.binaryOf(op32, F32)
}

// decodeFMA is fma, and mad on floats, which is the same.
func decodeFMA(d *decoder) exec {
	if t := d.rounded(); t == F64 {
		return d.ternaryOf(fmaF64, t)
	}
	return d.ternaryOf(fmaF32, F32)
}

func decodeSqrt(d *decoder) exec {
	if t := d.rounded(); t == F64 {
		return d.unaryOf(each1(func(a uint64) uint64 { return bits64(math.Sqrt(f64(a))) }), t)
	}
	// the double rounding of a root, or a quotient, through float64 is innocuous: 53 ≥ 2·24+2
	return d.unaryOf(each1(func(a uint64) uint64 { return bits32(float32(math.Sqrt(float64(f32(a))))) }), F32)
}

func decodeRcp(d *decoder) exec {
	if t := d.rounded(); t == F64 {
		return d.unaryOf(each1(func(a uint64) uint64 { return bits64(1 / f64(a)) }), t)
	}
	return d.unaryOf(each1(func(a uint64) uint64 { return bits32(1 / f32(a)) }), F32)
}

// floatSign is abs and neg, of which NaN results have an unspecified payload.
func (d *decoder) floatSign(op func(v, sign uint64) uint64) exec {
	d.out.class = FloatClass
	t := d.typ(floatTypes...)
	sign := uint64(1) << (t.bits() - 1)
	return d.unaryOf(each1(func(a uint64) uint64 { return op(a, sign) }), t)
}

// floatMinMax: the other operand if one is NaN, or NaN with .NaN, which float64 does not have; -0 < +0.
func (d *decoder) floatMinMax() exec {
	d.out.class = FloatClass
	if d.maybe("NaN") != "" {
		d.since(70, 80)
		t := d.typ(F32)
		return d.binaryOf(each2(func(a, b uint64) uint64 {
			if f32(a) != f32(a) || f32(b) != f32(b) {
				return nan32
			}
			return pick(d.name, a, b, float64(f32(a)), float64(f32(b)))
		}), t)
	}
	if t := d.typ(floatTypes...); t == F64 {
		return d.binaryOf(each2(func(a, b uint64) uint64 { return number(d.name, nan64, a, b, f64(a), f64(b)) }), t)
	}
	return d.binaryOf(each2(func(a, b uint64) uint64 {
		return number(d.name, nan32, a, b, float64(f32(a)), float64(f32(b)))
	}), F32)
}

// number is min or max of the values x and y with bits a and b, passing over NaN.
func number(op string, nan, a, b uint64, x, y float64) uint64 {
	switch {
	case x != x && y != y:
		return nan
	case x != x:
		return b
	case y != y:
		return a
	}
	return pick(op, a, b, x, y)
}

// pick is the bits of the smaller or larger value.
func pick(op string, a, b uint64, x, y float64) uint64 {
	less := x < y || x == y && math.Signbit(x) && !math.Signbit(y)
	if less == (op == "min") {
		return a
	}
	return b
}

func decodeCopysign(d *decoder) exec {
	d.out.class = FloatClass
	t := d.typ(floatTypes...)
	sign := uint64(1) << (t.bits() - 1)
	return d.binaryOf(each2(func(a, b uint64) uint64 { return b&^sign | a&sign }), t)
}

// decodeTestp sets a predicate if a float is of a class.
func decodeTestp(d *decoder) exec {
	d.out.class = CompareClass
	class := d.must("finite", "infinite", "number", "notanumber", "normal", "subnormal")
	t := d.typ(floatTypes...)
	d.count(2, 2)
	p, a := d.predDest(&d.operands[0]), d.source(&d.operands[1], t)
	return func(w *warp, m uint32) {
		w.need(a, m)
		var is uint32
		for r := m; r != 0; r &= r - 1 {
			l := lane(r)
			if isClass(class, t, w.regs[a][l]) {
				is |= 1 << l
			}
		}
		w.setPred(p, m, is)
	}
}

func isClass(class string, t Type, v uint64) bool {
	fraction, top := uint(23), uint64(255)
	if t == F64 {
		fraction, top = 52, 2047
	}
	e, f := v>>fraction&top, v&(1<<fraction-1)
	switch class {
	case "finite":
		return e != top
	case "infinite":
		return e == top && f == 0
	case "number":
		return e != top || f == 0
	case "notanumber":
		return e == top && f != 0
	case "normal":
		return e != 0 && e != top
	}
	return e == 0 && f != 0
}
