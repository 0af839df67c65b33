package op

import (
	"fmt"
	"math"

	"github.com/tare-go/tare/dtype"
)

// Value is a value of the program being built.
type Value int32

// Builder builds a Program. Its methods append an instruction, or return the value of an equal
// one that is there already. Operands of the wrong type are a bug of the row, and panic.
type Builder struct {
	insts []Inst
	args  []dtype.DType
	t     dtype.DType
	seen  map[Inst]Value

	meanings map[Value]Meaning
}

// NewBuilder starts a program with operands of the given types. Const makes constants of type t.
func NewBuilder(t dtype.DType, args ...dtype.DType) (*Builder, []Value) {
	b := &Builder{t: t, args: args, seen: map[Inst]Value{}, meanings: map[Value]Meaning{}}
	x := make([]Value, len(args))
	for i, a := range args {
		x[i] = b.emit(Inst{Prim: PrimArg, Type: a, Imm: uint64(i)})
	}
	return b, x
}

// Build ends the program: its result is v, and instructions that do not contribute to it go.
func (b *Builder) Build(v Value) *Program {
	live := make([]bool, len(b.insts))
	live[v] = true
	for i := len(b.insts) - 1; i >= 0; i-- {
		in := b.insts[i]
		for _, a := range in.Args[:in.Prim.Arity()] {
			live[a] = live[a] || live[i]
		}
	}
	p := &Program{Args: b.args}
	number := make([]int32, len(b.insts))
	for i, in := range b.insts {
		if !live[i] {
			continue
		}
		for k := range in.Prim.Arity() {
			in.Args[k] = number[in.Args[k]]
		}
		number[i] = int32(len(p.Insts))
		p.Insts = append(p.Insts, in)
	}
	p.Out, p.Meanings = number[v], b.meaningsOf(live, number)
	return p
}

// Type is the type of a value.
func (b *Builder) Type(v Value) dtype.DType { return b.insts[v].Type }

func (b *Builder) emit(in Inst) Value {
	if v, ok := b.seen[in]; ok {
		return v
	}
	v := Value(len(b.insts))
	b.insts = append(b.insts, in)
	b.seen[in] = v
	return v
}

// expect panics unless ok: the row that called has operands that its primitive does not take.
func (b *Builder) expect(ok bool, p Prim, x ...Value) {
	if ok {
		return
	}
	types := make([]dtype.DType, len(x))
	for i, v := range x {
		types[i] = b.Type(v)
	}
	panic(fmt.Sprintf("BUG: primitive %v of operands %v", p, types))
}

// uniform appends an instruction whose operands and result all have one type, of a kind in kinds.
func (b *Builder) uniform(p Prim, kinds string, x ...Value) Value {
	t := b.Type(x[0])
	in := Inst{Prim: p, Type: t}
	for i, v := range x {
		b.expect(b.Type(v) == t && kindIn(t, kinds), p, x...)
		in.Args[i] = int32(v)
	}
	return b.emit(in)
}

// kindIn reports whether t is one of kinds: f floats, i integers, b bool.
func kindIn(t dtype.DType, kinds string) bool {
	for _, k := range kinds {
		if k == 'f' && t.IsFloat() || k == 'i' && t.IsInteger() || k == 'b' && t == dtype.Bool {
			return true
		}
	}
	return false
}

// compare appends a comparison.
func (b *Builder) compare(p Prim, kinds string, x, y Value) Value {
	b.expect(b.Type(x) == b.Type(y) && kindIn(b.Type(x), kinds), p, x, y)
	return b.emit(Inst{Prim: p, Type: dtype.Bool, Args: [3]int32{int32(x), int32(y)}})
}

// Const is a constant of the builder's own type.
func (b *Builder) Const(v float64) Value { return b.ConstOf(b.t, v) }

// ConstOf is a constant of type t, rounded to it. v must fit where t is an integer.
func (b *Builder) ConstOf(t dtype.DType, v float64) Value { return b.Bits(t, BitsOf(t, v)) }

// Bits is the constant of type t with the given bits; those above t's width are ignored.
func (b *Builder) Bits(t dtype.DType, bits uint64) Value {
	return b.emit(Inst{Prim: PrimConst, Type: t, Imm: bits & mask(t)})
}

// BitsOf is the bits of v as an element of type t: rounded for floats, truncated for integers.
func BitsOf(t dtype.DType, v float64) uint64 {
	switch {
	case t == dtype.Float32:
		return uint64(math.Float32bits(float32(v)))
	case t == dtype.Float64:
		return math.Float64bits(v)
	case t == dtype.Bool && v != 0:
		return 1
	case t == dtype.Uint64 && v >= 0x1p63:
		return uint64(v)
	}
	return uint64(TruncInt64(v)) & mask(t)
}

// Add is x + y.
func (b *Builder) Add(x, y Value) Value { return b.uniform(PrimAdd, "fi", x, y) }

// Sub is x - y.
func (b *Builder) Sub(x, y Value) Value { return b.uniform(PrimSub, "fi", x, y) }

// Mul is x * y.
func (b *Builder) Mul(x, y Value) Value { return b.uniform(PrimMul, "fi", x, y) }

// Div is x / y.
func (b *Builder) Div(x, y Value) Value { return b.uniform(PrimDiv, "fi", x, y) }

// Rem is the integer remainder with the sign of x.
func (b *Builder) Rem(x, y Value) Value { return b.uniform(PrimRem, "i", x, y) }

