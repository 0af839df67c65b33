package op

import (
	"math"
	"math/big"

	"github.com/tare-go/tare/dtype"
)

// mathRows are the functions of analysis. Their bodies are in the math_*.go files.
var mathRows = []Row{
	{
		Name: "sqrt", GoName: "Sqrt", Arity: 1, Rule: inexact,
		Doc:    "takes the square root, correctly rounded; NaN for negative elements.",
		Domain: []Interval{{0, math.MaxFloat64}},
		Body:   func(b *Builder, _ dtype.DType, x ...Value) Value { return b.Sqrt(x[0]) },
		Ref:    func(x ...float64) float64 { return math.Sqrt(x[0]) },
	},
	{
		Name: "exp", GoName: "Exp", Arity: 1, Rule: inexact,
		Doc:    "raises e to the element.",
		Domain: []Interval{{-745.2, 709.8}},
		ULP32:  1, ULP64: 1,
		Body: func(b *Builder, t dtype.DType, x ...Value) Value { return exp(b, t, x[0]) },
		Ref:  func(x ...float64) float64 { return math.Exp(x[0]) },
		Big:  bigExp,
	},
	{
		Name: "log", GoName: "Log", Arity: 1, Rule: inexact,
		Doc:    "takes the natural logarithm; -Inf for zero, NaN for negative elements.",
		Domain: []Interval{{0, math.MaxFloat64}},
		ULP32:  1, ULP64: 1,
		Body: func(b *Builder, t dtype.DType, x ...Value) Value { return logarithm(b, t, x[0]) },
		Ref:  refLog,
		Big:  bigLog,
	},
	{
		Name: "exp2", GoName: "Exp2", Arity: 1, Rule: inexact,
		Doc:    "raises 2 to the element; exact for integers.",
		Domain: []Interval{{-1075, 1024}},
		ULP32:  1, ULP64: 1,
		Body: func(b *Builder, t dtype.DType, x ...Value) Value { return exp2(b, t, x[0]) },
		Ref:  func(x ...float64) float64 { return math.Exp2(x[0]) },
		Big:  bigExp2,
	},
	{
		Name: "expm1", GoName: "Expm1", Arity: 1, Rule: inexact,
		Doc:    "raises e to the element and subtracts one, without loss where the element is near zero.",
		Domain: []Interval{{-50, 709.8}},
		ULP32:  1, ULP64: 1.1,
		Body: func(b *Builder, t dtype.DType, x ...Value) Value { return expm1(b, t, x[0]) },
		Ref:  func(x ...float64) float64 { return math.Expm1(x[0]) },
		Big:  bigExpm1,
	},
	{
		Name: "log2", GoName: "Log2", Arity: 1, Rule: inexact,
		Doc:    "takes the logarithm to base 2, exact for powers of 2; -Inf for zero, NaN for negative elements.",
		Domain: []Interval{{0, math.MaxFloat64}},
		ULP32:  1, ULP64: 1,
		Body: func(b *Builder, t dtype.DType, x ...Value) Value { return logBase(b, t, x[0], log2Scale) },
		Ref:  func(x ...float64) float64 { return refLog(x...) / math.Ln2 },
		Big:  bigLog2,
	},
	{
		Name: "log10", GoName: "Log10", Arity: 1, Rule: inexact,
		Doc:    "takes the logarithm to base 10, exact for powers of 10; -Inf for zero, NaN for negative elements.",
		Domain: []Interval{{0, math.MaxFloat64}},
		ULP32:  1, ULP64: 1,
		Body: func(b *Builder, t dtype.DType, x ...Value) Value { return logBase(b, t, x[0], log10Scale) },
		Ref:  func(x ...float64) float64 { return refLog(x...) / math.Ln10 },
		Big:  bigLog10,
	},
	{
		Name: "log1p", GoName: "Log1p", Arity: 1, Rule: inexact,
		Doc: "takes the natural logarithm of one plus the element, without loss where the element is near " +
			"zero; -Inf for -1, NaN below.",
		Domain: []Interval{{-1, math.MaxFloat64}},
		ULP32:  1, ULP64: 1,
		Body: func(b *Builder, t dtype.DType, x ...Value) Value { return log1p(b, t, x[0]) },
		Ref:  func(x ...float64) float64 { return math.Log1p(x[0]) },
		Big:  bigLog1p,
	},
	{
		Name: "sin", GoName: "Sin", Arity: 1, Rule: inexact,
		Doc:   "takes the sine of an angle in radians, also of huge ones; NaN for infinities.",
		ULP32: 1, ULP64: 1,
		Body: func(b *Builder, t dtype.DType, x ...Value) Value { return sine(b, t, x[0]) },
		Ref:  func(x ...float64) float64 { return math.Sin(x[0]) },
		Big:  bigSin,
	},
	{
		Name: "cos", GoName: "Cos", Arity: 1, Rule: inexact,
		Doc:   "takes the cosine of an angle in radians, also of huge ones; NaN for infinities.",
		ULP32: 1, ULP64: 1,
		Body: func(b *Builder, t dtype.DType, x ...Value) Value { return cosine(b, t, x[0]) },
		Ref:  func(x ...float64) float64 { return math.Cos(x[0]) },
		Big:  bigCos,
	},
	{
		Name: "tanh", GoName: "Tanh", Arity: 1, Rule: inexact,
		Doc:    "takes the hyperbolic tangent.",
		Domain: []Interval{{-20, 20}},
		ULP32:  1, ULP64: 1,
		Body: func(b *Builder, t dtype.DType, x ...Value) Value { return tanh(b, t, x[0]) },
		Ref:  func(x ...float64) float64 { return math.Tanh(x[0]) },
		Big:  bigTanh,
	},
	{
		Name: "power", Aliases: []string{"pow"}, GoName: "Power", Arity: 2, Rule: boolAsInt8,
		Doc: "raises the first operand to the power of the second. Integers wrap; a negative " +
			"exponent of integers gives the power's integer part, which is 0 but for the bases 1 and -1 " +
			"(NumPy refuses it).",
		Domain: []Interval{{0, math.MaxFloat64}, {-1100, 1100}},
		ULP32:  1, ULP64: 1,
		Body: func(b *Builder, t dtype.DType, x ...Value) Value { return power(b, t, x[0], x[1]) },
		Ref:  refPower,
		Big:  bigPower,
	},
	{
		Name: "hypot", GoName: "Hypot", Arity: 2, Rule: inexact,
		Doc: "gives the hypotenuse of a right triangle with the operands as legs, without overflow or " +
			"underflow on the way; infinite if either is, also beside NaN. After Borges, An Improved " +
			"Algorithm for hypot(a,b) (2019), with scaling by powers of two.",
		ULP32: 1, ULP64: 1,
		Body: func(b *Builder, t dtype.DType, x ...Value) Value {
			p, q := b.Abs(x[0]), b.Abs(x[1])
			infinite := b.Or(b.Eq(p, b.Const(math.Inf(1))), b.Eq(q, b.Const(math.Inf(1))))
			if t == dtype.Float32 { // squares of float32 are exact in float64
				u, v := b.Convert(dtype.Float64, p), b.Convert(dtype.Float64, q)
				h := b.Convert(t, b.Sqrt(b.FMA(u, u, b.Mul(v, v))))
				return b.Select(infinite, b.Const(math.Inf(1)), h)
			}
			most, least := b.Max(p, q), b.Min(p, q)
			large, small := b.Lt(b.Const(0x1p510), most), b.Lt(least, b.Const(0x1p-450))
			down, up, one := b.Const(0x1p-700), b.Const(0x1p700), b.Const(1)
			scale := b.Select(large, down, b.Select(small, up, one))
			back := b.Select(large, up, b.Select(small, down, one))
			u, v := b.Mul(most, scale), b.Mul(least, scale)
			h, uu := b.Sqrt(b.FMA(u, u, b.Mul(v, v))), b.Mul(u, u)
			hh := b.Mul(h, h)
			rest := b.Sub(b.Add(b.FMA(b.Neg(v), v, b.Sub(hh, uu)), b.FMA(h, h, b.Neg(hh))), b.FMA(u, u, b.Neg(uu)))
			h = b.Mul(b.Sub(h, b.Div(rest, b.Add(h, h))), back)
			h = b.Select(b.Le(least, b.Mul(most, b.Const(0x1p-54))), most, h)
			return b.Select(infinite, b.Const(math.Inf(1)), h)
		},
		Ref: func(x ...float64) float64 { return math.Hypot(x[0], x[1]) },
		Big: func(x ...*big.Float) *big.Float {
			p, q := new(big.Float).SetPrec(400).Mul(x[0], x[0]), new(big.Float).SetPrec(400).Mul(x[1], x[1])
			return p.Sqrt(p.Add(p, q))
		},
	},
}

// refLog goes around math.Log's wrong results for subnormal numbers on amd64.
func refLog(x ...float64) float64 {
	if x[0] > 0 && x[0] < 0x1p-1022 {
		return math.Log(x[0]*0x1p60) - 60*math.Ln2
	}
	return math.Log(x[0])
}

// refPower goes around the same in math.Pow.
func refPower(x ...float64) float64 {
	if a := math.Abs(x[0]); a > 0 && a < 0x1p-1022 {
		return math.Pow(x[0]*0x1p60, x[1]) * math.Pow(0x1p-60, x[1])
	}
	return math.Pow(x[0], x[1])
}
