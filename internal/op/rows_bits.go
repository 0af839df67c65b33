package op

import "github.com/tare-go/tare/dtype"

// bitRows are the operators on the bits of integers, and on bools.
var bitRows = []Row{
	{
		Name: "bitwise_and", GoName: "BitwiseAnd", Arity: 2, Rule: bitwise,
		Doc:      "keeps the bits that both integers have; for bools it is logical and.",
		Identity: identity(-1),
		Body:     func(b *Builder, _ dtype.DType, x ...Value) Value { return b.And(x[0], x[1]) },
		Ref:      func(x ...float64) float64 { return float64(int64(x[0]) & int64(x[1])) },
	},
	{
		Name: "bitwise_or", GoName: "BitwiseOr", Arity: 2, Rule: bitwise,
		Doc:      "takes the bits that either integer has; for bools it is logical or.",
		Identity: identity(0),
		Body:     func(b *Builder, _ dtype.DType, x ...Value) Value { return b.Or(x[0], x[1]) },
		Ref:      func(x ...float64) float64 { return float64(int64(x[0]) | int64(x[1])) },
	},
	{
		Name: "bitwise_xor", GoName: "BitwiseXor", Arity: 2, Rule: bitwise,
		Doc:      "takes the bits in which two integers differ; for bools it is exclusive or.",
		Identity: identity(0),
		Body:     func(b *Builder, _ dtype.DType, x ...Value) Value { return b.Xor(x[0], x[1]) },
		Ref:      func(x ...float64) float64 { return float64(int64(x[0]) ^ int64(x[1])) },
	},
	{
		Name: "invert", Aliases: []string{"bitwise_not", "bitwise_invert"}, GoName: "Invert", Arity: 1, Rule: bitwise,
		Doc:  "complements the bits of an integer; for bools it is logical not.",
		Body: func(b *Builder, _ dtype.DType, x ...Value) Value { return b.Not(x[0]) },
		Ref:  func(x ...float64) float64 { return float64(^int64(x[0])) },
	},
}
