package op

import (
	"math"

	"github.com/tare-go/tare/dtype"
)

// roundRows round, and handle signs and missing values.
var roundRows = []Row{
	{
		Name: "floor", GoName: "Floor", Arity: 1, Rule: same,
		Doc:  "rounds down to an integer. Integers and bools are unchanged, and keep their type.",
		Body: func(b *Builder, t dtype.DType, x ...Value) Value { return roundFloat(t, b.Floor, x[0]) },
		Ref:  func(x ...float64) float64 { return math.Floor(x[0]) },
	},
	{
		Name: "ceil", GoName: "Ceil", Arity: 1, Rule: same,
		Doc:  "rounds up to an integer. Integers and bools are unchanged, and keep their type.",
		Body: func(b *Builder, t dtype.DType, x ...Value) Value { return roundFloat(t, b.Ceil, x[0]) },
		Ref:  func(x ...float64) float64 { return math.Ceil(x[0]) },
	},
	{
		Name: "trunc", Aliases: []string{"fix"}, GoName: "Trunc", Arity: 1, Rule: same,
		Doc:  "rounds toward zero to an integer. Integers and bools are unchanged, and keep their type.",
		Body: func(b *Builder, t dtype.DType, x ...Value) Value { return roundFloat(t, b.Trunc, x[0]) },
		Ref:  func(x ...float64) float64 { return math.Trunc(x[0]) },
	},
	{
		Name: "rint", GoName: "Rint", Arity: 1, Rule: inexact,
		Doc:  "rounds to the nearest integer, halves to the even one.",
		Body: func(b *Builder, _ dtype.DType, x ...Value) Value { return b.Rint(x[0]) },
		Ref:  func(x ...float64) float64 { return math.RoundToEven(x[0]) },
	},
	{
		Name: "copysign", GoName: "Copysign", Arity: 2, Rule: inexact,
		Doc:  "gives the first operand the sign of the second, also that of zeros and NaN.",
		Body: func(b *Builder, _ dtype.DType, x ...Value) Value { return b.Copysign(x[0], x[1]) },
		Ref:  func(x ...float64) float64 { return math.Copysign(x[0], x[1]) },
	},
	{
		Name: "fmax", GoName: "Fmax", Arity: 2, Rule: same,
		Doc:  "takes the larger of two elements, and where one is NaN the other.",
		Body: func(b *Builder, t dtype.DType, x ...Value) Value { return ignoreNaN(b, t, maximum, x[0], x[1]) },
		Ref:  func(x ...float64) float64 { return refIgnoreNaN(math.Max, x) },
	},
	{
		Name: "fmin", GoName: "Fmin", Arity: 2, Rule: same,
		Doc:  "takes the smaller of two elements, and where one is NaN the other.",
		Body: func(b *Builder, t dtype.DType, x ...Value) Value { return ignoreNaN(b, t, minimum, x[0], x[1]) },
		Ref:  func(x ...float64) float64 { return refIgnoreNaN(math.Min, x) },
	},
}

// roundFloat rounds floats, and leaves integers alone.
func roundFloat(t dtype.DType, round func(Value) Value, x Value) Value {
	if t.IsFloat() {
		return round(x)
	}
	return x
}

// ignoreNaN takes the operand that is not NaN where the other is, else extreme of both.
func ignoreNaN(b *Builder, t dtype.DType, extreme func(b *Builder, t dtype.DType, x ...Value) Value, x, y Value) Value {
	v := extreme(b, t, x, y)
	if !t.IsFloat() {
		return v
	}
	v = b.Select(b.Eq(y, y), v, x)
	return b.Select(b.Eq(x, x), v, y)
}

func refIgnoreNaN(extreme func(x, y float64) float64, x []float64) float64 {
	switch {
	case math.IsNaN(x[0]):
		return x[1]
	case math.IsNaN(x[1]):
		return x[0]
	}
	return extreme(x[0], x[1])
}
