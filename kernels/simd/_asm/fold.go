package main

import (
	"fmt"
	"strings"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/op"
)

// fold is the kernels that fold by one operator: whole blocks of canon.Block elements, and rows of
// lanes in parts.
type fold struct {
	*target
	name  string
	code  op.Code
	types []dtype.DType // that it serves
}

// newFolds lists the folds: sums of floats in canon's order, and those whose order does not matter. With AVX-512
// only what is not limited by memory with AVX2.
func (t *target) newFolds() []*fold {
	var folds []*fold
	add := func(code op.Code, types ...dtype.DType) {
		f := &fold{target: t, code: code, types: types, name: code.Row().GoName}
		for _, d := range types {
			f.name += title(d.String())
		}
		f.name += t.suffix
		folds = append(folds, f)
	}
	for _, d := range []dtype.DType{dtype.Float32, dtype.Float64} {
		for _, code := range []op.Code{op.Add, op.Maximum, op.Minimum} {
			add(code, d)
		}
	}
	if t == avx2 {
		add(op.Add, dtype.Int64, dtype.Uint64)
	}
	return folds
}

const (
	laneRegisters = canon.LaneBytes / 32 // all there are
	accumulators  = laneRegisters / 2    // that have partial results where the order does not matter
)

// fold writes the kernels of a fold.
func (e *emitter) fold(f *fold) {
	e.eightRows(f, false)
	if f.squares() {
		e.eightRows(f, true)
		e.squareRows(f)
	}
	if e.target == avx512 {
		if f.has("rows") {
			e.extremeRows(f)
		}
		return
	}
	t := f.types[0]
	ordered := f.code == op.Add && t.IsFloat()
	what := fmt.Sprintf("%s of %s: ", f.code.Row().GoName, strings.ToLower(t.String()))
	if ordered {
		e.blocks(f, what, func() { e.sumBlock(t) })
		e.laneRows(f, what, laneRegisters, func() { e.sumRow(t) })
		e.laneTree(f, what, func() {
			e.loadRow(operandBases[0], laneRegisters)
			e.sumTree(t)
		})
		return
	}
	p := f.code.Program([]dtype.DType{t, t})
	e.blocks(f, what, func() { e.freeBlock(p, t.Size()) })
	e.laneRows(f, what, accumulators, func() { e.freeRow(p) })
	e.laneTree(f, what, func() {
		e.loadRow(operandBases[0], accumulators)
		e.ADDQ(operand.U32(32*accumulators), operandBases[0])
		e.freeRow(p)
		e.freeTree(p, t.Size())
	})
}

// start begins a function that folds from a to dst.
func (e *emitter) start(name, signature, doc string) {
	e.Function(name)
	e.Attributes(attr.NOSPLIT)
	e.SignatureExpr(signature)
	e.Comment(doc)
	e.Load(e.ParamIndex(0), resultBase)
	e.Load(e.ParamIndex(1), operandBases[0])
}

// end ends it.
func (e *emitter) end() {
	e.VZEROUPPER()
	e.RET()
}

// blocks writes the function that folds whole blocks, each to one element.
func (e *emitter) blocks(f *fold, what string, block func()) {
	e.start("blocks"+f.name, "func(dst, src *byte, blocks int)", what+"folds whole blocks, each to one.")
	e.Load(e.Param("blocks"), count)
	e.Label("block")
	block()
	e.ADDQ(operand.U32(f.types[0].Size()), resultBase)
	e.DECQ(count)
	e.JNE(operand.LabelRef("block"))
	e.end()
}

