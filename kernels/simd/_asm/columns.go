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
// are loaded and stored once. With squares it sums the squares of their differences from another row.
func (e *emitter) eightRows(f *fold, squares bool) {
	d := f.types[0]
	name, signature := "eight", "func(acc, src *byte, stride, n int)"
	if squares {
		name, signature = "eightSquares", "func(acc, src, from *byte, stride, n int)"
	}
	e.start(name+f.name, signature, fmt.Sprintf("%s of %s: folds eight rows into one.", f.code.Row().GoName, d))
	stride, three, second, from := operandBases[1], operandBases[2], reg.RCX, reg.RBX
	e.Load(e.Param("stride"), stride)
	e.Load(e.Param("n"), count)
	bases := []reg.Register{resultBase, operandBases[0], second}
	if squares {
		e.Load(e.Param("from"), from)
		bases = append(bases, from)
	}
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
	c := e.columnsOf(f, squares)
	lines, _ := allocate(c, e.registers, nil)
	for _, l := range lines {
		e.line(l, c, placement{
			result: func(step int) operand.Mem { return operand.Mem{Base: resultBase, Disp: step * e.bytes} },
			operand: func(v vector) operand.Mem {
				at := operand.Mem{Base: resultBase}
				switch {
				case v.operand == fromRow:
					at.Base = from
				case v.operand > 0:
					at = row(v.operand - 1)
				}
				return at.Offset(v.step * e.bytes)
			},
		})
	}
	for _, at := range bases {
		e.ADDQ(operand.U32(columns*d.Size()), at)
	}
	e.SUBQ(operand.U32(columns), count)
	e.JNE(operand.LabelRef("columns"))
	e.end()
}

// fromRow is the operand of columnsOf from which differences are taken.
const fromRow = 9

// columnsOf is the code of one step: operand 0 is the accumulators, the next eight are the rows.
func (t *target) columnsOf(f *fold, squares bool) *code {
	d, c := f.types[0], t.newCode()
	binary := func(code op.Code, x, y value) value { return c.join(code.Program([]dtype.DType{d, d}), x, y) }
	acc := make([]value, columns*d.Size()/t.bytes)
	from := make([]value, len(acc))
	at := func(operand, i int) value {
		return c.value(vector{origin: fromOperand, bytes: t.bytes, operand: operand, step: i})
	}
	for r := range 9 {
		for i := range acc {
			x := at(r, i)
			switch {
			case r == 0:
				acc[i], from[i] = x, at(fromRow, i)
				continue
			case squares:
				x = binary(op.Subtract, x, from[i])
				x = binary(op.Multiply, x, x)
			}
			acc[i] = binary(f.code, acc[i], x)
		}
	}
	for i, v := range acc {
		c.store(v, i, t.bytes)
	}
	c.prune()
	return c
}
