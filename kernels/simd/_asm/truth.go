package main

import (
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/op"
)

// boolWidth is how the result of an instruction is held that gives a Bool: the width of its mask, or 0
// for bytes.
func (l *lowering) boolWidth(in op.Inst) int {
	switch in.Prim {
	case op.PrimArg, op.PrimConst:
		return 0
	case op.PrimSelect:
		return max(l.width[in.Args[1]], l.width[in.Args[2]])
	}
	if from := l.p.Insts[in.Args[0]].Type; from != dtype.Bool {
		return from.Size()
	}
	width := 0
	for _, a := range in.Args[:in.Prim.Arity()] {
		width = max(width, l.width[a])
	}
	return width
}

// mask is a Bool as a mask whose elements have width bytes.
func (l *lowering) mask(v int32, width int) value {
	key := conversion{l.of[v], width}
	if m, ok := l.made[key]; ok {
		return m
	}
	m := l.toMask(v, width)
	l.made[key] = m
	return m
}

func (l *lowering) toMask(v int32, width int) value {
	x, has := l.of[v], l.width[v]
	if in := l.p.Insts[v]; in.Prim == op.PrimConst {
		if in.Imm != 0 {
			return l.ones()
		}
		return l.zero()
	}
	if has == 0 {
		if width > 1 {
			x = l.extended(x, 1, width, 1)
		}
		return l.binary(aboveInt[width], x, l.zero())
	}
	if has < width {
		return l.extended(x, has, width, 0)
	}
	for ; has > width; has /= 2 {
		x = l.halveMask(x, has)
	}
	return x
}

// extended widens integers: way 0 is with their sign, 1 with zeros.
func (l *lowering) extended(x value, from, to, way int) value {
	return l.add(l.lanes*to, instruction{name: extend[[2]int{from, to}][way], imm: -1, src: []value{x}, exact: true})
}

// halveMask narrows a mask by half.
func (l *lowering) halveMask(x value, width int) value {
	return l.pack(map[int]string{8: "VSHUFPS", 4: "VPACKSSDW", 2: "VPACKSSWB"}[width], x, 0x88)
}

// pack joins both halves of a value with an instruction that narrows them; imm is for VSHUFPS.
func (l *lowering) pack(name string, x value, imm int) value {
	if name != "VSHUFPS" {
		imm = -1
	}
	bytes := l.values[x].bytes
	high := x
	if bytes == 32 {
		high = l.add(16, instruction{name: "VEXTRACTI128", imm: 1, src: []value{x}, memory: -1})
	}
	return l.add(bytes/2, instruction{name: name, imm: imm, src: []value{x, high}, memory: -1, narrow: true})
}

// bytesOf is a Bool as bytes 0 and 1.
func (l *lowering) bytesOf(v int32) value {
	if l.width[v] == 0 {
		return l.of[v]
	}
	return l.commute("VPAND", l.mask(v, 1), l.code.constant(1, 1))
}

// logic is and, or, xor of Bools.
func (l *lowering) logic(in op.Inst) (value, error) {
	name := instructions[in.Prim][dtype.Uint8]
	x, y := l.boolsOf(in.Args[0], in.Args[1], l.boolWidth(in))
	return l.commute(name, x, y), nil
}

// boolsOf is two Bools held alike.
func (l *lowering) boolsOf(x, y int32, width int) (value, value) {
	if width == 0 {
		return l.of[x], l.of[y]
	}
	return l.mask(x, width), l.mask(y, width)
}

// not complements.
func (l *lowering) not(in op.Inst) (value, error) {
	v := in.Args[0]
	return l.inverse(l.of[v], in.Type, l.width[v]), nil
}

// inverse complements a Bool or an integer.
func (l *lowering) inverse(x value, t dtype.DType, width int) value {
	if t == dtype.Bool && width == 0 {
		return l.commute("VPXOR", x, l.code.constant(1, 1))
	}
	return l.commute("VPXOR", x, l.ones())
}

