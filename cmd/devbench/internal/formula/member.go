package formula

import (
	"maps"
	"math"
	"slices"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
)

// constants are those of np that are no functions.
var constants = map[string]value{
	"pi": floating(math.Pi), "e": floating(math.E), "euler_gamma": floating(0.57721566490153286060651209008240243),
	"inf": floating(math.Inf(1)), "nan": floating(math.NaN()), "newaxis": none{},
}

// builtins are the names of Python's own that have a meaning here.
var builtins = map[string]value{
	"abs": function("absolute"), "pow": function("power"),
	"bool": element(dtype.Bool), "int": element(dtype.Int64), "float": element(dtype.Float64),
}

// member is a function, a constant or an element type of a module.
func (m module) member(name string) (value, bool) {
	if v, ok := constants[name]; ok {
		return v, true
	}
	if isFunction(name) {
		return function(name), true
	}
	if slices.Contains(elementNames(), name) {
		d, err := dtype.Parse(name)
		return element(d), err == nil
	}
	return nil, false
}

// members are the names that member knows.
func (m module) members() []string {
	return slices.Concat(functionNames(), slices.Sorted(maps.Keys(constants)), elementNames())
}

// elementNames are those of the element types in np.
func elementNames() []string {
	names := []string{"bool_"}
	for _, d := range dtype.All() {
		names = append(names, d.String())
	}
	return names
}

// properties are the attributes of an array that are no methods.
var properties = map[string]func(*ir.Node) (value, error){
	"T": func(x *ir.Node) (value, error) {
		y, err := transposed(x, nil)
		return array{y}, err
	},
	"mT": func(x *ir.Node) (value, error) {
		y, err := swapped(x, -1, -2)
		return array{y}, err
	},
	"shape": func(x *ir.Node) (value, error) {
		s := make(sequence, len(x.Shape))
		for i, extent := range x.Shape {
			s[i] = integer(extent)
		}
		return s, nil
	},
	"ndim":     func(x *ir.Node) (value, error) { return integer(len(x.Shape)), nil },
	"size":     func(x *ir.Node) (value, error) { return integer(x.Len()), nil },
	"nbytes":   func(x *ir.Node) (value, error) { return integer(x.Bytes()), nil },
	"itemsize": func(x *ir.Node) (value, error) { return integer(x.Type.Size()), nil },
	"dtype":    func(x *ir.Node) (value, error) { return element(x.Type), nil },
}

// attributes are the names of properties and methods, in order.
func attributes() []string {
	return slices.Sorted(slices.Values(slices.AppendSeq(slices.Clone(methods), maps.Keys(properties))))
}
