package main

import (
	"fmt"
	"math"
	"strings"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/op"
)

// renderer turns a program into the statements of a loop's body.
type renderer struct {
	p     *op.Program
	names map[dtype.DType]string // how types are written: T for the type parameter
	uses  []int
	text  []string // the expression that stands for each value
	prec  []int    // how tightly it binds, see precedence
	lines []string
	count map[string]int // how many names of each letter are taken
}

// widest is how long an expression that is used once may be to stand inside another.
const widest = 56

// operands are the slices of a loop's operands.
var operands = [...]string{"xs", "ys", "zs"}

// render returns the statements that compute element i and store it in d.
func render(p *op.Program, names map[dtype.DType]string) string {
	r := &renderer{
		p: p, names: names, count: map[string]int{},
		uses: make([]int, len(p.Insts)), text: make([]string, len(p.Insts)), prec: make([]int, len(p.Insts)),
	}
	for _, in := range p.Insts {
		for _, a := range in.Args[:in.Prim.Arity()] {
			r.uses[a]++
		}
	}
	for i := range p.Insts {
		r.inst(i)
	}
	r.lines = append(r.lines, "d[i] = "+r.value(p.Out))
	return strings.Join(r.lines, "\n")
}

// typeName is how a type is written.
func (r *renderer) typeName(t dtype.DType) string {
	if n, ok := r.names[t]; ok {
		return n
	}
	return t.String()
}

// inst renders one instruction: as an expression, or with a name of its own where it is used more
// than once or would grow too long.
func (r *renderer) inst(i int) {
	in := r.p.Insts[i]
	switch in.Prim {
	case op.PrimConst:
		return
	case op.PrimRare:
		r.rare(i)
		return
	}
	expr := r.expr(in)
	if (r.uses[i] > 1 || len(expr) > widest) && int32(i) != r.p.Out {
		name := r.name(in)
		r.lines = append(r.lines, name+" := "+expr)
		expr = name
	}
	r.text[i] = expr
	r.prec[i] = precedence(expr)
}

// name makes a new name: m for masks, k for integers, v for floats, x, y, z for operands.
func (r *renderer) name(in op.Inst) string {
	switch {
	case in.Prim == op.PrimArg:
		return operands[in.Imm][:1]
	case in.Type == dtype.Bool:
		return r.numbered("m")
	case in.Type.IsInteger():
		return r.numbered("k")
	}
	return r.numbered("v")
}

func (r *renderer) numbered(letter string) string {
	r.count[letter]++
	return fmt.Sprintf("%s%d", letter, r.count[letter])
}

// rare renders a rare block as a branch.
func (r *renderer) rare(i int) {
	in := r.p.Insts[i]
	name := r.name(in)
	r.lines = append(r.lines,
		fmt.Sprintf("var %s %s", name, r.typeName(in.Type)),
		fmt.Sprintf("if %s {", r.value(in.Args[0])),
		fmt.Sprintf("%s = op.%s(%s, %s)", name, op.Routine(in.Imm).GoName(), r.value(in.Args[1]), r.value(in.Args[2])),
		"}")
	r.text[i], r.prec[i] = name, term
}

// value is the expression of an operand: constants have their type written.
func (r *renderer) value(v int32) string {
	in := r.p.Insts[v]
	if in.Prim != op.PrimConst {
		return r.text[v]
	}
	if in.Type == dtype.Bool {
		return fmt.Sprint(in.Imm != 0)
	}
	return fmt.Sprintf("%s(%s)", r.typeName(in.Type), literal(in))
}

// bare is the expression of an operand beside another that has the type.
func (r *renderer) bare(v int32) string {
	in := r.p.Insts[v]
	if in.Prim == op.PrimConst && in.Type != dtype.Bool && !strings.HasPrefix(literal(in), "math") {
		return literal(in)
	}
	return r.value(v)
}

