package main

import (
	"fmt"
	"strings"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/op"
)

// A running sum adds the elements of a segment one after the other. As many segments as a register has
// elements are summed side by side: a square of elements, a row of each segment, is transposed, its
// columns are added up, and it is transposed back.

// scanner writes the functions of a running sum of one type.
type scanner struct {
	*emitter
	t     dtype.DType
	lanes int // of a register: the side of a square
	free  []reg.Register
}

func (e *emitter) scans() {
	for _, d := range finds {
		s := &scanner{emitter: e, t: d, lanes: e.bytes / d.Size()}
		for _, r := range vectorRegisters {
			s.free = append(s.free, r)
		}
		s.segments()
		s.bases(false)
		s.bases(true)
	}
}

// scanName is the name of a function.
func (t *target) scanName(what string, d dtype.DType) string {
	return what + title(d.String()) + t.suffix
}

func (s *scanner) take() reg.Register {
	r := s.free[0]
	s.free = s.free[1:]
	return r
}

func (s *scanner) give(r reg.Register) { s.free = append(s.free, r) }

// at is the memory of the present column's vector of a segment.
func (s *scanner) at(base reg.Register, segment int) operand.Mem {
	return operand.Mem{Base: base, Disp: segment * canon.ScanSegment * s.t.Size()}
}

// segments writes the function that scans groups of as many segments as a register has elements.
func (s *scanner) segments() {
	s.start(s.scanName("segments", s.t), "func(dst, src, totals *byte, groups int)",
		fmt.Sprintf("Sums of %s, running from the start of their segment; groups of %d segments.", s.t, s.lanes))
	totals, columns := operandBases[1], reg.RCX
	s.Load(s.Param("totals"), totals)
	s.Load(s.Param("groups"), count)
	acc := s.take()
	s.Label("group")
	s.VPBROADCASTQ(s.constant(every(s.t.Size(), 1<<(8*s.t.Size()-1))), acc) // -0 is nothing
	s.MOVQ(operand.U32(canon.ScanSegment/s.lanes), columns)
	s.Label("square")
	s.square(acc)
	s.ADDQ(operand.U32(s.bytes), operandBases[0])
	s.ADDQ(operand.U32(s.bytes), resultBase)
	s.DECQ(columns)
	s.JNE(operand.LabelRef("square"))
	s.VMOVUPS(acc, operand.Mem{Base: totals})
	s.ADDQ(operand.U32(s.bytes), totals)
	rest := (s.lanes - 1) * canon.ScanSegment * s.t.Size()
	s.ADDQ(operand.U32(rest), operandBases[0])
	s.ADDQ(operand.U32(rest), resultBase)
	s.DECQ(count)
	s.JNE(operand.LabelRef("group"))
	s.end()
	s.give(acc)
}

// square sums one square on from acc. The same square of the next group is fetched ahead.
func (s *scanner) square(acc reg.Register) {
	rows := make([]reg.Register, s.lanes)
	for i := range rows {
		rows[i] = s.take()
		s.VMOVUPS(s.at(operandBases[0], i), rows[i])
		s.PREFETCHT0(s.at(operandBases[0], i+s.lanes))
	}
	rows = s.transpose(rows)
	before := acc
	for _, r := range rows {
		s.instruction(s.target.instructions[op.PrimAdd][s.t], []operand.Op{r, before, r})
		before = r
	}
	s.VMOVUPS(before, acc)
	for i, r := range s.transpose(rows) {
		s.VMOVUPS(r, s.at(resultBase, i))
		s.give(r)
	}
}

// both replaces two registers by what two instructions make of them.
func (s *scanner) both(x, y *reg.Register, first, second func(x, y, to reg.Register)) {
	to := s.take()
	first(*x, *y, to)
	second(*x, *y, *x)
	s.give(*y)
	*x, *y = to, *x
}

