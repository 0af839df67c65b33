package main

import (
	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// turn is the function that transposes a few rows of contiguous elements, 16 bytes of each at a
// time: as many rows as elements fit in a register of 32 bytes. The lower half of register i takes
// row i, the upper half the row half of them further on, so that nothing has to cross the halves.
func turn(c *build.Context, e element) {
	k := kernel{c, avx2, e}
	name := "turn" + e.name + "AVX2"
	c.Function(name)
	c.Doc(name + " is a TurnFunc.")
	c.Attributes(attr.NOSPLIT)
	c.Signature(signature("dst", address, "src", address, "ld", number, "n", number, "step", number))
	c.Pragma("noescape")
	dst, src, upper, ld, n, step, ld3 := reg.RDI, reg.RSI, reg.RBX, reg.RDX, reg.RCX, reg.R8, reg.R9
	k.parameter("dst", dst)
	k.parameter("src", src)
	k.parameter("ld", ld)
	k.parameter("n", n)
	k.parameter("step", step)
	half := 16 / e.size
	c.LEAQ(Mem{Base: ld, Index: ld, Scale: 2}, ld3)
	c.LEAQ(Mem{Base: src, Index: ld, Scale: uint8(half)}, upper)
	c.SHRQ(Imm(map[int]uint64{4: 2, 8: 1}[e.size]), n)
	c.JZ(LabelRef("done"))
	c.Label("loop")
	row := func(base reg.GPPhysical, i int) Mem {
		return []Mem{{Base: base}, {Base: base, Index: ld, Scale: 1}, {Base: base, Index: ld, Scale: 2}, {Base: base, Index: ld3, Scale: 1}}[i]
	}
	for i := range half {
		c.VMOVUPS(row(src, i), k.regs[i].AsX())
		c.VINSERTF128(Imm(1), row(upper, i), k.regs[i], k.regs[i])
	}
	for _, x := range k.transposed(half) {
		c.VMOVUPS(x, Mem{Base: dst})
		c.ADDQ(step, dst)
	}
	c.ADDQ(Imm(16), src)
	c.ADDQ(Imm(16), upper)
	c.DECQ(n)
	c.JNZ(LabelRef("loop"))
	c.Label("done")
	c.VZEROUPPER()
	c.RET()
}

// transposed transposes, in each half of the first registers, a square of elements. It gives the
// registers that have the columns.
func (k kernel) transposed(side int) []reg.VecPhysical {
	r := k.regs
	if side == 2 {
		k.VUNPCKLPD(r[1], r[0], r[4])
		k.VUNPCKHPD(r[1], r[0], r[5])
		return r[4:6]
	}
	k.VUNPCKLPS(r[1], r[0], r[4]) // elements 0 and 1 of rows 0 and 1
	k.VUNPCKHPS(r[1], r[0], r[5])
	k.VUNPCKLPS(r[3], r[2], r[6])
	k.VUNPCKHPS(r[3], r[2], r[7])
	k.VUNPCKLPD(r[6], r[4], r[8])
	k.VUNPCKHPD(r[6], r[4], r[9])
	k.VUNPCKLPD(r[7], r[5], r[10])
	k.VUNPCKHPD(r[7], r[5], r[11])
	return r[8:12]
}
