package main

import (
	"math"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/op"
)

// How primitives become instructions of AVX-512, where that is another way than AVX2's. A Bool is a mask,
// with a bit for each element; bits above those mean nothing.

// wideArg is an operand. Bools are bytes in memory.
func (l *lowering) wideArg(in op.Inst) (value, error) {
	v, err := l.arg(in)
	if in.Type != dtype.Bool || err != nil {
		return v, err
	}
	return l.masked(instruction{name: "VPTESTMB", imm: -1, src: []value{v, v}, memory: -1}), nil
}

// wideBytes is a Bool as bytes 0 and 1.
func (l *lowering) wideBytes(mask value) value {
	return l.add(l.lanes, instruction{
		name: "VMOVDQU8_Z", imm: -1, src: []value{mask, l.code.constant(1, 1)}, memory: -1,
	})
}

func (l *lowering) wideRound(in op.Inst) (value, error) {
	return l.add(l.size(in.Type), instruction{
		name: scaleRounding[in.Type.Size()], imm: modes[in.Prim], src: []value{l.of[in.Args[0]]},
	}), nil
}

// wideExtreme is the minimum or maximum. A constant that is neither zero nor NaN is served by the
// instruction that gives its second operand where either is NaN or both are zero.
func (l *lowering) wideExtreme(in op.Inst) (value, error) {
	x, y, size := l.of[in.Args[0]], l.of[in.Args[1]], in.Type.Size()
	if !in.Type.IsFloat() {
		return none, nil
	}
	names, way := minFloat, 4
	if in.Prim == op.PrimMax {
		names, way = maxFloat, 5
	}
	if l.ordinary(in.Args[1]) {
		x, y = y, x
	}
	if l.ordinary(in.Args[0]) || l.ordinary(in.Args[1]) {
		return l.binary(names[size], x, y), nil
	}
	v := l.add(l.size(in.Type), instruction{name: ranges[size], imm: way, src: []value{x, y}, memory: 1})
	unlike := l.wideFloats(size, unordered, x, y)
	return l.wideBlend(in.Type, unlike, l.code.constant(size, op.BitsOf(in.Type, math.NaN())), v), nil
}

// wideFloats compares, and brings a constant to the second place, where it can be in memory.
func (l *lowering) wideFloats(size, predicate int, x, y value) value {
	if l.values[x].origin == fromConstant && l.values[y].origin != fromConstant {
		x, y, predicate = y, x, exchanged[predicate]
	}
	return l.masked(instruction{name: compareTo[size], imm: predicate, src: []value{x, y}, memory: 1})
}

// wideCompare gives a mask.
func (l *lowering) wideCompare(in op.Inst) (value, error) {
	t := l.p.Insts[in.Args[0]].Type
	x, y := l.of[in.Args[0]], l.of[in.Args[1]]
	switch {
	case t == dtype.Bool && in.Prim == op.PrimEq:
		return l.masks("KXNORW", x, y), nil
	case t == dtype.Bool:
		return l.masks("KXORW", x, y), nil
	case t.IsFloat():
		return l.wideFloats(t.Size(), predicates[in.Prim], x, y), nil
	case t.Size() < 4:
		return none, nil
	}
	if v := l.wideTest(in); v != none {
		return v, nil
	}
	signless, way := 0, 0
	if t.Kind() == dtype.UnsignedKind {
		signless = 1
	}
	if l.values[x].origin == fromConstant {
		x, y, way = y, x, 1
	}
	return l.masked(instruction{
		name: compareMasked[t.Size()][signless], imm: integerPredicates[in.Prim][way], src: []value{x, y}, memory: 1,
	}), nil
}

// masks appends an instruction on masks.
func (l *lowering) masks(name string, x ...value) value {
	return l.masked(instruction{name: name, imm: -1, src: x, memory: -1})
}

// wideTest is whether integers have bits in common, where a comparison asks that.
func (l *lowering) wideTest(in op.Inst) value {
	names, ok := tests[in.Prim]
	both, zero := l.p.Insts[in.Args[0]], l.p.Insts[in.Args[1]]
	if !ok || both.Prim != op.PrimAnd || zero.Prim != op.PrimConst || zero.Imm != 0 {
		return none
	}
	return l.masked(instruction{
		name: names[both.Type.Size()], imm: -1, src: []value{l.of[both.Args[0]], l.of[both.Args[1]]}, memory: 1,
	})
}

// wideTruth is and, or, xor of Bools. A comparison takes the other operand of an and as its own mask: there are
// few registers to rename masks to, so that each instruction on them that is not there counts.
func (l *lowering) wideTruth(in op.Inst) value {
	for i := range 2 {
		if in.Prim == op.PrimAnd {
			if v := l.underMask(l.of[in.Args[1-i]], in.Args[i], false); v != none {
				return v
			}
		}
	}
	names := map[op.Prim]string{op.PrimAnd: "KANDW", op.PrimOr: "KORW", op.PrimXor: "KXORW"}
	return l.masks(names[in.Prim], l.of[in.Args[0]], l.of[in.Args[1]])
}

