package main

import (
	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Bytes of a row of a matrix that are asked for before they are needed, and the rows at once.
const (
	rowAhead   = 512
	rowsAtOnce = 16
	colsAtOnce = 8
)

// rowPointers are registers that point to the first of each four rows.
type rowPointers struct {
	first   []reg.GPPhysical
	ld, ld3 reg.GPPhysical // bytes between rows, and three times as many
}

// row is the memory of a row, disp bytes on.
func (p rowPointers) row(i, disp int) Mem {
	m := Mem{Base: p.first[i/4], Disp: disp}
	switch i % 4 {
	case 1, 2:
		m.Index, m.Scale = p.ld, uint8(i%4)
	case 3:
		m.Index, m.Scale = p.ld3, 1
	}
	return m
}

// start points to the rows from the first on, which the first register has.
func (p rowPointers) start(c *build.Context) {
	c.LEAQ(Mem{Base: p.ld, Index: p.ld, Scale: 2}, p.ld3)
	for i := 1; i < len(p.first); i++ {
		c.LEAQ(Mem{Base: p.first[i-1], Index: p.ld, Scale: 4}, p.first[i])
	}
}

// rowChains is the function that carries the chains of sixteen rows through their elements: squares of
// rows are transposed in registers, a register wide, so that each column is one step of all chains.
func rowChains(c *build.Context, e element) {
	k := kernel{c, avx512, e}
	name := "rows" + e.name + avx512.name
	c.Function(name)
	c.Doc(name + " is a RowsFunc.")
	c.Attributes(attr.NOSPLIT)
	c.Signature(signature("acc", address, "a", address, "x", address, "ld", number, "n", number))
	c.Pragma("noescape")
	acc, x, n := reg.RDI, reg.RSI, reg.RCX
	a := rowPointers{first: []reg.GPPhysical{reg.R8, reg.R9, reg.R10, reg.R11}, ld: reg.RDX, ld3: reg.RBX}
	k.parameter("acc", acc)
	k.parameter("a", a.first[0])
	k.parameter("x", x)
	k.parameter("ld", a.ld)
	k.parameter("n", n)
	a.start(c)
	side := k.bytes / e.size
	for v := range rowsAtOnce / side {
		c.VMOVUPS(Mem{Base: acc, Disp: v * k.bytes}, k.regs[v])
	}
	c.SUBQ(U32(uint32(side)), n)
	c.JL(LabelRef("done"))
	c.Label("loop")
	for v := range rowsAtOnce / side {
		k.square(a, v*side, x, k.regs[v])
	}
	for _, p := range append(a.first, x) {
		c.ADDQ(Imm(uint64(k.bytes)), p)
	}
	c.SUBQ(U32(uint32(side)), n)
	c.JGE(LabelRef("loop"))
	c.Label("done")
	for v := range rowsAtOnce / side {
		c.VMOVUPS(k.regs[v], Mem{Base: acc, Disp: v * k.bytes})
	}
	c.VZEROUPPER()
	c.RET()
}

// square carries the chains of as many rows as a register has elements through as many columns.
func (k kernel) square(a rowPointers, first int, x reg.GPPhysical, acc reg.VecPhysical) {
	side := k.bytes / k.size
	rows, free := k.regs[32-side:], k.regs[32-side-1]
	for i := range side {
		k.PREFETCHT0(a.row(first+i, rowAhead))
		k.VMOVUPS(a.row(first+i, 0), rows[i])
	}
	for i, column := range k.columns(rows, free) {
		k.fmaEach(k.Context, Mem{Base: x, Disp: i * k.size}, column, acc)
	}
}

// columns transposes a square of rows, each in a register, with a free one to help.
func (k kernel) columns(rows []reg.VecPhysical, free reg.VecPhysical) []reg.VecPhysical {
	if k.size == 4 {
		rows = k.quads(rows, free)
	} else {
		rows = k.pairs(rows, free)
	}
	step := 16 / k.size // columns in 16 bytes
	columns := make([]reg.VecPhysical, len(rows))
	for c := range step {
		var lanes []reg.VecPhysical
		for i := c; i < len(rows); i += step {
			lanes = append(lanes, rows[i])
		}
		for i, x := range k.lanesTurned(lanes, free) {
			columns[i*step+c] = x
		}
	}
	return columns
}

// exchange puts what low and high make of a and b to the registers of a and b.
func (k kernel) exchange(low, high func(b, a, to reg.VecPhysical), a, b, free reg.VecPhysical) {
	low(b, a, free)
	high(b, a, b)
	k.VMOVAPS(free, a)
}

// pairs transposes squares of two elements within 16 bytes: register 2i+c has column c of rows 2i and
// 2i+1.
func (k kernel) pairs(rows []reg.VecPhysical, free reg.VecPhysical) []reg.VecPhysical {
	for i := 0; i < len(rows); i += 2 {
		k.exchange(k.unpackLow64, k.unpackHigh64, rows[i], rows[i+1], free)
	}
	return rows
}

// quads transposes squares of four elements within 16 bytes: register 4i+c has column c of rows 4i to
// 4i+3.
func (k kernel) quads(rows []reg.VecPhysical, free reg.VecPhysical) []reg.VecPhysical {
	var out []reg.VecPhysical
	for i := 0; i < len(rows); i += 4 {
		r := rows[i : i+4]
		k.exchange(k.unpackLow32, k.unpackHigh32, r[0], r[1], free)
		k.exchange(k.unpackLow32, k.unpackHigh32, r[2], r[3], free)
		k.exchange(k.unpackLow64, k.unpackHigh64, r[0], r[2], free)
		k.exchange(k.unpackLow64, k.unpackHigh64, r[1], r[3], free)
		out = append(out, r[0], r[2], r[1], r[3])
	}
	return out
}

// lanesTurned transposes a square of 16 bytes in four registers.
func (k kernel) lanesTurned(r []reg.VecPhysical, free reg.VecPhysical) []reg.VecPhysical {
	even := func(b, a, to reg.VecPhysical) { k.VSHUFF64X2(U8(0x88), b, a, to) }
	odd := func(b, a, to reg.VecPhysical) { k.VSHUFF64X2(U8(0xDD), b, a, to) }
	k.exchange(even, odd, r[0], r[1], free) // 0 and 2 of registers 0 and 1; 1 and 3 of them
	k.exchange(even, odd, r[2], r[3], free)
	k.exchange(even, odd, r[0], r[2], free) // 0 of all; 2 of all
	k.exchange(even, odd, r[1], r[3], free)
	return []reg.VecPhysical{r[0], r[1], r[2], r[3]}
}

func (k kernel) unpackLow32(b, a, to reg.VecPhysical)  { k.VUNPCKLPS(b, a, to) }
func (k kernel) unpackHigh32(b, a, to reg.VecPhysical) { k.VUNPCKHPS(b, a, to) }
func (k kernel) unpackLow64(b, a, to reg.VecPhysical)  { k.VUNPCKLPD(b, a, to) }
func (k kernel) unpackHigh64(b, a, to reg.VecPhysical) { k.VUNPCKHPD(b, a, to) }

// columnChains is the function that carries the chains of columns through rows, eight at a time.
func columnChains(c *build.Context, e element) {
	k := kernel{c, avx512, e}
	name := "cols" + e.name + avx512.name
	c.Function(name)
	c.Doc(name + " is a ColsFunc.")
	c.Attributes(attr.NOSPLIT)
	c.Signature(signature("acc", address, "b", address, "x", address, "ld", number, "rows", number, "n", number))
	c.Pragma("noescape")
	k.parameter("acc", reg.RDI)
	k.parameter("b", reg.RAX)
	k.parameter("x", reg.RSI)
	k.parameter("ld", reg.RDX)
	k.parameter("rows", reg.R12)
	k.parameter("n", reg.R13)
	k.tailMask()
	k.columnPass("many", colsAtOnce)
	k.columnPass("one", 1)
	c.VZEROUPPER()
	c.RET()
}

// tailMask sets K1 to the columns beyond whole registers.
func (k kernel) tailMask() {
	k.MOVQ(reg.R13, reg.RCX)
	k.ANDQ(Imm(uint64(k.bytes/k.size-1)), reg.RCX)
	k.MOVQ(I32(-1), reg.R8)
	k.SHLQ(reg.CL, reg.R8)
	k.NOTQ(reg.R8)
	k.KMOVW(reg.R8.As32(), reg.K1)
}

// columnPass takes so many rows at a time, while there are as many.
func (k kernel) columnPass(label string, rows int) {
	acc, left, x := reg.R14, reg.RCX, k.regs[32-rows:]
	b := rowPointers{first: []reg.GPPhysical{reg.R8, reg.R9}[:max(1, rows/4)], ld: reg.RDX, ld3: reg.RBX}
	next := rowPointers{first: []reg.GPPhysical{reg.R10, reg.R11}[:max(1, rows/4)], ld: reg.RDX, ld3: reg.RBX}
	side := k.bytes / k.size
	k.Label(label)
	k.CMPQ(reg.R12, Imm(uint64(rows)))
	k.JL(LabelRef(label + "none"))
	for i := range rows {
		k.broadcast(k.Context, Mem{Base: reg.RSI, Disp: i * k.size}, x[i])
	}
	k.MOVQ(reg.RAX, b.first[0])
	b.start(k.Context)
	if rows > 1 {
		k.LEAQ(Mem{Base: b.first[0], Index: b.ld, Scale: 8}, next.first[0])
		next.start(k.Context)
	}
	k.MOVQ(reg.RDI, acc)
	k.MOVQ(reg.R13, left)
	k.SUBQ(U32(uint32(side)), left)
	k.JL(LabelRef(label + "rest"))
	k.Label(label + "loop")
	k.VMOVUPS(Mem{Base: acc}, k.regs[0])
	for i := range rows {
		if rows > 1 {
			k.PREFETCHT0(next.row(i, 0))
		}
		k.fma(k.Context, b.row(i, 0), x[i], k.regs[0])
	}
	k.VMOVUPS(k.regs[0], Mem{Base: acc})
	step := append(append([]reg.GPPhysical{acc}, b.first...), next.first...)
	for _, p := range step {
		k.ADDQ(Imm(uint64(k.bytes)), p)
	}
	k.SUBQ(U32(uint32(side)), left)
	k.JGE(LabelRef(label + "loop"))
	k.Label(label + "rest")
	k.ADDQ(U32(uint32(side)), left)
	k.JZ(LabelRef(label + "next"))
	k.load(k.Context, Mem{Base: acc}, reg.K1, k.regs[0])
	for i := range rows {
		k.load(k.Context, b.row(i, 0), reg.K1, k.regs[1])
		k.fma(k.Context, k.regs[1], x[i], k.regs[0])
	}
	k.store(k.Context, k.regs[0], reg.K1, Mem{Base: acc})
	k.Label(label + "next")
	k.ADDQ(U32(uint32(rows*k.size)), reg.RSI)
	k.LEAQ(Mem{Base: reg.RAX, Index: reg.RDX, Scale: uint8(rows)}, reg.RAX)
	k.SUBQ(Imm(uint64(rows)), reg.R12)
	k.JMP(LabelRef(label))
	k.Label(label + "none")
}
