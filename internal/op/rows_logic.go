package op

import (
	"math"

	"github.com/tare-go/tare/dtype"
)

// logicRows are truth values, what floats are, and the choice by a mask.
var logicRows = []Row{
	{
		Name: "logical_and", GoName: "LogicalAnd", Arity: 2, Rule: truthful,
		Doc:      "tells whether both elements are true. What is not zero is true, also NaN.",
		Identity: identity(1),
		Body: func(b *Builder, _ dtype.DType, x ...Value) Value {
			return b.And(truthOf(b, x[0]), truthOf(b, x[1]))
		},
		Ref: func(x ...float64) float64 { return float64(btoi(x[0] != 0 && x[1] != 0)) },
	},
	{
		Name: "logical_or", GoName: "LogicalOr", Arity: 2, Rule: truthful,
		Doc:      "tells whether either element is true. What is not zero is true, also NaN.",
		Identity: identity(0),
		Body: func(b *Builder, _ dtype.DType, x ...Value) Value {
			return b.Or(truthOf(b, x[0]), truthOf(b, x[1]))
		},
		Ref: func(x ...float64) float64 { return float64(btoi(x[0] != 0 || x[1] != 0)) },
	},
	{
		Name: "logical_xor", GoName: "LogicalXor", Arity: 2, Rule: truthful,
		Doc:      "tells whether just one of two elements is true. What is not zero is true, also NaN.",
		Identity: identity(0),
		Body: func(b *Builder, _ dtype.DType, x ...Value) Value {
			return b.Xor(truthOf(b, x[0]), truthOf(b, x[1]))
		},
		Ref: func(x ...float64) float64 { return float64(btoi((x[0] != 0) != (x[1] != 0))) },
	},
	{
		Name: "logical_not", GoName: "LogicalNot", Arity: 1, Rule: truthful,
		Doc: "tells whether the element is false, which is zero.",
		Body: func(b *Builder, t dtype.DType, x ...Value) Value {
			if t == dtype.Bool {
				return b.Not(x[0])
			}
			return b.Eq(x[0], b.Const(0))
		},
		Ref: func(x ...float64) float64 { return float64(btoi(x[0] == 0)) },
	},
	{
		Name: "isnan", GoName: "IsNaN", Arity: 1, Rule: truthful,
		Doc: "tells whether the element is NaN. Integers and bools never are.",
		Body: func(b *Builder, t dtype.DType, x ...Value) Value {
			if !t.IsFloat() {
				return b.Bits(dtype.Bool, 0)
			}
			return b.Ne(x[0], x[0])
		},
		Ref: func(x ...float64) float64 { return float64(btoi(math.IsNaN(x[0]))) },
	},
	{
		Name: "isinf", GoName: "IsInf", Arity: 1, Rule: truthful,
		Doc: "tells whether the element is an infinity of either sign.",
		Body: func(b *Builder, t dtype.DType, x ...Value) Value {
			if !t.IsFloat() {
				return b.Bits(dtype.Bool, 0)
			}
			return b.Eq(b.Abs(x[0]), b.Const(math.Inf(1)))
		},
		Ref: func(x ...float64) float64 { return float64(btoi(math.IsInf(x[0], 0))) },
	},
	{
		Name: "isfinite", GoName: "IsFinite", Arity: 1, Rule: truthful,
		Doc: "tells whether the element is neither infinite nor NaN.",
		Body: func(b *Builder, t dtype.DType, x ...Value) Value {
			if !t.IsFloat() {
				return b.Bits(dtype.Bool, 1)
			}
			return b.Lt(b.Abs(x[0]), b.Const(math.Inf(1)))
		},
		Ref: func(x ...float64) float64 { return float64(btoi(math.Abs(x[0]) < math.Inf(1))) },
	},
	{
		Name: "where", GoName: "Where", Arity: 3, Rule: choice,
		Doc:  "takes the second operand where the first is true, and the third elsewhere.",
		Body: func(b *Builder, _ dtype.DType, x ...Value) Value { return b.Select(x[0], x[1], x[2]) },
		Ref: func(x ...float64) float64 {
			if x[0] != 0 {
				return x[1]
			}
			return x[2]
		},
	},
}

func truthOf(b *Builder, x Value) Value { return b.Convert(dtype.Bool, x) }
