package ptxsim

import "encoding/binary"

// place is where an instruction of memory goes: a register, or none, and an offset in a space.
type place struct {
	space  space
	base   int // a register, or -1
	narrow bool
	off    uint64
	global bool // off counts from the module's global variables
}

// place decodes an address in a space. Registers hold 64 bits, or 32 for shared memory.
func (d *decoder) place(o *operand, s space) place {
	if o.kind != addressOperand {
		d.fail("%s is not an address in brackets", o.text)
	}
	p := place{space: s, base: -1, off: uint64(o.off)}
	switch {
	case o.reg != nil && s == paramSpace:
		d.fail("parameters are addressed by name")
	case o.reg != nil:
		p.base = o.reg.index
		p.narrow = s == sharedSpace && U32.agrees(o.reg.typ)
		if !p.narrow && !U64.agrees(o.reg.typ) {
			d.fail("%s is a .%s register, not an address in %s memory", o.reg.name, o.reg.typ, s)
		}
	case o.sym != nil:
		if o.sym.space != s {
			d.fail("%s is in %s memory, not %s", o.sym.name, o.sym.space, s)
		}
		p.off += uint64(d.offsetOf(o.sym))
		p.global = s == globalSpace
	case s != sharedSpace:
		d.fail("a number is an address in shared memory only")
	}
	return p
}

// addresses computes the address of each lane of m.
func (w *warp) addresses(p *place, m uint32, a *vec) {
	off := p.off
	if p.global {
		off += w.cta.launch.globals
	}
	if p.base < 0 {
		for l := range a {
			a[l] = off
		}
		return
	}
	w.need(p.base, m)
	r := &w.regs[p.base]
	for l := range a {
		a[l] = r[l] + off
	}
	if p.narrow {
		for l := range a {
			a[l] &= 0xffffffff
		}
	}
}

// note records the size of an access for the granules of the kernel's shadows.
func (d *decoder) note(s space, n int) {
	k := d.kernel
	least := func(g *int) {
		if *g == 0 || n < *g {
			*g = n
		}
	}
	if s == sharedSpace || s == noSpace {
		least(&k.sharedGranule)
	}
	if s == globalSpace || s == noSpace {
		least(&k.globalGranule)
	}
	d.out.class = [...]Class{noSpace: GlobalClass, paramSpace: ParamClass, sharedSpace: SharedClass, constSpace: ConstClass, globalSpace: GlobalClass}[s]
}

// loadTypes are the types of ld and st.
var loadTypes = []Type{B8, B16, B32, B64, U8, U16, U32, U64, S8, S16, S32, S64, F32, F64}

// evictions are the cache hints by priority, all without effect here.
var evictions = []string{"L1::evict_normal", "L1::evict_unchanged", "L1::evict_first", "L1::evict_last", "L1::no_allocate"}

// hints reads cache hints, which came with ISA 7.4.
func (d *decoder) hints(prefetch bool) {
	hint := d.maybe(evictions...) != ""
	if prefetch {
		switch d.maybe("L2::64B", "L2::128B", "L2::256B") {
		case "L2::64B", "L2::128B":
			d.since(74, 75)
		case "L2::256B":
			d.since(74, 80)
		}
	}
	if hint {
		d.since(74, 70)
	}
}

// vector reads .v2 or .v4 and a type, and fails unless they make at most 16 bytes.
func (d *decoder) vector() (t Type, n int) {
	n = map[string]int{"": 1, "v2": 2, "v4": 4}[d.maybe("v2", "v4")]
	t = d.typ(loadTypes...)
	if n*t.Size() > 16 {
		d.fail("vectors have at most 16 bytes")
	}
	return t, n
}

// elements is the n parts of a vector operand, or the operand itself.
func (d *decoder) elements(o *operand, n int) []operand {
	if n == 1 {
		return []operand{*o}
	}
	if o.kind != vectorOperand || len(o.list) != n {
		d.fail("%s is not a vector of %d", o.text, n)
	}
	return o.list
}

// weakness reads .weak, .volatile or .relaxed with its scope, which make no difference here.
func (d *decoder) weakness() {
	if d.maybe("weak", "volatile", "relaxed") == "relaxed" {
		d.must("cta", "gpu", "sys")
	}
}

func decodeLoad(d *decoder) exec {
	d.weakness()
	s := namedSpaces[d.maybe("param", "shared", "shared::cta", "const", "global")]
	d.maybe("ca", "cg", "cs", "lu", "cv")
	how := readAccess
	if s == globalSpace && d.maybe("nc") != "" {
		how = ncAccess
	}
	d.hints(true)
	t, n := d.vector()
	d.count(2, 2)
	p := d.place(&d.operands[1], s)
	d.note(s, n*t.Size())
	targets := d.targets(d.elements(&d.operands[0], n), t)
	if s == paramSpace {
		d.checkParam(&p, n*t.Size())
	}
	return load(p, t, targets, how)
}

// checkParam fails unless n bytes at the place are within the parameters.
func (d *decoder) checkParam(p *place, n int) {
	if p.off%uint64(n) != 0 || p.off+uint64(n) > uint64(d.kernel.paramBytes) {
		d.fail("%d bytes at offset %d of %d bytes of parameters", n, int64(p.off), d.kernel.paramBytes)
	}
}