// unpack brings the low and the high elements, of so many bytes, of two registers side by side.
func (s *scanner) unpack(x, y *reg.Register, size int) {
	low, high := "VUNPCKLPD", "VUNPCKHPD"
	if size == 4 {
		low, high = "VUNPCKLPS", "VUNPCKHPS"
	}
	with := func(name string) func(x, y, to reg.Register) {
		return func(x, y, to reg.Register) { s.instruction(name, []operand.Op{y, x, to}) }
	}
	s.both(x, y, with(low), with(high))
}

// quarters brings the even and the odd quarters of two registers side by side.
func (s *scanner) quarters(x, y *reg.Register) {
	with := func(which uint8) func(x, y, to reg.Register) {
		return func(x, y, to reg.Register) { s.VSHUFF64X2(operand.U8(which), y, x, to) }
	}
	s.both(x, y, with(0x88), with(0xdd))
}

// transpose transposes a square: first within the quarters of the registers, then the quarters.
func (s *scanner) transpose(r []reg.Register) []reg.Register {
	within := 16 / s.t.Size() // elements of a quarter
	for size := s.t.Size(); size < 16; size *= 2 {
		d := size / s.t.Size()
		for i := range r {
			if i&d == 0 {
				s.unpack(&r[i], &r[i+d], size)
			}
		}
	}
	out := make([]reg.Register, len(r))
	for k := range within {
		q := [4]*reg.Register{&r[k], &r[within+k], &r[2*within+k], &r[3*within+k]}
		s.quarters(q[0], q[1])
		s.quarters(q[2], q[3])
		s.quarters(q[0], q[2])
		s.quarters(q[1], q[3])
		column := k
		if within == 4 { // where two steps of unpacking have left it
			column = k>>1 | k&1<<1
		}
		for j, from := range q {
			out[j*within+column] = *from
		}
	}
	return out
}

// bases writes the function that adds to each segment its base; with past the results go past the caches.
func (s *scanner) bases(past bool) {
	name := "bases"
	if past {
		name += "Past"
	}
	s.start(s.scanName(name, s.t), "func(dst, src, bases *byte, segments int)",
		fmt.Sprintf("Adds to each segment of %s its base.", s.t))
	s.Load(s.Param("bases"), operandBases[1])
	s.Load(s.Param("segments"), count)
	base := s.take()
	s.Label("segment")
	s.instruction(map[int]string{4: "VBROADCASTSS", 8: "VBROADCASTSD"}[s.t.Size()], []operand.Op{operand.Mem{Base: operandBases[1]}, base})
	for i := range canon.ScanSegment * s.t.Size() / s.bytes {
		x := s.take()
		s.instruction(s.target.instructions[op.PrimAdd][s.t], []operand.Op{wideAt(operandBases[0], i), base, x})
		if past {
			s.VMOVNTPS(x, wideAt(resultBase, i))
		} else {
			s.VMOVUPS(x, wideAt(resultBase, i))
		}
		s.give(x)
	}
	for _, at := range []reg.Register{operandBases[0], resultBase} {
		s.ADDQ(operand.U32(canon.ScanSegment*s.t.Size()), at)
	}
	s.ADDQ(operand.U32(s.t.Size()), operandBases[1])
	s.DECQ(count)
	s.JNE(operand.LabelRef("segment"))
	s.end()
	s.give(base)
}

// declareScans declares the functions of running sums, and lists them.
func (c *catalogue) declareScans(b *strings.Builder) {
	for _, d := range finds {
		fmt.Fprintf(b, "\n//go:noescape\nfunc %s(dst, src, totals unsafe.Pointer, groups int)\n", c.scanName("segments", d))
		for _, name := range []string{"bases", "basesPast"} {
			fmt.Fprintf(b, "\n//go:noescape\nfunc %s(dst, src, bases unsafe.Pointer, segments int)\n", c.scanName(name, d))
		}
	}
	fmt.Fprintf(b, "\nvar %sScans = [dtype.Count]*scanLoops{\n", c.name)
	for _, d := range finds {
		fmt.Fprintf(b, "dtype.%s: {%s, %s, %s, %d},\n", title(d.String()),
			c.scanName("segments", d), c.scanName("bases", d), c.scanName("basesPast", d), c.bytes/d.Size())
	}
	b.WriteString("}\n")
}
