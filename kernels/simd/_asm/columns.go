package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/op"
)

// columns is the elements of each row that a step of eightRows takes.
const columns = 16

// eightRows writes the function that folds eight rows into a row of accumulators, one after the other: those
// are loaded and stored once.
func (e *emitter) eightRows(f *fold) {
	d := f.types[0]
	e.start("eight"+f.name, "func(acc, src *byte, stride, n int)",
		fmt.Sprintf("%s of %s: folds eight rows into one.", f.code.Row().GoName, d))
	stride, three, second := operandBases[1], operandBases[2], reg.RCX
	e.Load(e.Param("stride"), stride)
	e.Load(e.Param("n"), count)
	e.LEAQ(operand.Mem{Base: stride, Index: stride, Scale: 2}, three)
	e.LEAQ(operand.Mem{Base: operandBases[0], Index: stride, Scale: 4}, second)
	row := func(r int) operand.Mem {
		at := operand.Mem{Base: [...]reg.Register{operandBases[0], second}[r/4]}
		switch r % 4 {
		case 1, 2:
			at.Index, at.Scale = stride, uint8(r%4)
		case 3:
			at.Index, at.Scale = three, 1
		}
		return at
	}
	e.Label("columns")
	c := e.columnsOf(f.code.Program([]dtype.DType{d, d}), d.Size())
	lines, _ := allocate(c, e.registers, nil)
	for _, l := range lines {
		e.line(l, c, placement{
			result: func(step int) operand.Mem { return operand.Mem{Base: resultBase, Disp: step * e.bytes} },
			operand: func(v vector) operand.Mem {
				if v.operand == 0 {
					return operand.Mem{Base: resultBase, Disp: v.step * e.bytes}
				}
				return row(v.operand - 1).Offset(v.step * e.bytes)
			},
		})
	}
	for _, at := range []reg.Register{resultBase, operandBases[0], second} {
		e.ADDQ(operand.U32(columns*d.Size()), at)
	}
	e.SUBQ(operand.U32(columns), count)
	e.JNE(operand.LabelRef("columns"))
	e.end()
}

// columnsOf is the code of one step: operand 0 is the accumulators, the others are the rows.
func (t *target) columnsOf(p *op.Program, size int) *code {
	c := t.newCode()
	vectors := columns * size / t.bytes
	acc := make([]value, vectors)
	for r := range 9 {
		for i := range acc {
			x := c.value(vector{origin: fromOperand, bytes: t.bytes, operand: r, step: i})
			if r == 0 {
				acc[i] = x
			} else {
				acc[i] = c.join(p, acc[i], x)
			}
		}
	}
	for i, v := range acc {
		c.store(v, i, t.bytes)
	}
	c.prune()
	return c
}
