package main

import (
	"fmt"
	"maps"
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
	count        = reg.RDX // of elements, or the index after the last
	index        = reg.RAX // of the step's first element
)

// emitter writes lines as assembly.
type emitter struct {
	*build.Context
	*target
	constants map[[4]uint64]operand.Mem
	picks     map[pickPart]operand.Mem
}

// kernel is a loop over elements.
type kernel struct {
	*target
	name   string
	doc    string
	lines  []line
	slots  int
	code   *code
	pinned map[value]int // values that are loaded before the loop
	floats bool          // take part in it
	sizes  [4]int        // of the elements of the result and the operands, 0 where there is none
	lanes  int           // elements of one step of the code
	steps  int
}

// function writes a kernel: it computes the elements from index up to count, a multiple of its steps', and leaves index
// where it stopped, before count if it left the loop for a rare block. With past, its results go past the caches. It
// has its operands in registers, and leaves the upper halves of vector registers to its caller to clear, so that several
// can be called in turn at little cost. Callers find no other general registers changed.
func (e *emitter) function(k *kernel, past bool) {
	name := k.name
	if past {
		name = k.pastName()
	}
	e.Function(name)
	e.Attributes(attr.NOSPLIT)
	e.SignatureExpr("func()")
	e.Comment(k.doc)
	var stack operand.Mem
	if k.slots > 0 {
		stack = e.AllocLocal(e.bytes * k.slots)
	}
	for _, v := range slices.Sorted(maps.Keys(k.pinned)) {
		e.VMOVUPS(e.partOf(pickPart{k.code.values[v].pick, k.code.values[v].part}), vectorRegisters[k.pinned[v]])
	}
	e.Label("loop")
	at := placement{
		result: func(step int) operand.Mem { return k.element(resultBase, 0, step) },
		operand: func(v vector) operand.Mem {
			return k.element(operandBases[v.operand], v.operand+1, v.step)
		},
		stack: stack, past: past,
	}
	for _, l := range k.lines {
		e.line(l, k.code, at)
	}
	e.ADDQ(operand.U32(k.lanes*k.steps), index)
	e.CMPQ(index, count)
	e.JLT(operand.LabelRef("loop"))
	e.Label("done")
	e.RET()
}

// fence writes the function that waits for stores past the caches.
func (e *emitter) fence() {
	e.Function("fence" + e.suffix)
	e.Attributes(attr.NOSPLIT)
	e.SignatureExpr("func()")
	e.Comment("Waits until all stores are where others see them.")
	e.SFENCE()
	e.RET()
}

// prefetch writes the function that asks for lines of memory to be brought to the second cache.
func (e *emitter) prefetch() {
	e.Function("prefetch" + e.suffix)
	e.Attributes(attr.NOSPLIT)
	e.SignatureExpr("func(at uintptr, lines int)")
	e.Comment("Asks for lines of 64 bytes.")
	e.Load(e.Param("at"), resultBase)
	e.Load(e.Param("lines"), count)
	e.Label("line")
	e.PREFETCHT1(operand.Mem{Base: resultBase})
	e.ADDQ(operand.U32(64), resultBase)
	e.DECQ(count)
	e.JNE(operand.LabelRef("line"))
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
	past    bool // results go past the caches
}

