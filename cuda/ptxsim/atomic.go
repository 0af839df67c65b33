package ptxsim

// atomicOps compute the new value of memory from the old one and the operands, extended by the type.
var atomicOps = map[string]func(t Type, old, b, c uint64) uint64{
	"and":  func(_ Type, old, b, _ uint64) uint64 { return old & b },
	"or":   func(_ Type, old, b, _ uint64) uint64 { return old | b },
	"xor":  func(_ Type, old, b, _ uint64) uint64 { return old ^ b },
	"exch": func(_ Type, _, b, _ uint64) uint64 { return b },
	"add":  func(_ Type, old, b, _ uint64) uint64 { return old + b },
	"cas": func(_ Type, old, b, c uint64) uint64 {
		if old == b {
			return c
		}
		return old
	},
	"inc": func(_ Type, old, b, _ uint64) uint64 {
		if old >= b {
			return 0
		}
		return old + 1
	},
	"dec": func(_ Type, old, b, _ uint64) uint64 {
		if old == 0 || old > b {
			return b
		}
		return old - 1
	},
	"min": func(t Type, old, b, _ uint64) uint64 {
		if t.less(b, old) {
			return b
		}
		return old
	},
	"max": func(t Type, old, b, _ uint64) uint64 {
		if t.less(old, b) {
			return b
		}
		return old
	},
}

// less compares extended values.
func (t Type) less(a, b uint64) bool {
	if t.signed() {
		return int64(a) < int64(b)
	}
	return a < b
}

// atomicTypes are the types of each operation. Floats are refused: their sums depend on the order of threads.
var atomicTypes = map[string][]Type{
	"and": {B32, B64}, "or": {B32, B64}, "xor": {B32, B64}, "exch": {B32, B64}, "cas": {B32, B64, B16},
	"add": {U32, S32, U64}, "inc": {U32}, "dec": {U32}, "min": {U32, S32, U64, S64}, "max": {U32, S32, U64, S64},
}

// decodeAtom is atom and red.
func decodeAtom(d *decoder) exec {
	sem := d.maybe("relaxed", "acquire", "release", "acq_rel")
	scope := d.maybe("cta", "gpu", "sys")
	if sem != "" && scope == "" {
		d.must("cta", "gpu", "sys")
	}
	s := namedSpaces[d.must("global", "shared", "shared::cta")]
	op := d.must("and", "or", "xor", "exch", "cas", "add", "inc", "dec", "min", "max")
	if d.peekType().float() {
		d.fail("float atomics have no defined order, and are not simulated")
	}
	t := d.typ(atomicTypes[op]...)
	return d.atomic(s, op, t, sem, scope)
}

func (d *decoder) atomic(s space, op string, t Type, sem, scope string) exec {
	o, dst := d.operands, -1
	sources := 1
	if op == "cas" {
		sources = 2
	}
	if d.name == "atom" {
		d.count(sources+2, sources+2)
		if o[0].kind != sinkOperand {
			dst = d.dest(&o[0], t)
		}
		o = o[1:]
	} else {
		d.count(sources+1, sources+1)
		if op == "cas" || op == "exch" {
			d.fail("red has no .%s", op)
		}
	}
	p := d.place(&o[0], s)
	d.note(s, t.Size())
	d.out.class = AtomicClass
	d.kernel.atomics = d.kernel.atomics || s == globalSpace
	b := d.source(&o[1], t)
	c := d.source(&o[sources], t)
	wide := s == globalSpace && scope != "cta"
	return func(w *warp, m uint32) {
		w.need(b, m)
		w.need(c, m)
		if wide && (sem == "release" || sem == "acq_rel") {
			w.fence(m)
		}
		w.update(p, m, t, dst, b, c, atomicOps[op])
		if wide {
			w.publish(m)
		}
		if wide && (sem == "acquire" || sem == "acq_rel") {
			w.fence(m)
		}
	}
}

// update goes through the lanes one after another, from the last if the order is turned round.
func (w *warp) update(p place, m uint32, t Type, dst, b, c int, op func(t Type, old, b, c uint64) uint64) {
	var at vec
	w.addresses(&p, m, &at)
	size := t.Size()
	for i := range 32 {
		l := i
		if w.cta.launch.reverse {
			l = 31 - i
		}
		if m>>l&1 == 0 {
			continue
		}
		mem := w.atomicBytes(p.space, at[l], size, l)
		old := value(mem, size)
		store(mem, size, op(t, t.extend(old), t.extend(w.regs[b][l]), t.extend(w.regs[c][l])))
		if dst >= 0 {
			w.regs[dst][l] = old
		}
	}
	if dst >= 0 {
		w.init[dst] |= m
	}
}

func (w *warp) atomicBytes(s space, address uint64, n, l int) []byte {
	if s == sharedSpace {
		return w.sharedAtomic(address, n, l)
	}
	return w.global(address, n, l, atomicAccess)
}

// fence orders the lanes' accesses to global memory for other blocks: stores, of other threads before the last barrier
// too, for those that see a later atomic, and loads after it with what came before an atomic that was seen.
func (w *warp) fence(m uint32) {
	w.dirty &^= m
	for _, other := range w.cta.warps {
		other.dirtyBefore = 0
	}
	if w.cta.atomic || m&w.atomics != 0 {
		w.cta.acquired = true
	}
}

// publish is what an atomic on global memory does for others: if no store of the block lacks a fence, a block that
// does an atomic later, and then a fence, has seen them all.
func (w *warp) publish(m uint32) {
	c := w.cta
	w.atomics |= m
	for _, other := range c.warps {
		if other.dirty|other.dirtyBefore != 0 {
			return
		}
	}
	c.launch.released[c.index] = c.epoch + 1
}

// decodeFence is membar.level and fence{.sem}.scope.
func decodeFence(d *decoder) exec {
	d.out.class = BarrierClass
	scope := ""
	if d.name == "membar" {
		scope = d.must("cta", "gl", "sys")
	} else {
		d.maybe("sc", "acq_rel")
		scope = d.must("cta", "gpu", "sys")
	}
	d.count(0, 0)
	return func(w *warp, m uint32) {
		if scope != "cta" {
			w.fence(m)
		}
	}
}