// laneRows writes the function that folds rows of lanes into those at dst, so many registers at a time.
func (e *emitter) laneRows(f *fold, what string, width int, row func()) {
	e.start("rows"+f.name, "func(acc, src *byte, rows int)", what+"folds rows of lanes into lanes.")
	for part := range laneRegisters / width {
		if part > 0 {
			e.Load(e.ParamIndex(1), operandBases[0])
			e.ADDQ(operand.U32(32*width), operandBases[0])
			e.ADDQ(operand.U32(32*width), resultBase)
		}
		e.Load(e.Param("rows"), count)
		e.loadRow(resultBase, width)
		label := fmt.Sprintf("part%d", part)
		e.Label(label)
		row()
		e.ADDQ(operand.U32(canon.LaneBytes), operandBases[0])
		e.DECQ(count)
		e.JNE(operand.LabelRef(label))
		for i := range width {
			e.VMOVUPS(yRegister(i), operand.Mem{Base: resultBase, Disp: 32 * i})
		}
	}
	e.end()
}

// laneTree writes the function that folds lanes to one element.
func (e *emitter) laneTree(f *fold, what string, tree func()) {
	e.start("tree"+f.name, "func(dst, acc *byte)", what+"folds lanes to one element.")
	tree()
	e.end()
}

func yRegister(i int) reg.Register { return vectorRegisters[i].AsY() }

// loadRow loads registers.
func (e *emitter) loadRow(base reg.Register, n int) {
	for i := range n {
		e.VMOVUPS(operand.Mem{Base: base, Disp: 32 * i}, yRegister(i))
	}
}

// blockRows writes the loop over the rows of a block, each of so many bytes.
func (e *emitter) blockRows(bytes, size int, row func()) {
	e.loadRow(operandBases[0], bytes/32)
	e.MOVQ(operand.U32(canon.Block*size/bytes-1), reg.RCX)
	e.Label("row")
	e.ADDQ(operand.U32(bytes), operandBases[0])
	row()
	e.DECQ(reg.RCX)
	e.JNE(operand.LabelRef("row"))
	e.ADDQ(operand.U32(bytes), operandBases[0])
}

// rowAt is the memory of a register of the present row.
func rowAt(i int) operand.Mem { return operand.Mem{Base: operandBases[0], Disp: 32 * i} }

// sumBlock sums a block in the order of canon.LaneFold: the lanes take all registers.
func (e *emitter) sumBlock(t dtype.DType) {
	e.blockRows(canon.LaneBytes, t.Size(), func() { e.sumRow(t) })
	e.sumTree(t)
}

func (e *emitter) sumRow(t dtype.DType) {
	for i := range laneRegisters {
		e.instruction(instructions[op.PrimAdd][t], []operand.Op{rowAt(i), yRegister(i), yRegister(i)})
	}
}

func (e *emitter) sumTree(t dtype.DType) {
	if t == dtype.Float32 {
		e.tree32()
	} else {
		e.tree64()
	}
}

// addTo adds register j to register i.
func (e *emitter) addTo(name string, i, j int) {
	e.instruction(name, []operand.Op{yRegister(j), yRegister(i), yRegister(i)})
}

// tree32 is canon.LaneTree. Two additions of neighbours give (a+b)+(c+d) of the groups of four registers
// in one: of registers 0 to 3 the groups 0, 2, 4, 6 and 1, 3, 5, 7.
func (e *emitter) tree32() {
	for i := 0; i < laneRegisters; i += 2 {
		e.addTo("VHADDPS", i, i+1)
	}
	for i := 0; i < laneRegisters; i += 4 {
		e.addTo("VHADDPS", i, i+2)
	}
	e.addTo("VADDPS", 0, 8)                    // distance 16
	e.addTo("VADDPS", 4, 12)                   // likewise
	e.addTo("VADDPS", 0, 4)                    // distance 8
	for _, swap := range []uint8{0x4e, 0xb1} { // distances 4 and 2
		e.VPERMILPS(operand.U8(swap), reg.Y0, reg.Y1)
		e.addTo("VADDPS", 0, 1)
	}
	e.VEXTRACTF128(operand.U8(1), reg.Y0, reg.X1) // distance 1
	e.VADDSS(reg.X1, reg.X0, reg.X0)
	e.VMOVSS(reg.X0, operand.Mem{Base: resultBase})
}

