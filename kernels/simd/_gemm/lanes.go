package main

import (
	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// laneAhead is the bytes of an operand that are asked for before they are needed.
const laneAhead = 2048

// lanes is the function that carries the 512 bytes of lanes of a dot product through rows of as many.
func lanes(c *build.Context, i isa, e element) {
	k := kernel{c, i, e}
	name := "lanes" + e.name + i.name
	c.Function(name)
	c.Doc(name + " is a LanesFunc.")
	c.Attributes(attr.NOSPLIT)
	c.Signature(signature("acc", address, "a", address, "b", address, "rows", number))
	c.Pragma("noescape")
	acc, x, y, n := reg.RDI, reg.RSI, reg.RDX, reg.RCX
	for _, p := range []struct {
		name string
		to   reg.GPPhysical
	}{{"acc", acc}, {"a", x}, {"b", y}, {"rows", n}} {
		k.parameter(p.name, p.to)
	}
	// AVX2 has no register to spare beside sixteen of lanes: two passes, eight each.
	for half := range 512 / (8 * i.bytes) {
		k.laneHalf([]string{"low", "high"}[half], half*8*i.bytes, acc, x, y, n)
	}
	c.VZEROUPPER()
	c.RET()
}

// parameter loads a parameter of eight bytes. avo knows no unsafe.Pointer.
func (k kernel) parameter(name string, to reg.GPPhysical) {
	p, err := k.Param(name).Resolve()
	if err != nil {
		panic("BUG: gemm: " + err.Error())
	}
	k.MOVQ(p.Addr, to)
}

// laneHalf carries eight registers of lanes, at an offset in each row, through all rows.
func (k kernel) laneHalf(label string, at int, acc, x, y, rows reg.GPPhysical) {
	row := func(p reg.GPPhysical, v int) Mem {
		return Mem{Base: p, Index: reg.RAX, Scale: 1, Disp: at + v*k.bytes}
	}
	for v := range 8 {
		k.VMOVUPS(Mem{Base: acc, Disp: at + v*k.bytes}, k.regs[v])
	}
	k.XORL(reg.EAX, reg.EAX)
	k.MOVQ(rows, reg.R8)
	k.TESTQ(reg.R8, reg.R8)
	k.JZ(LabelRef(label + "end"))
	k.Label(label)
	for v := range 8 {
		if v*k.bytes%64 == 0 {
			k.PREFETCHT0(row(x, v).Offset(laneAhead))
			k.PREFETCHT0(row(y, v).Offset(laneAhead))
		}
		k.VMOVUPS(row(x, v), k.regs[8+v%8])
		k.fma(k.Context, row(y, v), k.regs[8+v%8], k.regs[v])
	}
	k.ADDQ(U32(512), reg.RAX)
	k.DECQ(reg.R8)
	k.JNZ(LabelRef(label))
	k.Label(label + "end")
	for v := range 8 {
		k.VMOVUPS(k.regs[v], Mem{Base: acc, Disp: at + v*k.bytes})
	}
}

// peak is a function that does nothing but fused multiply-adds: the most that a core can do.
func peak(c *build.Context, i isa, e element) {
	k := kernel{c, i, e}
	name := "peak" + e.name + i.name
	c.Function(name)
	c.Doc(name + " does 12 fused multiply-adds of registers n times.")
	c.Attributes(attr.NOSPLIT)
	c.Signature(signature("n", number))
	c.Load(c.Param("n"), reg.RCX)
	for r := range 13 {
		x := k.regs[r]
		if i.bytes == 64 {
			c.VPXORD(x, x, x)
		} else {
			c.VXORPS(x, x, x)
		}
	}
	c.Label("loop")
	for r := range 12 {
		k.fma(c, k.regs[12], k.regs[12], k.regs[r])
	}
	c.DECQ(reg.RCX)
	c.JNZ(LabelRef("loop"))
	c.VZEROUPPER()
	c.RET()
}
