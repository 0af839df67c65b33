package main

import (
	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// spread is the function that copies a row of B, two registers for each strip.
func spread(c *build.Context, i isa) {
	k := kernel{Context: c, isa: i}
	c.Function("spread" + i.name)
	c.Doc("spread" + i.name + " is a SpreadFunc.")
	c.Attributes(attr.NOSPLIT)
	c.Signature(signature("dst", address, "src", address, "n", number, "step", number))
	c.Pragma("noescape")
	dst, src, n, step := reg.RDI, reg.RSI, reg.RCX, reg.RDX
	k.parameter("dst", dst)
	k.parameter("src", src)
	k.parameter("n", n)
	k.parameter("step", step)
	c.TESTQ(n, n)
	c.JZ(LabelRef("done"))
	c.Label("loop")
	c.VMOVUPS(Mem{Base: src}, k.regs[0])
	c.VMOVUPS(Mem{Base: src, Disp: k.bytes}, k.regs[1])
	c.VMOVUPS(k.regs[0], Mem{Base: dst})
	c.VMOVUPS(k.regs[1], Mem{Base: dst, Disp: k.bytes})
	c.ADDQ(U32(2*k.bytes), src)
	c.ADDQ(step, dst)
	c.DECQ(n)
	c.JNZ(LabelRef("loop"))
	c.Label("done")
	c.VZEROUPPER()
	c.RET()
}
