package op

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tare-go/tare/dtype"
)

// Rule says in which types an operator computes: the type that each operand is cast to, and the
// result's. Where it has no loop for the operands, remedy says what the user can do instead.
type Rule func(args Args) (loop Loop, out dtype.DType, remedy string)

// MaxArity is the most operands that an operator has.
const MaxArity = 3

// Args is what the operands bring. It is a value, as is Loop, so that to resolve takes no memory.
type Args struct {
	of [MaxArity]dtype.Arg
	n  int
}

// gathered is what up to MaxArity operands bring.
func gathered(args ...dtype.Arg) Args {
	a := Args{n: len(args)}
	copy(a.of[:], args)
	return a
}

// Loop is the type in which an operator computes each of its operands; of those that it does not have it says nothing.
type Loop [MaxArity]dtype.DType

// TypeError says that an operator has no loop for operands of the given types.
type TypeError struct {
	Op     string        // NumPy's name
	Types  []dtype.DType // of the operands
	Remedy string        // what to do instead
}

// Error names the operator, the types and the remedy.
func (e *TypeError) Error() string {
	types := make([]string, len(e.Types))
	for i, t := range e.Types {
		types[i] = t.String()
	}
	return fmt.Sprintf("%s is not defined for (%s): %s", e.Op, strings.Join(types, ", "), e.Remedy)
}

// Resolve says in which types the operator computes for operands of the given types: the type to
// which each operand is cast, and the type of the result. The rules are NumPy 2's; a weak operand
// is a Go number, whose value must fit the loop type, which the caller checks: NumPy refuses it where
// it does not, but for comparisons, whose answer is then known. The error is a *TypeError.
func (c Code) Resolve(args ...dtype.Arg) (loop Loop, out dtype.DType, err error) {
	row := c.Row()
	remedy := ""
	if loop, out, remedy = row.resolve(args); remedy == "" {
		return loop, out, nil
	}
	e := &TypeError{Op: row.Name, Remedy: remedy}
	for _, a := range args {
		e.Types = append(e.Types, a.Type)
	}
	return Loop{}, dtype.Invalid, e
}

func (r *Row) resolve(args []dtype.Arg) (Loop, dtype.DType, string) {
	if len(args) != r.Arity {
		return Loop{}, 0, fmt.Sprintf("it takes %d operands", r.Arity)
	}
	for _, a := range args {
		if a.Type == dtype.Invalid || a.Type >= dtype.Count {
			return Loop{}, 0, "an operand has no dtype"
		}
	}
	return r.Rule(gathered(args...))
}

// meet is the type in which the operands from number first on meet.
func (a *Args) meet(first int) dtype.DType { return dtype.Result(a.of[first:a.n]...) }

// loopOf computes every operand in type t.
func loopOf(t dtype.DType) Loop { return Loop{t, t, t} }

// same computes in the type in which the operands meet, and keeps it.
func same(args Args) (Loop, dtype.DType, string) {
	t := args.meet(0)
	return loopOf(t), t, ""
}

// notBool is same, but refuses bool, with a remedy.
func notBool(remedy string) Rule {
	return func(args Args) (Loop, dtype.DType, string) {
		loop, t, _ := same(args)
		if t == dtype.Bool {
			return Loop{}, 0, remedy
		}
		return loop, t, ""
	}
}

// boolAsInt8 is same, but computes bools in int8.
func boolAsInt8(args Args) (Loop, dtype.DType, string) {
	loop, t, _ := same(args)
	if t == dtype.Bool {
		return loopOf(dtype.Int8), dtype.Int8, ""
	}
	return loop, t, ""
}

// bitwise is same for bool and integers, and refuses floats.
func bitwise(args Args) (Loop, dtype.DType, string) {
	loop, t, _ := same(args)
	if t.IsFloat() {
		return Loop{}, 0, "floats have no bitwise operations; cast to an integer type, or use the logical functions"
	}
	return loop, t, ""
}

// shift is bitwise, but computes bools in int8.
func shift(args Args) (Loop, dtype.DType, string) {
	loop, t, remedy := bitwise(args)
	if t == dtype.Bool {
		return loopOf(dtype.Int8), dtype.Int8, ""
	}
	return loop, t, remedy
}

// inexact computes in a float type: float32 if that holds every value of every operand.
func inexact(args Args) (Loop, dtype.DType, string) {
	t := args.meet(0)
	if !t.IsFloat() {
		t = dtype.Invalid
		for _, a := range args.of[:args.n] {
			if !a.Weak || args.meet(0) == a.Type {
				t = max(t, dtype.Promote(a.Type, dtype.Float32))
			}
		}
	}
	return loopOf(t), t, ""
}

// quotient computes integers in float64, and keeps floats.
func quotient(args Args) (Loop, dtype.DType, string) {
	t := args.meet(0)
	if !t.IsFloat() {
		t = dtype.Float64
	}
	return loopOf(t), t, ""
}

// comparison compares in the type in which the operands meet. Signed integers compare with uint64
// as numbers, in a loop of their own, where they would meet in float64.
func comparison(args Args) (Loop, dtype.DType, string) {
	x, y := args.of[0], args.of[1]
	if !x.Weak && !y.Weak {
		if isSigned(x.Type) && y.Type == dtype.Uint64 {
			return Loop{dtype.Int64, dtype.Uint64}, dtype.Bool, ""
		}
		if x.Type == dtype.Uint64 && isSigned(y.Type) {
			return Loop{dtype.Uint64, dtype.Int64}, dtype.Bool, ""
		}
	}
	return truthful(args)
}

// truthful takes any type and gives bool.
func truthful(args Args) (Loop, dtype.DType, string) {
	return loopOf(args.meet(0)), dtype.Bool, ""
}

// choice takes a bool and two operands that meet in one type, and keeps that type.
func choice(args Args) (Loop, dtype.DType, string) {
	t := args.meet(1)
	return Loop{dtype.Bool, t, t}, t, ""
}

// Loops lists the loops that Resolve can give, each once, in the order of their types.
func (c Code) Loops() [][]dtype.DType {
	var loops [][]dtype.DType
	args := make([]dtype.Arg, c.Row().Arity)
	var visit func(i int)
	visit = func(i int) {
		if i == len(args) {
			if loop, _, err := c.Resolve(args...); err == nil {
				loops = append(loops, slices.Clone(loop[:len(args)]))
			}
			return
		}
		for _, t := range dtype.All() {
			args[i] = dtype.Arg{Type: t}
			visit(i + 1)
		}
	}
	visit(0)
	slices.SortFunc(loops, slices.Compare[[]dtype.DType])
	return slices.CompactFunc(loops, slices.Equal[[]dtype.DType])
}
