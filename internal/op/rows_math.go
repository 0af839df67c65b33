package op

import (
	"math"

	"github.com/tare-go/tare/dtype"
)

// mathRows are the functions of one float.
var mathRows = []Row{
	{
		Name: "sqrt", GoName: "Sqrt", Arity: 1, Rule: inexact,
		Doc:    "takes the square root, correctly rounded; NaN for negative elements.",
		Domain: []Interval{{0, math.MaxFloat64}},
		Body:   func(b *Builder, _ dtype.DType, x ...Value) Value { return b.Sqrt(x[0]) },
		Ref:    func(x ...float64) float64 { return math.Sqrt(x[0]) },
	},
}
