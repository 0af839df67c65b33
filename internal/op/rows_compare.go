package op

import "github.com/tare-go/tare/dtype"

// compareRows are the comparisons, whose result is bool.
var compareRows = []Row{
	{
		Name: "equal", GoName: "Equal", Arity: 2, Rule: comparison,
		Doc:  "tells whether two elements are equal. NaN equals nothing.",
		Body: func(b *Builder, _ dtype.DType, x ...Value) Value { return equal(b, x[0], x[1]) },
		Ref:  func(x ...float64) float64 { return float64(btoi(x[0] == x[1])) },
	},
	{
		Name: "not_equal", GoName: "NotEqual", Arity: 2, Rule: comparison,
		Doc: "tells whether two elements differ. NaN differs from all, also from itself.",
		Body: func(b *Builder, _ dtype.DType, x ...Value) Value {
			if b.Type(x[0]) != b.Type(x[1]) {
				return b.Not(equal(b, x[0], x[1]))
			}
			return b.Ne(x[0], x[1])
		},
		Ref: func(x ...float64) float64 { return float64(btoi(x[0] != x[1])) },
	},
	{
		Name: "less", GoName: "Less", Arity: 2, Rule: comparison,
		Doc:  "tells whether the first element is below the second.",
		Body: func(b *Builder, _ dtype.DType, x ...Value) Value { return less(b, x[0], x[1]) },
		Ref:  func(x ...float64) float64 { return float64(btoi(x[0] < x[1])) },
	},
	{
		Name: "less_equal", GoName: "LessEqual", Arity: 2, Rule: comparison,
		Doc:  "tells whether the first element is at or below the second.",
		Body: func(b *Builder, _ dtype.DType, x ...Value) Value { return lessEqual(b, x[0], x[1]) },
		Ref:  func(x ...float64) float64 { return float64(btoi(x[0] <= x[1])) },
	},
	{
		Name: "greater", GoName: "Greater", Arity: 2, Rule: comparison,
		Doc:  "tells whether the first element is above the second.",
		Body: func(b *Builder, _ dtype.DType, x ...Value) Value { return less(b, x[1], x[0]) },
		Ref:  func(x ...float64) float64 { return float64(btoi(x[0] > x[1])) },
	},
	{
		Name: "greater_equal", GoName: "GreaterEqual", Arity: 2, Rule: comparison,
		Doc:  "tells whether the first element is at or above the second.",
		Body: func(b *Builder, _ dtype.DType, x ...Value) Value { return lessEqual(b, x[1], x[0]) },
		Ref:  func(x ...float64) float64 { return float64(btoi(x[0] >= x[1])) },
	},
}

// Where int64 meets uint64, the signed one is below any uint64 if it is negative, and otherwise
// compares as one.

func equal(b *Builder, x, y Value) Value {
	zero := b.Bits(dtype.Int64, 0)
	switch {
	case b.Type(x) == b.Type(y):
		return b.Eq(x, y)
	case b.Type(x) == dtype.Uint64:
		return equal(b, y, x)
	}
	return b.And(b.Le(zero, x), b.Eq(b.Convert(dtype.Uint64, x), y))
}

// less compares; false is less than true.
func less(b *Builder, x, y Value) Value {
	zero := b.Bits(dtype.Int64, 0)
	switch {
	case b.Type(x) == dtype.Bool:
		return b.And(b.Not(x), y)
	case b.Type(x) == b.Type(y):
		return b.Lt(x, y)
	case b.Type(x) == dtype.Uint64:
		return b.And(b.Le(zero, y), b.Lt(x, b.Convert(dtype.Uint64, y)))
	}
	return b.Or(b.Lt(x, zero), b.Lt(b.Convert(dtype.Uint64, x), y))
}

func lessEqual(b *Builder, x, y Value) Value {
	switch {
	case b.Type(x) == dtype.Bool:
		return b.Or(b.Not(x), y)
	case b.Type(x) == b.Type(y):
		return b.Le(x, y)
	}
	return b.Not(less(b, y, x))
}
