package op

import (
	"math"

	"github.com/tare-go/tare/dtype"
)

// arithRows are the operators of arithmetic.
var arithRows = []Row{
	{
		Name: "add", GoName: "Add", Arity: 2, Rule: same,
		Doc:      "adds, element by element. Integers wrap; for bools it is logical or.",
		Identity: identity(math.Copysign(0, -1)),
		Body: func(b *Builder, t dtype.DType, x ...Value) Value {
			if t == dtype.Bool {
				return b.Or(x[0], x[1])
			}
			return b.Add(x[0], x[1])
		},
		Ref: func(x ...float64) float64 { return x[0] + x[1] },
	},
	{
		Name: "subtract", GoName: "Subtract", Arity: 2,
		Rule: notBool("for bools use logical_xor, or cast one of them to an integer type"),
		Doc:  "subtracts the second operand from the first. Integers wrap.",
		Body: func(b *Builder, _ dtype.DType, x ...Value) Value { return b.Sub(x[0], x[1]) },
		Ref:  func(x ...float64) float64 { return x[0] - x[1] },
	},
	{
		Name: "multiply", GoName: "Multiply", Arity: 2, Rule: same,
		Doc:      "multiplies. Integers wrap; for bools it is logical and.",
		Identity: identity(1),
		Body: func(b *Builder, t dtype.DType, x ...Value) Value {
			if t == dtype.Bool {
				return b.And(x[0], x[1])
			}
			return b.Mul(x[0], x[1])
		},
		Ref: func(x ...float64) float64 { return x[0] * x[1] },
	},
	{
		Name: "divide", Aliases: []string{"true_divide"}, GoName: "Divide", Arity: 2, Rule: quotient,
		Doc:  "divides the first operand by the second. Integers divide as float64.",
		Body: func(b *Builder, _ dtype.DType, x ...Value) Value { return b.Div(x[0], x[1]) },
		Ref:  func(x ...float64) float64 { return x[0] / x[1] },
	},
	{
		Name: "floor_divide", GoName: "FloorDivide", Arity: 2, Rule: boolAsInt8,
		Doc: "divides and rounds down to an integer. An integer divided by zero gives 0, and the " +
			"minimum divided by -1 wraps.",
		Body: func(b *Builder, t dtype.DType, x ...Value) Value {
			if t.IsFloat() {
				return floorDivide(b, x[0], x[1])
			}
			return intFloorDivide(b, t, x[0], x[1])
		},
		Ref: refFloorDivide,
	},
	{
		Name: "remainder", Aliases: []string{"mod"}, GoName: "Remainder", Arity: 2, Rule: boolAsInt8,
		Doc: "returns what floor division leaves, with the sign of the divisor, as Python's % does. " +
			"Integers modulo zero give 0.",
		Body: func(b *Builder, t dtype.DType, x ...Value) Value {
			if t.IsFloat() {
				return floorRemainder(b, x[0], x[1])
			}
			return intRemainder(b, t, x[0], x[1])
		},
		Ref: refRemainder,
	},
	{
		Name: "negative", GoName: "Negative", Arity: 1,
		Rule: notBool("for bools use logical_not, or ~"),
		Doc:  "flips the sign. Integers wrap.",
		Body: func(b *Builder, _ dtype.DType, x ...Value) Value { return b.Neg(x[0]) },
		Ref:  func(x ...float64) float64 { return -x[0] },
	},
	{
		Name: "positive", GoName: "Positive", Arity: 1,
		Rule: notBool("a bool has no sign; cast it to an integer type"),
		Doc:  "returns its operand unchanged.",
		Body: func(_ *Builder, _ dtype.DType, x ...Value) Value { return x[0] },
		Ref:  func(x ...float64) float64 { return x[0] },
	},
	{
		Name: "absolute", Aliases: []string{"abs"}, GoName: "Absolute", Arity: 1, Rule: same,
		Doc: "takes the absolute value. The minimum of a signed integer type wraps to itself.",
		Body: func(b *Builder, t dtype.DType, x ...Value) Value {
			if t.IsFloat() || isSigned(t) {
				return b.Abs(x[0])
			}
			return x[0]
		},
		Ref: func(x ...float64) float64 { return math.Abs(x[0]) },
	},
	{
		Name: "sign", GoName: "Sign", Arity: 1,
		Rule: notBool("a bool has no sign; cast it to an integer type"),
		Doc:  "gives -1, 0 or 1 for negative, zero and positive elements, and NaN for NaN.",
		Body: sign,
		Ref:  refSign,
	},
	{
		Name: "square", GoName: "Square", Arity: 1, Rule: boolAsInt8,
		Doc:  "multiplies by itself. Integers wrap.",
		Body: func(b *Builder, _ dtype.DType, x ...Value) Value { return b.Mul(x[0], x[0]) },
		Ref:  func(x ...float64) float64 { return x[0] * x[0] },
	},
	{
		Name: "reciprocal", GoName: "Reciprocal", Arity: 1, Rule: boolAsInt8,
		Doc: "divides one by the element. Integers truncate, and for zero int32 and int64 give their " +
			"minimum, the other integers 0.",
		Body: reciprocal,
		Ref:  func(x ...float64) float64 { return 1 / x[0] },
	},
	{
		Name: "maximum", GoName: "Maximum", Arity: 2, Rule: same,
		Doc:  "takes the larger of two elements, or NaN if either is NaN; -0 is below +0.",
		Body: maximum,
		Ref:  func(x ...float64) float64 { return max(x[0], x[1]) },
	},
	{
		Name: "minimum", GoName: "Minimum", Arity: 2, Rule: same,
		Doc:  "takes the smaller of two elements, or NaN if either is NaN; -0 is below +0.",
		Body: minimum,
		Ref:  func(x ...float64) float64 { return min(x[0], x[1]) },
	},
}

