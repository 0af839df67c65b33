package op

// Idiom is what a value of a body also is, in one step: some targets have instructions for that, which the primitives
// do not show. A target that has none computes the value as the body says.
type Idiom uint8

// The idioms, of x, y and Imm.
const (
	IdiomScale     Idiom = iota + 1 // x·2^y rounded once, for a whole y
	IdiomFraction                   // the bits of m less Imm, where x = m·2^k, of which Imm are those of the least m
	IdiomExponent                   // that k, as a float; both are any number but for x positive and finite
	IdiomLogarithm                  // y for x positive and finite, for others the logarithm of x
	NumIdiom
)

// Meaning is a value as an idiom.
type Meaning struct {
	Idiom Idiom
	Args  [2]int32 // x and y, the numbers of instructions; y is 0 where the idiom has none
	Imm   uint64
}

// means says what v, which is returned, also is.
func (b *Builder) means(v Value, idiom Idiom, imm uint64, args ...Value) Value {
	m := Meaning{Idiom: idiom, Imm: imm}
	for i, a := range args {
		m.Args[i] = int32(a)
	}
	b.meanings[v] = m
	return v
}

// meaningsOf are the meanings of the instructions that have got a number.
func (b *Builder) meaningsOf(live []bool, number []int32) map[int32]Meaning {
	kept := map[int32]Meaning{}
	for v, m := range b.meanings {
		if live[v] {
			m.Args = [2]int32{number[m.Args[0]], number[m.Args[1]]}
			kept[number[v]] = m
		}
	}
	return kept
}
