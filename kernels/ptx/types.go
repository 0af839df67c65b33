package ptx

import (
	"fmt"
	"strings"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/op"
)

// An integer of 1 or 2 bytes is held in a register of 4, extended with its sign or zeros. A bool is a predicate.
// machine is the types as a register holds them.
var machine = [dtype.Count]struct {
	class string // of the register
	typ   string // of arithmetic
	bits  string // as bits; of a bool, when it is bits for a while
	mem   string // of loads and stores
}{
	dtype.Bool:    {pred, "pred", "b32", "u8"},
	dtype.Int8:    {b32, "s32", "b32", "s8"},
	dtype.Int16:   {b32, "s32", "b32", "s16"},
	dtype.Int32:   {b32, "s32", "b32", "b32"},
	dtype.Int64:   {b64, "s64", "b64", "b64"},
	dtype.Uint8:   {b32, "u32", "b32", "u8"},
	dtype.Uint16:  {b32, "u32", "b32", "u16"},
	dtype.Uint32:  {b32, "u32", "b32", "b32"},
	dtype.Uint64:  {b64, "u64", "b64", "b64"},
	dtype.Float32: {f32, "f32", "b32", "f32"},
	dtype.Float64: {f64, "f64", "b64", "f64"},
}

// group is the types that share a table of instructions.
type group int

const (
	bools group = iota
	integers
	floats
	groups
)

func groupOf(t dtype.DType) group {
	switch {
	case t == dtype.Bool:
		return bools
	case t.IsFloat():
		return floats
	}
	return integers
}

// instructions are the primitives that are one instruction. T is the type of the first operand, B its bits, S
// its signed type. What is not here is written by a function of expansions.
var instructions = [groups][op.NumPrim]string{
	bools: {
		op.PrimAnd: "and.T", op.PrimOr: "or.T", op.PrimXor: "xor.T", op.PrimNot: "not.T", op.PrimNe: "xor.T",
	},
	integers: {
		op.PrimAdd: "add.T", op.PrimSub: "sub.T", op.PrimMul: "mul.lo.T", op.PrimNeg: "neg.S",
		op.PrimMin: "min.T", op.PrimMax: "max.T",
		op.PrimEq: "setp.eq.T", op.PrimNe: "setp.ne.T", op.PrimLt: "setp.lt.T", op.PrimLe: "setp.le.T",
		op.PrimAnd: "and.B", op.PrimOr: "or.B", op.PrimXor: "xor.B", op.PrimNot: "not.B",
	},
	floats: {
		op.PrimAdd: "add.rn.T", op.PrimSub: "sub.rn.T", op.PrimMul: "mul.rn.T", op.PrimDiv: "div.rn.T",
		op.PrimSqrt: "sqrt.rn.T", op.PrimFMA: "fma.rn.T", op.PrimNeg: "neg.T", op.PrimAbs: "abs.T",
		op.PrimRint: "cvt.rni.T.T", op.PrimFloor: "cvt.rmi.T.T", op.PrimTrunc: "cvt.rzi.T.T", op.PrimCeil: "cvt.rpi.T.T",
		op.PrimEq: "setp.eq.T", op.PrimNe: "setp.neu.T", op.PrimLt: "setp.lt.T", op.PrimLe: "setp.le.T",
	},
}

// expansions are the primitives that take several instructions. t is the type of the first operand, but of a
// select's result.
var expansions [op.NumPrim]func(w *writer, t dtype.DType, x []string) string

func init() {
	expansions = [op.NumPrim]func(w *writer, t dtype.DType, x []string) string{
		op.PrimDiv: divide, op.PrimRem: remainder, op.PrimAbs: absolute, op.PrimCopysign: copysign,
		op.PrimMin: lesser, op.PrimMax: greater, op.PrimSelect: choose, op.PrimEq: same,
		op.PrimShl: shiftLeft, op.PrimShr: shiftRight, op.PrimSar: shiftSigned,
	}
}

