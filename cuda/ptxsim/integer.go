package ptxsim

import "math/bits"

// intTypes are the types of integer arithmetic; 8-bit values are only loaded, stored and converted.
var intTypes = []Type{U16, U32, U64, S16, S32, S64}

var floatTypes = []Type{F32, F64}

// native is a Go type of the values of an integer type.
type native interface {
	uint16 | uint32 | uint64 | int16 | int32 | int64
}

// low is the bits of v, zero extended.
func low[T native](v T, size uint) uint64 { return uint64(v) << (64 - 8*size) >> (64 - 8*size) }

func addLanes[T native](d, a, b *vec) {
	for i := range d {
		d[i] = uint64(T(a[i]) + T(b[i]))
	}
}

func subLanes[T native](d, a, b *vec) {
	for i := range d {
		d[i] = uint64(T(a[i]) - T(b[i]))
	}
}

func mulLanes[T native](d, a, b *vec) {
	for i := range d {
		d[i] = uint64(T(a[i]) * T(b[i]))
	}
}

func madLanes[T native](d, a, b, c *vec) {
	for i := range d {
		d[i] = uint64(T(a[i])*T(b[i]) + T(c[i]))
	}
}

// bySize picks the function for a size: sums, differences and low products have no sign.
func bySize[F any](t Type, f16, f32, f64 F) F {
	return map[int]F{2: f16, 4: f32, 8: f64}[t.Size()]
}

// byType picks the function of an integer type.
func byType[F any](t Type, u16, u32, u64, s16, s32, s64 F) F {
	return map[Type]F{U16: u16, U32: u32, U64: u64, S16: s16, S32: s32, S64: s64}[t]
}

func decodeAdd(d *decoder) exec {
	if d.peekType().float() {
		return d.floatBinary(addF32, addF64)
	}
	return d.integerSum(bySize(d.peekType(), addLanes[uint16], addLanes[uint32], addLanes[uint64]), carryAdd, saturatedAdd)
}

func decodeSub(d *decoder) exec {
	if d.peekType().float() {
		return d.floatBinary(subF32, subF64)
	}
	return d.integerSum(bySize(d.peekType(), subLanes[uint16], subLanes[uint32], subLanes[uint64]), carrySub, saturatedSub)
}

// integerSum decodes integer add and sub, with .cc, .sat or neither.
func (d *decoder) integerSum(plain binaryOp, carry carryOp, saturated binaryOp) exec {
	d.out.class = IntegerClass
	switch d.maybe("cc", "sat") {
	case "cc":
		return d.carried(d.typ(U32, S32, U64, S64), carry, false, true)
	case "sat":
		return d.binaryOf(saturated, d.typ(S32))
	}
	return d.binaryOf(plain, d.typ(intTypes...))
}

func decodeAddCarry(d *decoder) exec {
	d.out.class = IntegerClass
	set := d.maybe("cc") != ""
	return d.carried(d.typ(U32, S32, U64, S64), carryAdd, true, set)
}

func decodeSubCarry(d *decoder) exec {
	d.out.class = IntegerClass
	set := d.maybe("cc") != ""
	return d.carried(d.typ(U32, S32, U64, S64), carrySub, true, set)
}

// carryOp adds or subtracts with a carry or borrow in and out.
type carryOp func(a, b, carry uint64, size int) (sum, carryOut uint64)

func carryAdd(a, b, carry uint64, size int) (uint64, uint64) {
	if size == 8 {
		return bits.Add64(a, b, carry)
	}
	s := a + b + carry
	return s & 0xffffffff, s >> 32
}

func carrySub(a, b, borrow uint64, size int) (uint64, uint64) {
	if size == 8 {
		return bits.Sub64(a, b, borrow)
	}
	s := a - b - borrow
	return s & 0xffffffff, s >> 63
}

