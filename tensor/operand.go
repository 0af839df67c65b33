package tensor

import (
	"math"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/op"
)

// Operand is what element-wise functions take: arrays, and Go numbers. A number is weak: it takes
// the type of the arrays that it meets, if that can hold its kind.
type Operand interface {
	*Tensor | *Expr |
		bool | int | int8 | int16 | int32 | int64 |
		uint | uint8 | uint16 | uint32 | uint64 | float32 | float64
}

// Number is the set of Go's types of numbers that arrays can hold.
type Number interface {
	int | int8 | int16 | int32 | int64 | uint | uint8 | uint16 | uint32 | uint64 | float32 | float64
}

// operand is the node of an operand.
func operand[A Operand](a A) (*ir.Node, error) {
	switch v := any(a).(type) {
	case *Tensor:
		e := v.expr()
		return e.n, e.err
	case *Expr:
		e := v.expr()
		return e.n, e.err
	default:
		t, bits := weak(v)
		return ir.NewWeak(t, bits), nil
	}
}

// weak is the type and the bits of a Go number: bool, int64 or float64, and uint64 for what an int64
// cannot hold.
func weak(v any) (dtype.DType, uint64) {
	switch v := v.(type) {
	case bool:
		if v {
			return dtype.Bool, 1
		}
		return dtype.Bool, 0
	case int:
		return dtype.Int64, uint64(v)
	case int8:
		return dtype.Int64, uint64(v)
	case int16:
		return dtype.Int64, uint64(v)
	case int32:
		return dtype.Int64, uint64(v)
	case int64:
		return dtype.Int64, uint64(v)
	case uint:
		return weakUnsigned(uint64(v))
	case uint8:
		return dtype.Int64, uint64(v)
	case uint16:
		return dtype.Int64, uint64(v)
	case uint32:
		return dtype.Int64, uint64(v)
	case uint64:
		return weakUnsigned(v)
	case float32:
		return dtype.Float64, math.Float64bits(float64(v))
	case float64:
		return dtype.Float64, math.Float64bits(v)
	}
	return dtype.Invalid, 0
}

func weakUnsigned(v uint64) (dtype.DType, uint64) {
	if v > math.MaxInt64 {
		return dtype.Uint64, v
	}
	return dtype.Int64, v
}

// Scalar is a number as an expression that a prepared plan can be given anew (see Set). It is weak,
// like a plain Go number.
func Scalar[N Number | bool](v N) *Expr {
	t, bits := weak(v)
	n := ir.NewWeak(t, bits)
	n.Slot = &ir.Slot{Type: t}
	return &Expr{n: n}
}

// apply is an operator on the operands' nodes. Those that call it are called by the generated functions, which the
// user calls: all have frames of their own, by which the user's call is found.
func apply(code op.Code, site uintptr, args []*ir.Node, errs ...error) *Expr {
	for _, err := range errs {
		if err != nil {
			return &Expr{err: placed(code.Row().Name, site, err)}
		}
	}
	n, err := ir.Elementwise(code, args...)
	if err != nil {
		return made(code.Row().Name, site, nil, err)
	}
	n.Site = site // nobody else has it yet
	return &Expr{n: n}
}

//go:noinline
func apply1[A Operand](code op.Code, a A) *Expr {
	x, err := operand(a)
	return apply(code, siteOf(returnPC(1), 2), []*ir.Node{x}, err)
}

//go:noinline
func apply2[A, B Operand](code op.Code, a A, b B) *Expr {
	x, errX := operand(a)
	y, errY := operand(b)
	return apply(code, siteOf(returnPC(1), 2), []*ir.Node{x, y}, errX, errY)
}

//go:noinline
func apply3[A, B, C Operand](code op.Code, a A, b B, c C) *Expr {
	x, errX := operand(a)
	y, errY := operand(b)
	z, errZ := operand(c)
	return apply(code, siteOf(returnPC(1), 2), []*ir.Node{x, y, z}, errX, errY, errZ)
}