func maximum(b *Builder, t dtype.DType, x ...Value) Value {
	if t == dtype.Bool {
		return b.Or(x[0], x[1])
	}
	return b.Max(x[0], x[1])
}

func minimum(b *Builder, t dtype.DType, x ...Value) Value {
	if t == dtype.Bool {
		return b.And(x[0], x[1])
	}
	return b.Min(x[0], x[1])
}

func sign(b *Builder, t dtype.DType, x ...Value) Value {
	zero, one := b.Const(0), b.Const(1)
	if t.Kind() == dtype.UnsignedKind {
		return b.Select(b.Ne(x[0], zero), one, zero)
	}
	negative := b.Select(b.Lt(x[0], zero), b.Const(-1), zero)
	s := b.Select(b.Lt(zero, x[0]), one, negative)
	if t.IsFloat() {
		s = b.Select(b.Eq(x[0], x[0]), s, x[0])
	}
	return s
}

func refSign(x ...float64) float64 {
	switch {
	case x[0] > 0:
		return 1
	case x[0] < 0:
		return -1
	case x[0] == 0:
		return 0
	}
	return x[0]
}

func reciprocal(b *Builder, t dtype.DType, x ...Value) Value {
	if t.IsFloat() {
		return b.Div(b.Const(1), x[0])
	}
	r := b.Div(b.Const(1), x[0])
	if t == dtype.Int32 || t == dtype.Int64 {
		least := b.Bits(t, 1<<(8*t.Size()-1))
		r = b.Select(b.Eq(x[0], b.Const(0)), least, r)
	}
	return r
}

// intFloorDivide lowers the truncated quotient by one where it lies above the exact one.
func intFloorDivide(b *Builder, t dtype.DType, x, y Value) Value {
	q := b.Div(x, y)
	if t.Kind() == dtype.UnsignedKind {
		return q
	}
	zero := b.Const(0)
	inexact := b.And(b.Ne(b.Sub(x, b.Mul(q, y)), zero), b.Ne(y, zero))
	opposite := b.Lt(b.Xor(x, y), zero)
	return b.Select(b.And(inexact, opposite), b.Sub(q, b.Const(1)), q)
}