// compare gives a mask as wide as the operands, or bytes if they are Bools held as bytes.
func (l *lowering) compare(in op.Inst) (value, error) {
	t := l.p.Insts[in.Args[0]].Type
	x, y := l.of[in.Args[0]], l.of[in.Args[1]]
	switch {
	case t == dtype.Bool:
		width := l.boolWidth(in)
		x, y = l.boolsOf(in.Args[0], in.Args[1], width)
		v := l.commute("VPXOR", x, y)
		if in.Prim == op.PrimEq {
			v = l.inverse(v, t, width)
		}
		return v, nil
	case t.IsFloat():
		return l.compareFloats(t.Size(), predicates[in.Prim], x, y), nil
	}
	switch in.Prim {
	case op.PrimEq:
		return l.commute(equalInt[t.Size()], x, y), nil
	case op.PrimNe:
		return l.inverse(l.commute(equalInt[t.Size()], x, y), t, t.Size()), nil
	case op.PrimLt:
		return l.above(t, y, x), nil
	}
	return l.inverse(l.above(t, x, y), t, t.Size()), nil
}

// exchanged are the predicates for exchanged operands.
var exchanged = map[int]int{
	equalOrdered: equalOrdered, unordered: unordered, notEqualOrNaN: notEqualOrNaN,
	lessOrdered: greaterOrdered, lessEqualOrdered: greaterEqualOrdered,
	lessOrdered ^ contrary: greaterOrdered ^ contrary, lessEqualOrdered ^ contrary: greaterEqualOrdered ^ contrary,
}

// compareFloats brings a constant to the second place, where it can be in memory.
func (l *lowering) compareFloats(size, predicate int, x, y value) value {
	if l.values[x].origin == fromConstant && l.values[y].origin != fromConstant {
		x, y, predicate = y, x, exchanged[predicate]
	}
	return l.add(l.bytes(x, y), instruction{name: compareTo[size], imm: predicate, src: []value{x, y}, memory: 1})
}

// above is x > y of integers. The instruction takes them as signed; the order of unsigned ones is that
// of signed ones with the top bit flipped.
func (l *lowering) above(t dtype.DType, x, y value) value {
	if t.Kind() == dtype.UnsignedKind {
		x, y = l.flipped(t.Size(), x), l.flipped(t.Size(), y)
	}
	return l.binary(aboveInt[t.Size()], x, y)
}

func (l *lowering) flipped(size int, x value) value {
	top := uint64(1) << (8*size - 1)
	if v := l.values[x]; v.origin == fromConstant {
		for shift := 8 * size; shift < 64; shift *= 2 {
			top |= top << shift
		}
		return l.code.constant(8, v.pattern[0]^top)
	}
	return l.commute("VPXOR", x, l.code.constant(size, top))
}

// choose selects.
func (l *lowering) choose(in op.Inst) (value, error) {
	m, y, z := in.Args[0], in.Args[1], in.Args[2]
	if l.never[m] {
		return l.of[z], nil
	}
	if in.Type == dtype.Bool {
		width := l.boolWidth(in)
		x, y := l.boolsOf(y, z, width)
		return l.blend(1, l.mask(m, max(width, 1)), x, y), nil
	}
	size := in.Type.Size()
	mask := l.mask(m, size)
	switch l.zero() {
	case l.of[z]:
		return l.commute(andFloat[max(size, 4)], mask, l.of[y]), nil
	case l.of[y]:
		return l.binary(andnFloat[max(size, 4)], mask, l.of[z]), nil
	}
	return l.blend(size, mask, l.of[y], l.of[z]), nil
}

// blend is x where the mask's elements are ones, else y.
func (l *lowering) blend(size int, mask, x, y value) value {
	return l.add(l.bytes(mask, x, y), instruction{name: blends[size], imm: -1, src: []value{y, x, mask}, memory: 1})
}

// rare leaves the loop if a lane needs the block. Past it, none does.
func (l *lowering) rare(in op.Inst) (value, error) {
	m := in.Args[0]
	if !l.never[m] {
		l.leave(l.of[m])
		l.never[m] = true
	}
	return l.zero(), nil
}

// leave leaves the loop before this step if any element of the mask is set.
func (l *lowering) leave(mask value) {
	l.instructions = append(l.instructions, instruction{form: guard, imm: -1, src: []value{mask}, dst: none, memory: -1, bytes: l.lanes})
}
