package formula

import (
	"fmt"
	"maps"
	"slices"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/op"
)

// signature is a function that is no ufunc: NumPy's parameters in their order, and its meaning.
type signature struct {
	parameters []string
	build      func(b bound) (*ir.Node, error)
}

// functions has the functions that are no ufuncs. The ufuncs are the rows of package op.
var functions = map[string]signature{
	"sum":           reduction(ir.Sum, "a", "axis", "dtype", "out", "keepdims", "initial", "where"),
	"prod":          reduction(ir.Prod, "a", "axis", "dtype", "out", "keepdims", "initial", "where"),
	"mean":          reduction(ir.Mean, "a", "axis", "dtype", "out", "keepdims", "where"),
	"std":           reduction(ir.Std, "a", "axis", "dtype", "out", "ddof", "keepdims", "where"),
	"var":           reduction(ir.Var, "a", "axis", "dtype", "out", "ddof", "keepdims", "where"),
	"max":           reduction(ir.Max, "a", "axis", "out", "keepdims", "initial", "where"),
	"min":           reduction(ir.Min, "a", "axis", "out", "keepdims", "initial", "where"),
	"any":           reduction(ir.Any, "a", "axis", "out", "keepdims", "where"),
	"all":           reduction(ir.All, "a", "axis", "out", "keepdims", "where"),
	"argmax":        reduction(ir.ArgMax, "a", "axis", "out", "keepdims"),
	"argmin":        reduction(ir.ArgMin, "a", "axis", "out", "keepdims"),
	"count_nonzero": reduction(ir.CountNonzero, "a", "axis", "keepdims"),

	"cumsum":  {[]string{"a", "axis", "dtype"}, cumulative(ir.CumSum)},
	"cumprod": {[]string{"a", "axis", "dtype"}, cumulative(ir.CumProd)},

	"matmul":       ofTwo(ir.MatrixProduct, "x1", "x2"),
	"dot":          ofTwo(dot, "a", "b"),
	"astype":       {[]string{"x", "dtype"}, astype},
	"transpose":    {[]string{"a", "axes"}, transpose},
	"swapaxes":     {[]string{"a", "axis1", "axis2"}, swapaxes},
	"moveaxis":     {[]string{"a", "source", "destination"}, moveaxis},
	"reshape":      {[]string{"a", "shape"}, reshape},
	"ravel":        {[]string{"a"}, ravel},
	"expand_dims":  {[]string{"a", "axis"}, expandDims},
	"squeeze":      {[]string{"a", "axis"}, squeeze},
	"broadcast_to": {[]string{"array", "shape"}, broadcastTo},
	"flip":         {[]string{"m", "axis"}, flip},
}

// aliases are NumPy's other names of functions; those of ufuncs are in their rows.
var aliases = map[string]string{"amax": "max", "amin": "min", "permute_dims": "transpose"}

// methods are those of NumPy's arrays; which of them are there says isFunction.
var methods = []string{
	"all", "any", "argmax", "argmin", "astype", "dot", "max", "mean", "min", "prod", "ravel", "reshape",
	"cumprod", "cumsum", "squeeze", "std", "sum", "swapaxes", "transpose", "var",
}

// isFunction reports whether np has the function here.
func isFunction(name string) bool {
	_, ufunc := op.Lookup(name)
	_, other := functions[canonical(name)]
	return ufunc || other
}

func canonical(name string) string {
	if c, ok := aliases[name]; ok {
		return c
	}
	return name
}

// takesKeepdims reports whether the function is a reduction.
func takesKeepdims(name string) bool {
	return slices.Contains(functions[canonical(name)].parameters, "keepdims")
}

