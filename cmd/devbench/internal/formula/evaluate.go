// Package formula gives NumPy's meaning to the expressions of package pyexpr: it makes the graph of
// nodes that an expression stands for, over inputs given by name. Nothing is computed but Python's
// own numbers, and nothing is allocated.
package formula

import (
	"fmt"
	"maps"
	"slices"

	"github.com/tare-go/tare/cmd/devbench/internal/nearest"
	"github.com/tare-go/tare/cmd/devbench/internal/pyexpr"
	"github.com/tare-go/tare/internal/ir"
)

// Build is the graph of a program in Python's grammar, in which np is NumPy and the inputs have
// the given names. Errors are *pyexpr.SyntaxError and *Error, with the place of the mistake.
func Build(source string, inputs map[string]*ir.Node) (*ir.Node, error) {
	program, err := pyexpr.Parse(source)
	if err != nil {
		return nil, err
	}
	e := &evaluator{source: source, names: map[string]value{"np": module("np")}, defined: map[string]pyexpr.Node{}}
	for name, node := range inputs {
		e.names[name] = array{node}
	}
	for _, a := range program.Assigns {
		if err := e.assign(a); err != nil {
			return nil, err
		}
	}
	return e.operand(program.Result)
}

// evaluator walks a program.
type evaluator struct {
	source  string
	names   map[string]value
	defined map[string]pyexpr.Node // what the program's own names were last assigned
}

func (e *evaluator) assign(a pyexpr.Assign) error {
	if a.Name == "np" {
		return e.fail(a.Pos, "np is NumPy: use another name")
	}
	v, err := e.value(a.Value)
	e.names[a.Name], e.defined[a.Name] = v, a.Value
	return err
}

// value is what an expression stands for.
func (e *evaluator) value(n pyexpr.Node) (value, error) {
	switch n := n.(type) {
	case *pyexpr.Name:
		return e.name(n)
	case *pyexpr.Int:
		if n.Value > 1<<63-1 {
			return nil, e.fail(n.Pos(), "%v", errTooLarge)
		}
		return integer(n.Value), nil
	case *pyexpr.Float:
		return floating(n.Value), nil
	case *pyexpr.Bool:
		return boolean(n.Value), nil
	case *pyexpr.None:
		return none{}, nil
	case *pyexpr.Ellipsis:
		return dots{}, nil
	case *pyexpr.String:
		return text(n.Value), nil
	case *pyexpr.Tuple:
		return e.sequence(n.Items)
	case *pyexpr.List:
		return e.sequence(n.Items)
	case *pyexpr.Unary:
		return e.unary(n)
	case *pyexpr.Binary:
		return e.binary(n)
	case *pyexpr.Attribute:
		return e.attribute(n)
	case *pyexpr.Call:
		return e.call(n)
	case *pyexpr.Subscript:
		return e.subscript(n)
	case *pyexpr.Slice:
		return e.slice(n)
	}
	panic(fmt.Sprintf("BUG: formula: no meaning for a %T", n))
}

// operand is the value of an expression that has to be an array or a number.
func (e *evaluator) operand(n pyexpr.Node) (*ir.Node, error) {
	v, err := e.value(n)
	if err != nil {
		return nil, err
	}
	node, ok := operand(v)
	if !ok {
		return nil, e.fail(n.Pos(), "an array was expected here, not %s", v.what())
	}
	return node, nil
}

