package ptxsim

import "math/bits"

func decodeLogic(d *decoder) exec {
	d.out.class = IntegerClass
	t := d.typ(Pred, B16, B32, B64)
	if t == Pred {
		return d.logicPred(map[string]func(a, b uint32) uint32{
			"and": func(a, b uint32) uint32 { return a & b },
			"or":  func(a, b uint32) uint32 { return a | b },
			"xor": func(a, b uint32) uint32 { return a ^ b },
		}[d.name])
	}
	return d.binaryOf(map[string]binaryOp{"and": andLanes, "or": orLanes, "xor": xorLanes}[d.name], t)
}

func andLanes(d, a, b *vec) {
	for i := range d {
		d[i] = a[i] & b[i]
	}
}

func orLanes(d, a, b *vec) {
	for i := range d {
		d[i] = a[i] | b[i]
	}
}

func xorLanes(d, a, b *vec) {
	for i := range d {
		d[i] = a[i] ^ b[i]
	}
}

func (d *decoder) logicPred(op func(a, b uint32) uint32) exec {
	d.count(3, 3)
	o := d.operands
	p, a, b := d.predDest(&o[0]), d.predicate(&o[1]), d.predicate(&o[2])
	return func(w *warp, m uint32) { w.setPred(p, m, op(w.test(a, m), w.test(b, m))) }
}

func decodeNot(d *decoder) exec {
	d.out.class = IntegerClass
	if d.name == "cnot" {
		return d.unaryOf(each1(func(a uint64) uint64 {
			if a == 0 {
				return 1
			}
			return 0
		}), d.typ(B16, B32, B64))
	}
	t := d.typ(Pred, B16, B32, B64)
	if t == Pred {
		d.count(2, 2)
		p, a := d.predDest(&d.operands[0]), d.predicate(&d.operands[1])
		return func(w *warp, m uint32) { w.setPred(p, m, ^w.test(a, m)) }
	}
	return d.unaryOf(each1(func(a uint64) uint64 { return ^a & t.mask() }), t)
}

// decodeShift: amounts are u32 and larger ones count as the width, which leaves zeros or signs.
func decodeShift(d *decoder) exec {
	d.out.class = IntegerClass
	options := []Type{B16, B32, B64}
	op := func(t Type, v, by uint64) uint64 { return v << by & t.mask() }
	if d.name == "shr" {
		options = []Type{B16, B32, B64, U16, U32, U64, S16, S32, S64}
		op = func(t Type, v, by uint64) uint64 {
			if t.signed() {
				return uint64(int64(t.extend(v))>>by) & t.mask()
			}
			return v >> by
		}
	}
	t := d.typ(options...)
	d.count(3, 3)
	o := d.operands
	return binaryExec(each2(func(a, b uint64) uint64 { return op(t, a, b) }), d.dest(&o[0], t), d.source(&o[1], t), d.source(&o[2], U32))
}

// decodeFunnel is shf: a 64-bit shift of which one half is kept.
func decodeFunnel(d *decoder) exec {
	d.out.class = IntegerClass
	left := d.must("l", "r") == "l"
	clamp := d.must("clamp", "wrap") == "clamp"
	return d.ternaryOf(each3(func(a, b, c uint64) uint64 {
		if clamp {
			c = min(c, 32)
		} else {
			c &= 31
		}
		if left {
			return (b<<32 | a) << c >> 32
		}
		return (b<<32 | a) >> c & 0xffffffff
	}), d.typ(B32))
}

func decodeLop3(d *decoder) exec {
	d.out.class = IntegerClass
	t := d.typ(B32)
	d.count(5, 5)
	o := d.operands
	table := d.immediate(&o[4], 255)
	op := each3(func(a, b, c uint64) uint64 {
		var v uint64
		for i := range uint(32) {
			v |= uint64(table>>(a>>i&1<<2|b>>i&1<<1|c>>i&1)&1) << i
		}
		return v
	})
	return ternaryExec(op, d.dest(&o[0], t), d.source(&o[1], t), d.source(&o[2], t), d.source(&o[3], t))
}

// permutations has, for each mode of prmt and the two low bits of c, the bytes to pick, lowest first.
var permutations = map[string][4][4]uint64{
	"f4e":  {{0, 1, 2, 3}, {1, 2, 3, 4}, {2, 3, 4, 5}, {3, 4, 5, 6}},
	"b4e":  {{0, 7, 6, 5}, {1, 0, 7, 6}, {2, 1, 0, 7}, {3, 2, 1, 0}},
	"rc8":  {{0, 0, 0, 0}, {1, 1, 1, 1}, {2, 2, 2, 2}, {3, 3, 3, 3}},
	"ecl":  {{0, 1, 2, 3}, {1, 1, 2, 3}, {2, 2, 2, 3}, {3, 3, 3, 3}},
	"ecr":  {{0, 0, 0, 0}, {0, 1, 1, 1}, {0, 1, 2, 2}, {0, 1, 2, 3}},
	"rc16": {{0, 1, 0, 1}, {2, 3, 2, 3}, {0, 1, 0, 1}, {2, 3, 2, 3}},
}

