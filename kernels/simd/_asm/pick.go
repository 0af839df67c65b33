package main

import (
	"fmt"

	"github.com/tare-go/tare/internal/op"
)

// pick takes an element of a list by permuting each register full of it, and choosing among those by the index's
// higher bits.
func (l *lowering) pick(in op.Inst) (value, error) {
	p, index, size := op.Pick(in.Imm), l.of[in.Args[0]], in.Type.Size()
	by := l.numbers(index, size)
	each := l.target.bytes / size
	parts := make([]value, len(p.Bits())/each)
	for i := range parts {
		parts[i] = l.add(l.size(in.Type), instruction{name: "VPERMPS", imm: -1, src: []value{by, l.partOf(p, i)}, memory: 1})
	}
	for bit := each; len(parts) > 1; bit *= 2 {
		mask := l.bitMask(index, size, bit)
		for i := range len(parts) / 2 {
			parts[i] = l.blend(size, mask, parts[2*i+1], parts[2*i])
		}
		parts = parts[:len(parts)/2]
	}
	return parts[0], nil
}

// numbers is an index as the numbers of the 4-byte elements that make an element.
func (l *lowering) numbers(index value, size int) value {
	if size == 4 {
		return index
	}
	key := conversion{index, 0}
	v, ok := l.index[key]
	if !ok {
		v = l.add(l.bytes(index), instruction{name: "VPSHUFD", imm: 0xa0, src: []value{l.shift("VPSLLQ", index, 1)}})
		v = l.commute("VPOR", v, l.code.constant(8, 1<<32))
		l.index[key] = v
	}
	return v
}

// bitMask is a mask of the elements of an index that have a bit.
func (l *lowering) bitMask(index value, size, bit int) value {
	key := conversion{index, bit}
	v, ok := l.index[key]
	if !ok {
		by := 8*size - 1
		for b := bit; b > 1; b /= 2 {
			by--
		}
		v = l.shift(shifts[op.PrimShl][size], index, by)
		l.index[key] = v
	}
	return v
}

// widePick permutes two registers, which is what lists fill.
func (l *lowering) widePick(in op.Inst) (value, error) {
	p, size := op.Pick(in.Imm), in.Type.Size()
	if len(p.Bits())*size != 2*l.target.bytes {
		panic(fmt.Sprintf("BUG: %v does not fill two registers", p))
	}
	return l.add(l.size(in.Type), instruction{
		form: replacing, name: permute[size], imm: -1, memory: -1,
		src: []value{l.partOf(p, 0), l.of[in.Args[0]], l.partOf(p, 1)},
	}), nil
}
