package main

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The general registers of a kernel.
var (
	resultBase   = reg.R8
	operandBases = [...]reg.Register{reg.R9, reg.R10, reg.R11}
	count        = reg.RDX // of elements
	index        = reg.RAX // of the step's first element
)

// emitter writes lines as assembly.
type emitter struct {
	*build.Context
	constants map[[4]uint64]operand.Mem
}

// kernel is a loop over elements.
type kernel struct {
	name  string
	doc   string
	lines []line
	slots int
	code  *code
	sizes [4]int // of the elements of the result and the operands, 0 where there is none
	lanes int    // elements of one step of the code
	steps int
}

// function writes a kernel: it computes count elements, a multiple of its steps', and returns how many
// it did, fewer if it left the loop for a rare block.
func (e *emitter) function(k *kernel) {
	e.Function(k.name)
	e.Attributes(attr.NOSPLIT)
	e.SignatureExpr("func(dst, a, b, c *byte, n int) int")
	e.Comment(k.doc)
	e.Load(e.Param("dst"), resultBase)
	for i, name := range []string{"a", "b", "c"} {
		if k.sizes[i+1] != 0 {
			e.Load(e.Param(name), operandBases[i])
		}
	}
	e.Load(e.Param("n"), count)
	e.XORL(index.As32(), index.As32())
	var stack operand.Mem
	if k.slots > 0 {
		stack = e.AllocLocal(32 * k.slots)
	}
	e.Label("loop")
	at := placement{
		result: func(step int) operand.Mem { return k.element(resultBase, 0, step) },
		operand: func(v vector) operand.Mem {
			return k.element(operandBases[v.operand], v.operand+1, v.step)
		},
		stack: stack,
	}
	for _, l := range k.lines {
		e.line(l, k.code, at)
	}
	e.ADDQ(operand.U32(k.lanes*k.steps), index)
	e.CMPQ(index, count)
	e.JLT(operand.LabelRef("loop"))
	e.Label("done")
	e.VZEROUPPER()
	e.Store(index, e.ReturnIndex(0))
	e.RET()
}

// element is the memory of an operand's first element of a step; 0 is the result.
func (k *kernel) element(base reg.Register, which, step int) operand.Mem {
	size := k.sizes[which]
	return operand.Mem{Base: base, Index: index, Scale: uint8(size), Disp: step * k.lanes * size}
}

// placement says where a kernel's operands are.
type placement struct {
	result  func(step int) operand.Mem
	operand func(v vector) operand.Mem
	stack   operand.Mem
}

// line writes one line.
func (e *emitter) line(l line, c *code, at placement) {
	ops := make([]operand.Op, len(l.operands))
	for i, o := range l.operands {
		ops[i] = e.place(o, c, at)
	}
	switch {
	case l.guard:
		e.VPTEST(ops[0], ops[0])
		e.JNE(operand.LabelRef("done"))
	case l.store:
		e.move(l.bytes, ops[0], at.result(l.step))
	case l.name == "":
		e.move(l.bytes, ops[0], ops[1])
	default:
		e.plain(l, ops)
	}
}

// move loads, stores or copies.
func (e *emitter) move(bytes int, from, to operand.Op) {
	switch bytes {
	case 4:
		e.VMOVD(from, to)
	case 8:
		e.VMOVQ(from, to)
	default:
		e.VMOVUPS(from, to)
	}
}

// plain writes an instruction: Go's assembler has the operands of Intel's manual in reverse, but for the
// result, which lines have last. The three operands of a fused multiply-add are as lines have them.
func (e *emitter) plain(l line, ops []operand.Op) {
	if !l.fused {
		slices.Reverse(ops[:len(ops)-1])
	}
	if l.imm >= 0 {
		ops = append([]operand.Op{operand.U8(l.imm)}, ops...)
	}
	e.instruction(l.name, ops)
}

// instruction calls the method of the build context that has the instruction's name.
func (e *emitter) instruction(name string, ops []operand.Op) {
	m := reflect.ValueOf(e.Context).MethodByName(name)
	if !m.IsValid() {
		panic("BUG: avo knows no " + name)
	}
	args := make([]reflect.Value, len(ops))
	for i, o := range ops {
		args[i] = reflect.ValueOf(o)
	}
	m.Call(args)
}

// place is an operand for avo.
func (e *emitter) place(o location, c *code, at placement) operand.Op {
	if o.register >= 0 {
		if o.wide {
			return yRegisters[o.register]
		}
		return xRegisters[o.register]
	}
	if o.slot >= 0 {
		return at.stack.Offset(32 * o.slot)
	}
	v := c.values[o.memory]
	if v.origin == fromOperand {
		return at.operand(v)
	}
	return e.constant(v.pattern)
}

var yRegisters = [...]reg.Register{
	reg.Y0, reg.Y1, reg.Y2, reg.Y3, reg.Y4, reg.Y5, reg.Y6, reg.Y7,
	reg.Y8, reg.Y9, reg.Y10, reg.Y11, reg.Y12, reg.Y13, reg.Y14, reg.Y15,
}

var xRegisters = [...]reg.Register{
	reg.X0, reg.X1, reg.X2, reg.X3, reg.X4, reg.X5, reg.X6, reg.X7,
	reg.X8, reg.X9, reg.X10, reg.X11, reg.X12, reg.X13, reg.X14, reg.X15,
}

// constant is the memory of a constant, which is written where it is first used.
func (e *emitter) constant(p [4]uint64) operand.Mem {
	if m, ok := e.constants[p]; ok {
		return m
	}
	m := e.StaticGlobal(constantName(p))
	e.DataAttributes(attr.RODATA | attr.NOPTR)
	for i, word := range p {
		e.AddDatum(8*i, operand.U64(word))
	}
	e.constants[p] = m
	return m
}

// constantName tells the bits, once if they repeat.
func constantName(p [4]uint64) string {
	switch {
	case p[0] != p[1] || p[1] != p[2] || p[2] != p[3]:
		return fmt.Sprintf("avx2_%016x_%016x_%016x_%016x", p[3], p[2], p[1], p[0])
	case p[0]>>32 != p[0]&0xffffffff:
		return fmt.Sprintf("avx2_%016x", p[0])
	}
	return fmt.Sprintf("avx2_%08x", uint32(p[0]))
}