func (e *evaluator) sequence(items []pyexpr.Node) (value, error) {
	s := make(sequence, len(items))
	for i, item := range items {
		var err error
		if s[i], err = e.value(item); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (e *evaluator) name(n *pyexpr.Name) (value, error) {
	if v, ok := e.names[n.ID]; ok {
		return v, nil
	}
	if v, ok := builtins[n.ID]; ok {
		return v, nil
	}
	if isFunction(n.ID) {
		return nil, e.fail(n.Pos(), "there is no %s; did you mean np.%s?", n.ID, n.ID)
	}
	known := slices.Sorted(maps.Keys(e.names))
	return nil, e.fail(n.Pos(), "there is no %s%s", n.ID, nearest.DidYouMean(n.ID, known))
}

// unaryOperators and binaryOperators are NumPy's names for Python's operators.
var (
	unaryOperators  = map[string]string{"-": "negative", "+": "positive", "~": "invert"}
	binaryOperators = map[string]string{
		"+": "add", "-": "subtract", "*": "multiply", "/": "divide", "//": "floor_divide", "%": "remainder",
		"**": "power", "@": "matmul", "<<": "left_shift", ">>": "right_shift",
		"&": "bitwise_and", "|": "bitwise_or", "^": "bitwise_xor",
		"==": "equal", "!=": "not_equal", "<": "less", "<=": "less_equal", ">": "greater", ">=": "greater_equal",
	}
)

func (e *evaluator) unary(n *pyexpr.Unary) (value, error) {
	v, err := e.value(n.X)
	if err != nil {
		return nil, err
	}
	if r, ok, err := signed(n.Op, v); ok {
		return r, e.wrap(n.Pos(), err)
	}
	x, ok := operand(v)
	if !ok {
		return nil, e.fail(n.X.Pos(), "an array was expected here, not %s", v.what())
	}
	r, err := apply(unaryOperators[n.Op], x)
	return r, e.wrap(n.Pos(), err)
}

func (e *evaluator) binary(n *pyexpr.Binary) (value, error) {
	a, err := e.value(n.X)
	if err != nil {
		return nil, err
	}
	b, err := e.value(n.Y)
	if err != nil {
		return nil, err
	}
	if r, ok, err := computed(n.Op, a, b); ok {
		return r, e.wrap(n.OpPos, err)
	}
	x, ok := operand(a)
	if !ok {
		return nil, e.fail(n.X.Pos(), "an array was expected here, not %s", a.what())
	}
	y, ok := operand(b)
	if !ok {
		return nil, e.fail(n.Y.Pos(), "an array was expected here, not %s", b.what())
	}
	r, err := apply(binaryOperators[n.Op], x, y)
	return r, e.clash(n.OpPos, err, n.X, n.Y)
}

// attribute is np.exp, x.T, or a method on its way to be called.
func (e *evaluator) attribute(n *pyexpr.Attribute) (value, error) {
	x, err := e.value(n.X)
	if err != nil {
		return nil, err
	}
	if m, ok := x.(module); ok {
		v, ok := m.member(n.Name)
		if !ok {
			meant := nearest.To(n.Name, m.members())
			if meant != "" {
				meant = "; did you mean " + string(m) + "." + meant + "?"
			}
			return nil, e.fail(n.NamePos, "%s has no %s here%s", string(m), n.Name, meant)
		}
		return v, nil
	}
	a, ok := x.(array)
	if !ok {
		return nil, e.fail(n.NamePos, "%s has no attribute %s", bare(x), n.Name)
	}
	if property, ok := properties[n.Name]; ok {
		v, err := property(a.Node)
		return v, e.wrap(n.NamePos, err)
	}
	if slices.Contains(methods, n.Name) && isFunction(n.Name) {
		return method{function(n.Name), a}, nil
	}
	if isFunction(n.Name) {
		return nil, e.fail(n.NamePos, "arrays have no method %s: write np.%s(%s)", n.Name, n.Name, n.X)
	}
	return nil, e.fail(n.NamePos, "arrays have no %s here%s", n.Name, nearest.DidYouMean(n.Name, attributes()))
}

// call evaluates the arguments and calls the function.
func (e *evaluator) call(n *pyexpr.Call) (value, error) {
	fn, err := e.value(n.Fn)
	if err != nil {
		return nil, err
	}
	at := n.Pos()
	if a, ok := n.Fn.(*pyexpr.Attribute); ok {
		at = a.NamePos
	}
	args := arguments{}
	for _, a := range n.Args {
		v, err := e.value(a)
		if err != nil {
			return nil, err
		}
		args.positional = append(args.positional, v)
	}
	for _, k := range n.Keywords {
		v, err := e.value(k.Value)
		if err != nil {
			return nil, err
		}
		args.named = append(args.named, named{k.Name, v})
	}
	r, err := invoke(fn, args)
	if len(n.Args) == 2 && len(n.Keywords) == 0 {
		return r, e.clash(at, err, n.Args[0], n.Args[1])
	}
	return r, e.wrap(at, err)
}