// literal is a constant without its type.
func literal(in op.Inst) string {
	if !in.Type.IsFloat() {
		if in.Type.Kind() == dtype.UnsignedKind && in.Imm > 255 {
			return fmt.Sprintf("%#x", in.Imm)
		}
		return op.FormatBits(in.Type, in.Imm)
	}
	v := math.Float64frombits(in.Imm)
	if in.Type == dtype.Float32 {
		v = float64(math.Float32frombits(uint32(in.Imm)))
	}
	switch {
	case math.IsNaN(v):
		return "math.NaN()"
	case math.IsInf(v, 0):
		return fmt.Sprintf("math.Inf(%d)", int(math.Copysign(1, v)))
	case v == 0 && math.Signbit(v):
		return "math.Copysign(0, -1)"
	case v == math.Trunc(v) && math.Abs(v) <= 1024 || math.Abs(v) == 0.5:
		return fmt.Sprint(v)
	}
	return op.FormatBits(in.Type, in.Imm)
}

// infix are the primitives that are operators of Go, for numbers.
var infix = map[op.Prim]string{
	op.PrimAdd: "+", op.PrimSub: "-", op.PrimMul: "*",
	op.PrimEq: "==", op.PrimNe: "!=", op.PrimLt: "<", op.PrimLe: "<=",
	op.PrimAnd: "&", op.PrimOr: "|", op.PrimXor: "^",
}

// infixBool are those for bools.
var infixBool = map[op.Prim]string{
	op.PrimEq: "==", op.PrimNe: "!=", op.PrimAnd: "&&", op.PrimOr: "||", op.PrimXor: "!=",
}

// calls are the primitives that are functions: of floats, and of integers.
var floatCalls = map[op.Prim]string{
	op.PrimSqrt: "sqrt", op.PrimAbs: "abs", op.PrimCopysign: "copysign", op.PrimMin: "min", op.PrimMax: "max",
	op.PrimRint: "rint", op.PrimFloor: "floor", op.PrimTrunc: "trunc", op.PrimCeil: "ceil", op.PrimSelect: "sel",
}

var intCalls = map[op.Prim]string{
	op.PrimDiv: "quo", op.PrimRem: "rem", op.PrimAbs: "absInt", op.PrimMin: "min", op.PrimMax: "max",
	op.PrimShl: "shl", op.PrimShr: "shr", op.PrimSar: "sar", op.PrimSelect: "sel",
}

// expr is the expression that computes an instruction.
func (r *renderer) expr(in op.Inst) string {
	from := r.p.Insts[in.Args[0]].Type
	switch in.Prim {
	case op.PrimArg:
		return operands[in.Imm] + "[i]"
	case op.PrimPick:
		t := op.Pick(in.Imm)
		return fmt.Sprintf("op.%s[%s&%d]", t.GoName(), r.within(in.Args[0], operators["&"]), len(t.Bits())-1)
	case op.PrimConvert:
		return r.convert(in, from)
	case op.PrimBitcast:
		return r.bitcast(in, from)
	case op.PrimNeg:
		return "-" + r.within(in.Args[0], term)
	case op.PrimNot:
		return map[bool]string{true: "!", false: "^"}[from == dtype.Bool] + r.within(in.Args[0], term)
	case op.PrimFMA:
		return r.call(map[dtype.DType]string{dtype.Float32: "op.FMA32", dtype.Float64: "math.FMA"}[in.Type], in)
	case op.PrimDiv:
		if in.Type.IsFloat() {
			return r.binary("/", in)
		}
	case op.PrimShl, op.PrimShr, op.PrimSar:
		if s, ok := r.shift(in); ok {
			return s
		}
	case op.PrimMul:
		if in.Type.IsFloat() { // a conversion is what keeps the compiler from an fma
			return fmt.Sprintf("%s(%s)", r.typeName(in.Type), r.binary("*", in))
		}
	}
	if o, ok := infix[in.Prim]; ok && from != dtype.Bool {
		return r.binary(o, in)
	}
	if o, ok := infixBool[in.Prim]; ok && from == dtype.Bool {
		return r.binary(o, in)
	}
	if f, ok := floatCalls[in.Prim]; ok && !in.Type.IsInteger() {
		return r.call(f, in)
	}
	if f, ok := intCalls[in.Prim]; ok {
		return r.call(f, in)
	}
	panic(fmt.Sprintf("BUG: no Go for %v of %v", in.Prim, from))
}