// instruction is the table's entry for a primitive on operands of type t; "" if there is none.
func instruction(p op.Prim, t dtype.DType) string {
	m := machine[t]
	s := strings.ReplaceAll(instructions[groupOf(t)][p], "T", m.typ)
	s = strings.ReplaceAll(s, ".B", "."+m.bits)
	return strings.ReplaceAll(s, ".S", "."+signedType(t))
}

func signedType(t dtype.DType) string {
	if t.Size() == 8 {
		return "s64"
	}
	return "s32"
}

// arith writes a primitive of operands of type t whose result has the type to.
func (w *writer) arith(p op.Prim, t, to dtype.DType, x ...string) string {
	if s := instruction(p, t); s != "" {
		return w.narrow(to, w.to(machine[to].class, s, x...))
	}
	f := expansions[p]
	if f == nil {
		panic(fmt.Sprintf("BUG: ptx: primitive %v of %v has no instructions", p, t))
	}
	return w.narrow(to, f(w, t, x))
}

// narrow extends the low bytes of a register again, after arithmetic on a type that is narrower.
func (w *writer) narrow(t dtype.DType, x string) string {
	if t.Size() > 2 || t == dtype.Bool {
		return x
	}
	return w.to(b32, "cvt."+machine[t].typ+"."+machine[t].mem, x)
}

// constant is a value as an operand: an immediate, or for a bool a predicate.
func (w *writer) constant(t dtype.DType, bits uint64) string {
	switch {
	case t == dtype.Float32:
		return fmt.Sprintf("0f%08x", bits)
	case t == dtype.Float64:
		return fmt.Sprintf("0d%016x", bits)
	case t == dtype.Bool && bits != 0:
		return w.to(pred, "setp.eq.u32", w.zero(), "0")
	case t == dtype.Bool:
		return w.to(pred, "setp.ne.u32", w.zero(), "0")
	case t.Kind() == dtype.SignedKind:
		shift := 64 - 8*t.Size()
		return fmt.Sprint(int64(bits<<shift) >> shift)
	}
	return fmt.Sprint(bits)
}

// zero is a register that holds 0.
func (w *writer) zero() string { return w.to(b32, "mov.u32", "0") }

// move puts a value, which may be an immediate, into a register that exists.
func (w *writer) move(t dtype.DType, to, x string) {
	w.emit("mov."+machine[t].typ, to, x)
}

// variable is a new register that starts with a value.
func (w *writer) variable(t dtype.DType, x string) string {
	d := w.reg(machine[t].class)
	w.move(t, d, x)
	return d
}

// inRegister is a value that may be an immediate, in a register: not every instruction takes immediates.
func (w *writer) inRegister(t dtype.DType, x string) string {
	if strings.HasPrefix(x, "%") {
		return x
	}
	return w.variable(t, x)
}

func same(w *writer, _ dtype.DType, x []string) string {
	return w.to(pred, "not.pred", w.to(pred, "xor.pred", x...))
}

// divide is the quotient toward zero; by 0 it is 0, and the minimum by -1 wraps. Where y is 0 or -1 the divisor
// is 1, and x·y the result.
func divide(w *writer, t dtype.DType, x []string) string {
	p, y := safeDivisor(w, t, x[1])
	q := w.to(machine[t].class, "div."+machine[t].typ, x[0], y)
	return w.to(machine[t].class, "selp."+machine[t].bits, w.to(machine[t].class, "mul.lo."+machine[t].typ, x[0], x[1]), q, p)
}

// remainder has the sign of x; by 0 it is 0.
func remainder(w *writer, t dtype.DType, x []string) string {
	_, y := safeDivisor(w, t, x[1])
	return w.to(machine[t].class, "rem."+machine[t].typ, x[0], y)
}