// intRemainder adds the divisor where the remainder has the other sign.
func intRemainder(b *Builder, t dtype.DType, x, y Value) Value {
	r := b.Rem(x, y)
	if t.Kind() == dtype.UnsignedKind {
		return r
	}
	zero := b.Const(0)
	opposite := b.Lt(b.Xor(r, y), zero)
	return b.Select(b.And(b.Ne(r, zero), opposite), b.Add(r, y), r)
}

// fmod is x - y·trunc(x/y), exact, with the sign of x. Up to 2^52 (2^23 for float32) the rounded
// quotient is at most one off, so that the remainder by fma is exact, and wrong by at most y.
func fmod(b *Builder, x, y Value) Value {
	t := b.Type(x)
	limit := b.ConstOf(t, 0x1p52)
	if t == dtype.Float32 {
		limit = b.ConstOf(t, 0x1p23)
	}
	zero, inf := b.ConstOf(t, 0), b.ConstOf(t, math.Inf(1))
	ax, ay := b.Abs(x), b.Abs(y)
	quotient := b.Div(ax, ay)
	r := b.FMA(b.Neg(b.Trunc(quotient)), ay, ax)
	r = b.Select(b.Lt(r, zero), b.Add(r, ay), r)
	r = b.Select(b.Lt(ax, ay), ax, r) // also for infinite y
	r = b.Copysign(r, x)
	far := b.And(b.Lt(limit, quotient), b.Lt(ax, inf))
	return b.Select(far, b.Rare(Fmod, t, far, x, y), r)
}

// divmod is NumPy's pair of quotient and remainder for floats, but for a zero divisor.
func divmod(b *Builder, x, y Value) (quotient, remainder Value) {
	t := b.Type(x)
	zero, one := b.ConstOf(t, 0), b.ConstOf(t, 1)
	mod := fmod(b, x, y)
	div := b.Div(b.Sub(x, mod), y)
	nonzero := b.Ne(mod, zero)
	adjust := b.And(nonzero, b.Ne(b.Lt(y, zero), b.Lt(mod, zero)))
	div = b.Select(adjust, b.Sub(div, one), div)
	remainder = b.Select(nonzero, b.Select(adjust, b.Add(mod, y), mod), b.Copysign(zero, y))
	floor := b.Floor(div)
	snapped := b.Select(b.Lt(b.ConstOf(t, 0.5), b.Sub(div, floor)), b.Add(floor, one), floor)
	return b.Select(b.Ne(div, zero), snapped, b.Copysign(zero, b.Div(x, y))), remainder
}

func floorDivide(b *Builder, x, y Value) Value {
	quotient, _ := divmod(b, x, y)
	return b.Select(b.Eq(y, b.ConstOf(b.Type(y), 0)), b.Div(x, y), quotient)
}

func floorRemainder(b *Builder, x, y Value) Value {
	_, remainder := divmod(b, x, y)
	t := b.Type(x)
	return b.Select(b.Eq(y, b.ConstOf(t, 0)), b.ConstOf(t, math.NaN()), remainder)
}

func refFloorDivide(x ...float64) float64 {
	if x[1] == 0 {
		return x[0] / x[1]
	}
	mod := math.Mod(x[0], x[1])
	div := (x[0] - mod) / x[1]
	if mod != 0 && (x[1] < 0) != (mod < 0) {
		div--
	}
	if div == 0 {
		return math.Copysign(0, x[0]/x[1])
	}
	floor := math.Floor(div)
	if div-floor > 0.5 {
		floor++
	}
	return floor
}

func refRemainder(x ...float64) float64 {
	mod := math.Mod(x[0], x[1])
	switch {
	case mod == 0:
		return math.Copysign(0, x[1])
	case (x[1] < 0) != (mod < 0):
		return mod + x[1]
	}
	return mod
}
