package op

import (
	"fmt"
	"math"
	"strings"

	"github.com/tare-go/tare/dtype"
)

// Inst is one instruction of a Program, and names the value that it computes. Args holds the
// numbers of earlier instructions; those past the primitive's arity are 0.
type Inst struct {
	Prim Prim
	Type dtype.DType // of the result
	Args [3]int32
	Imm  uint64 // the bits of a constant, the number of an operand, the list of constants, the routine of a rare block
}

// Program is a body: straight-line code in single-assignment form, without branches but for rare
// blocks. Every instruction contributes to the result.
type Program struct {
	Insts []Inst
	Args  []dtype.DType // the types of the operands
	Out   int32         // the instruction whose value is the result

	Meanings map[int32]Meaning // what values also are; nothing depends on that
}

// NArgs is the number of operands.
func (p *Program) NArgs() int { return len(p.Args) }

// Type is the type of the result.
func (p *Program) Type() dtype.DType { return p.Insts[p.Out].Type }

// String prints one instruction a line. Two programs are the same if they print the same.
func (p *Program) String() string {
	var s strings.Builder
	for i, in := range p.Insts {
		fmt.Fprintf(&s, "%%%d = %s %s", i, in.Type, in.Prim)
		for _, a := range in.Args[:in.Prim.Arity()] {
			fmt.Fprintf(&s, " %%%d", a)
		}
		switch in.Prim {
		case PrimArg:
			fmt.Fprintf(&s, " %d", in.Imm)
		case PrimConst:
			fmt.Fprintf(&s, " %s", FormatBits(in.Type, in.Imm))
		case PrimPick:
			fmt.Fprintf(&s, " %s", Pick(in.Imm))
		case PrimRare:
			fmt.Fprintf(&s, " %s", Routine(in.Imm))
		}
		s.WriteByte('\n')
	}
	fmt.Fprintf(&s, "return %%%d\n", p.Out)
	return s.String()
}

// FormatBits prints the element of type t whose bits are the low ones of bits: floats in
// hexadecimal, which is exact.
func FormatBits(t dtype.DType, bits uint64) string {
	switch {
	case t == dtype.Float32:
		return fmt.Sprintf("%x", math.Float32frombits(uint32(bits)))
	case t == dtype.Float64:
		return fmt.Sprintf("%x", math.Float64frombits(bits))
	case t.Kind() == dtype.SignedKind:
		return fmt.Sprint(signed(t, bits))
	}
	return fmt.Sprint(bits)
}
