package main

import (
	"slices"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/op"
)

// logicNames are the instructions for and, or, xor of integers of 4 and 8 bytes.
var logicNames = [op.NumPrim]map[int]string{
	op.PrimAnd: {4: "VPANDD", 8: "VPANDQ"}, op.PrimOr: {4: "VPORD", 8: "VPORQ"}, op.PrimXor: {4: "VPXORD", 8: "VPXORQ"},
}

// ternary is the instruction that takes three bits to the bit of a table that has their number.
var ternary = map[int]string{4: "VPTERNLOGD", 8: "VPTERNLOGQ"}

// placeBits are the tables of that instruction that give its first, second and third operand.
var placeBits = [3]int{0xf0, 0xcc, 0xaa}

// wideLogic is and, or, xor; of integers, together with one of them that makes an operand.
func (l *lowering) wideLogic(in op.Inst) (value, error) {
	size := in.Type.Size()
	if in.Type == dtype.Bool {
		return l.wideTruth(in), nil
	}
	if size < 4 {
		return none, nil
	}
	for i, a := range in.Args[:2] {
		if inner := l.p.Insts[a]; logicNames[inner.Prim] != nil {
			x := []value{l.of[in.Args[1-i]], l.of[inner.Args[0]], l.of[inner.Args[1]]}
			return l.three(size, x, func(x, y, z int) int { return bitLogic(in.Prim, x, bitLogic(inner.Prim, y, z)) }), nil
		}
	}
	return l.commute(logicNames[in.Prim][size], l.of[in.Args[0]], l.of[in.Args[1]]), nil
}

// three is a function of the bits of three values. A constant goes last, where it can be in memory.
func (l *lowering) three(size int, x []value, f func(x, y, z int) int) value {
	order := []int{0, 1, 2}
	constant := func(i int) int { return btoi(l.values[x[i]].origin == fromConstant) }
	slices.SortStableFunc(order, func(i, k int) int { return constant(i) - constant(k) })
	var table [3]int
	src := make([]value, 3)
	for place, i := range order {
		src[place], table[i] = x[i], placeBits[place]
	}
	return l.add(l.bytes(src...), instruction{
		form: replacing, name: ternary[size], imm: f(table[0], table[1], table[2]), src: src, memory: -1,
	})
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// bitLogic is and, or, xor of bits.
func bitLogic(p op.Prim, x, y int) int {
	switch p {
	case op.PrimAnd:
		return x & y
	case op.PrimOr:
		return x | y
	}
	return x ^ y
}

// wideCopysign takes all but the sign of the first and the sign of the second.
func (l *lowering) wideCopysign(in op.Inst) (value, error) {
	x := []value{l.of[in.Args[0]], l.of[in.Args[1]], l.magnitude(in.Type)}
	return l.three(in.Type.Size(), x, func(x, y, m int) int { return x&m | y&^m }), nil
}