// Sqrt is the square root of x.
func (b *Builder) Sqrt(x Value) Value { return b.uniform(PrimSqrt, "f", x) }

// FMA is x*y + z, rounded once.
func (b *Builder) FMA(x, y, z Value) Value { return b.uniform(PrimFMA, "f", x, y, z) }

// Neg is -x.
func (b *Builder) Neg(x Value) Value { return b.uniform(PrimNeg, "fi", x) }

// Abs is |x|.
func (b *Builder) Abs(x Value) Value {
	if b.insts[x].Prim == PrimAbs {
		return x
	}
	return b.uniform(PrimAbs, "fi", x)
}

// Copysign is |x| with the sign of y.
func (b *Builder) Copysign(x, y Value) Value { return b.uniform(PrimCopysign, "f", x, y) }

// Min is the smaller of x and y, or NaN.
func (b *Builder) Min(x, y Value) Value { return b.uniform(PrimMin, "fi", x, y) }

// Max is the larger of x and y, or NaN.
func (b *Builder) Max(x, y Value) Value { return b.uniform(PrimMax, "fi", x, y) }

// Rint is x rounded to the nearest integer, ties to even.
func (b *Builder) Rint(x Value) Value { return b.uniform(PrimRint, "f", x) }

// Floor is x rounded down to an integer.
func (b *Builder) Floor(x Value) Value { return b.uniform(PrimFloor, "f", x) }

// Trunc is x rounded toward zero to an integer.
func (b *Builder) Trunc(x Value) Value { return b.uniform(PrimTrunc, "f", x) }

// Ceil is x rounded up to an integer.
func (b *Builder) Ceil(x Value) Value { return b.uniform(PrimCeil, "f", x) }

// Eq is x == y.
func (b *Builder) Eq(x, y Value) Value { return b.compare(PrimEq, "fib", x, y) }

// Ne is x != y.
func (b *Builder) Ne(x, y Value) Value { return b.compare(PrimNe, "fib", x, y) }

// Lt is x < y.
func (b *Builder) Lt(x, y Value) Value { return b.compare(PrimLt, "fi", x, y) }

// Le is x <= y.
func (b *Builder) Le(x, y Value) Value { return b.compare(PrimLe, "fi", x, y) }

// Select is x where the Bool m holds, else y.
func (b *Builder) Select(m, x, y Value) Value {
	b.expect(b.Type(m) == dtype.Bool && b.Type(x) == b.Type(y), PrimSelect, m, x, y)
	return b.emit(Inst{Prim: PrimSelect, Type: b.Type(x), Args: [3]int32{int32(m), int32(x), int32(y)}})
}

// Convert is x as an element of type t.
func (b *Builder) Convert(t dtype.DType, x Value) Value {
	from := b.Type(x)
	if from == t {
		return x
	}
	b.expect(!from.IsFloat() || !t.IsInteger() || t == dtype.Int32 || t == dtype.Int64, PrimConvert, x)
	return b.emit(Inst{Prim: PrimConvert, Type: t, Args: [3]int32{int32(x)}})
}

// Bitcast is the bits of x as an element of type t, which is as wide.
func (b *Builder) Bitcast(t dtype.DType, x Value) Value {
	if b.Type(x) == t {
		return x
	}
	b.expect(b.Type(x).Size() == t.Size() && kindIn(t, "fi") && kindIn(b.Type(x), "fi"), PrimBitcast, x)
	return b.emit(Inst{Prim: PrimBitcast, Type: t, Args: [3]int32{int32(x)}})
}

// And is the bits, or truth values, that x and y share.
func (b *Builder) And(x, y Value) Value { return b.uniform(PrimAnd, "ib", x, y) }

// Or is the bits, or truth values, in x or y.
func (b *Builder) Or(x, y Value) Value { return b.uniform(PrimOr, "ib", x, y) }

// Xor is the bits, or truth values, in which x and y differ.
func (b *Builder) Xor(x, y Value) Value { return b.uniform(PrimXor, "ib", x, y) }

// Not is the complement of x.
func (b *Builder) Not(x Value) Value { return b.uniform(PrimNot, "ib", x) }

// Shl is x << y.
func (b *Builder) Shl(x, y Value) Value { return b.uniform(PrimShl, "i", x, y) }

// Shr is x >> y with zeros shifted in.
func (b *Builder) Shr(x, y Value) Value { return b.uniform(PrimShr, "i", x, y) }

// Sar is x >> y with the sign shifted in.
func (b *Builder) Sar(x, y Value) Value { return b.uniform(PrimSar, "i", x, y) }

// Pick is the entry of t whose number is the low bits of x.
func (b *Builder) Pick(t Pick, x Value) Value {
	b.expect(kindIn(b.Type(x), "i") && b.Type(x).Size() == t.Type().Size(), PrimPick, x)
	return b.emit(Inst{Prim: PrimPick, Type: t.Type(), Args: [3]int32{int32(x)}, Imm: uint64(t)})
}

// Rare is routine r of x and y, a value of type t, where the Bool m holds; elsewhere its value is
// 0 and must not matter. A routine of one operand takes it twice.
func (b *Builder) Rare(r Routine, t dtype.DType, m, x, y Value) Value {
	b.expect(b.Type(m) == dtype.Bool && b.Type(x) == b.Type(y) && r.takes(b.Type(x), t), PrimRare, m, x, y)
	return b.emit(Inst{Prim: PrimRare, Type: t, Args: [3]int32{int32(m), int32(x), int32(y)}, Imm: uint64(r)})
}
