package ptx

import (
	"fmt"
	"slices"

	"github.com/tare-go/tare/dtype"
)

// side of a tile of a map whose operands lie across each other: as many elements as make whole sectors of memory
// along both of its dimensions.
const tileSide = 32

// crossed moves a dimension along which an input is contiguous, where the last dimension is not, to the place
// before the last. It reports whether there is one, and both are long enough for tiles.
func (p *pass) crossed() bool {
	last := len(p.Space) - 1
	if last < 1 || p.Space[last] < tileSide/2 {
		return false
	}
	for _, o := range p.In {
		if s := o.Strides[last]; s == 0 || s == o.Type.Size() {
			continue
		}
		for d := range last {
			if o.Strides[d] == o.Type.Size() && p.Space[d] >= tileSide/2 {
				p.exchange(d, last-1)
				return true
			}
		}
	}
	return false
}

// exchange changes places of two dimensions.
func (p *pass) exchange(a, b int) {
	p.Space = slices.Clone(p.Space)
	p.Space[a], p.Space[b] = p.Space[b], p.Space[a]
	all := p.operands()
	for i := range all {
		s := slices.Clone(all[i].Strides)
		s[a], s[b] = s[b], s[a]
		all[i].Strides = s
	}
	p.setOperands(all)
}

// tiledMap is one launch of a map whose operands lie across each other: a CTA takes tiles of the last two
// dimensions, so that the sectors of memory that its warps read are used up while they are in the first cache.
func (m *module) tiledMap(p *pass) {
	k := newKernelWriter("map_tiles", p)
	k.comment("tiles of %d by %d elements", tileSide, tileSide)
	n := len(p.Space)
	down, across := p.Space[n-2], p.Space[n-1]
	code, stores := split(p.Kernel)
	index, column := k.divide(k.special("ctaid.x"), k.divisor(ceilDiv(across, tileSide)))
	index, row := k.divide(index, k.divisor(ceilDiv(down, tileSide)))
	base := k.walkOver(0, n-2).offsets(index, k.none())
	inner := k.walkOver(n-2, n)
	thread := k.special("tid.x")
	x := k.to(b32, "mad.lo.u32", column, fmt.Sprint(tileSide), k.to(b32, "and.b32", thread, fmt.Sprint(tileSide-1)))
	end := k.label("END")
	k.when(k.to(pred, "setp.ge.u32", x, k.word("across", across)), "bra", end)
	first := k.to(b32, "mul.lo.u32", row, fmt.Sprint(tileSide))
	y := k.variable(dtype.Uint32, k.to(b32, "add.u32", first, k.to(b32, "shr.u32", thread, fmt.Sprint(log2(tileSide)))))
	limit := k.word("down", down)
	const rows = maxThreads / tileSide
	step := func(runs int) {
		var points []*point
		for r := range runs {
			points = append(points, &point{offset: inner.offsetsAt([]string{k.plus(y, r*rows), x}, base)})
		}
		k.elements(points, 1, inner, code)
		k.stores(points, 1, inner, stores)
		k.emit("add.u32", y, y, fmt.Sprint(runs*rows))
	}
	if runs := tileSide / rows; runs*k.work(code) <= verbose {
		last := k.to(b32, "add.u32", first, fmt.Sprint(tileSide))
		slow := k.label("SLOW")
		k.when(k.to(pred, "setp.gt.u32", last, limit), "bra", slow)
		step(runs)
		k.emit("bra", end)
		k.place(slow)
	}
	last := k.to(b32, "min.u32", k.to(b32, "add.u32", first, fmt.Sprint(tileSide)), limit)
	k.while("lt.u32", y, last, func() { step(1) })
	k.place(end)
	m.launch(k.writer, extent(p.Space[:n-2])*ceilDiv(down, tileSide)*ceilDiv(across, tileSide), maxThreads)
}
