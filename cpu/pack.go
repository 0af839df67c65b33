package cpu

import "unsafe"

// packer moves boxes between the memory of operands and tiles. It is one worker's.
type packer struct{ a, b cursor }

// newPacker makes a packer for operands of up to dims loops in a group.
func newPacker(dims int) packer {
	return packer{cursor{index: make([]int, dims)}, cursor{index: make([]int, dims)}}
}

// pack copies a box, whose first element is at mem, to a tile.
func (p *packer) pack(x *access, bx box, tile, mem unsafe.Pointer) {
	p.move(x, bx, tile, mem, nil, false)
}

// unpack copies a tile to a box, whose first element is at mem: all of it or, if there is a mask, a
// tile of bools, where that is true.
func (p *packer) unpack(x *access, bx box, mem, tile, mask unsafe.Pointer) {
	p.move(x, bx, tile, mem, mask, true)
}

// move copies stretch by stretch: parts of the box along which both loops of the operand are steady.
func (p *packer) move(x *access, bx box, tile, mem, mask unsafe.Pointer, out bool) {
	p.a.start(x.a, bx.a)
	first := p.a.off
	for i := 0; i < bx.na; {
		rows := p.a.stretch(bx.na - i)
		p.b.start(x.b, bx.b)
		start := p.b.off
		for j := 0; j < bx.nb; {
			cols := p.b.stretch(bx.nb - j)
			m := strided{unsafe.Add(mem, p.a.off-first+p.b.off-start), inner(x.a), inner(x.b)}
			t := strided{tile, bx.nb * x.size, x.size}.from(i, j)
			switch {
			case mask != nil:
				w := strided{mask, bx.nb, 1}.from(i, j)
				moveMasked(x.size, m, t, w, rows, cols)
			case out:
				moveGrid(x.size, m, t, rows, cols)
			default:
				moveGrid(x.size, t, m, rows, cols)
			}
			p.b.advance(cols)
			j += cols
		}
		p.a.advance(rows)
		i += rows
	}
}
