package main

import (
	"errors"
	"fmt"
	"math"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/op"
)

// lowering turns a program into the code of one step: as many elements as fill a register with
// those of the program's widest type. Values of narrower types fill the low part of one.
//
// A Bool is held in one of two ways: as bytes 0 and 1, or as a mask, whose elements are all zeros or
// all ones, as wide as those that were compared. Where the target has masks of bits, it is one of those.
type lowering struct {
	*code
	p     *op.Program
	lanes int // elements of a step
	step  int
	of    []value // the program's values
	width []int   // of masks; 0 for bytes
	never []bool  // Bools that hold nowhere, as a guard has left the loop otherwise
	made  map[conversion]value
	index map[conversion]value // what picks need of an index: its numbers for a permutation, with width 0, and bits as masks
}

// conversion is a Bool as a mask of some width.
type conversion struct {
	of    value
	width int
}

// lower adds the code of one step, and returns the lowering with all values. args stand for the
// program's operands; nil if they are in memory.
func lower(c *code, p *op.Program, step int, args []value) (*lowering, error) {
	n := len(p.Insts)
	l := &lowering{
		code: c, p: p, lanes: c.target.lanesOf(p), step: step, made: map[conversion]value{}, index: map[conversion]value{},
		of: make([]value, n), width: make([]int, n), never: make([]bool, n),
	}
	for i, in := range p.Insts {
		if in.Prim == op.PrimArg && args != nil {
			l.of[i] = args[in.Imm]
			continue
		}
		var err error
		if l.of[i], err = l.inst(i, in); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// inst lowers one instruction: by the table, or by synthesis.
func (l *lowering) inst(i int, in op.Inst) (value, error) {
	switch in.Prim {
	case op.PrimEq, op.PrimNe, op.PrimLt, op.PrimLe:
		l.width[i] = l.p.Insts[in.Args[0]].Type.Size()
	}
	if m, ok := l.p.Meanings[int32(i)]; ok && l.target.idioms[m.Idiom] != nil {
		return l.target.idioms[m.Idiom](l, m, in.Type.Size()), nil
	}
	if in.Type == dtype.Bool {
		l.width[i] = l.boolWidth(in)
	}
	if name := l.target.instructions[in.Prim][in.Type]; name != "" {
		return l.direct(name, in), nil
	}
	if f := l.target.synthesis[in.Prim]; f != nil {
		if v, err := f(l, in); v != none || err != nil {
			return v, err
		}
	}
	if v := l.constantShift(in); v != none {
		return v, nil
	}
	reason := l.target.leftOut[in.Prim]
	if reason == "" {
		panic(fmt.Sprintf("BUG: no instructions for %v of %v, and no reason why", in.Prim, in.Type))
	}
	return none, errors.New(reason)
}

// direct lowers to the one instruction of the table.
func (l *lowering) direct(name string, in op.Inst) value {
	if v := l.constantShift(in); v != none {
		return v
	}
	x := l.of[in.Args[0]]
	if in.Prim.Arity() == 1 {
		return l.unary(name, l.size(in.Type), x)
	}
	if y, ok := l.negated(in.Args[1]); ok && in.Type.IsFloat() {
		switch in.Prim { // x + -y is x - y, to the bit
		case op.PrimAdd:
			return l.binary(l.target.instructions[op.PrimSub][in.Type], x, y)
		case op.PrimSub:
			return l.binary(l.target.instructions[op.PrimAdd][in.Type], x, y)
		}
	}
	if commutes[in.Prim] {
		return l.commute(name, x, l.of[in.Args[1]])
	}
	return l.binary(name, x, l.of[in.Args[1]])
}

// negated is the operand of a value that is a negation.
func (l *lowering) negated(v int32) (value, bool) {
	if in := l.p.Insts[v]; in.Prim == op.PrimNeg {
		return l.of[in.Args[0]], true
	}
	return none, false
}

// size is the bytes of a value of some type.
func (l *lowering) size(t dtype.DType) int { return l.lanes * t.Size() }

func (l *lowering) constant(in op.Inst) (value, error) {
	return l.code.constant(in.Type.Size(), in.Imm), nil
}

func (l *lowering) arg(in op.Inst) (value, error) {
	return l.value(vector{origin: fromOperand, bytes: l.size(in.Type), operand: int(in.Imm), step: l.step}), nil
}

func (l *lowering) bitcast(in op.Inst) (value, error) { return l.of[in.Args[0]], nil }

// constantShift shifts by a constant below the width, or returns none.
func (l *lowering) constantShift(in op.Inst) value {
	name := shifts[in.Prim][in.Type.Size()]
	if name == "" {
		return none
	}
	by := l.p.Insts[in.Args[1]]
	if by.Prim != op.PrimConst || by.Imm >= uint64(8*in.Type.Size()) {
		return none
	}
	return l.shift(name, l.of[in.Args[0]], int(by.Imm))
}

// fma takes negations of operands into the instruction.
func (l *lowering) fma(in op.Inst) (value, error) {
	x, y, z := l.of[in.Args[0]], l.of[in.Args[1]], l.of[in.Args[2]]
	product, sum := "", "ADD"
	for _, arg := range []struct {
		v  *value
		of int32
	}{{&x, in.Args[0]}, {&y, in.Args[1]}} {
		if v, ok := l.negated(arg.of); ok {
			*arg.v = v
			product = map[string]string{"": "N", "N": ""}[product]
		}
	}
	if v, ok := l.negated(in.Args[2]); ok {
		z, sum = v, "SUB"
	}
	name := fmt.Sprintf("VF%sM%s%%d%s", product, sum, fusedName[in.Type.Size()])
	return l.add(l.size(in.Type), instruction{form: fused, name: name, imm: -1, src: []value{x, y, z}, memory: -1}), nil
}

// signBit is the sign bit of floats.
func (l *lowering) signBit(t dtype.DType) value {
	return l.code.constant(t.Size(), 1<<(8*t.Size()-1))
}

// magnitude is all but the sign bit of floats.
func (l *lowering) magnitude(t dtype.DType) value {
	return l.code.constant(t.Size(), 1<<(8*t.Size()-1)-1)
}

func (l *lowering) zero() value { return l.code.constant(8, 0) }
func (l *lowering) ones() value { return l.code.constant(8, math.MaxUint64) }

func (l *lowering) neg(in op.Inst) (value, error) {
	x := l.of[in.Args[0]]
	if in.Type.IsFloat() {
		return l.commute(xorFloat[in.Type.Size()], x, l.signBit(in.Type)), nil
	}
	return l.binary(l.target.instructions[op.PrimSub][in.Type], l.zero(), x), nil
}

func (l *lowering) abs(in op.Inst) (value, error) {
	x := l.of[in.Args[0]]
	if in.Type.IsFloat() {
		return l.commute(andFloat[in.Type.Size()], x, l.magnitude(in.Type)), nil
	}
	sign := l.binary("VPCMPGTQ", l.zero(), x) // int64
	return l.binary("VPSUBQ", l.binary("VPXOR", sign, x), sign), nil
}

func (l *lowering) copysign(in op.Inst) (value, error) {
	size := in.Type.Size()
	x := l.commute(andFloat[size], l.of[in.Args[0]], l.magnitude(in.Type))
	y := l.commute(andFloat[size], l.of[in.Args[1]], l.signBit(in.Type))
	return l.binary(orFloat[size], x, y), nil
}

func (l *lowering) round(in op.Inst) (value, error) {
	return l.add(l.size(in.Type), instruction{
		name: rounding[in.Type.Size()], imm: modes[in.Prim], src: []value{l.of[in.Args[0]]},
	}), nil
}

// mul multiplies bytes, and 8-byte integers.
func (l *lowering) mul(in op.Inst) (value, error) {
	x, y := l.of[in.Args[0]], l.of[in.Args[1]]
	if in.Type.Size() == 1 {
		low := l.commute("VPMULLW", x, y)
		low = l.commute("VPAND", low, l.code.constant(2, 0xff))
		high := l.commute("VPMULLW", l.shift("VPSRLW", x, 8), l.shift("VPSRLW", y, 8))
		return l.binary("VPOR", l.shift("VPSLLW", high, 8), low), nil
	}
	// The high halves of x and y meet the other's low half, as 32-bit products.
	swapped := l.add(32, instruction{name: "VPSHUFD", imm: 0xb1, src: []value{y}})
	cross := l.commute("VPMULLD", swapped, x)
	cross = l.binary("VPADDD", cross, l.shift("VPSRLQ", cross, 32))
	return l.binary("VPADDQ", l.shift("VPSLLQ", cross, 32), l.commute("VPMULUDQ", x, y)), nil
}

// sar shifts 8-byte integers: the complement of a negative one has zeros to shift in.
func (l *lowering) sar(in op.Inst) (value, error) {
	if in.Type.Size() != 8 {
		return none, nil
	}
	x := l.of[in.Args[0]]
	sign := l.binary("VPCMPGTQ", l.zero(), x)
	return l.binary("VPXOR", l.binary("VPSRLVQ", l.binary("VPXOR", sign, x), l.of[in.Args[1]]), sign), nil
}

func (l *lowering) min(in op.Inst) (value, error) { return l.extreme(in, minFloat, orFloat) }
func (l *lowering) max(in op.Inst) (value, error) { return l.extreme(in, maxFloat, andFloat) }

// extreme is the minimum or maximum. The instruction for floats gives its second operand where
// either is NaN or both are zero: a constant that is neither makes it right as it is. Otherwise both
// orders are taken, which differ in the sign of zeros only, and NaN is put in.
func (l *lowering) extreme(in op.Inst, names, join map[int]string) (value, error) {
	x, y, size := l.of[in.Args[0]], l.of[in.Args[1]], in.Type.Size()
	if in.Type.IsInteger() {
		above := l.above(in.Type, x, y)
		if in.Prim == op.PrimMin {
			x, y = y, x
		}
		return l.blend(size, above, x, y), nil
	}
	if l.ordinary(in.Args[1]) {
		x, y = y, x
	}
	if l.ordinary(in.Args[0]) || l.ordinary(in.Args[1]) {
		return l.binary(names[size], x, y), nil
	}
	v := l.binary(join[size], l.binary(names[size], x, y), l.binary(names[size], y, x))
	return l.binary(orFloat[size], l.compareFloats(size, unordered, x, y), v), nil
}

// ordinary reports whether a value is a constant other than zero and NaN.
func (l *lowering) ordinary(v int32) bool {
	in := l.p.Insts[v]
	if in.Prim != op.PrimConst {
		return false
	}
	f := math.Float64frombits(in.Imm)
	if in.Type == dtype.Float32 {
		f = float64(math.Float32frombits(uint32(in.Imm)))
	}
	return f != 0 && f == f
}
