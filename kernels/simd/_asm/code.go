package main

import (
	"fmt"

	"github.com/tare-go/tare/internal/op"
)

// value is a vector of the code being made: the elements that one step of the loop has of it.
type value int32

const none value = -1

// origin says where a value comes from.
type origin uint8

const (
	computed     origin = iota // an instruction's result
	fromConstant               // memory that is never written
	fromOperand                // memory that is not written before the step ends
	fromPick                   // a part of a list of constants, likewise never written
)

// vector describes a value.
type vector struct {
	origin  origin
	bytes   int       // 64, 32 or 16: a whole register; less: the lowest bytes of an XMM register
	mask    bool      // a mask register, with a bit for each element
	pattern [4]uint64 // the 32 bytes of a constant
	operand int       // which operand of the kernel
	step    int       // which step of the loop's body
	pick    op.Pick   // which list of constants
	part    int       // of it, in registers
}

// stored reports whether a value is in memory that is never written.
func (v vector) stored() bool { return v.origin == fromConstant || v.origin == fromPick }

// form is how an instruction treats its operands.
type form uint8

const (
	plain     form = iota
	fused          // a fused multiply-add of x, y, z: one of three orders, with the result in place of one of them
	replacing      // puts the result in place of the first operand; the third may be in memory
	guard          // leaves the loop if any bit of the operand is set
	store          // writes the operand to the result's memory
	assign         // gives a pinned value a new one
)

// instruction is one vector instruction. Operands are in Intel's order, first to last.
type instruction struct {
	form   form
	name   string
	imm    int // -1: none
	src    []value
	dst    value
	memory int  // which operand may be in memory, -1: none
	exact  bool // the memory operand is just the bytes of the value, else a whole register's
	narrow bool // operands are the lower halves of their registers
	step   int  // of a store
	bytes  int  // that are stored; of a guard on a mask: its elements
}

// code is a loop's body as straight-line code, and the values in it.
type code struct {
	target       *target
	values       []vector
	instructions []instruction
	constants    map[[4]uint64]value
	picks        map[pickPart]value
}

// pickPart is a register full of a list of constants.
type pickPart struct {
	pick op.Pick
	part int
}

func (t *target) newCode() *code {
	return &code{target: t, constants: map[[4]uint64]value{}, picks: map[pickPart]value{}}
}

func (c *code) value(v vector) value {
	c.values = append(c.values, v)
	return value(len(c.values) - 1)
}

// constant is the constant whose elements of size bytes all have the given bits.
func (c *code) constant(size int, bits uint64) value { return c.pattern(every(size, bits)) }

// every is 32 bytes whose elements of size bytes all have the given bits.
func every(size int, bits uint64) [4]uint64 {
	for ; size < 8; size *= 2 {
		bits &= 1<<(8*size) - 1
		bits |= bits << (8 * size)
	}
	return [4]uint64{bits, bits, bits, bits}
}

// pattern is the constant with the given 32 bytes.
func (c *code) pattern(p [4]uint64) value {
	v, ok := c.constants[p]
	if !ok {
		v = c.value(vector{origin: fromConstant, bytes: c.target.bytes, pattern: p})
		c.constants[p] = v
	}
	return v
}

// partOf is a part of a list of constants.
func (c *code) partOf(p op.Pick, part int) value {
	key := pickPart{p, part}
	v, ok := c.picks[key]
	if !ok {
		v = c.value(vector{origin: fromPick, bytes: c.target.bytes, pick: p, part: part})
		c.picks[key] = v
	}
	return v
}

// add appends an instruction whose result has so many bytes.
func (c *code) add(bytes int, in instruction) value {
	in.dst = c.value(vector{bytes: bytes})
	c.instructions = append(c.instructions, in)
	return in.dst
}

// unary appends an instruction with one operand, which may be in memory.
func (c *code) unary(name string, bytes int, x value) value {
	return c.add(bytes, instruction{name: name, imm: -1, src: []value{x}})
}

// masked appends an instruction whose result is a mask.
func (c *code) masked(in instruction) value {
	v := c.add(8, in)
	c.values[v].mask = true
	return v
}

// binary appends an instruction with two operands, the second of which may be in memory.
func (c *code) binary(name string, x, y value) value {
	return c.add(c.bytes(x, y), instruction{name: name, imm: -1, src: []value{x, y}, memory: 1})
}

// commute is binary for an instruction whose operands can be exchanged.
func (c *code) commute(name string, x, y value) value {
	if c.values[x].origin == fromConstant {
		x, y = y, x
	}
	return c.binary(name, x, y)
}

// shift appends a shift of all elements by a constant.
func (c *code) shift(name string, x value, by int) value {
	return c.add(c.bytes(x), instruction{name: name, imm: by, src: []value{x}, memory: -1})
}

// bytes is the size of values that an instruction takes together. Constants fit everywhere.
func (c *code) bytes(x ...value) int {
	bytes := 0
	for _, v := range x {
		if c.values[v].origin != fromConstant && !c.values[v].mask {
			if bytes != 0 && bytes != c.values[v].bytes {
				panic(fmt.Sprintf("BUG: values of %d and %d bytes", bytes, c.values[v].bytes))
			}
			bytes = c.values[v].bytes
		}
	}
	if bytes == 0 {
		return c.target.bytes
	}
	return bytes
}

// prune takes out instructions on whose results nothing depends.
func (c *code) prune() {
	needed := make([]bool, len(c.values))
	kept := make([]instruction, 0, len(c.instructions))
	for i := len(c.instructions) - 1; i >= 0; i-- {
		in := c.instructions[i]
		if in.dst != none && in.form != assign && !needed[in.dst] {
			continue
		}
		for _, v := range in.src {
			needed[v] = true
		}
		kept = append(kept, in)
	}
	for i, j := 0, len(kept)-1; i < j; i, j = i+1, j-1 {
		kept[i], kept[j] = kept[j], kept[i]
	}
	c.instructions = kept
}
