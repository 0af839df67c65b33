package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/op"
)

// squares reports whether a fold also has the functions that sum squares of differences, as a variance does.
func (f *fold) squares() bool { return f.code == op.Add && f.types[0].IsFloat() }

// vector is register i in the width of the target.
func (t *target) vector(i int) reg.Register {
	if t.bytes == 32 {
		return vectorRegisters[i].AsY()
	}
	return vectorRegisters[i]
}

// squareRows writes the function that sums the squares of the differences of rows of lanes from one value into
// lanes, as many registers at a time as there are accumulators.
func (e *emitter) squareRows(f *fold) {
	d := f.types[0]
	e.start("squares"+f.name, "func(acc, src, from *byte, rows int)", fmt.Sprintf("Sums squares of %s's differences into lanes.", d))
	from := e.vector(accumulators)
	e.Load(e.ParamIndex(2), operandBases[1])
	e.instruction(map[int]string{4: "VBROADCASTSS", 8: "VBROADCASTSD"}[d.Size()], []operand.Op{operand.Mem{Base: operandBases[1]}, from})
	at := func(base reg.Register, i int) operand.Mem { return operand.Mem{Base: base, Disp: e.bytes * i} }
	for part := range canon.LaneBytes / (accumulators * e.bytes) {
		if part > 0 {
			e.Load(e.ParamIndex(1), operandBases[0])
			e.ADDQ(operand.U32(accumulators*e.bytes), operandBases[0])
			e.ADDQ(operand.U32(accumulators*e.bytes), resultBase)
		}
		e.Load(e.Param("rows"), count)
		for i := range accumulators {
			e.VMOVUPS(at(resultBase, i), e.vector(i))
		}
		label := fmt.Sprintf("part%d", part)
		e.Label(label)
		for i := range accumulators {
			x := e.vector(accumulators + 1 + i%4)
			e.VMOVUPS(at(operandBases[0], i), x)
			e.instruction(e.instructions[op.PrimSub][d], []operand.Op{from, x, x})
			e.instruction(map[int]string{4: "VMULPS", 8: "VMULPD"}[d.Size()], []operand.Op{x, x, x})
			e.instruction(e.instructions[op.PrimAdd][d], []operand.Op{x, e.vector(i), e.vector(i)})
		}
		e.ADDQ(operand.U32(canon.LaneBytes), operandBases[0])
		e.DECQ(count)
		e.JNE(operand.LabelRef(label))
		for i := range accumulators {
			e.VMOVUPS(e.vector(i), at(resultBase, i))
		}
	}
	e.end()
}
