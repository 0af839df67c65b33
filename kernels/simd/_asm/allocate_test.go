package main

import (
	"slices"
	"testing"

	"github.com/tare-go/tare/internal/op"
)

// machine follows which value is where, while lines are executed without computing anything.
type machine struct {
	*testing.T
	c         *code
	name      string
	registers map[int]value
	slots     map[int]value
}

// at is the value at a location.
func (m *machine) at(o location) value {
	switch {
	case o.register >= 0:
		return m.registers[o.register]
	case o.slot >= 0:
		return m.slots[o.slot]
	}
	return o.memory
}

func (m *machine) set(o location, v value) {
	switch {
	case o.register >= 0:
		m.registers[o.register] = v
	case o.slot >= 0:
		m.slots[o.slot] = v
	default:
		m.Fatalf("%s: a value is written to the memory of an operand", m.name)
	}
}

// line executes a line. It returns false for a move, which no instruction asked for.
func (m *machine) line(l line, in instruction) bool {
	if l.name == "" && !l.store && !l.guard {
		m.set(l.operands[1], m.at(l.operands[0]))
		return false
	}
	var got []value
	for _, o := range l.operands {
		got = append(got, m.at(o))
	}
	switch in.form {
	case fused:
		m.fused(l, in, got)
	case plain:
		got = got[:len(got)-1]
		fallthrough
	default:
		if !slices.Equal(got, in.src) {
			m.Fatalf("%s: %s finds %v, not %v", m.name, l.name, got, in.src)
		}
	}
	if in.dst != none {
		m.set(l.operands[len(l.operands)-1], in.dst)
	}
	return true
}

// fused checks the operands of a fused multiply-add, which are in Go's order.
func (m *machine) fused(l line, in instruction, got []value) {
	last, second, first := got[0], got[1], got[2]
	var x, y, z value
	switch order(l.name) {
	case "132":
		x, y, z = first, last, second
	case "213":
		x, y, z = second, first, last
	default:
		x, y, z = second, last, first
	}
	if z != in.src[2] || (x != in.src[0] || y != in.src[1]) && (x != in.src[1] || y != in.src[0]) {
		m.Fatalf("%s: %s computes %d·%d + %d, not of %v", m.name, l.name, x, y, z, in.src)
	}
}

// order is the three digits of a fused multiply-add's name.
func order(name string) string { return name[len(name)-5 : len(name)-2] }

// With fewer registers than there are, values have to be spilled, which no kernel needs today.
func TestAllocationForFewRegisters(t *testing.T) {
	spilled := 0
	for code := range op.Code(op.Count) {
		for _, types := range code.Loops() {
			k, err := newKernel(code.Program(types))
			if err != nil {
				continue
			}
			for _, n := range []int{4, 5, 7, registers} {
				lines, slots := allocate(k.code, n, nil)
				m := &machine{t, k.code, code.String(), map[int]value{}, map[int]value{}}
				next := 0
				for _, l := range lines {
					if next == len(k.code.instructions) {
						t.Fatalf("%s: lines after the last instruction", m.name)
					}
					if m.line(l, k.code.instructions[next]) {
						next++
					}
				}
				if next < len(k.code.instructions) {
					t.Fatalf("%s: %d of %d instructions", m.name, next, len(k.code.instructions))
				}
				spilled += slots
			}
		}
	}
	if spilled == 0 {
		t.Fatal("nothing was spilled: the test tests too little")
	}
}

func TestEveryPrimitiveHasAWay(t *testing.T) {
	for p := range op.NumPrim {
		if instructions[p] == (mnemonics{}) && synthesis[p] == nil && leftOut[p] == "" {
			t.Errorf("%v has no instruction, no synthesis, and no reason why", p)
		}
	}
}