// carried decodes add, sub, addc and subc that read or write the carry flag.
func (d *decoder) carried(t Type, op carryOp, reads, writes bool) exec {
	d.count(3, 3)
	o := d.operands
	dst, a, b, size := d.dest(&o[0], t), d.source(&o[1], t), d.source(&o[2], t), t.Size()
	return func(w *warp, m uint32) {
		w.need(a, m)
		w.need(b, m)
		if reads && m&^w.carryInit != 0 {
			w.fault(UninitRegister, lane(m&^w.carryInit), "the carry flag")
		}
		for r := m; r != 0; r &= r - 1 {
			l := lane(r)
			in := uint64(0)
			if reads {
				in = uint64(w.carry >> l & 1)
			}
			var out uint64
			w.regs[dst][l], out = op(w.regs[a][l], w.regs[b][l], in, size)
			if writes {
				w.carry = w.carry&^(1<<l) | uint32(out)<<l
			}
		}
		w.init[dst] |= m
		if writes {
			w.carryInit |= m
		}
	}
}

// clamp32 is v, or the nearest int32, as its bits.
func clamp32(v int64) uint64 { return low(int32(min(max(v, -1<<31), 1<<31-1)), 4) }

func saturatedAdd(d, a, b *vec) {
	for i := range d {
		d[i] = clamp32(int64(int32(a[i])) + int64(int32(b[i])))
	}
}

func saturatedSub(d, a, b *vec) {
	for i := range d {
		d[i] = clamp32(int64(int32(a[i])) - int64(int32(b[i])))
	}
}

// product is the high and low 64 bits of a·b as values of type t.
func product(t Type, a, b uint64) (hi, lo uint64) {
	a, b = t.extend(a), t.extend(b)
	hi, lo = bits.Mul64(a, b)
	if t.signed() {
		hi -= a*(b>>63) + b*(a>>63)
	}
	return hi, lo
}

// highProduct is the upper half of the bits of a·b.
func highProduct(t Type, a, b uint64) uint64 {
	hi, lo := product(t, a, b)
	if t.Size() == 8 {
		return hi
	}
	return lo >> t.bits() & t.mask()
}

func mulWideU32(d, a, b *vec) {
	for i := range d {
		d[i] = a[i] * b[i]
	}
}

func mulWideS32(d, a, b *vec) {
	for i := range d {
		d[i] = uint64(int64(int32(a[i])) * int64(int32(b[i])))
	}
}

// wideProduct is the operation of mul.wide.
func wideProduct(t Type) binaryOp {
	switch t {
	case U32:
		return mulWideU32
	case S32:
		return mulWideS32
	}
	return each2(func(a, b uint64) uint64 {
		_, lo := product(t, a, b)
		return lo & t.doubled().mask()
	})
}

func decodeMul(d *decoder) exec {
	if d.peekType().float() {
		return d.floatBinary(mulF32, mulF64)
	}
	d.out.class = IntegerClass
	switch d.must("lo", "hi", "wide") {
	case "lo":
		t := d.typ(intTypes...)
		return d.binaryOf(bySize(t, mulLanes[uint16], mulLanes[uint32], mulLanes[uint64]), t)
	case "hi":
		t := d.typ(intTypes...)
		return d.binaryOf(each2(func(a, b uint64) uint64 { return highProduct(t, a, b) }), t)
	}
	t := d.typ(U16, U32, S16, S32)
	d.count(3, 3)
	o := d.operands
	return binaryExec(wideProduct(t), d.dest(&o[0], t.doubled()), d.source(&o[1], t), d.source(&o[2], t))
}

func decodeMad(d *decoder) exec {
	if d.peekType().float() {
		return decodeFMA(d)
	}
	d.out.class = IntegerClass
	switch d.must("lo", "hi", "wide") {
	case "lo":
		t := d.typ(intTypes...)
		return d.ternaryOf(bySize(t, madLanes[uint16], madLanes[uint32], madLanes[uint64]), t)
	case "hi":
		return d.decodeMadHigh()
	}
	t := d.typ(U16, U32, S16, S32)
	d.count(4, 4)
	o, mul, mask := d.operands, wideProduct(t), t.doubled().mask()
	op := func(d, a, b, c *vec) {
		var p vec
		mul(&p, a, b)
		for i := range d {
			d[i] = (p[i] + c[i]) & mask
		}
	}
	return ternaryExec(op, d.dest(&o[0], t.doubled()), d.source(&o[1], t), d.source(&o[2], t), d.source(&o[3], t.doubled()))
}