// functionNames are those that np has here, in order.
func functionNames() []string {
	names := slices.AppendSeq(slices.Collect(maps.Keys(functions)), maps.Keys(aliases))
	for _, row := range op.Table {
		names = append(names, row.Name)
		names = append(names, row.Aliases...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// apply is a function on nodes alone.
func apply(name string, x ...*ir.Node) (value, error) {
	args := arguments{}
	for _, n := range x {
		args.positional = append(args.positional, array{n})
	}
	return invoke(function(name), args)
}

// invoke calls what a call names.
func invoke(fn value, args arguments) (value, error) {
	switch fn := fn.(type) {
	case element:
		args.positional = append(args.positional, fn)
		return invokeNamed("astype", args)
	case method:
		args.positional = append([]value{fn.self}, args.positional...)
		return invokeNamed(string(fn.function), packed(fn.function, args))
	case function:
		return invokeNamed(string(fn), args)
	}
	return nil, fmt.Errorf("%s cannot be called", fn.what())
}

// packed makes x.reshape(2, 3) and x.transpose(1, 0) what they are with a tuple.
func packed(fn function, args arguments) arguments {
	if fn != "reshape" && fn != "transpose" || len(args.positional) < 2 {
		return args
	}
	if _, tuple := args.positional[1].(sequence); !tuple {
		args.positional = []value{args.positional[0], sequence(args.positional[1:])}
	}
	return args
}

func invokeNamed(name string, args arguments) (value, error) {
	name = canonical(name)
	if s, ok := functions[name]; ok {
		b, err := bind(name, s.parameters, args)
		if err != nil {
			return nil, err
		}
		n, err := s.build(b)
		return array{n}, err
	}
	return ufunc(name, args)
}

// ufunc applies an operator of package op.
func ufunc(name string, args arguments) (value, error) {
	code, ok := op.Lookup(name)
	if !ok {
		return nil, fmt.Errorf("np has no %s here", name)
	}
	parameters := []string{"x1", "x2", "x3"}[:code.Row().Arity]
	b, err := bind(name, parameters, args)
	if err != nil {
		return nil, err
	}
	nodes := make([]*ir.Node, len(parameters))
	for i, p := range parameters {
		if nodes[i], err = b.array(p); err != nil {
			return nil, err
		}
	}
	n, err := ir.Elementwise(code, nodes...)
	return array{n}, err
}

// reduction is the signature of a reduction.
func reduction(reduce func(*ir.Node, ir.Reduction) (*ir.Node, error), parameters ...string) signature {
	return signature{parameters, func(b bound) (*ir.Node, error) {
		x, err := b.array("a")
		if err != nil {
			return nil, err
		}
		if b.given("out") {
			return nil, fmt.Errorf("%s: out cannot be given in an expression: use --out", b.function)
		}
		r, err := b.reduction()
		if err != nil {
			return nil, err
		}
		return reduce(x, r)
	}}
}

// reduction reads the options that reductions share.
func (b bound) reduction() (r ir.Reduction, err error) {
	if r.Axes, err = b.integers("axis"); err != nil {
		return r, err
	}
	if r.Type, err = b.element("dtype"); err != nil {
		return r, err
	}
	if r.KeepDims, err = b.flag("keepdims"); err != nil {
		return r, err
	}
	if r.DDof, err = b.number("ddof"); err != nil {
		return r, err
	}
	if r.Initial, err = b.optional("initial"); err != nil {
		return r, err
	}
	r.Where, err = b.optional("where")
	return r, err
}

// ofTwo is the signature of a function of two arrays.
func ofTwo(f func(a, b *ir.Node) (*ir.Node, error), first, second string) signature {
	return signature{[]string{first, second}, func(b bound) (*ir.Node, error) {
		x, err := b.array(first)
		if err != nil {
			return nil, err
		}
		y, err := b.array(second)
		if err != nil {
			return nil, err
		}
		return f(x, y)
	}}
}

// dot is the product of matrices and vectors; NumPy's other meanings have functions of their own.
func dot(a, b *ir.Node) (*ir.Node, error) {
	switch {
	case len(a.Shape) == 0 || len(b.Shape) == 0:
		return ir.Elementwise(op.Multiply, a, b)
	case len(a.Shape) > 2 || len(b.Shape) > 2:
		return nil, fmt.Errorf("dot of more than two axes is not supported: use matmul, which takes the first axes as a batch")
	}
	return ir.MatrixProduct(a, b)
}

func astype(b bound) (*ir.Node, error) {
	x, err := b.array("x")
	if err != nil {
		return nil, err
	}
	t, err := b.element("dtype")
	if err != nil {
		return nil, err
	}
	if t == dtype.Invalid {
		return nil, fmt.Errorf("astype: the argument dtype is missing")
	}
	return ir.CastTo(x, t), nil
}

func cumulative(scan func(x *ir.Node, axis *int, t dtype.DType) (*ir.Node, error)) func(b bound) (*ir.Node, error) {
	return func(b bound) (*ir.Node, error) {
		x, err := b.array("a")
		if err != nil {
			return nil, err
		}
		axes, err := b.integers("axis")
		if err != nil {
			return nil, err
		}
		if len(axes) > 1 {
			return nil, b.wrong("axis", "one integer")
		}
		var axis *int
		if len(axes) == 1 {
			axis = &axes[0]
		}
		t, err := b.element("dtype")
		if err != nil {
			return nil, err
		}
		return scan(x, axis, t)
	}
}