// target is a register that a load writes to: -1 is none. widen is 0, or the mask of a register that is wider than a
// signed type.
type target struct {
	reg   int
	widen uint64
}

func (d *decoder) targets(list []operand, t Type) []target {
	targets := make([]target, len(list))
	seen := map[int]bool{}
	for i := range list {
		if list[i].kind == sinkOperand {
			targets[i].reg = -1
			continue
		}
		r := d.wideDest(&list[i], t)
		if seen[r] {
			d.fail("%s is there twice", list[i].text)
		}
		seen[r] = true
		targets[i].reg = r
		if t.signed() && list[i].reg.typ.Size() > t.Size() {
			targets[i].widen = list[i].reg.typ.mask()
		}
	}
	return targets
}

func load(p place, t Type, targets []target, how access) exec {
	size := t.Size()
	n := size * len(targets)
	return func(w *warp, m uint32) {
		var at vec
		w.addresses(&p, m, &at)
		w.countLoad(p.space, &at, m, n)
		for r := m; r != 0; r &= r - 1 {
			l := lane(r)
			b := w.readable(p.space, at[l], n, l, how)
			for i := range targets {
				v := value(b[i*size:], size)
				if targets[i].widen != 0 {
					v = t.extend(v) & targets[i].widen
				}
				if d := targets[i].reg; d >= 0 {
					w.regs[d][l] = v
				}
			}
		}
		for i := range targets {
			if d := targets[i].reg; d >= 0 {
				w.init[d] |= m
			}
		}
	}
}

// value is size bytes as an integer.
func value(b []byte, size int) uint64 {
	if size == 4 {
		return uint64(binary.LittleEndian.Uint32(b))
	}
	return otherValue(b, size)
}

func otherValue(b []byte, size int) uint64 {
	switch size {
	case 8:
		return binary.LittleEndian.Uint64(b)
	case 2:
		return uint64(binary.LittleEndian.Uint16(b))
	}
	return uint64(b[0])
}

func store(b []byte, size int, v uint64) {
	switch size {
	case 4:
		binary.LittleEndian.PutUint32(b, uint32(v))
	case 8:
		binary.LittleEndian.PutUint64(b, v)
	case 2:
		binary.LittleEndian.PutUint16(b, uint16(v))
	default:
		b[0] = byte(v)
	}
}

// generic resolves a generic address.
func generic(s space, address uint64) (space, uint64) {
	if s != noSpace {
		return s, address
	}
	s = spaceOf(address)
	return s, address - windowOf(s)
}

// readable is n bytes that a lane may read.
func (w *warp) readable(s space, address uint64, n, l int, how access) []byte {
	switch s, address = generic(s, address); s {
	case sharedSpace:
		return w.sharedRead(address, n, l)
	case globalSpace:
		return w.global(address, n, l, how)
	case paramSpace:
		return w.cta.launch.params[address:]
	}
	consts := w.cta.kernel.module.consts
	if address >= uint64(len(consts)) || address+uint64(n) > uint64(len(consts)) {
		w.faultAt(OutOfBounds, l, constSpace, address, "%d bytes of %d", n, len(consts))
	}
	if address%uint64(n) != 0 {
		w.faultAt(Misaligned, l, constSpace, address, "%d bytes", n)
	}
	return consts[address:]
}

// writable is n bytes that a lane may write.
func (w *warp) writable(s space, address uint64, n, l int) []byte {
	switch s, address = generic(s, address); s {
	case sharedSpace:
		return w.sharedWrite(address, n, l)
	case globalSpace:
		return w.global(address, n, l, writeAccess)
	}
	w.faultAt(OutOfBounds, l, s, address, "not writable")
	return nil
}

func (w *warp) countLoad(s space, at *vec, m uint32, n int) {
	switch s {
	case globalSpace:
		to := &w.cta.stats.GlobalLoad
		if m != 0 && at[lane(m)]-w.cta.launch.globals < uint64(w.cta.kernel.module.global) {
			to = &w.cta.stats.ModuleLoad
		}
		to.countSectors(at, m, n)
	case sharedSpace:
		w.cta.stats.SharedLoad.countWavefronts(at, m, n)
	}
}

func (w *warp) countStore(s space, at *vec, m uint32, n int) {
	switch s {
	case globalSpace:
		w.cta.stats.GlobalStore.countSectors(at, m, n)
	case sharedSpace:
		w.cta.stats.SharedStore.countWavefronts(at, m, n)
	}
}

func decodeStore(d *decoder) exec {
	d.weakness()
	s := namedSpaces[d.maybe("shared", "shared::cta", "global")]
	d.maybe("wb", "cg", "cs", "wt")
	d.hints(false)
	t, n := d.vector()
	d.count(2, 2)
	p := d.place(&d.operands[0], s)
	size := t.Size()
	d.note(s, n*size)
	list := d.elements(&d.operands[1], n)
	sources := make([]int, n)
	for i := range list {
		sources[i] = d.wideSource(&list[i], t)
	}
	n *= size
	return func(w *warp, m uint32) {
		var at vec
		w.addresses(&p, m, &at)
		w.countStore(p.space, &at, m, n)
		for _, r := range sources {
			w.need(r, m)
		}
		for r := m; r != 0; r &= r - 1 {
			l := lane(r)
			b := w.writable(p.space, at[l], n, l)
			for i, r := range sources {
				store(b[i*size:], size, w.regs[r][l])
			}
		}
	}
}