// call writes constants without their type where another operand has it.
func (r *renderer) call(f string, in op.Inst) string {
	args := make([]string, in.Prim.Arity())
	typed := in.Prim == op.PrimFMA
	for i := range args {
		args[i] = r.bare(in.Args[i])
		typed = typed || r.p.Insts[in.Args[i]].Type == in.Type && r.p.Insts[in.Args[i]].Prim != op.PrimConst
	}
	if !typed {
		for i := range args {
			args[i] = r.value(in.Args[i])
		}
	}
	return fmt.Sprintf("%s(%s)", f, strings.Join(args, ", "))
}

func (r *renderer) binary(o string, in op.Inst) string {
	own := operators[o]
	if own == operators["=="] {
		return fmt.Sprintf("%s %s %s", r.within(in.Args[0], own+1), o, r.within(in.Args[1], own+1))
	}
	return fmt.Sprintf("%s %s %s", r.within(in.Args[0], own), o, r.within(in.Args[1], own+1))
}

// operators are Go's precedences, and term binds tighter than any.
var operators = map[string]int{
	"||": 1, "&&": 2, "==": 3, "!=": 3, "<": 3, "<=": 3,
	"+": 4, "-": 4, "|": 4, "^": 4, "*": 5, "/": 5, "<<": 5, ">>": 5, "&": 5,
}

const term = 6

// precedence is that of the loosest operator outside all parentheses.
func precedence(expr string) int {
	least, depth := term, 0
	for _, word := range strings.Fields(expr) {
		if p, ok := operators[word]; ok && depth == 0 {
			least = min(least, p)
		}
		depth += strings.Count(word, "(") - strings.Count(word, ")")
	}
	return least
}

// within is an operand, in parentheses unless it binds at least as tightly as given.
func (r *renderer) within(v int32, precedence int) string {
	s := r.bare(v)
	if r.p.Insts[v].Prim != op.PrimConst && r.prec[v] < precedence {
		return "(" + s + ")"
	}
	return s
}

// shift renders a shift by a constant below the width in Go's own operator, where its meaning for
// the type is the primitive's.
func (r *renderer) shift(in op.Inst) (string, bool) {
	by := r.p.Insts[in.Args[1]]
	isSigned := in.Type.Kind() == dtype.SignedKind
	if by.Prim != op.PrimConst || by.Imm >= uint64(8*in.Type.Size()) ||
		in.Prim == op.PrimShr && isSigned || in.Prim == op.PrimSar && !isSigned {
		return "", false
	}
	o := ">>"
	if in.Prim == op.PrimShl {
		o = "<<"
	}
	return r.binary(o, in), true
}

func (r *renderer) convert(in op.Inst, from dtype.DType) string {
	x, t := r.value(in.Args[0]), r.typeName(in.Type)
	switch {
	case in.Type == dtype.Bool:
		return r.within(in.Args[0], operators["!="]) + " != 0"
	case from == dtype.Bool:
		return fmt.Sprintf("fromBool[%s](%s)", t, x)
	case from.IsFloat() && in.Type == dtype.Int32:
		return fmt.Sprintf("op.TruncInt32(%s)", x)
	case from.IsFloat() && in.Type == dtype.Int64:
		return fmt.Sprintf("op.TruncInt64(%s)", x)
	}
	return fmt.Sprintf("%s(%s)", t, x)
}

func (r *renderer) bitcast(in op.Inst, from dtype.DType) string {
	x := r.value(in.Args[0])
	bits := map[int]string{4: "32", 8: "64"}[from.Size()]
	switch {
	case from.IsFloat() && in.Type.Kind() == dtype.UnsignedKind:
		return fmt.Sprintf("math.Float%sbits(%s)", bits, x)
	case from.IsFloat():
		return fmt.Sprintf("int%s(math.Float%sbits(%s))", bits, bits, x)
	case in.Type.IsFloat() && from.Kind() == dtype.UnsignedKind:
		return fmt.Sprintf("math.Float%sfrombits(%s)", bits, x)
	case in.Type.IsFloat():
		return fmt.Sprintf("math.Float%sfrombits(uint%s(%s))", bits, bits, x)
	}
	return fmt.Sprintf("%s(%s)", r.typeName(in.Type), x)
}
