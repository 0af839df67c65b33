package op

// Prim is a primitive operation: one instruction, or a few, on every target. Floating-point
// primitives round once, to nearest even, and keep subnormals.
type Prim uint8

// The primitives. T is the type of the result; operands have the type T too unless stated.
const (
	PrimConst    Prim = iota // the bits in Imm
	PrimArg                  // the operator's operand number Imm
	PrimAdd                  // x + y; integers wrap
	PrimSub                  // x - y; integers wrap
	PrimMul                  // x * y; integers wrap
	PrimDiv                  // x / y; integers truncate, by zero gives 0, the minimum by -1 wraps
	PrimRem                  // integers: x - y*(x/y), has the sign of x; by zero gives 0
	PrimSqrt                 // the square root
	PrimFMA                  // x*y + z, rounded once
	PrimNeg                  // -x: flips the sign bit; integers wrap
	PrimAbs                  // |x|: clears the sign bit; integers wrap
	PrimCopysign             // |x| with the sign bit of y
	PrimMin                  // the smaller; a NaN if either is one; -0 < +0
	PrimMax                  // the larger; a NaN if either is one; -0 < +0
	PrimRint                 // nearest integer, ties to even; keeps the sign of zero, as do the next three
	PrimFloor                // the integer at or below
	PrimTrunc                // the integer at or toward zero
	PrimCeil                 // the integer at or above
	PrimEq                   // Bool: x == y, operands of one type
	PrimNe                   // Bool: x != y
	PrimLt                   // Bool: x < y; Bool operands are not ordered
	PrimLe                   // Bool: x <= y
	PrimSelect               // y where the Bool x holds, else z
	PrimConvert              // x of another type as T, see below
	PrimBitcast              // the bits of x, of a type as wide as T
	PrimAnd                  // bits of integers, or Bool
	PrimOr                   // bits of integers, or Bool
	PrimXor                  // bits of integers, or Bool
	PrimNot                  // bits of an integer, or Bool
	PrimShl                  // x << y; y counts as unsigned, and from T's width on gives 0
	PrimShr                  // x >> y with zeros shifted in; from T's width on gives 0
	PrimSar                  // x >> y with the sign shifted in; from T's width on all bits are the sign
	PrimPick                 // the entry of Imm whose number is the low bits of x, integers as wide as T; see Pick
	PrimRare                 // where the Bool x holds routine Imm of y and z, else 0; see Routine

	NumPrim
)

// PrimConvert is defined for every pair of types:
//
//	to Bool            x != 0, so that NaN is true
//	from Bool          0 or 1
//	integer, integer   the low bits, sign- or zero-extended
//	integer to float   rounded once to nearest even
//	float to float     rounded once to nearest even
//	float to Int32     toward zero; NaN and what does not fit give the minimum
//	float to Int64     likewise
//
// and not for floats to the other integers: [CastProgram] makes those from these.

var primInfo = [NumPrim]struct {
	name  string
	arity int
}{
	PrimConst: {"const", 0}, PrimArg: {"arg", 0},
	PrimAdd: {"add", 2}, PrimSub: {"sub", 2}, PrimMul: {"mul", 2}, PrimDiv: {"div", 2}, PrimRem: {"rem", 2},
	PrimSqrt: {"sqrt", 1}, PrimFMA: {"fma", 3}, PrimNeg: {"neg", 1}, PrimAbs: {"abs", 1},
	PrimCopysign: {"copysign", 2}, PrimMin: {"min", 2}, PrimMax: {"max", 2},
	PrimRint: {"rint", 1}, PrimFloor: {"floor", 1}, PrimTrunc: {"trunc", 1}, PrimCeil: {"ceil", 1},
	PrimEq: {"eq", 2}, PrimNe: {"ne", 2}, PrimLt: {"lt", 2}, PrimLe: {"le", 2},
	PrimSelect: {"select", 3}, PrimConvert: {"convert", 1}, PrimBitcast: {"bitcast", 1},
	PrimAnd: {"and", 2}, PrimOr: {"or", 2}, PrimXor: {"xor", 2}, PrimNot: {"not", 1},
	PrimShl: {"shl", 2}, PrimShr: {"shr", 2}, PrimSar: {"sar", 2}, PrimPick: {"pick", 1}, PrimRare: {"rare", 3},
}

// String is the primitive's name in printed programs.
func (p Prim) String() string { return primInfo[p].name }

// Arity is the number of operands that an instruction with this primitive has.
func (p Prim) Arity() int { return primInfo[p].arity }
