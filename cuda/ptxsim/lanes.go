package ptxsim

import "math/bits"

// unaryOp, binaryOp and ternaryOp compute all lanes of d; d may be one of the others.
type (
	unaryOp   func(d, a *vec)
	binaryOp  func(d, a, b *vec)
	ternaryOp func(d, a, b, c *vec)
)

// lane is the first lane of a mask; lanes are gone through by m &= m-1.
func lane(m uint32) int { return bits.TrailingZeros32(m) }

// need faults unless the lanes of m of a register were written.
func (w *warp) need(r int, m uint32) {
	if m&^w.init[r] != 0 {
		w.uninitialised(r, m)
	}
}

func (w *warp) uninitialised(r int, m uint32) {
	w.fault(UninitRegister, lane(m&^w.init[r]), "%s", w.cta.kernel.regNames[r])
}

// test is the lanes of m in which a predicate holds.
func (w *warp) test(p predicate, m uint32) uint32 {
	if bad := m &^ w.predInit[p.index]; bad != 0 {
		w.fault(UninitRegister, lane(bad), "%s", w.cta.kernel.predNames[p.index])
	}
	if p.not {
		return m &^ w.preds[p.index]
	}
	return m & w.preds[p.index]
}

// setPred writes the lanes of m of a predicate; -1 is none.
func (w *warp) setPred(p int, m, value uint32) {
	if p >= 0 {
		w.preds[p] = w.preds[p]&^m | value&m
		w.predInit[p] |= m
	}
}

// put writes the lanes of m of a register.
func (w *warp) put(r int, m uint32, v *vec) {
	d := &w.regs[r]
	w.init[r] |= m
	for ; m != 0; m &= m - 1 {
		l := lane(m)
		d[l] = v[l]
	}
}

func unaryExec(op unaryOp, d, a int) exec {
	return func(w *warp, m uint32) {
		w.need(a, m)
		if m == allLanes {
			op(&w.regs[d], &w.regs[a])
			w.init[d] = m
			return
		}
		var t vec
		op(&t, &w.regs[a])
		w.put(d, m, &t)
	}
}

func binaryExec(op binaryOp, d, a, b int) exec {
	return func(w *warp, m uint32) {
		if m&^(w.init[a]&w.init[b]) != 0 {
			w.need(a, m)
			w.need(b, m)
		}
		if m == allLanes {
			op(&w.regs[d], &w.regs[a], &w.regs[b])
			w.init[d] = m
			return
		}
		var t vec
		op(&t, &w.regs[a], &w.regs[b])
		w.put(d, m, &t)
	}
}

func ternaryExec(op ternaryOp, d, a, b, c int) exec {
	return func(w *warp, m uint32) {
		if m&^(w.init[a]&w.init[b]&w.init[c]) != 0 {
			w.need(a, m)
			w.need(b, m)
			w.need(c, m)
		}
		if m == allLanes {
			op(&w.regs[d], &w.regs[a], &w.regs[b], &w.regs[c])
			w.init[d] = m
			return
		}
		var t vec
		op(&t, &w.regs[a], &w.regs[b], &w.regs[c])
		w.put(d, m, &t)
	}
}

// each1, each2 and each3 make operations of all lanes from operations of one, where speed is no matter.
func each1(f func(a uint64) uint64) unaryOp {
	return func(d, a *vec) {
		for i := range d {
			d[i] = f(a[i])
		}
	}
}

func each2(f func(a, b uint64) uint64) binaryOp {
	return func(d, a, b *vec) {
		for i := range d {
			d[i] = f(a[i], b[i])
		}
	}
}

func each3(f func(a, b, c uint64) uint64) ternaryOp {
	return func(d, a, b, c *vec) {
		for i := range d {
			d[i] = f(a[i], b[i], c[i])
		}
	}
}

// unaryOf, binaryOf and ternaryOf decode the operands of an instruction whose operands all have one type.
func (d *decoder) unaryOf(op unaryOp, t Type) exec {
	d.count(2, 2)
	o := d.operands
	return unaryExec(op, d.dest(&o[0], t), d.source(&o[1], t))
}

func (d *decoder) binaryOf(op binaryOp, t Type) exec {
	d.count(3, 3)
	o := d.operands
	return binaryExec(op, d.dest(&o[0], t), d.source(&o[1], t), d.source(&o[2], t))
}

func (d *decoder) ternaryOf(op ternaryOp, t Type) exec {
	d.count(4, 4)
	o := d.operands
	return ternaryExec(op, d.dest(&o[0], t), d.source(&o[1], t), d.source(&o[2], t), d.source(&o[3], t))
}
