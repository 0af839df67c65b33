package main

import (
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/op"
)

// mnemonics are the names of an instruction for elements of each type.
type mnemonics [dtype.Count]string

// signless are the names of an instruction that takes integers of either sign alike.
func signless(b, w, d, q string) mnemonics {
	return mnemonics{
		dtype.Int8: b, dtype.Uint8: b, dtype.Int16: w, dtype.Uint16: w,
		dtype.Int32: d, dtype.Uint32: d, dtype.Int64: q, dtype.Uint64: q,
	}
}

// float adds the names for floats.
func (m mnemonics) float(single, double string) mnemonics {
	m[dtype.Float32], m[dtype.Float64] = single, double
	return m
}

// instructions is the target: the instruction that computes a primitive of elements of a type, where
// there is one. Its operands are the primitive's, in order, and it may have the last in memory. What
// is not here is synthesised, or has no kernel of this level; see synthesis and leftOut.
var instructions = [op.NumPrim]mnemonics{
	op.PrimAdd:  signless("VPADDB", "VPADDW", "VPADDD", "VPADDQ").float("VADDPS", "VADDPD"),
	op.PrimSub:  signless("VPSUBB", "VPSUBW", "VPSUBD", "VPSUBQ").float("VSUBPS", "VSUBPD"),
	op.PrimMul:  signless("", "VPMULLW", "VPMULLD", "").float("VMULPS", "VMULPD"),
	op.PrimDiv:  mnemonics{}.float("VDIVPS", "VDIVPD"),
	op.PrimSqrt: mnemonics{}.float("VSQRTPS", "VSQRTPD"),
	op.PrimAbs:  {dtype.Int8: "VPABSB", dtype.Int16: "VPABSW", dtype.Int32: "VPABSD"},
	op.PrimMin: {
		dtype.Int8: "VPMINSB", dtype.Int16: "VPMINSW", dtype.Int32: "VPMINSD",
		dtype.Uint8: "VPMINUB", dtype.Uint16: "VPMINUW", dtype.Uint32: "VPMINUD",
	},
	op.PrimMax: {
		dtype.Int8: "VPMAXSB", dtype.Int16: "VPMAXSW", dtype.Int32: "VPMAXSD",
		dtype.Uint8: "VPMAXUB", dtype.Uint16: "VPMAXUW", dtype.Uint32: "VPMAXUD",
	},
	op.PrimAnd: signless("VPAND", "VPAND", "VPAND", "VPAND"),
	op.PrimOr:  signless("VPOR", "VPOR", "VPOR", "VPOR"),
	op.PrimXor: signless("VPXOR", "VPXOR", "VPXOR", "VPXOR"),
	op.PrimShl: signless("", "", "VPSLLVD", "VPSLLVQ"),
	op.PrimShr: signless("", "", "VPSRLVD", "VPSRLVQ"),
	op.PrimSar: signless("", "", "VPSRAVD", ""),
}

// commutes are the primitives whose operands can be exchanged.
var commutes = [op.NumPrim]bool{
	op.PrimAdd: true, op.PrimMul: true, op.PrimAnd: true, op.PrimOr: true, op.PrimXor: true,
}

// synthesis is how a primitive is made of several instructions, or of one that takes its operands in
// another way.
var synthesis [op.NumPrim]func(l *lowering, in op.Inst) (value, error)

func init() { // not an initial value, since the functions use the table
	synthesis = [op.NumPrim]func(l *lowering, in op.Inst) (value, error){
		op.PrimConst: (*lowering).constant, op.PrimArg: (*lowering).arg,
		op.PrimMul: (*lowering).mul, op.PrimFMA: (*lowering).fma, op.PrimNeg: (*lowering).neg,
		op.PrimAbs: (*lowering).abs, op.PrimCopysign: (*lowering).copysign,
		op.PrimMin: (*lowering).min, op.PrimMax: (*lowering).max,
		op.PrimRint: (*lowering).round, op.PrimFloor: (*lowering).round,
		op.PrimTrunc: (*lowering).round, op.PrimCeil: (*lowering).round,
		op.PrimEq: (*lowering).compare, op.PrimNe: (*lowering).compare,
		op.PrimLt: (*lowering).compare, op.PrimLe: (*lowering).compare,
		op.PrimSelect: (*lowering).choose, op.PrimConvert: (*lowering).convert, op.PrimBitcast: (*lowering).bitcast,
		op.PrimAnd: (*lowering).logic, op.PrimOr: (*lowering).logic, op.PrimXor: (*lowering).logic,
		op.PrimNot: (*lowering).not, op.PrimSar: (*lowering).sar, op.PrimRare: (*lowering).rare,
		op.PrimPick: (*lowering).pick,
	}
}