// tree64 is canon.LaneTree. Adding neighbours gives a+b of the groups of two registers in one: of
// registers 0 and 1 the groups 0, 2 and 1, 3.
func (e *emitter) tree64() {
	for i := 0; i < laneRegisters; i += 2 {
		e.addTo("VHADDPD", i, i+1)
	}
	for d := 8; d >= 2; d /= 2 { // distances 16, 8, 4
		for i := 0; i < d; i += 2 {
			e.addTo("VADDPD", i, i+d)
		}
	}
	e.VPERMILPD(operand.U8(5), reg.Y0, reg.Y1) // distance 2
	e.addTo("VADDPD", 0, 1)
	e.VEXTRACTF128(operand.U8(1), reg.Y0, reg.X1) // distance 1
	e.VADDSD(reg.X1, reg.X0, reg.X0)
	e.VMOVSD(reg.X0, operand.Mem{Base: resultBase})
}

// freeBlock folds a block in any order.
func (e *emitter) freeBlock(p *op.Program, size int) {
	e.blockRows(32*accumulators, size, func() { e.freeRow(p) })
	e.freeTree(p, size)
}

// freeRow folds a row into the accumulators.
func (e *emitter) freeRow(p *op.Program) {
	c, acc, pinned := e.pinnedAccumulators()
	for i := range acc {
		x := c.value(vector{origin: fromOperand, bytes: 32, step: i})
		c.assign(acc[i], c.join(p, acc[i], x))
	}
	e.straight(c, pinned)
}

// freeTree folds the accumulators to one element.
func (e *emitter) freeTree(p *op.Program, size int) {
	c, acc, pinned := e.pinnedAccumulators()
	c.store(c.halves(p, acc, size), 0, size)
	e.straight(c, pinned)
}

// pinnedAccumulators starts code in which the accumulators have values.
func (t *target) pinnedAccumulators() (c *code, acc []value, pinned map[value]int) {
	c, pinned = t.newCode(), map[value]int{}
	for i := range accumulators {
		v := c.value(vector{bytes: 32})
		acc, pinned[v] = append(acc, v), i
	}
	return c, acc, pinned
}

// join is the operator on two values.
func (c *code) join(p *op.Program, x, y value) value {
	l, err := lower(c, p, 0, []value{x, y})
	if err != nil {
		panic("BUG: a fold without instructions: " + err.Error())
	}
	return l.of[p.Out]
}

// assign gives a pinned value a new one.
func (c *code) assign(pinned, v value) {
	c.instructions = append(c.instructions, instruction{form: assign, imm: -1, src: []value{v}, dst: pinned, memory: -1})
}

// halves folds values to one, and that to its first element.
func (c *code) halves(p *op.Program, v []value, size int) value {
	for n := len(v) / 2; n > 0; n /= 2 {
		for i := range n {
			v[i] = c.join(p, v[i], v[i+n])
		}
	}
	low := c.add(16, instruction{name: "VEXTRACTI128", imm: 0, src: v[:1], memory: -1})
	high := c.add(16, instruction{name: "VEXTRACTI128", imm: 1, src: v[:1], memory: -1})
	x := c.join(p, low, high)
	for _, half := range []struct{ bytes, swap int }{{8, 0x4e}, {4, 0xb1}} {
		if size <= half.bytes {
			x = c.join(p, x, c.add(16, instruction{name: "VPSHUFD", imm: half.swap, src: []value{x}}))
		}
	}
	return x
}

// straight writes code whose operand is the present row, and whose result is that of the block.
func (e *emitter) straight(c *code, pinned map[value]int) {
	c.prune()
	lines, slots := allocate(c, e.registers, pinned)
	if slots > 0 {
		panic("BUG: a fold takes more registers than there are")
	}
	for _, l := range lines {
		e.line(l, c, placement{
			result:  func(int) operand.Mem { return operand.Mem{Base: resultBase} },
			operand: func(v vector) operand.Mem { return rowAt(v.step) },
		})
	}
}
