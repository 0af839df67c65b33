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
		Name: "left_shift", Aliases: []string{"bitwise_left_shift"}, GoName: "LeftShift", Arity: 2, Rule: shift,
		Doc: "shifts the bits of the first integer up by the second, which counts as unsigned; from the " +
			"type's width on nothing is left. Bools shift as int8.",
		Body: func(b *Builder, _ dtype.DType, x ...Value) Value { return b.Shl(x[0], x[1]) },
		Ref:  func(x ...float64) float64 { return float64(int64(x[0]) << uint64(int64(x[1]))) },
	},
	{
		Name: "right_shift", Aliases: []string{"bitwise_right_shift"}, GoName: "RightShift", Arity: 2, Rule: shift,
		Doc: "shifts the bits of the first integer down by the second, which counts as unsigned, and keeps " +
			"the sign; from the type's width on only the sign is left. Bools shift as int8.",
		Body: func(b *Builder, t dtype.DType, x ...Value) Value {
			if isSigned(t) {
				return b.Sar(x[0], x[1])
			}
			return b.Shr(x[0], x[1])
		},
		Ref: func(x ...float64) float64 { return float64(int64(x[0]) >> uint64(int64(x[1]))) },
	},
	{
		Name: "invert", Aliases: []string{"bitwise_not", "bitwise_invert"}, GoName: "Invert", Arity: 1, Rule: bitwise,
		Doc:  "complements the bits of an integer; for bools it is logical not.",
		Body: func(b *Builder, _ dtype.DType, x ...Value) Value { return b.Not(x[0]) },
		Ref:  func(x ...float64) float64 { return float64(^int64(x[0])) },
	},
}
