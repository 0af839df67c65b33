package formula

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tare-go/tare/cmd/devbench/internal/nearest"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
)

// arguments are those of a call.
type arguments struct {
	positional []value
	named      []named
}

type named struct {
	name  string
	value value
}

// bound are a call's arguments by the names of NumPy's parameters.
type bound struct {
	function string
	values   map[string]value
}

// bind gives each argument its parameter, as Python does. The first one is the array, and must be
// there.
func bind(function string, parameters []string, args arguments) (bound, error) {
	b := bound{function, map[string]value{}}
	if n := len(args.positional); n > len(parameters) {
		return b, fmt.Errorf("%s takes at most %d arguments (%s), not %d", function, len(parameters), strings.Join(parameters, ", "), n)
	}
	for i, v := range args.positional {
		b.values[parameters[i]] = v
	}
	for _, a := range args.named {
		if !slices.Contains(parameters, a.name) {
			return b, fmt.Errorf("%s takes no %s here%s", function, a.name, orList(a.name, parameters))
		}
		if _, twice := b.values[a.name]; twice {
			return b, fmt.Errorf("%s: %s is given twice", function, a.name)
		}
		b.values[a.name] = a.value
	}
	if _, ok := b.values[parameters[0]]; !ok {
		return b, fmt.Errorf("%s: the argument %s is missing", function, parameters[0])
	}
	return b, nil
}

// orList is the parameter that was meant, or all of them.
func orList(name string, parameters []string) string {
	if meant := nearest.DidYouMean(name, parameters); meant != "" {
		return meant
	}
	return "; it takes " + strings.Join(parameters, ", ")
}

// wrong is the error of an argument that is not what the parameter takes.
func (b bound) wrong(parameter, wanted string) error {
	return fmt.Errorf("%s: %s has to be %s, not %s", b.function, parameter, wanted, b.values[parameter].what())
}

// given reports whether the parameter has an argument that is not None.
func (b bound) given(parameter string) bool {
	v, ok := b.values[parameter]
	return ok && v != none{}
}

// array is an argument that has to be there, as a node.
func (b bound) array(parameter string) (*ir.Node, error) {
	v, ok := b.values[parameter]
	if !ok {
		return nil, fmt.Errorf("%s: the argument %s is missing", b.function, parameter)
	}
	n, ok := operand(v)
	if !ok {
		return nil, b.wrong(parameter, "an array")
	}
	return n, nil
}

// optional is array, or nil without an argument.
func (b bound) optional(parameter string) (*ir.Node, error) {
	if !b.given(parameter) {
		return nil, nil
	}
	return b.array(parameter)
}

// integers is an integer, a tuple of integers, or nil without an argument.
func (b bound) integers(parameter string) ([]int, error) {
	if !b.given(parameter) {
		return nil, nil
	}
	items, ok := b.values[parameter].(sequence)
	if !ok {
		items = sequence{b.values[parameter]}
	}
	ints := make([]int, len(items))
	for i, v := range items {
		n, ok := v.(integer)
		if !ok {
			return nil, b.wrong(parameter, "an integer or a tuple of integers")
		}
		ints[i] = int(n)
	}
	return ints, nil
}

// flag is True or False; without an argument it is false.
func (b bound) flag(parameter string) (bool, error) {
	if !b.given(parameter) {
		return false, nil
	}
	v, ok := b.values[parameter].(boolean)
	if !ok {
		return false, b.wrong(parameter, "True or False")
	}
	return bool(v), nil
}

// number is a Python number, or 0 without an argument.
func (b bound) number(parameter string) (float64, error) {
	if !b.given(parameter) {
		return 0, nil
	}
	v, _, ok := pythonNumber(b.values[parameter])
	if !ok {
		return 0, b.wrong(parameter, "a number")
	}
	return v, nil
}

// element is an element type, or its name; Invalid without an argument.
func (b bound) element(parameter string) (dtype.DType, error) {
	if !b.given(parameter) {
		return dtype.Invalid, nil
	}
	switch v := b.values[parameter].(type) {
	case element:
		return dtype.DType(v), nil
	case text:
		return dtype.Parse(string(v))
	}
	return dtype.Invalid, b.wrong(parameter, "an element type such as np.float32")
}