func (d *decoder) decodeMadHigh() exec {
	if d.maybe("sat") != "" {
		return d.ternaryOf(each3(func(a, b, c uint64) uint64 {
			return clamp32(int64(int32(highProduct(S32, a, b))) + int64(int32(c)))
		}), d.typ(S32))
	}
	t := d.typ(intTypes...)
	return d.ternaryOf(each3(func(a, b, c uint64) uint64 { return (highProduct(t, a, b) + c) & t.mask() }), t)
}

func decodeDiv(d *decoder) exec {
	if d.peekType().float() {
		return d.floatBinary(divF32, divF64)
	}
	return d.division(func(t Type, a, b uint64) uint64 {
		if t.signed() {
			return uint64(int64(a) / int64(b))
		}
		return a / b
	})
}

func decodeRem(d *decoder) exec {
	return d.division(func(t Type, a, b uint64) uint64 {
		if t.signed() {
			return uint64(int64(a) % int64(b))
		}
		return a % b
	})
}

// division decodes integer div and rem. Go's quotient of the smallest integer by -1 wraps, as PTX's does.
func (d *decoder) division(op func(t Type, a, b uint64) uint64) exec {
	d.out.class = IntegerClass
	t := d.typ(intTypes...)
	d.count(3, 3)
	o := d.operands
	dst, a, b := d.dest(&o[0], t), d.source(&o[1], t), d.source(&o[2], t)
	return func(w *warp, m uint32) {
		w.need(a, m)
		w.need(b, m)
		for r := m; r != 0; r &= r - 1 {
			l := lane(r)
			x, y := t.extend(w.regs[a][l]), t.extend(w.regs[b][l])
			if y == 0 {
				w.fault(DivideByZero, l, "")
			}
			w.regs[dst][l] = op(t, x, y) & t.mask()
		}
		w.init[dst] |= m
	}
}

func decodeAbs(d *decoder) exec {
	if d.peekType().float() {
		return d.floatSign(func(v, sign uint64) uint64 { return v &^ sign })
	}
	d.out.class = IntegerClass
	t := d.typ(S16, S32, S64)
	return d.unaryOf(each1(func(a uint64) uint64 {
		if v := int64(t.extend(a)); v < 0 {
			return uint64(-v) & t.mask()
		}
		return a
	}), t)
}

func decodeNeg(d *decoder) exec {
	if d.peekType().float() {
		return d.floatSign(func(v, sign uint64) uint64 { return v ^ sign })
	}
	d.out.class = IntegerClass
	t := d.typ(S16, S32, S64)
	return d.unaryOf(each1(func(a uint64) uint64 { return -a & t.mask() }), t)
}

func minLanes[T native](d, a, b *vec) {
	for i := range d {
		if T(b[i]) < T(a[i]) {
			d[i] = b[i]
		} else {
			d[i] = a[i]
		}
	}
}

func maxLanes[T native](d, a, b *vec) {
	for i := range d {
		if T(b[i]) > T(a[i]) {
			d[i] = b[i]
		} else {
			d[i] = a[i]
		}
	}
}

func decodeMinMax(d *decoder) exec {
	if d.peekType().float() {
		return d.floatMinMax()
	}
	d.out.class = IntegerClass
	t := d.typ(intTypes...)
	if d.name == "min" {
		return d.binaryOf(byType(t, minLanes[uint16], minLanes[uint32], minLanes[uint64], minLanes[int16], minLanes[int32], minLanes[int64]), t)
	}
	return d.binaryOf(byType(t, maxLanes[uint16], maxLanes[uint32], maxLanes[uint64], maxLanes[int16], maxLanes[int32], maxLanes[int64]), t)
}

// decodeSad is c + |a-b|.
func decodeSad(d *decoder) exec {
	d.out.class = IntegerClass
	t := d.typ(intTypes...)
	return d.ternaryOf(each3(func(a, b, c uint64) uint64 {
		x, y := t.extend(a), t.extend(b)
		if t.signed() && int64(x) < int64(y) || !t.signed() && x < y {
			x, y = y, x
		}
		return (c + x - y) & t.mask()
	}), t)
}
