package main

import (
	"strings"

	"github.com/mmcloughlin/avo/operand"

	"github.com/tare-go/tare/dtype"
)

// finds are the types for whose elements there is a search.
var finds = []dtype.DType{dtype.Float32, dtype.Float64}

// findVectors is how many vectors of elements a step of a search takes.
const findVectors = 4

// findName is the name of a search's function.
func (t *target) findName(d dtype.DType) string { return "find" + title(d.String()) + t.suffix }

// find writes the function that searches n elements, a multiple of a step's above 0, for one that equals v. It
// returns the first element of the step that has one, n if there is none.
func (e *emitter) find(d dtype.DType) {
	e.start(e.findName(d), "func(x, v *byte, n int) int", "Searches "+d.String()+".")
	x, v, size := resultBase, operandBases[0], d.Size()
	e.Load(e.Param("n"), count)
	e.XORL(index.As32(), index.As32())
	at := func(i int) location { return location{register: i, bytes: e.bytes} }
	wanted := register(at(findVectors))
	e.instruction(map[int]string{4: "VBROADCASTSS", 8: "VBROADCASTSD"}[size], []operand.Op{operand.Mem{Base: v}, wanted})
	e.Label("loop")
	for i := range findVectors {
		x := operand.Mem{Base: x, Index: index, Scale: uint8(size), Disp: i * e.bytes}
		to := at(i)
		if e.masks > 0 {
			to = location{register: 1 + i, mask: true}
		}
		e.instruction(compareTo[size], []operand.Op{operand.U8(equalOrdered), x, wanted, register(to)})
	}
	e.joinFound(at)
	e.JNE(operand.LabelRef("done"))
	e.ADDQ(operand.U32(findVectors*e.bytes/size), index)
	e.CMPQ(index, count)
	e.JLT(operand.LabelRef("loop"))
	e.Label("done")
	e.Store(index, e.ReturnIndex(0))
	e.end()
}

// joinFound tells whether any of the comparisons holds.
func (e *emitter) joinFound(at func(i int) location) {
	join, to := "VORPS", at
	if e.masks > 0 {
		join, to = "KORW", func(i int) location { return location{register: 1 + i, mask: true} }
	}
	for _, i := range []int{0, 2} {
		e.instruction(join, []operand.Op{register(to(i)), register(to(i + 1)), register(to(i))})
	}
	test := "VPTEST"
	if e.masks > 0 {
		test = "KORTESTW"
	} else {
		e.instruction(join, []operand.Op{register(to(0)), register(to(2)), register(to(0))})
		to = func(int) location { return at(0) }
	}
	e.instruction(test, []operand.Op{register(to(2)), register(to(0))})
}

// writeFinds writes the table of searches.
func (c *catalogue) writeFinds(b *strings.Builder) {
	b.WriteString("\nvar " + c.name + "Finds = [dtype.Count]func(x, v unsafe.Pointer, n int) int{\n")
	for _, d := range finds {
		b.WriteString("dtype." + title(d.String()) + ": " + c.findName(d) + ",\n")
	}
	b.WriteString("}\n")
}