// safeDivisor is 1 where the predicate, that y is 0 or -1, holds, and y elsewhere. An unsigned y is not -1.
func safeDivisor(w *writer, t dtype.DType, y string) (p, divisor string) {
	m := machine[t]
	if t.Kind() == dtype.UnsignedKind {
		p = w.to(pred, "setp.eq."+m.typ, y, "0")
	} else {
		unsigned := strings.Replace(m.typ, "s", "u", 1)
		p = w.to(pred, "setp.le."+unsigned, w.to(m.class, "add."+m.typ, y, "1"), "1")
	}
	return p, w.to(m.class, "selp."+m.bits, "1", y, p)
}

// absolute of integers; the minimum wraps.
func absolute(w *writer, t dtype.DType, x []string) string {
	if t.Kind() == dtype.UnsignedKind {
		return x[0]
	}
	m := machine[t]
	return w.to(m.class, "max."+m.typ, x[0], w.to(m.class, "neg."+m.typ, x[0]))
}

// copysign has its operands in the other order in PTX.
func copysign(w *writer, t dtype.DType, x []string) string {
	return w.to(machine[t].class, "copysign."+machine[t].typ, x[1], x[0])
}

// lesser is the smaller float, or NaN; -0 < +0. Equal numbers have equal bits, but for zeros, whose signs are
// joined.
func lesser(w *writer, t dtype.DType, x []string) string { return extreme(w, t, x, "lt", "or") }

// greater is the larger float, or NaN; +0 > -0.
func greater(w *writer, t dtype.DType, x []string) string { return extreme(w, t, x, "gt", "and") }

func extreme(w *writer, t dtype.DType, x []string, better, join string) string {
	m := machine[t]
	a, b := w.inRegister(t, x[0]), w.inRegister(t, x[1])
	nan := w.to(pred, "setp.nan."+m.typ, a, a)
	first := w.to(pred, "setp."+better+".or."+m.typ, a, b, nan)
	best := w.to(m.class, "selp."+m.typ, a, b, first)
	equal := w.to(pred, "setp.eq."+m.typ, a, b)
	return w.to(m.class, "selp."+m.typ, w.to(m.class, join+"."+m.bits, a, b), best, equal)
}

// choose is y where x holds, else z.
func choose(w *writer, t dtype.DType, x []string) string {
	if t != dtype.Bool {
		return w.to(machine[t].class, "selp."+machine[t].typ, x[1], x[2], x[0])
	}
	yes := w.to(pred, "and.pred", x[0], x[1])
	no := w.to(pred, "and.pred", w.to(pred, "not.pred", x[0]), x[2])
	return w.to(pred, "or.pred", yes, no)
}

// shiftLeft is 0 from the width of the type on; PTX clamps amounts at the width of the register.
func shiftLeft(w *writer, t dtype.DType, x []string) string {
	return w.to(machine[t].class, "shl."+machine[t].bits, x[0], amount(w, t, x[1]))
}

// shiftRight shifts zeros in.
func shiftRight(w *writer, t dtype.DType, x []string) string {
	v := x[0]
	if t.Size() < 4 && t.Kind() == dtype.SignedKind {
		v = w.to(b32, "and.b32", v, fmt.Sprint(uint64(1)<<(8*t.Size())-1))
	}
	unsigned := strings.Replace(signedType(t), "s", "u", 1)
	return w.to(machine[t].class, "shr."+unsigned, v, amount(w, t, x[1]))
}

// shiftSigned shifts the highest bit in, also for unsigned types.
func shiftSigned(w *writer, t dtype.DType, x []string) string {
	v := x[0]
	if t.Size() < 4 && t.Kind() == dtype.UnsignedKind {
		v = w.to(b32, fmt.Sprintf("cvt.s32.s%d", 8*t.Size()), w.inRegister(t, v))
	}
	return w.to(machine[t].class, "shr."+signedType(t), v, amount(w, t, x[1]))
}

// amount is how far to shift, in 32 bits. A negative one counts as unsigned, and is more than any width.
func amount(w *writer, t dtype.DType, y string) string {
	if t.Size() < 8 {
		return y
	}
	return w.to(b32, "cvt.u32.u64", w.to(b64, "min.u64", y, "64"))
}
