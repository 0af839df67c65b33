package main

import (
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/op"
)

// target is a set of instructions, and how programs become some of them.
type target struct {
	name      string // of the level
	suffix    string // of functions
	bytes     int    // of a vector register
	registers int    // vectors
	masks     int    // mask registers, which then hold Bools
	most      int    // steps of a loop's body that are done side by side

	instructions *[op.NumPrim]mnemonics
	synthesis    *[op.NumPrim]func(l *lowering, in op.Inst) (value, error)
	leftOut      *[op.NumPrim]string
	idioms       [op.NumIdiom]func(l *lowering, m op.Meaning, size int) value // nil: as the body has it

	// serves reports whether loops of the program are worth having.
	serves func(p *op.Program) bool
}

// avx2 has vectors of 32 bytes, and masks in vectors.
var avx2 = &target{
	name: "avx2", suffix: "AVX2", bytes: 32, registers: 16,
	instructions: &instructions, synthesis: &synthesis, leftOut: &leftOut,
	serves: func(*op.Program) bool { return true },
}

// avx512 has vectors of 64 bytes, masks in registers of their own, and constants that an instruction takes
// from memory one element for all. What has no floats is limited by memory with AVX2 already.
var avx512 = &target{
	name: "avx512", suffix: "AVX512", bytes: 64, registers: 32, masks: 7, most: 4,
	instructions: &wideInstructions, synthesis: &wideSynthesis, leftOut: &wideLeftOut, idioms: wideIdioms,
	serves: hasFloats,
}

func hasFloats(p *op.Program) bool {
	for _, in := range p.Insts {
		if in.Type.IsFloat() {
			return true
		}
	}
	return false
}

// lanesOf is the elements of a step.
func (t *target) lanesOf(p *op.Program) int {
	widest := 1
	for _, in := range p.Insts {
		widest = max(widest, in.Type.Size())
	}
	return t.bytes / widest
}

// The target of AVX-512 (F, DQ, BW and VL), as tables: see instructions, shifts, leftOut.
var wideInstructions = [op.NumPrim]mnemonics{
	op.PrimAdd:  wideIntegers("VPADDD", "VPADDQ").float("VADDPS", "VADDPD"),
	op.PrimSub:  wideIntegers("VPSUBD", "VPSUBQ").float("VSUBPS", "VSUBPD"),
	op.PrimDiv:  mnemonics{}.float("VDIVPS", "VDIVPD"),
	op.PrimSqrt: mnemonics{}.float("VSQRTPS", "VSQRTPD"),
}

// wideIntegers are the names of an instruction for integers of 4 and 8 bytes.
func wideIntegers(d, q string) mnemonics {
	return mnemonics{dtype.Int32: d, dtype.Uint32: d, dtype.Int64: q, dtype.Uint64: q}
}

var wideSynthesis [op.NumPrim]func(l *lowering, in op.Inst) (value, error)

func init() { // not an initial value, since the functions use the table
	wideSynthesis = [op.NumPrim]func(l *lowering, in op.Inst) (value, error){
		op.PrimConst: (*lowering).constant, op.PrimArg: (*lowering).wideArg,
		op.PrimMul: (*lowering).wideMul, op.PrimFMA: (*lowering).fma, op.PrimNeg: (*lowering).neg,
		op.PrimAbs: (*lowering).abs, op.PrimCopysign: (*lowering).wideCopysign,
		op.PrimMin: (*lowering).wideExtreme, op.PrimMax: (*lowering).wideExtreme,
		op.PrimRint: (*lowering).wideRound, op.PrimFloor: (*lowering).wideRound,
		op.PrimTrunc: (*lowering).wideRound, op.PrimCeil: (*lowering).wideRound,
		op.PrimEq: (*lowering).wideCompare, op.PrimNe: (*lowering).wideCompare,
		op.PrimLt: (*lowering).wideCompare, op.PrimLe: (*lowering).wideCompare,
		op.PrimSelect: (*lowering).wideChoose, op.PrimConvert: (*lowering).wideConvert, op.PrimBitcast: (*lowering).bitcast,
		op.PrimAnd: (*lowering).wideLogic, op.PrimOr: (*lowering).wideLogic, op.PrimXor: (*lowering).wideLogic,
		op.PrimNot: (*lowering).wideNot, op.PrimRare: (*lowering).rare,
		op.PrimPick: (*lowering).widePick,
	}
}

// wideLeftOut says why a primitive has no instructions for some types.
var wideLeftOut = [op.NumPrim]string{
	op.PrimMul: noFloats, op.PrimDiv: noFloats, op.PrimRem: noFloats, op.PrimNot: noFloats,
	op.PrimShl: noFloats, op.PrimShr: noFloats, op.PrimSar: noFloats, op.PrimConvert: noFloats,
}

const noFloats = "AVX2 serves integers as fast as memory allows"

// The instructions of AVX-512 for elements of each size in bytes.
var (
	blendMasked   = map[int]string{4: "VBLENDMPS", 8: "VBLENDMPD"}
	blendIntegers = map[int]string{4: "VPBLENDMD", 8: "VPBLENDMQ"}
	keepMasked    = map[int]string{4: "VMOVAPS_Z", 8: "VMOVAPD_Z"} // or zero
	scaleRounding = map[int]string{4: "VRNDSCALEPS", 8: "VRNDSCALEPD"}
	ranges        = map[int]string{4: "VRANGEPS", 8: "VRANGEPD"}   // orders zeros; the other operand where one is NaN
	scales        = map[int]string{4: "VSCALEFPS", 8: "VSCALEFPD"} // x·2^⌊y⌋
	permute       = map[int]string{4: "VPERMT2PS", 8: "VPERMT2PD"}
	tests         = map[op.Prim]map[int]string{op.PrimNe: {4: "VPTESTMD", 8: "VPTESTMQ"}, op.PrimEq: {4: "VPTESTNMD", 8: "VPTESTNMQ"}}
	significands  = map[int]string{4: "VGETMANTPS", 8: "VGETMANTPD"}
	exponents     = map[int]string{4: "VGETEXPPS", 8: "VGETEXPPD"}
	fixes         = map[int]string{4: "VFIXUPIMMPS", 8: "VFIXUPIMMPD"}
	addInt        = map[int]string{4: "VPADDD", 8: "VPADDQ"}
	addFloat      = map[int]string{4: "VADDPS", 8: "VADDPD"}
	mantissa      = map[int]int{4: 23, 8: 52}
	floatOf       = map[int]dtype.DType{4: dtype.Float32, 8: dtype.Float64}
	compareMasked = map[int][2]string{4: {"VPCMPD", "VPCMPUD"}, 8: {"VPCMPQ", "VPCMPUQ"}}
)

// narrow are the instructions that take the low bits of integers: from, to.
var narrow = map[[2]int]string{
	{4, 1}: "VPMOVDB", {4, 2}: "VPMOVDW", {8, 1}: "VPMOVQB", {8, 2}: "VPMOVQW", {8, 4}: "VPMOVQD",
}

// integerPredicates are those of VPCMPD and its like, and what they are for exchanged operands.
var integerPredicates = [op.NumPrim][2]int{op.PrimEq: {0, 0}, op.PrimLt: {1, 6}, op.PrimLe: {2, 5}, op.PrimNe: {4, 4}}
