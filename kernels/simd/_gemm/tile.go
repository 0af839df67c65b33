package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Offsets in simd.GemmPanel.
const (
	fieldA = 8 * iota
	fieldB
	fieldC
	fieldK
	fieldRows
	fieldCols
	fieldARow
	fieldACol
	fieldAStrip
	fieldBRow
	fieldCRow
	fieldMode
	fieldAhead
	fieldAheadStep
	fieldNextC
)

// Bits of simd.GemmMode.
const (
	modeCarry  = 1
	modeSettle = 2
	modeStream = 4
)

// General registers, the same throughout the kernel.
var (
	panel  = reg.RDI
	stripA = reg.R14 // A at the strip of rows
	stripC = reg.R12 // C there
	left   = reg.R15 // rows that are to come
	aLow   = reg.RAX // A at rows 0 to 5 of the strip, and at the step of k
	aHigh  = reg.RBX // the same at rows 6 to 11
	b      = reg.RCX
	aRow   = reg.RDX // bytes between rows of A; times three; times five
	aRow3  = reg.RSI
	aRow5  = reg.R8
	aCol   = reg.R9
	bRow   = reg.R10
	cRow   = reg.R13
	count  = reg.R11
	temp   = reg.R11 // where count is not in use
	cAt    = reg.RAX // where aLow is not in use
)

// kernel is the generator of one function.
type kernel struct {
	*build.Context
	isa
	element
}

func field(offset int) Mem { return Mem{Base: panel, Disp: offset} }

// gemm is the function that computes a panel: strips of rows, one after the other.
func gemm(c *build.Context, i isa, e element) {
	k := kernel{c, i, e}
	c.Function("gemm" + e.name + i.name)
	c.Doc("gemm" + e.name + i.name + " is a GemmKernel's Run.")
	c.Attributes(attr.NOSPLIT)
	c.Signature(signature("p", pointerToPanel))
	c.Pragma("noescape")
	c.Load(c.Param("p"), panel)
	k.masks()
	for _, r := range []struct {
		offset int
		to     reg.GPPhysical
	}{{fieldA, stripA}, {fieldC, stripC}, {fieldRows, left}, {fieldARow, aRow}, {fieldACol, aCol}, {fieldBRow, bRow}, {fieldCRow, cRow}} {
		c.MOVQ(field(r.offset), r.to)
	}
	c.LEAQ(Mem{Base: aRow, Index: aRow, Scale: 2}, aRow3)
	c.LEAQ(Mem{Base: aRow, Index: aRow, Scale: 4}, aRow5)
	c.CMPQ(field(fieldCols), Imm(uint64(i.bytes/e.size)))
	c.JLE(LabelRef("narrow"))
	k.strips("wide", 2)
	k.strips("narrow", 1)
	c.Label("done")
	c.TESTQ(U32(modeStream), field(fieldMode))
	c.JZ(LabelRef("ordered"))
	c.SFENCE()
	c.Label("ordered")
	c.VZEROUPPER()
	c.RET()
}

// masks sets K1 and K2 to the columns that the panel has in the first and in the second register.
func (k kernel) masks() {
	if k.bytes != 64 {
		return
	}
	k.MOVQ(field(fieldCols), reg.RCX)
	k.MOVQ(I32(-1), temp)
	k.SHLQ(reg.CL, temp)
	k.NOTQ(temp)
	k.KMOVW(temp.As32(), reg.K1)
	k.SHRQ(Imm(uint64(k.bytes/k.size)), temp)
	k.KMOVW(temp.As32(), reg.K2)
}

// strips computes all rows with tiles of a number of registers, and goes to done.
func (k kernel) strips(label string, width int) {
	k.Label(label)
	k.CMPQ(left, Imm(uint64(k.rows)))
	k.JL(LabelRef(label + "rest"))
	k.tile(fmt.Sprint(label, k.rows), k.rows, width)
	k.ADDQ(field(fieldAStrip), stripA)
	k.IMUL3Q(Imm(uint64(k.rows)), cRow, temp)
	k.ADDQ(temp, stripC)
	k.SUBQ(Imm(uint64(k.rows)), left)
	k.JMP(LabelRef(label))
	k.Label(label + "rest")
	for n := 1; n < k.rows; n++ {
		k.CMPQ(left, Imm(uint64(n)))
		k.JEQ(LabelRef(fmt.Sprint(label, "rows", n)))
	}
	k.JMP(LabelRef("done"))
	for n := 1; n < k.rows; n++ {
		k.Label(fmt.Sprint(label, "rows", n))
		k.tile(fmt.Sprint(label, n), n, width)
		k.JMP(LabelRef("done"))
	}
}

