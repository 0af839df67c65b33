package ptxsim

// special is the register of a special register as an operand of mov or cvt, or -1.
func (d *decoder) special(o *operand, t Type) int {
	if o.kind != specialOperand {
		return -1
	}
	if !U32.agrees(t) {
		d.fail("%s is a .u32, not a .%s", o.text, t)
	}
	return d.intern(fixed{special: specials[o.text]})
}

// address is the register with the address of a variable in its space.
func (d *decoder) address(o *operand) int {
	f := fixed{value: uint64(int64(d.offsetOf(o.sym)) + o.off)}
	switch o.sym.space {
	case globalSpace:
		f.global = true
	case paramSpace:
		d.fail("the address of parameter %s cannot be taken", o.sym.name)
	}
	return d.intern(f)
}

// offsetOf is where a variable begins in its space. Dynamic shared memory comes after all that is declared.
func (d *decoder) offsetOf(v *variable) int {
	if v.space != sharedSpace || v.size > 0 {
		return v.offset
	}
	align := max(v.align, 16)
	d.kernel.dynamic = true
	d.kernel.static = (d.kernel.static + align - 1) &^ (align - 1)
	return d.kernel.static
}

func decodeMov(d *decoder) exec {
	d.out.class = MoveClass
	t := d.typ(Pred, B16, B32, B64, U16, U32, U64, S16, S32, S64, F32, F64)
	d.count(2, 2)
	o := d.operands
	switch {
	case t == Pred:
		p, a := d.predDest(&o[0]), d.predicate(&o[1])
		return func(w *warp, m uint32) { w.setPred(p, m, w.test(a, m)) }
	case o[0].kind == vectorOperand:
		return d.unpack(t, o[0].list, d.source(&o[1], t))
	case o[1].kind == vectorOperand:
		return d.pack(t, d.dest(&o[0], t), o[1].list)
	case o[1].kind == specialOperand:
		return unaryExec(copyLanes, d.dest(&o[0], t), d.special(&o[1], t))
	case o[1].kind == symbolOperand:
		if t.float() || t.Size() < 4 || t.Size() < 8 && o[1].sym.space != sharedSpace {
			d.fail("a .%s does not hold the address of %s", t, o[1].sym.name)
		}
		return unaryExec(copyLanes, d.dest(&o[0], t), d.address(&o[1]))
	}
	return d.unaryOf(copyLanes, t)
}

func copyLanes(d, a *vec) { *d = *a }

// part is the type of each of n registers that make a t.
func (d *decoder) part(t Type, n int) Type {
	size := t.Size() / n
	if t.kind() != bitKind || n < 2 || n > maxVectorWidth || size*n != t.Size() || size != 1 && size != 2 && size != 4 {
		d.fail("%d parts do not make a .%s", n, t)
	}
	return [...]Type{1: B8, 2: B16, 4: B32}[size]
}

// unpack spreads the bits of a over registers, the lowest first.
func (d *decoder) unpack(t Type, list []operand, a int) exec {
	part := d.part(t, len(list))
	dst := make([]int, len(list))
	for i := range list {
		dst[i] = -1
		if list[i].kind != sinkOperand {
			dst[i] = d.dest(&list[i], part)
		}
	}
	return func(w *warp, m uint32) {
		w.need(a, m)
		v := w.regs[a]
		for i, r := range dst {
			if r < 0 {
				continue
			}
			var p vec
			for l := range p {
				p[l] = v[l] >> (uint(i) * part.bits()) & part.mask()
			}
			w.put(r, m, &p)
		}
	}
}

// pack joins registers to one.
func (d *decoder) pack(t Type, dst int, list []operand) exec {
	part := d.part(t, len(list))
	src := make([]int, len(list))
	for i := range list {
		src[i] = d.source(&list[i], part)
	}
	return func(w *warp, m uint32) {
		var v vec
		for i, r := range src {
			w.need(r, m)
			for l := range v {
				v[l] |= w.regs[r][l] << (uint(i) * part.bits())
			}
		}
		w.put(dst, m, &v)
	}
}

// Generic addresses of shared and constant memory. Those of global memory are the same in both, and above.
const (
	sharedWindow = 1 << 24
	constWindow  = 1 << 25
	windowSize   = 1 << 24
)

// windowOf is the generic address at which a space starts.
func windowOf(s space) uint64 {
	return map[space]uint64{sharedSpace: sharedWindow, constSpace: constWindow}[s]
}

// spaceOf is the space of a generic address.
func spaceOf(a uint64) space {
	switch {
	case a >= sharedWindow && a < sharedWindow+windowSize:
		return sharedSpace
	case a >= constWindow && a < constWindow+windowSize:
		return constSpace
	}
	return globalSpace
}

var namedSpaces = map[string]space{"param": paramSpace, "shared": sharedSpace, "shared::cta": sharedSpace, "const": constSpace, "global": globalSpace}

func decodeCvta(d *decoder) exec {
	d.out.class = MoveClass
	to := d.maybe("to") != ""
	base := windowOf(namedSpaces[d.must("global", "shared", "const")])
	t := d.typ(U64)
	d.count(2, 2)
	dst, src := d.dest(&d.operands[0], t), 0
	if o := &d.operands[1]; o.kind == symbolOperand && !to && windowOf(o.sym.space) == base {
		src = d.address(o)
	} else {
		src = d.source(o, t)
	}
	if to {
		base = -base
	}
	return unaryExec(each1(func(a uint64) uint64 { return a + base }), dst, src)
}

func decodeIsspacep(d *decoder) exec {
	d.out.class = MoveClass
	s := namedSpaces[d.must("global", "shared", "const")]
	d.count(2, 2)
	p, a := d.predDest(&d.operands[0]), d.source(&d.operands[1], U64)
	return func(w *warp, m uint32) {
		w.need(a, m)
		var is uint32
		for l := range 32 {
			if spaceOf(w.regs[a][l]) == s {
				is |= 1 << l
			}
		}
		w.setPred(p, m, is)
	}
}
