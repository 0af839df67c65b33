package main

import (
	"fmt"
	"slices"
	"testing"

	"github.com/tare-go/tare/internal/op"
)

// machine follows which value is where, while lines are executed without computing anything.
type machine struct {
	*testing.T
	c         *code
	name      string
	registers map[string]value // by name
	slots     map[int]value
}

// name is the register of a location.
func (o location) name() string { return fmt.Sprint(o.mask, o.register) }

// at is the value at a location.
func (m *machine) at(o location) value {
	switch {
	case o.register >= 0:
		return m.registers[o.name()]
	case o.slot >= 0:
		return m.slots[o.slot]
	}
	return o.memory
}

func (m *machine) set(o location, v value) {
	switch {
	case o.register >= 0:
		m.registers[o.name()] = v
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
	case replacing:
		if got[0] != in.src[2] || got[1] != in.src[1] || got[2] != in.src[0] {
			m.Fatalf("%s: %s finds %v, not %v", m.name, l.name, got, in.src)
		}
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

var targets = []*target{avx2, avx512}

// With fewer registers than there are, values have to be spilled, which few kernels need.
func TestAllocationForFewRegisters(t *testing.T) {
	for _, target := range targets {
		spilled := 0
		for code := range op.Code(op.Count) {
			for _, types := range code.Loops() {
				k, err := target.newKernel(code.Program(types))
				if err != nil {
					continue
				}
				for _, n := range []int{4, 5, 7, target.registers} {
					spilled += allocated(t, k.code, n, code.String())
				}
			}
		}
		if spilled == 0 {
			t.Fatal("nothing was spilled: the test tests too little")
		}
	}
}

// allocated allocates code for n registers and executes it; it returns how many values were spilled.
func allocated(t *testing.T, c *code, n int, name string) int {
	lines, slots := allocate(c, n, nil)
	m := &machine{t, c, name, map[string]value{}, map[int]value{}}
	next := 0
	for _, l := range lines {
		if next == len(c.instructions) {
			t.Fatalf("%s: lines after the last instruction", m.name)
		}
		if m.line(l, c.instructions[next]) {
			next++
		}
	}
	if next < len(c.instructions) {
		t.Fatalf("%s: %d of %d instructions", m.name, next, len(c.instructions))
	}
	return slots
}

func TestEveryPrimitiveHasAWay(t *testing.T) {
	for _, target := range targets {
		for p := range op.NumPrim {
			if target.instructions[p] == (mnemonics{}) && target.synthesis[p] == nil && target.leftOut[p] == "" {
				t.Errorf("%v has no instruction, no synthesis, and no reason why", p)
			}
		}
	}
}