// leftOut says why a primitive has no instructions for some types.
var leftOut = [op.NumPrim]string{
	op.PrimDiv:     "AVX2 has no division of integers",
	op.PrimRem:     "AVX2 has no division of integers",
	op.PrimShl:     "AVX2 has no shifts of 1 and 2 bytes",
	op.PrimShr:     "AVX2 has no shifts of 1 and 2 bytes",
	op.PrimSar:     "AVX2 has no shifts of 1 and 2 bytes",
	op.PrimConvert: "AVX2 does not convert 8-byte integers to float32",
}

// shifts are the instructions that shift all elements by the same constant, which is below the width.
var shifts = [op.NumPrim]map[int]string{
	op.PrimShl: {2: "VPSLLW", 4: "VPSLLD", 8: "VPSLLQ"},
	op.PrimShr: {2: "VPSRLW", 4: "VPSRLD", 8: "VPSRLQ"},
	op.PrimSar: {2: "VPSRAW", 4: "VPSRAD"},
}

// The instructions for elements of each size in bytes.
var (
	andFloat  = map[int]string{4: "VANDPS", 8: "VANDPD"}
	andnFloat = map[int]string{4: "VANDNPS", 8: "VANDNPD"} // ^x & y
	orFloat   = map[int]string{4: "VORPS", 8: "VORPD"}
	xorFloat  = map[int]string{4: "VXORPS", 8: "VXORPD"}
	minFloat  = map[int]string{4: "VMINPS", 8: "VMINPD"} // y if x or y is NaN, or both are zero
	maxFloat  = map[int]string{4: "VMAXPS", 8: "VMAXPD"} // likewise
	compareTo = map[int]string{4: "VCMPPS", 8: "VCMPPD"}
	rounding  = map[int]string{4: "VROUNDPS", 8: "VROUNDPD"}
	blends    = map[int]string{1: "VPBLENDVB", 2: "VPBLENDVB", 4: "VBLENDVPS", 8: "VBLENDVPD"}
	fusedName = map[int]string{4: "PS", 8: "PD"}
	equalInt  = map[int]string{1: "VPCMPEQB", 2: "VPCMPEQW", 4: "VPCMPEQD", 8: "VPCMPEQQ"}
	aboveInt  = map[int]string{1: "VPCMPGTB", 2: "VPCMPGTW", 4: "VPCMPGTD", 8: "VPCMPGTQ"} // of signed integers
)

// Predicates of VCMPPS and VCMPPD; none of them signals for quiet NaNs.
const (
	equalOrdered        = 0
	unordered           = 3
	notEqualOrNaN       = 4
	lessOrdered         = 17
	lessEqualOrdered    = 18
	notLess             = 21 // or NaN
	greaterEqualOrdered = 29
	greaterOrdered      = 30
)

// predicates are those of the primitives.
var predicates = [op.NumPrim]int{
	op.PrimEq: equalOrdered, op.PrimNe: notEqualOrNaN, op.PrimLt: lessOrdered, op.PrimLe: lessEqualOrdered,
}

// modes are the rounding modes of VROUNDPS and VROUNDPD; 8 keeps the inexact flag as it is.
var modes = [op.NumPrim]int{op.PrimRint: 8, op.PrimFloor: 9, op.PrimCeil: 10, op.PrimTrunc: 11}

// extend are the instructions that widen integers: from, to, with the sign, with zeros.
var extend = map[[2]int][2]string{
	{1, 2}: {"VPMOVSXBW", "VPMOVZXBW"}, {1, 4}: {"VPMOVSXBD", "VPMOVZXBD"}, {1, 8}: {"VPMOVSXBQ", "VPMOVZXBQ"},
	{2, 4}: {"VPMOVSXWD", "VPMOVZXWD"}, {2, 8}: {"VPMOVSXWQ", "VPMOVZXWQ"}, {4, 8}: {"VPMOVSXDQ", "VPMOVZXDQ"},
}
