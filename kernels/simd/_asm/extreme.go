package main

import (
	"fmt"
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/op"
)

// The registers of rows of extremes: eight of accumulators, which are all lanes, then two of elements.
const (
	wideAccumulators = canon.LaneBytes / 64
	isNaN            = 1 // the mask register that gathers them
	anyNaN           = 2
)

// extremeRows writes the function that folds rows of lanes into those at dst by the maximum or minimum. The
// instruction that orders zeros ignores NaN, so those are only looked for, two registers at a time; if
// there are any, all is done again with care.
func (e *emitter) extremeRows(f *fold) {
	d := f.types[0]
	e.start("rows"+f.name, "func(acc, src *byte, rows int)", fmt.Sprintf("%s of %s: folds rows of lanes into lanes.", f.code.Row().GoName, d))
	e.Load(e.Param("rows"), count)
	acc := func(i int) reg.Register { return vectorRegisters[i] }
	e.wideRow(resultBase)
	e.KXORW(maskRegisters[anyNaN], maskRegisters[anyNaN], maskRegisters[anyNaN])
	for i := 0; i < wideAccumulators; i += 2 {
		e.gatherNaN(d, acc(i), acc(i+1))
	}
	e.MOVQ(count, index)
	e.MOVQ(operandBases[0], operandBases[1])
	e.Label("row")
	for i := 0; i < wideAccumulators; i += 2 {
		x, y := vectorRegisters[wideAccumulators+i], wideAt(operandBases[1], i+1)
		e.VMOVUPS(wideAt(operandBases[1], i), x)
		e.gatherNaN(d, y, x)
		e.extreme(f, x, acc(i))
		e.extreme(f, y, acc(i+1))
	}
	e.nextRow(operandBases[1], index, "row")
	e.KORTESTW(maskRegisters[anyNaN], maskRegisters[anyNaN])
	e.JEQ(operand.LabelRef("done"))
	e.carefulRows(f, acc)
	e.Label("done")
	for i := range wideAccumulators {
		e.VMOVUPS(acc(i), wideAt(resultBase, i))
	}
	e.end()
}

// carefulRows starts anew, and puts NaN where either operand is one.
func (e *emitter) carefulRows(f *fold, acc func(i int) reg.Register) {
	d := f.types[0]
	e.wideRow(resultBase)
	nan := vectorRegisters[2*wideAccumulators]
	e.VPBROADCASTQ(e.constant(every(d.Size(), op.BitsOf(d, math.NaN()))), nan)
	e.Label("careful")
	for i := range wideAccumulators {
		x := wideAt(operandBases[0], i)
		e.instruction(compareTo[d.Size()], []operand.Op{operand.U8(unordered), x, acc(i), maskRegisters[isNaN]})
		e.extreme(f, x, acc(i))
		e.instruction(blendMasked[d.Size()], []operand.Op{nan, acc(i), maskRegisters[isNaN], acc(i)})
	}
	e.nextRow(operandBases[0], count, "careful")
}

// nextRow goes on to the next row of the left ones.
func (e *emitter) nextRow(base, left reg.Register, label string) {
	e.ADDQ(operand.U32(canon.LaneBytes), base)
	e.DECQ(left)
	e.JNE(operand.LabelRef(label))
}

// gatherNaN notes whether x or y has a NaN.
func (e *emitter) gatherNaN(d dtype.DType, x, y operand.Op) {
	e.instruction(compareTo[d.Size()], []operand.Op{operand.U8(unordered), x, y, maskRegisters[isNaN]})
	e.KORW(maskRegisters[isNaN], maskRegisters[anyNaN], maskRegisters[anyNaN])
}

// extreme folds elements into an accumulator.
func (e *emitter) extreme(f *fold, x, acc operand.Op) {
	way := 4
	if f.code == op.Maximum {
		way = 5
	}
	e.instruction(ranges[f.types[0].Size()], []operand.Op{operand.U8(way), x, acc, acc})
}

// wideRow loads the accumulators.
func (e *emitter) wideRow(base reg.Register) {
	for i := range wideAccumulators {
		e.VMOVUPS(wideAt(base, i), vectorRegisters[i])
	}
}

func wideAt(base reg.Register, i int) operand.Mem { return operand.Mem{Base: base, Disp: 64 * i} }
