package op

import (
	"fmt"
	"slices"

	"github.com/tare-go/tare/dtype"
)

// Pair is two operators, the second of which takes the result of the first as its operand At. A pair has the operands of the
// second, with those of the first in place of that one.
type Pair struct {
	First, Second Code
	At            int
}

// Pairs are the pairs that can be computed without storing the first result. The first ones take less time than to load and
// store does, so that the second ones get them for nothing.
var Pairs = newPairs()

// PairCount is the number of Pairs.
const PairCount = 32

func newPairs() (all [PairCount]Pair) {
	n := 0
	for _, second := range []Code{Add, Subtract, Multiply, Divide, Sqrt, Exp} {
		for at := range second.places() {
			for _, first := range []Code{Add, Subtract, Multiply, Negative} {
				all[n] = Pair{first, second, at}
				n++
			}
		}
	}
	return all
}

// places is how many places of an operand are different.
func (c Code) places() int {
	if c == Add || c == Multiply {
		return 1
	}
	return Table[c].Arity
}

// PairOf is the number of a pair among Pairs, -1 if it is not one of them, and whether the operands of the second operator
// are to be exchanged for it.
func PairOf(first, second Code, at int) (number int, exchanged bool) {
	if at == 1 && second.places() == 1 {
		at, exchanged = 0, true
	}
	return slices.Index(Pairs[:], Pair{first, second, at}), exchanged
}

// String names the operators in the order in which they are computed.
func (p Pair) String() string {
	return fmt.Sprintf("%v, then %v of operand %d", p.First, p.Second, p.At)
}

// Arity is the number of operands.
func (p Pair) Arity() int { return Table[p.First].Arity + Table[p.Second].Arity - 1 }

// Program is the body of a pair for operands of a type of floats.
func (p Pair) Program(t dtype.DType) *Program {
	types := slices.Repeat([]dtype.DType{t}, 3)
	b, x := NewBuilder(t, types[:p.Arity()]...)
	n := Table[p.First].Arity
	first := b.inline(p.First.Program(types[:n]), x[p.At:p.At+n])
	operands := slices.Concat(x[:p.At], []Value{first}, x[p.At+n:])
	return b.Build(b.inline(p.Second.Program(types[:Table[p.Second].Arity]), operands))
}

// inline appends the instructions of a program to which some values are operands, and returns its result.
func (b *Builder) inline(p *Program, operands []Value) Value {
	values := make([]Value, len(p.Insts))
	for i, in := range p.Insts {
		if in.Prim == PrimArg {
			values[i] = operands[in.Imm]
			continue
		}
		for k := range in.Prim.Arity() {
			in.Args[k] = int32(values[in.Args[k]])
		}
		values[i] = b.emit(in)
	}
	return values[p.Out]
}