// tile carries the chains of rows by width registers through all of k.
func (k kernel) tile(label string, rows, width int) {
	k.prefetch(label, rows)
	k.start(label, rows, width)
	k.MOVQ(stripA, aLow)
	if rows > 6 {
		k.LEAQ(Mem{Base: stripA, Index: aRow3, Scale: 2}, aHigh)
	}
	k.MOVQ(field(fieldB), b)
	k.MOVQ(field(fieldK), count)
	if rows == k.rows {
		k.fours(label, rows, width)
	}
	k.TESTQ(count, count)
	k.JZ(LabelRef(label + "end"))
	k.Label(label + "one")
	k.step(rows, width)
	k.DECQ(count)
	k.JNZ(LabelRef(label + "one"))
	k.Label(label + "end")
	k.finish(label, rows, width)
}

// fours takes four indices of k at a time, and leaves what remains in count.
func (k kernel) fours(label string, rows, width int) {
	k.SHRQ(Imm(2), count)
	k.JZ(LabelRef(label + "tail"))
	k.Label(label + "four")
	for range 4 {
		k.step(rows, width)
	}
	k.DECQ(count)
	k.JNZ(LabelRef(label + "four"))
	k.Label(label + "tail")
	k.MOVQ(field(fieldK), count)
	k.ANDQ(Imm(3), count)
}

// prefetch asks for the rows of C that come next, in this panel or the one after it, and for what the panel says.
func (k kernel) prefetch(label string, rows int) {
	if rows != k.rows {
		return
	}
	k.TESTQ(U32(modeStream), field(fieldMode))
	k.JNZ(LabelRef(label + "ahead"))
	k.IMUL3Q(Imm(uint64(rows)), cRow, cAt)
	k.ADDQ(stripC, cAt)
	k.CMPQ(left, Imm(uint64(2*rows)))
	k.CMOVQLT(field(fieldNextC), cAt)
	for i := range rows {
		k.PREFETCHT0(Mem{Base: cAt})
		k.PREFETCHT0(Mem{Base: cAt, Disp: 2*k.bytes - 1})
		if i < rows-1 {
			k.ADDQ(cRow, cAt)
		}
	}
	k.Label(label + "ahead")
	k.MOVQ(field(fieldAheadStep), temp)
	k.TESTQ(temp, temp)
	k.JZ(LabelRef(label + "start"))
	k.MOVQ(field(fieldAhead), cAt)
	k.Label(label + "line")
	k.PREFETCHT0(Mem{Base: cAt})
	k.ADDQ(Imm(64), cAt)
	k.SUBQ(Imm(64), temp)
	k.JG(LabelRef(label + "line"))
	k.MOVQ(cAt, field(fieldAhead))
	k.Label(label + "start")
}

// acc is the register of the chains of a row.
func (k kernel) acc(row, v int) reg.VecPhysical { return k.regs[2*row+v] }

// spare is a register that is no accumulator.
func (k kernel) spare(i int) reg.VecPhysical { return k.regs[2*k.rows+i] }

// step is one index of k.
func (k kernel) step(rows, width int) {
	for v := range width {
		k.VMOVUPS(Mem{Base: b, Disp: v * k.bytes}, k.spare(v))
	}
	k.ADDQ(bRow, b)
	for i := range rows {
		a := k.spare(2 + i%(len(k.regs)-2*k.rows-2))
		k.broadcast(k.Context, k.rowOfA(i), a)
		for v := range width {
			k.fma(k.Context, k.spare(v), a, k.acc(i, v))
		}
	}
	k.ADDQ(aCol, aLow)
	if rows > 6 {
		k.ADDQ(aCol, aHigh)
	}
}

// rowOfA is the element of a row of the strip.
func (k kernel) rowOfA(i int) Mem {
	m := Mem{Base: aLow}
	if i >= 6 {
		m.Base = aHigh
	}
	switch i % 6 {
	case 1, 2, 4:
		m.Index, m.Scale = aRow, uint8(i%6)
	case 3:
		m.Index, m.Scale = aRow3, 1
	case 5:
		m.Index, m.Scale = aRow5, 1
	}
	return m
}

