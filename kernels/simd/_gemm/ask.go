package main

import (
	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// ask is the function that asks for memory which is soon needed, line by line.
func ask(c *build.Context) {
	k := kernel{Context: c}
	c.Function("askLines")
	c.Doc("askLines is an AskFunc.")
	c.Attributes(attr.NOSPLIT)
	c.Signature(signature("at", word, "bytes", number))
	at, n := reg.RAX, reg.RCX
	k.parameter("at", at)
	k.parameter("bytes", n)
	c.SUBQ(U32(64), n)
	c.JL(LabelRef("done"))
	c.Label("line")
	c.PREFETCHT0(Mem{Base: at})
	c.ADDQ(Imm(64), at)
	c.SUBQ(U32(64), n)
	c.JGE(LabelRef("line"))
	c.Label("done")
	c.RET()
}
