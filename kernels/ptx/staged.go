package ptx

import (
	"fmt"
	"slices"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
)

// staging is which element values of a kernel's rows lie in shared memory, so that the stages after that in which
// they are computed need not load or compute them again. A row is then read once.
type staging struct {
	loads []int       // inputs, brought before the first stage
	makes [][]int     // by stage: values computed for the whole row before its folds
	slot  map[int]int // of each of them
	sizes []int       // bytes of an element in each slot
}

// dear is the primitives of a value from which all threads of a CTA compute it before few of them fold it.
const dear = 16

// staging is nil where no stage needs what one before it has loaded or computed. forCTA also makes values that only
// one stage folds, if they are dear.
func (p *pass) staging(forCTA bool) *staging {
	_, stages := p.Stages()
	first, last := map[int]int{}, map[int]int{}
	for s, st := range stages {
		use := func(v int) {
			for _, a := range p.Code[v].Args {
				if a < 0 || p.Code[a].Row {
					continue
				}
				if f, ok := first[a]; ok && f < s {
					last[a] = s
				}
			}
		}
		for _, v := range st.Elements {
			if _, ok := first[v]; !ok {
				first[v] = s
			}
		}
		for _, v := range slices.Concat(st.Elements, st.Folds, st.Stores) {
			if f, ok := first[v]; !ok || f == s {
				use(v)
			}
		}
		for _, v := range st.Folds {
			if a := p.Code[v].Args[0]; forCTA && first[a] == s && last[a] == 0 && p.costs(a) > dear {
				last[a] = s
			}
		}
	}
	x := &staging{makes: make([][]int, len(stages)), slot: map[int]int{}}
	for v, in := range p.Code {
		if _, ok := last[v]; !ok {
			continue
		}
		if in.Kind == ir.Load {
			x.loads = append(x.loads, v)
			x.take(p, v)
		} else if in.Kind != ir.Param {
			x.makes[first[v]] = append(x.makes[first[v]], v)
		}
	}
	for s, st := range stages {
		x.place(p, s, st, last)
	}
	if len(x.slot) == 0 {
		return nil
	}
	return x
}

// costs is the primitives that a value takes by itself.
func (p *pass) costs(v int) int { return (&kernelWriter{p: p}).work([]int{v}) }

// take gives a value a slot of its own.
func (x *staging) take(p *pass, v int) {
	x.slot[v] = len(x.sizes)
	x.sizes = append(x.sizes, p.Code[v].Type.Size())
}

// place gives what a stage makes slots: those of values that are used up in making them, if there are any.
func (x *staging) place(p *pass, s int, st ir.Stage, last map[int]int) {
	needed := x.leaves(p, st)
	for _, v := range x.makes[s] {
		size := p.Code[v].Type.Size()
		done := -1
		for u, slot := range x.slot {
			taken := slices.ContainsFunc(x.makes[s], func(w int) bool { o, ok := x.slot[w]; return ok && o == slot })
			if last[u] <= s && !needed[u] && !taken && x.sizes[slot] == size && x.holder(slot, s, last) == u && (done < 0 || u < done) {
				done = u
			}
		}
		if done < 0 {
			x.take(p, v)
		} else {
			x.slot[v] = x.slot[done]
		}
	}
}

// holder is the value that has a slot until stage s: the one that is used the longest.
func (x *staging) holder(slot, s int, last map[int]int) int {
	holder := -1
	for u, o := range x.slot {
		if o == slot && (holder < 0 || last[u] > last[holder] || last[u] == last[holder] && u > holder) {
			holder = u
		}
	}
	return holder
}

// leaves are the values in slots that a stage's folds and stores still read when all that it makes is made.
func (x *staging) leaves(p *pass, st ir.Stage) map[int]bool {
	s := map[int]bool{}
	var visit func(v int)
	visit = func(v int) {
		if v < 0 || p.Code[v].Row || s[v] {
			return
		}
		s[v] = true
		if _, ok := x.slot[v]; ok || slices.ContainsFunc(x.makes, func(m []int) bool { return slices.Contains(m, v) }) {
			return
		}
		for _, a := range p.Code[v].Args {
			visit(a)
		}
	}
	for _, v := range slices.Concat(st.Folds, st.Stores) {
		for _, a := range p.Code[v].Args {
			visit(a)
		}
	}
	return s
}

// bytes is what a row of n elements takes of shared memory, and where in that each slot begins.
func (x *staging) bytes(n int) (total int, at []int) {
	for _, size := range x.sizes {
		at = append(at, total)
		total += (n*size + 15) &^ 15
	}
	return total, at
}

// maxDynamic is the shared memory that a CTA of a device can be given.
func (t Target) maxDynamic() int {
	switch {
	case t.Arch >= 90:
		return 227 << 10
	case t.Arch == 80 || t.Arch == 87:
		return 163 << 10
	case t.Arch > 80:
		return 99 << 10
	case t.Arch >= 75:
		return 64 << 10
	}
	return 96 << 10
}

// rowsPerSM is the warps that a multiprocessor should have at least, a row in shared memory each.
const rowsPerSM = 7

// stage gives the team of the row at hand its slots: from the shared memory at the given address on.
func (r *rowKernel) stage(x *staging, memory string) {
	r.staging = x
	_, at := x.bytes(r.p.RowLen())
	for _, offset := range at {
		r.slots = append(r.slots, r.to(b32, "add.u32", memory, r.word("slot", offset)))
	}
}

