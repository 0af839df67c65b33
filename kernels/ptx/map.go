package ptx

import (
	"fmt"
	"math"
	"slices"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/internal/ir"
)

// plainMap launches a kernel without folds.
func (m *module) plainMap(p *pass) {
	if p.Len() == 0 {
		return
	}
	for _, part := range p.forwards().ordered().merged().parts(0, m.target.indices()) {
		if part.crossed() {
			m.tiledMap(part)
		} else {
			m.mapPart(part)
		}
	}
}

// forwards is the map with the dimensions turned round that all operands have backwards.
func (p *pass) forwards() *pass {
	out := p.copied()
	all := out.operands()
	for d, e := range out.Space {
		if slices.ContainsFunc(all, func(o ir.Operand) bool { return o.Strides[d] > 0 }) {
			continue
		}
		for i := range all {
			out.at[i].off += (e - 1) * all[i].Strides[d]
			all[i].Strides[d] *= -1
		}
	}
	out.setOperands(all)
	return out
}

// copied is a pass whose space, strides and places can be changed.
func (p *pass) copied() *pass {
	k := *p.Kernel
	k.Space = slices.Clone(k.Space)
	out := *p
	out.Kernel, out.at = &k, slices.Clone(p.at)
	all := p.operands()
	for i := range all {
		all[i].Strides = slices.Clone(all[i].Strides)
	}
	out.setOperands(all)
	return &out
}

// ordered is the map with its dimensions in the order in which the first output lies in memory. Those of one
// element come first.
func (p *pass) ordered() *pass {
	if len(p.Out) == 0 {
		return p
	}
	order := make([]int, len(p.Space))
	for d := range order {
		order[d] = d
	}
	step := func(d int) int {
		if p.Space[d] == 1 {
			return math.MaxInt
		}
		return max(p.Out[0].Strides[d], -p.Out[0].Strides[d])
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch sa, sb := step(a), step(b); {
		case sa > sb:
			return -1
		case sa < sb:
			return 1
		}
		return 0
	})
	out := p.copied()
	all := out.operands()
	for i := range order {
		out.Space[i] = p.Space[order[i]]
		for o, was := range p.operands() {
			all[o].Strides[i] = was.Strides[order[i]]
		}
	}
	out.setOperands(all)
	return out
}

// parts cuts the kernel along the dimensions from lo on that are not folded, the outermost first, until no part
// has more than most indices of them.
func (p *pass) parts(lo, most int) []*pass {
	n := 1
	for d, e := range p.Space {
		if d < p.Lo || d >= p.Hi {
			n *= e
		}
	}
	if n <= most || lo == len(p.Space) {
		return []*pass{p}
	}
	if lo == p.Lo && p.Folds() {
		return p.parts(p.Hi, most)
	}
	step := max(1, most/(n/p.Space[lo]))
	var all []*pass
	for at := 0; at < p.Space[lo]; at += step {
		all = append(all, p.slice(lo, at, min(step, p.Space[lo]-at)).parts(lo+1, most)...)
	}
	return all
}

// slice is the kernel for n indices of a dimension from a given one on.
func (p *pass) slice(d, at, n int) *pass {
	part := p.copied()
	part.Space[d] = n
	for i, o := range part.operands() {
		part.at[i].off += at * o.Strides[d]
	}
	return part
}

// mapPart is one launch of a map.
func (m *module) mapPart(p *pass) {
	k := newKernelWriter("map", p)
	space := k.walkOver(0, len(p.Space))
	n := k.word("n", p.Len())
	code, stores := split(p.Kernel)
	width, runs := k.tile(space, code)
	tile := maxThreads * width * runs
	k.comment("tiles of %d elements, %d times %d a thread", tile, runs, width)
	start := k.to(b32, "mul.lo.u32", k.special("ctaid.x"), fmt.Sprint(tile))
	left := k.to(b32, "sub.u32", n, start)
	done, slow := k.label("DONE"), k.label("SLOW")
	k.when(k.to(pred, "setp.lt.u32", left, fmt.Sprint(tile)), "bra", slow)
	if width > 1 {
		k.unlessAligned(space, width, seq(len(p.Code)), slow)
	}
	first := k.to(b32, "mad.lo.u32", k.special("tid.x"), fmt.Sprint(width), start)
	var points []*point
	for r := range runs {
		index := first
		if r > 0 {
			index = k.to(b32, "add.u32", first, fmt.Sprint(r*maxThreads*width))
		}
		points = append(points, &point{offset: space.offsets(index, k.none())})
	}
	k.elements(points, width, space, code)
	k.stores(points, width, space, stores)
	k.emit("bra", done)
	k.place(slow)
	index := k.to(b32, "add.u32", start, k.special("tid.x"))
	end := k.to(b32, "min.u32", n, k.to(b32, "add.u32", start, fmt.Sprint(tile)))
	k.while("lt.u32", index, end, func() {
		one := []*point{{offset: space.offsets(index, k.none())}}
		k.elements(one, 1, space, code)
		k.stores(one, 1, space, stores)
		k.emit("add.u32", index, index, fmt.Sprint(maxThreads))
	})
	k.place(done)
	m.launch(k.writer, ceilDiv(p.Len(), tile), maxThreads)
}

// split is the instructions of a plain map that are values, and those that are stores.
func split(k *ir.Kernel) (code, stores []int) {
	for i, in := range k.Code {
		if in.Kind == ir.Store {
			stores = append(stores, i)
		} else {
			code = append(code, i)
		}
	}
	return code, stores
}

// The sizes that bound a tile.
const (
	flight  = 64  // bytes that a thread should load before it computes
	unroll  = 8   // elements of a thread
	verbose = 700 // primitives of a thread, beyond which a kernel takes long to compile
)

// tile is the elements of a vector and the vectors of a thread.
func (k *kernelWriter) tile(space *walk, code []int) (width, runs int) {
	width, runs = k.width(), 1
	if !space.vectors(width) {
		width = 1
	}
	work := k.work(code)
	for width > 2 && width*work > verbose {
		width /= 2
	}
	bytes := 0
	for _, o := range k.p.In {
		bytes += o.Type.Size() * width
	}
	for runs*bytes < flight && 2*runs*width <= unroll && 2*runs*width*work <= verbose {
		runs *= 2
	}
	return width, runs
}

// width is the elements of a vector: 4, but 2 where all operands have 8 bytes.
func (k *kernelWriter) width() int {
	for _, o := range k.ops {
		if o.Type.Size() < 8 {
			return 4
		}
	}
	return 2
}

// work is the primitives that the values of an element take.
func (k *kernelWriter) work(code []int) int {
	n := 1
	for _, i := range code {
		switch in := k.p.Code[i]; in.Kind {
		case ir.Apply:
			n += len(in.Code.Program(k.types(in)).Insts)
		case ir.Cast:
			n++
		}
	}
	return n
}

func seq(n int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = i
	}
	return s
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// spread is the strides of an array of one element for each index of a space in C order.
func spread(space []int, size int) []int { return broadcast.Contiguous(space, size).Strides }