// line writes one line.
func (e *emitter) line(l line, c *code, at placement) {
	ops := make([]operand.Op, len(l.operands))
	spread := false // a constant, to all elements
	for i, o := range l.operands {
		ops[i] = e.place(o, c, at)
		spread = spread || e.masks > 0 && o.isConstant(c)
	}
	switch {
	case l.guard && l.operands[0].mask:
		e.instruction(map[int]string{8: "KORTESTB", 16: "KORTESTW"}[l.bytes], []operand.Op{ops[0], ops[0]})
		e.JNE(operand.LabelRef("done"))
	case l.guard:
		e.VPTEST(ops[0], ops[0])
		e.JNE(operand.LabelRef("done"))
	case l.store && at.past:
		e.VMOVNTPS(ops[0], at.result(l.step))
	case l.store:
		e.move(l.bytes, ops[0], at.result(l.step))
	case l.name == "" && spread:
		e.VPBROADCASTQ(ops[0], ops[1])
	case l.name == "" && (l.operands[0].mask || l.operands[1].mask):
		e.KMOVQ(ops[0], ops[1])
	case l.name == "":
		e.move(l.bytes, ops[0], ops[1])
	default:
		if spread {
			l.name += "_BCST"
		}
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
		return register(o)
	}
	if o.slot >= 0 {
		return at.stack.Offset(e.bytes * o.slot)
	}
	v := c.values[o.memory]
	if v.origin == fromOperand {
		return at.operand(v)
	}
	if v.origin == fromPick {
		return e.partOf(pickPart{v.pick, v.part})
	}
	return e.constant(v.pattern)
}

// register is the register of a location.
func register(o location) reg.Register {
	if o.mask {
		return maskRegisters[o.register]
	}
	v := vectorRegisters[o.register]
	switch o.bytes {
	case 64:
		return v
	case 32:
		return v.AsY()
	}
	return v.AsX()
}

// isConstant reports whether a location is the memory of a constant.
func (o location) isConstant(c *code) bool {
	return o.register < 0 && o.slot < 0 && c.values[o.memory].origin == fromConstant
}

var vectorRegisters = [...]reg.VecPhysical{
	reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7,
	reg.Z8, reg.Z9, reg.Z10, reg.Z11, reg.Z12, reg.Z13, reg.Z14, reg.Z15,
	reg.Z16, reg.Z17, reg.Z18, reg.Z19, reg.Z20, reg.Z21, reg.Z22, reg.Z23,
	reg.Z24, reg.Z25, reg.Z26, reg.Z27, reg.Z28, reg.Z29, reg.Z30, reg.Z31,
}

var maskRegisters = [...]reg.Register{reg.K0, reg.K1, reg.K2, reg.K3, reg.K4, reg.K5, reg.K6, reg.K7}

// constant is the memory of a constant, which is written where it is first used.
func (e *emitter) constant(p [4]uint64) operand.Mem {
	if m, ok := e.constants[p]; ok {
		return m
	}
	words := p[:]
	if e.masks > 0 {
		words = p[:1]
	}
	m := e.StaticGlobal(e.name + "_" + constantName(p))
	e.DataAttributes(attr.RODATA | attr.NOPTR)
	for i, word := range words {
		e.AddDatum(8*i, operand.U64(word))
	}
	e.constants[p] = m
	return m
}

// partOf is the memory of a part of a list of constants.
func (e *emitter) partOf(p pickPart) operand.Mem {
	if m, ok := e.picks[p]; ok {
		return m
	}
	m := e.StaticGlobal(fmt.Sprintf("%s_%v_%d", e.name, p.pick, p.part))
	e.DataAttributes(attr.RODATA | attr.NOPTR)
	size := p.pick.Type().Size()
	n := e.bytes / size
	for i, bits := range p.pick.Bits()[n*p.part : n*(p.part+1)] {
		if size == 4 {
			e.AddDatum(4*i, operand.U32(bits))
		} else {
			e.AddDatum(8*i, operand.U64(bits))
		}
	}
	e.picks[p] = m
	return m
}

// constantName tells the bits, once if they repeat.
func constantName(p [4]uint64) string {
	switch {
	case p[0] != p[1] || p[1] != p[2] || p[2] != p[3]:
		return fmt.Sprintf("%016x_%016x_%016x_%016x", p[3], p[2], p[1], p[0])
	case p[0]>>32 != p[0]&0xffffffff:
		return fmt.Sprintf("%016x", p[0])
	}
	return fmt.Sprintf("%08x", uint32(p[0]))
}
