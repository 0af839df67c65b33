package op

import (
	"math/big"
	"slices"
	"sync"

	"github.com/tare-go/tare/dtype"
)

// Code names an operator: its place in Table. The constants are generated from the rows.
type Code uint8

// Row is all there is to know of an operator.
type Row struct {
	Name    string   // NumPy's name
	Aliases []string // NumPy's other names for it
	GoName  string   // the exported name in Go
	Doc     string   // a sentence or more that starts with a verb; the result is "it"
	Arity   int
	Rule    Rule

	// Body writes the operator for operands of one loop of the rule; t is the type of the last
	// operand, and of constants.
	Body func(b *Builder, t dtype.DType, x ...Value) Value

	// Identity is what reductions start from; nil where there is none. Adding -0 changes no
	// float, not even -0. All bits are 1 in the identity -1 of an integer.
	Identity *float64

	// Ref is the meaning in float64, for floats. Big is the meaning with many more digits, for
	// finite operands in the domain, and says that the body rounds more than once.
	Ref func(x ...float64) float64
	Big func(x ...*big.Float) *big.Float

	// Domain holds, for each operand, where finite results are expected; nil for everywhere.
	Domain []Interval

	// ULP32 and ULP64 bound the error in units in the last place; 0 is exact or correctly rounded.
	ULP32, ULP64 float64
}

// Interval is the numbers from Low to High.
type Interval struct{ Low, High float64 }

// Table has the row of every operator at its Code.
var Table = slices.Concat(arithRows, roundRows, mathRows, compareRows, logicRows, bitRows)

// Row is the operator's row.
func (c Code) Row() *Row { return &Table[c] }

// String is NumPy's name of the operator.
func (c Code) String() string { return Table[c].Name }

var byName = func() map[string]Code {
	names := map[string]Code{}
	for i, r := range Table {
		for _, n := range append(r.Aliases, r.Name) {
			names[n] = Code(i)
		}
	}
	return names
}()

// Lookup finds an operator by NumPy's name, or an alias.
func Lookup(name string) (Code, bool) {
	c, ok := byName[name]
	return c, ok
}

// programs caches bodies: loopKey to *Program.
var programs sync.Map

type loopKey struct {
	code Code
	loop [3]dtype.DType
}

// Program is the operator's body for a loop that Resolve gave. The caller must not change it.
func (c Code) Program(loop []dtype.DType) *Program {
	key := loopKey{code: c}
	copy(key.loop[:], loop)
	if p, ok := programs.Load(key); ok {
		return p.(*Program)
	}
	b, x := NewBuilder(loop[len(loop)-1], slices.Clone(loop)...)
	p := b.Build(c.Row().Body(b, b.t, x...))
	programs.Store(key, p)
	return p
}

// IdentityBits is the identity as an element of type t; ok is false if the operator has none.
func (c Code) IdentityBits(t dtype.DType) (bits uint64, ok bool) {
	id := c.Row().Identity
	if id == nil {
		return 0, false
	}
	return BitsOf(t, *id), true
}

// identity makes the Identity of a row.
func identity(v float64) *float64 { return &v }
