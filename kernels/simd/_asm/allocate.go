package main

import (
	"fmt"
	"slices"
)

// location is where an instruction finds or leaves an operand.
type location struct {
	register int // -1: in memory
	bytes    int // of a vector register; what are not 32 or 64 is an XMM register
	mask     bool
	memory   value // whose memory it is: a constant's, an operand's, or the slot of a spilled value
	slot     int   // of a spilled value, -1 if it is not one
}

// line is an instruction with the places of its operands, the result last.
type line struct {
	name     string
	imm      int  // -1: none
	fused    bool // operands are in Go's order, and the last is read as well
	operands []location
	store    bool // the result goes to the result's memory
	guard    bool
	step     int // of a store
	bytes    int // of a load or a store
}

// allocator gives the values of straight-line code registers. Where all are taken, the value whose
// next use is furthest away leaves its register (Belady's rule), to a slot on the stack if it is not
// in memory anyway.
type allocator struct {
	*code
	at     int // the present instruction
	uses   map[value][]int
	pinned map[value]int
	where  map[value]int
	holds  []value // of vector registers, then of mask registers
	vector int     // how many are vector registers
	slots  map[value]int
	lines  []line
}

// allocate lowers code to lines, for n vector registers, and returns the number of slots. Values in pinned
// are in their registers at the start, and stay there; others take the registers that are left.
func allocate(c *code, n int, pinned map[value]int) ([]line, int) {
	a := &allocator{
		code: c, pinned: pinned, holds: make([]value, n+c.target.masks), vector: n,
		uses: map[value][]int{}, where: map[value]int{}, slots: map[value]int{},
	}
	for r := range a.holds {
		a.holds[r] = none
	}
	for i, in := range c.instructions {
		for _, v := range in.src {
			a.uses[v] = append(a.uses[v], i)
		}
	}
	for v, r := range pinned {
		a.where[v], a.holds[r] = r, v
		a.uses[v] = append(a.uses[v], len(c.instructions))
	}
	for i, in := range c.instructions {
		a.at = i
		a.instruction(in)
	}
	return a.lines, len(a.slots)
}

// next is the instruction after the present one that uses a value; far away if there is none.
func (a *allocator) next(v value) int {
	for _, i := range a.uses[v] {
		if i > a.at {
			return i
		}
	}
	return 1 << 30
}

func (a *allocator) dies(v value) bool { return a.next(v) == 1<<30 }

// inMemory reports whether a value is in memory, and not in a register.
func (a *allocator) inMemory(v value) bool {
	_, in := a.where[v]
	return !in
}

// folds reports whether an instruction best takes a value from memory. A value that is used again
// is better loaded, if it is not a constant.
func (a *allocator) folds(v value, exact bool) bool {
	x := a.values[v]
	fits := exact || x.bytes >= 16 || x.origin == computed
	return a.inMemory(v) && fits && (x.stored() || a.dies(v))
}

func (a *allocator) instruction(in instruction) {
	switch in.form {
	case fused:
		a.fused(in)
		return
	case replacing:
		a.replacing(in)
		return
	case assign:
		a.assign(in.src[0], in.dst)
		return
	}
	l := line{name: in.name, imm: in.imm, step: in.step, store: in.form == store, guard: in.form == guard}
	fold := none
	if in.form == plain && in.memory >= 0 && !slices.Contains(in.src[:in.memory], in.src[in.memory]) &&
		a.folds(in.src[in.memory], in.exact) {
		fold = in.src[in.memory]
	}
	for _, v := range in.src {
		at := a.memory(v)
		if v != fold {
			at = a.load(v, in.src)
		}
		switch {
		case in.narrow:
			at.bytes = 16
		case a.values[v].origin == fromConstant && in.dst != none && a.values[in.dst].mask:
			at.bytes = a.bytes(in.src...)
		case a.values[v].origin == fromConstant:
			at.bytes = a.values[in.dst].bytes
		}
		l.operands = append(l.operands, at)
	}
	a.release(in.src)
	if in.form == plain {
		l.operands = append(l.operands, a.take(in.dst, nil))
	} else {
		l.bytes = in.bytes
	}
	a.lines = append(a.lines, l)
}

// assign brings a value to the register of a pinned one: the instruction before does, if it made it.
func (a *allocator) assign(v, pinned value) {
	from, to := a.inRegister(v), a.inRegister(pinned)
	last := &a.lines[len(a.lines)-1]
	if result := &last.operands[len(last.operands)-1]; *result == from && !last.store && !last.guard && !last.fused {
		*result = to
	} else {
		a.lines = append(a.lines, line{imm: -1, operands: []location{from, to}, bytes: a.values[v].bytes})
	}
	a.release([]value{v})
}

// memory is where a value is in memory.
func (a *allocator) memory(v value) location {
	slot, ok := a.slots[v]
	if !ok {
		slot = -1
	}
	return location{register: -1, memory: v, slot: slot}
}

// inRegister is the register of a value.
func (a *allocator) inRegister(v value) location {
	x := a.values[v]
	if x.mask {
		return location{register: a.where[v] - a.vector + 1, mask: true}
	}
	return location{register: a.where[v], bytes: x.bytes}
}

// fit is the registers that can have a value.
func (a *allocator) fit(v value) (holds []value, first int) {
	if a.values[v].mask {
		return a.holds[a.vector:], a.vector
	}
	return a.holds[:a.vector], 0
}