// bring copies the inputs in slots to shared memory: 16 bytes at once where the row is aligned, else element by
// element; past the registers where the device can.
func (r *rowKernel) bring(target Target) {
	x := r.staging
	if len(x.loads) == 0 {
		return
	}
	for _, v := range x.loads {
		in := r.p.Code[v]
		r.comment("row of in%d to shared memory", in.Index)
		r.bringInput(target, in, r.slots[x.slot[v]])
	}
	if r.isa.target >= isaAsync.target {
		r.emit("cp.async.wait_all")
	}
	r.emit(r.sync)
	for _, v := range x.loads {
		r.held[v] = r.slots[x.slot[v]]
	}
}

// bringInput copies one.
func (r *rowKernel) bringInput(target Target, in ir.Inst, slot string) {
	size, l := in.Type.Size(), r.layout[in.Index]
	c := &rowCopy{r, slot, r.variable(dtype.Uint32, r.thread), target.Arch >= 80}
	if r.inner.inner(l).unit && len(r.inner.extents) == 1 {
		slow := r.label("SLOW")
		r.when(r.to(pred, "setp.ne.u64", r.to(b64, "and.b64", r.at[in.Index], "15"), "0"), "bra", slow)
		pieces := r.to(b32, "shr.u32", r.n, fmt.Sprint(log2(16/size)))
		c.run(16, pieces, func(e string) string { return r.to(b64, "mad.wide.u32", e, "16", r.at[in.Index]) })
		r.emit("mad.lo.u32", c.index, pieces, fmt.Sprint(16/size), r.thread)
		r.place(slow)
	}
	c.run(size, r.n, func(e string) string {
		return r.addressOf(in.Index, r.inner.offsets(e, r.none())[l])
	})
}

// rowCopy is a row on its way to shared memory.
type rowCopy struct {
	*rowKernel
	slot  string
	index string // of the next piece that the thread copies
	async bool
}

// run copies pieces of so many bytes, up to number n: each thread one in as many as there are threads, four at once
// while there are. from is the address of a piece.
func (c *rowCopy) run(bytes int, n string, from func(e string) string) {
	for _, several := range []int{4, 1} {
		last := c.plus(c.index, (several-1)*c.size)
		if several > 1 {
			last = c.variable(dtype.Uint32, last)
		}
		c.while("lt.u32", last, n, func() {
			var keep []func()
			for i := range several {
				e := c.plus(c.index, i*c.size)
				keep = append(keep, c.piece(bytes, from(e), c.to(b32, "mad.lo.u32", e, fmt.Sprint(bytes), c.slot)))
			}
			for _, store := range keep {
				store()
			}
			c.emit("add.u32", c.index, c.index, fmt.Sprint(several*c.size))
			if several > 1 {
				c.emit("add.u32", last, last, fmt.Sprint(several*c.size))
			}
		})
	}
}

// piece begins to copy some bytes; what it gives writes the rest.
func (c *rowCopy) piece(bytes int, from, to string) (store func()) {
	from, to = "["+from+"]", "["+to+"]"
	cache := map[int]string{4: "ca", 8: "ca", 16: "cg"}[bytes]
	if c.async && cache != "" {
		c.isa = c.isa.with(isaAsync)
		c.emit("cp.async."+cache+".shared.global", to, from, fmt.Sprint(bytes))
		return func() {}
	}
	typ, class := map[int]string{1: "u8", 2: "u16", 4: "b32", 8: "b64", 16: "v4.b32"}[bytes], b32
	if bytes == 8 {
		class = b64
	}
	x := c.reg(class)
	if bytes == 16 {
		x = braced([]string{x, c.reg(b32), c.reg(b32), c.reg(b32)})
	}
	c.emit("ld.global."+typ, x, from)
	return func() { c.emit("st.shared."+typ, to, x) }
}

// makeValues computes the values that a stage makes for the whole row, and puts them in their slots.
func (r *rowKernel) makeValues(s int) {
	if r.staging == nil || len(r.staging.makes[s]) == 0 {
		return
	}
	values := r.staging.makes[s]
	r.settle()
	r.comment("values of the row to shared memory")
	var folds []*fold
	for _, v := range values {
		folds = append(folds, &fold{arg: v, with: -1})
	}
	code := r.needed(folds)
	r.eachElement(code, code, func(pt *point, n int) {
		for _, v := range values {
			r.putShared(pt, n, v)
		}
	})
	r.emit(r.sync)
	for _, v := range values {
		r.held[v] = r.slots[r.staging.slot[v]]
	}
}

// putShared stores a value of n elements in its slot.
func (r *rowKernel) putShared(pt *point, n, v int) {
	t := r.p.Code[v].Type
	at := r.sharedElement(r.slots[r.staging.slot[v]], pt, t)
	step := piece(t.Size(), n)
	for j := 0; j < n; j += step {
		var regs []string
		for e := range step {
			regs = append(regs, r.stored(t, r.operand(pt, j+e, v)))
		}
		place := fmt.Sprintf("[%s+%d]", at, j*t.Size())
		if step == 1 {
			r.emit("st.shared."+storeType(t), place, regs[0])
			continue
		}
		r.emit(fmt.Sprintf("st.shared.v%d.%s", step, storeType(t)), place, braced(regs))
	}
}

// sharedElement is the address in a slot of the first element at a point.
func (k *kernelWriter) sharedElement(slot string, pt *point, t dtype.DType) string {
	return k.to(b32, "mad.lo.u32", pt.index, fmt.Sprint(t.Size()), slot)
}

// loadHeld reads the n elements at a point of a value that is in shared memory.
func (k *kernelWriter) loadHeld(pt *point, n, v int) {
	t := k.p.Code[v].Type
	at := k.sharedElement(k.held[v], pt, t)
	if n == 1 {
		pt.values[0][v] = k.loadFrom("shared", t, "["+at+"]")
		return
	}
	for j, x := range k.loadVectorFrom("shared", t, at, n) {
		pt.values[j][v] = x
	}
}