// start sets the accumulators to +0, or to C.
func (k kernel) start(label string, rows, width int) {
	k.TESTQ(U32(modeCarry), field(fieldMode))
	k.JNZ(LabelRef(label + "carry"))
	for i := range rows {
		for v := range width {
			x := k.acc(i, v)
			if k.bytes == 64 {
				k.VPXORD(x, x, x)
			} else {
				k.VXORPS(x, x, x)
			}
		}
	}
	k.JMP(LabelRef(label + "loop"))
	k.Label(label + "carry")
	k.eachRow(label+"load", rows, width, k.loadRow)
	k.Label(label + "loop")
}

// finish adds +0 if that is due, and writes C.
func (k kernel) finish(label string, rows, width int) {
	k.TESTQ(U32(modeSettle), field(fieldMode))
	k.JZ(LabelRef(label + "store"))
	zero := k.spare(2)
	if k.bytes == 64 {
		k.VPXORD(zero, zero, zero)
	} else {
		k.VXORPS(zero, zero, zero)
	}
	for i := range rows {
		for v := range width {
			k.add(k.Context, zero, k.acc(i, v), k.acc(i, v))
		}
	}
	k.Label(label + "store")
	if rows == k.rows && width == 2 {
		k.TESTQ(U32(modeStream), field(fieldMode))
		k.JZ(LabelRef(label + "cached"))
		k.walk(rows, width, func(m Mem, x reg.VecPhysical, _ int) { k.VMOVNTPS(x, m) })
		k.JMP(LabelRef(label + "done"))
		k.Label(label + "cached")
	}
	k.eachRow(label+"put", rows, width, k.putRow)
	k.Label(label + "done")
}

// eachRow does something with all registers of C; masked tells it that columns are missing.
func (k kernel) eachRow(label string, rows, width int, do func(m Mem, x reg.VecPhysical, v int, masked bool)) {
	all := func(masked bool) {
		k.walk(rows, width, func(m Mem, x reg.VecPhysical, v int) { do(m, x, v, masked) })
	}
	if k.bytes == 64 && rows < k.rows { // seldom
		all(true)
		return
	}
	k.CMPQ(field(fieldCols), Imm(uint64(width*k.bytes/k.size)))
	k.JNE(LabelRef(label + "some"))
	all(false)
	k.JMP(LabelRef(label + "end"))
	k.Label(label + "some")
	if k.bytes < 64 {
		k.vectorMasks(width)
	}
	all(true)
	k.Label(label + "end")
}

// walk visits all registers of C, and where they belong.
func (k kernel) walk(rows, width int, do func(m Mem, x reg.VecPhysical, v int)) {
	k.MOVQ(stripC, cAt)
	for i := range rows {
		for v := range width {
			do(Mem{Base: cAt, Disp: v * k.bytes}, k.acc(i, v), v)
		}
		if i < rows-1 {
			k.ADDQ(cRow, cAt)
		}
	}
}

// vectorMasks loads the masks of AVX2 to the registers of B.
func (k kernel) vectorMasks(width int) {
	k.LEAQ(Mem{Symbol: Symbol{Name: "gemmMasks", Static: true}, Base: reg.StaticBase}, temp)
	k.MOVQ(field(fieldCols), cAt)
	k.IMUL3Q(Imm(uint64(k.size)), cAt, cAt)
	k.SUBQ(cAt, temp)
	for v := range width {
		k.VMOVUPS(Mem{Base: temp, Disp: 2*k.bytes + v*k.bytes}, k.spare(v))
	}
}

func (k kernel) loadRow(m Mem, x reg.VecPhysical, v int, masked bool) {
	switch {
	case !masked:
		k.VMOVUPS(m, x)
	case k.bytes == 64:
		k.element.load(k.Context, m, []reg.OpmaskPhysical{reg.K1, reg.K2}[v], x)
	default:
		k.mask(k.Context, m, k.spare(v), x)
	}
}

func (k kernel) putRow(m Mem, x reg.VecPhysical, v int, masked bool) {
	switch {
	case !masked:
		k.VMOVUPS(x, m)
	case k.bytes == 64:
		k.element.store(k.Context, x, []reg.OpmaskPhysical{reg.K1, reg.K2}[v], m)
	default:
		k.mask(k.Context, x, k.spare(v), m)
	}
}

// maskTable is 64 bytes of ones, then 64 of zeros.
func maskTable(c *build.Context) {
	c.StaticGlobal("gemmMasks")
	c.DataAttributes(attr.RODATA | attr.NOPTR)
	for i := range 16 {
		v := uint64(0)
		if i < 8 {
			v = 1<<64 - 1
		}
		c.AppendDatum(U64(v))
	}
}