func decodePrmt(d *decoder) exec {
	d.out.class = IntegerClass
	t := d.typ(B32)
	modes, fixedMode := permutations[d.maybe("f4e", "b4e", "rc8", "ecl", "ecr", "rc16")]
	return d.ternaryOf(each3(func(a, b, c uint64) uint64 {
		pair := b<<32 | a
		var v uint64
		for i := range 4 {
			pick := c >> (4 * i) & 15
			if fixedMode {
				pick = modes[c&3][i]
			}
			v |= pickByte(pair, pick) << (8 * i)
		}
		return v
	}), t)
}

// pickByte is a byte of v, or its sign eight times over if bit 3 is set.
func pickByte(v, pick uint64) uint64 {
	b := v >> (8 * (pick & 7)) & 0xff
	if pick&8 == 0 {
		return b
	}
	return -(b >> 7) & 0xff
}

// decodeBfe takes a field of c&255 bits from b&255 on; beyond the top there are zeros, or signs.
func decodeBfe(d *decoder) exec {
	d.out.class = IntegerClass
	t := d.typ(U32, U64, S32, S64)
	d.count(4, 4)
	o := d.operands
	op := each3(func(a, b, c uint64) uint64 { return field(t, a, uint(b&255), uint(c&255)) })
	return ternaryExec(op, d.dest(&o[0], t), d.source(&o[1], t), d.source(&o[2], U32), d.source(&o[3], U32))
}

func field(t Type, a uint64, at, n uint) uint64 {
	if n == 0 {
		return 0
	}
	v := uint64(int64(t.extend(a)) >> min(at, 63)) // the sign goes on for ever
	if !t.signed() {
		v = a >> at
	}
	top := min(at+n-1, t.bits()-1)
	if n >= t.bits() {
		return v & t.mask()
	}
	v &= 1<<n - 1
	if t.signed() && a>>top&1 == 1 {
		v |= ^uint64(0) << n
	}
	return v & t.mask()
}

// decodeBfi puts the low d&255 bits of a into b from c&255 on.
func decodeBfi(d *decoder) exec {
	d.out.class = IntegerClass
	t := d.typ(B32, B64)
	d.count(5, 5)
	o := d.operands
	dst, a, b := d.dest(&o[0], t), d.source(&o[1], t), d.source(&o[2], t)
	at, n := d.source(&o[3], U32), d.source(&o[4], U32)
	return func(w *warp, m uint32) {
		for _, r := range []int{a, b, at, n} {
			w.need(r, m)
		}
		for r := m; r != 0; r &= r - 1 {
			l := lane(r)
			mask := (uint64(1)<<(w.regs[n][l]&255) - 1) << (w.regs[at][l] & 255) & t.mask()
			w.regs[dst][l] = w.regs[b][l]&^mask | w.regs[a][l]<<(w.regs[at][l]&255)&mask
		}
		w.init[dst] |= m
	}
}

// decodeCount is popc and clz.
func decodeCount(d *decoder) exec {
	d.out.class = IntegerClass
	t := d.typ(B32, B64)
	op := func(a uint64) uint64 { return uint64(bits.OnesCount64(a)) }
	if d.name == "clz" {
		op = func(a uint64) uint64 { return uint64(bits.LeadingZeros64(a)) - 64 + uint64(t.bits()) }
	}
	d.count(2, 2)
	return unaryExec(each1(op), d.dest(&d.operands[0], U32), d.source(&d.operands[1], t))
}

func decodeBrev(d *decoder) exec {
	d.out.class = IntegerClass
	t := d.typ(B32, B64)
	return d.unaryOf(each1(func(a uint64) uint64 { return bits.Reverse64(a) >> (64 - t.bits()) }), t)
}

// decodeBfind finds the highest bit that is not the sign, or how far it is from the top.
func decodeBfind(d *decoder) exec {
	d.out.class = IntegerClass
	amount := d.maybe("shiftamt") != ""
	t := d.typ(U32, U64, S32, S64)
	d.count(2, 2)
	return unaryExec(each1(func(a uint64) uint64 {
		v := t.extend(a)
		if t.signed() && int64(v) < 0 {
			v = ^v
		}
		at := uint64(bits.Len64(v)) - 1
		if v != 0 && amount {
			at = uint64(t.bits()) - 1 - at
		}
		return at & 0xffffffff
	}), d.dest(&d.operands[0], U32), d.source(&d.operands[1], t))
}