// underMask compares where a mask holds, if v is a comparison of floats or, with inverse, the contrary of one.
func (l *lowering) underMask(mask value, v int32, inverse bool) value {
	in := l.p.Insts[v]
	switch in.Prim {
	case op.PrimNot:
		return l.underMask(mask, in.Args[0], !inverse)
	case op.PrimEq, op.PrimNe, op.PrimLt, op.PrimLe:
	default:
		return none
	}
	t := l.p.Insts[in.Args[0]].Type
	if !t.IsFloat() {
		return none
	}
	x, y, predicate := l.of[in.Args[0]], l.of[in.Args[1]], predicates[in.Prim]
	if inverse {
		predicate ^= contrary
	}
	if l.values[x].origin == fromConstant && l.values[y].origin != fromConstant {
		x, y, predicate = y, x, exchanged[predicate]
	}
	return l.masked(instruction{name: compareTo[t.Size()], imm: predicate, src: []value{mask, x, y}, memory: 2})
}

// contrary is the bit in which the predicates of a comparison and of its contrary differ.
const contrary = 4

// wideNot complements Bools.
func (l *lowering) wideNot(in op.Inst) (value, error) {
	if in.Type != dtype.Bool {
		return none, nil
	}
	return l.masks("KNOTW", l.of[in.Args[0]]), nil
}

// wideChoose selects.
func (l *lowering) wideChoose(in op.Inst) (value, error) {
	m, x, y := in.Args[0], l.of[in.Args[1]], l.of[in.Args[2]]
	switch {
	case l.never[m]:
		return y, nil
	case in.Type == dtype.Bool:
		return l.masks("KORW", l.masks("KANDW", l.of[m], x), l.masks("KANDNW", l.of[m], y)), nil
	case in.Type.IsFloat() && y == l.zero():
		return l.add(l.size(in.Type), instruction{
			name: keepMasked[in.Type.Size()], imm: -1, src: []value{l.of[m], x}, memory: -1,
		}), nil
	}
	return l.wideBlend(in.Type, l.of[m], x, y), nil
}

// wideBlend is x where the mask holds, else y.
func (l *lowering) wideBlend(t dtype.DType, mask, x, y value) value {
	name := blendIntegers[t.Size()]
	if t.IsFloat() {
		name = blendMasked[t.Size()]
	}
	return l.add(l.size(t), instruction{name: name, imm: -1, src: []value{mask, y, x}, memory: 2})
}

// wideConvert converts elements.
func (l *lowering) wideConvert(in op.Inst) (value, error) {
	x, from, to := l.of[in.Args[0]], l.p.Insts[in.Args[0]].Type, in.Type
	switch {
	case to == dtype.Bool && from.IsFloat():
		return l.wideFloats(from.Size(), notEqualOrNaN, x, l.zero()), nil
	case to == dtype.Bool, from == dtype.Bool && !to.IsFloat():
		return none, nil
	case from == dtype.Bool:
		one := l.code.constant(to.Size(), op.BitsOf(to, 1))
		return l.add(l.size(to), instruction{
			name: keepMasked[to.Size()], imm: -1, src: []value{x, one}, memory: -1,
		}), nil
	case from.IsInteger() && to.IsInteger():
		return l.wideResize(x, from, to.Size()), nil
	case from.IsInteger() && from.Size() < 4:
		return l.converted(wideConversions[[2]dtype.DType{dtype.Int32, to}], l.wideResize(x, from, 4), to), nil
	}
	return l.converted(wideConversions[[2]dtype.DType{from, to}], x, to), nil
}

// converted appends an instruction that converts.
func (l *lowering) converted(name string, x value, to dtype.DType) value {
	return l.add(l.size(to), instruction{name: name, imm: -1, src: []value{x}, exact: true})
}

// wideConversions are the instructions that convert from and to floats.
var wideConversions = map[[2]dtype.DType]string{
	{dtype.Float32, dtype.Float64}: "VCVTPS2PD", {dtype.Float64, dtype.Float32}: "VCVTPD2PS",
	{dtype.Float32, dtype.Int32}: "VCVTTPS2DQ", {dtype.Float64, dtype.Int32}: "VCVTTPD2DQ",
	{dtype.Float32, dtype.Int64}: "VCVTTPS2QQ", {dtype.Float64, dtype.Int64}: "VCVTTPD2QQ",
	{dtype.Int32, dtype.Float32}: "VCVTDQ2PS", {dtype.Int32, dtype.Float64}: "VCVTDQ2PD",
	{dtype.Uint32, dtype.Float32}: "VCVTUDQ2PS", {dtype.Uint32, dtype.Float64}: "VCVTUDQ2PD",
	{dtype.Int64, dtype.Float32}: "VCVTQQ2PS", {dtype.Int64, dtype.Float64}: "VCVTQQ2PD",
	{dtype.Uint64, dtype.Float32}: "VCVTUQQ2PS", {dtype.Uint64, dtype.Float64}: "VCVTUQQ2PD",
}

// wideResize widens integers, or takes their low bits.
func (l *lowering) wideResize(x value, from dtype.DType, size int) value {
	if name := narrow[[2]int{from.Size(), size}]; name != "" {
		return l.add(l.lanes*size, instruction{name: name, imm: -1, src: []value{x}, memory: -1})
	}
	return l.resize(x, from, size)
}

// wideMul multiplies.
func (l *lowering) wideMul(in op.Inst) (value, error) {
	if !in.Type.IsFloat() {
		return none, nil
	}
	return l.commute(map[int]string{4: "VMULPS", 8: "VMULPD"}[in.Type.Size()], l.of[in.Args[0]], l.of[in.Args[1]]), nil
}