// load brings a value to a register, if it is not in one; keep are values whose registers must stay.
func (a *allocator) load(v value, keep []value) location {
	if !a.inMemory(v) {
		return a.inRegister(v)
	}
	from := a.memory(v)
	to := a.take(v, keep)
	a.lines = append(a.lines, line{imm: -1, operands: []location{from, to}, bytes: a.values[v].bytes})
	return to
}

// release frees the registers of values that die.
func (a *allocator) release(src []value) {
	for _, v := range src {
		if r, ok := a.where[v]; ok && a.dies(v) {
			a.holds[r] = none
			delete(a.where, v)
		}
	}
}

// take gives a value a register.
func (a *allocator) take(v value, keep []value) location {
	holds, first := a.fit(v)
	r := slices.Index(holds, none) + first
	if r < first {
		r = a.evict(holds, keep) + first
	}
	a.holds[r], a.where[v] = v, r
	return a.inRegister(v)
}

// evict empties that of some registers whose value is not used for the longest time, which a value that is
// in memory already is taken to be for a while longer.
func (a *allocator) evict(holds []value, keep []value) int {
	const worthStore = 6 // instructions
	best, longest := -1, -1
	for r, v := range holds {
		if _, ok := a.pinned[v]; ok {
			continue
		}
		distance := a.next(v)
		if a.values[v].origin != computed {
			distance += worthStore
		}
		if distance > longest && !slices.Contains(keep, v) {
			best, longest = r, distance
		}
	}
	v := holds[best]
	if _, saved := a.slots[v]; a.values[v].origin == computed && !saved {
		from := a.inRegister(v)
		a.slots[v] = len(a.slots)
		a.lines = append(a.lines, line{imm: -1, operands: []location{from, a.memory(v)}, bytes: a.values[v].bytes})
	}
	delete(a.where, v)
	return best
}

// fused chooses among the three orders of a fused multiply-add, whose result replaces an operand:
// 132: x = x·z + y, 213: x = y·x + z, 231: x = y·z + x, where z may be in memory.
func (a *allocator) fused(in instruction) {
	x, y, z := in.src[0], in.src[1], in.src[2]
	if a.folds(x, false) && !a.folds(y, false) {
		x, y = y, x
	}
	var order, replaced = 213, x
	first, second, last := x, y, z
	switch {
	case a.folds(z, false) && z != x && z != y:
		if !a.spent(x) && a.spent(y) {
			replaced, second = y, x
		}
	case a.folds(y, false) && y != x && y != z:
		order, second, last = 132, z, y
		if !a.spent(x) && a.spent(z) && z != x {
			order, replaced, second = 231, z, x
		}
	case a.spent(x):
	case a.spent(y):
		replaced, second = y, x
	case a.spent(z) && z != x && z != y:
		order, replaced, second, last = 231, z, x, y
	}
	first = replaced
	a.fusedLine(in, order, first, second, last)
}

// spent reports whether the register of a value may be overwritten: it is not needed again, or can
// be loaded again.
func (a *allocator) spent(v value) bool {
	_, pinned := a.pinned[v]
	return a.dies(v) || a.values[v].stored() && !pinned
}

func (a *allocator) fusedLine(in instruction, order int, first, second, last value) {
	keep := in.src
	if a.spent(first) {
		a.load(first, keep)
	}
	at := a.memory(last)
	if !a.folds(last, false) || last == first || last == second {
		at = a.load(last, keep)
	}
	l := line{name: fmt.Sprintf(in.name, order), imm: -1, fused: true, operands: []location{at, a.load(second, keep)}}
	var to location
	if a.spent(first) {
		r := a.where[first]
		delete(a.where, first)
		a.holds[r], a.where[in.dst] = in.dst, r
		to = a.inRegister(in.dst)
	} else {
		to = a.copied(in.dst, first, keep)
	}
	l.operands = append(l.operands, to)
	for i := range l.operands {
		l.operands[i].bytes = to.bytes
	}
	a.release(in.src)
	a.lines = append(a.lines, l)
}

// replacing puts the result in place of the first operand; the third may be in memory.
func (a *allocator) replacing(in instruction) {
	first, second, last := in.src[0], in.src[1], in.src[2]
	by := a.load(second, in.src)
	at := a.memory(last)
	if !a.folds(last, false) {
		at = a.load(last, in.src)
	}
	var to location
	if a.dies(first) && !a.inMemory(first) {
		r := a.where[first]
		delete(a.where, first)
		a.holds[r], a.where[in.dst] = in.dst, r
		to = a.inRegister(in.dst)
	} else {
		to = a.copied(in.dst, first, in.src)
	}
	at.bytes = to.bytes
	a.release(in.src)
	a.lines = append(a.lines, line{name: in.name, imm: in.imm, fused: true, operands: []location{at, by, to}})
}

// copied makes a value's register a copy of another one.
func (a *allocator) copied(to, from value, keep []value) location {
	src := a.memory(from)
	if !a.inMemory(from) {
		src = a.inRegister(from)
	}
	dst := a.take(to, keep)
	a.lines = append(a.lines, line{imm: -1, operands: []location{src, dst}, bytes: a.values[from].bytes})
	return dst
}
