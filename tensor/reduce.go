package tensor

import (
	"fmt"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
)

// ReduceOption is an option of a reduction: Axis, KeepDims, DType, Initial, DDof, WhereMask. One that
// the function does not take is an error.
type ReduceOption interface {
	reduction(r *ir.Reduction) error
}

type reduceOption func(r *ir.Reduction) error

func (o reduceOption) reduction(r *ir.Reduction) error { return o(r) }

// Axis names the axes to reduce; without it all are. Negative ones count from the end. Axis() without
// arguments reduces nothing.
func Axis(axes ...int) ReduceOption {
	axes = append([]int{}, axes...) // not nil, and not the caller's
	return reduceOption(func(r *ir.Reduction) error {
		r.Axes = axes
		return nil
	})
}

// KeepDims leaves the reduced axes in the result, with extent 1, so that it broadcasts against the
// operand.
var KeepDims ReduceOption = reduceOption(func(r *ir.Reduction) error {
	r.KeepDims = true
	return nil
})

// Initial is joined to the result, last.
func Initial[N Number | bool](v N) ReduceOption {
	return reduceOption(func(r *ir.Reduction) error {
		t, bits := weak(v)
		r.Initial = ir.NewWeak(t, bits)
		return nil
	})
}

// DDof makes the divisor of Var and Std the number of elements less ddof.
func DDof(ddof float64) ReduceOption {
	return reduceOption(func(r *ir.Reduction) error {
		r.DDof = ddof
		return nil
	})
}

// TypeOption is the option that DType makes.
type TypeOption struct{ typ dtype.DType }

// DType chooses the type of a new array, or the type in which a reduction accumulates and answers.
func DType(t dtype.DType) TypeOption { return TypeOption{t} }

func (o TypeOption) reduction(r *ir.Reduction) error {
	r.Type = o.typ
	return o.check()
}

// check is an error for what is no type of elements.
func (o TypeOption) check() error {
	if o.typ == dtype.Invalid || o.typ >= dtype.Count {
		return &TypeError{o.typ}
	}
	return nil
}

// TypeError is a DType that no array has.
type TypeError struct{ Type dtype.DType }

func (e *TypeError) Error() string {
	return fmt.Sprintf("%v is no type of elements: use Bool, Int8 to Int64, Uint8 to Uint64, Float32 or Float64", e.Type)
}

func reduced(name string, a Array, reduce func(*ir.Node, ir.Reduction) (*ir.Node, error), opts []ReduceOption) *Expr {
	site := caller(2)
	e := E(a)
	if e.err != nil {
		return made(name, site, nil, e.err)
	}
	var r ir.Reduction
	for _, o := range opts {
		if o == nil {
			continue
		}
		if err := o.reduction(&r); err != nil {
			return made(name, site, nil, err)
		}
	}
	n, err := reduce(e.n, r)
	return made(name, site, n, err)
}

// Sum adds the elements over axes. Bools and integers are summed in 64 bits. The order of additions
// is a function of the shape and the axes alone, so that the bits are the same on every device. Options:
// Axis, KeepDims, DType, Initial, WhereMask.
func Sum(a Array, opts ...ReduceOption) *Expr { return reduced("sum", a, ir.Sum, opts) }

// Prod multiplies the elements over axes, with the options and types of Sum.
func Prod(a Array, opts ...ReduceOption) *Expr { return reduced("prod", a, ir.Prod, opts) }

// Mean is the arithmetic mean over axes: float64 for integers, else the type of a. Options: Axis,
// KeepDims, DType, WhereMask.
func Mean(a Array, opts ...ReduceOption) *Expr { return reduced("mean", a, ir.Mean, opts) }

// Var is the mean of the squared deviations from the mean. Options: those of Mean, and DDof.
func Var(a Array, opts ...ReduceOption) *Expr { return reduced("var", a, ir.Var, opts) }

// Std is the square root of Var, with its options.
func Std(a Array, opts ...ReduceOption) *Expr { return reduced("std", a, ir.Std, opts) }

// Min is the least element over axes; a NaN wins. No elements are an error unless Initial is given, and
// a mask needs it. Options: Axis, KeepDims, DType, Initial, WhereMask.
func Min(a Array, opts ...ReduceOption) *Expr { return reduced("min", a, ir.Min, opts) }

// Max is the greatest element over axes; a NaN wins. It takes the options of Min.
func Max(a Array, opts ...ReduceOption) *Expr { return reduced("max", a, ir.Max, opts) }

// Any says whether an element is not zero. NaN is not zero. Options: Axis, KeepDims, WhereMask.
func Any(a Array, opts ...ReduceOption) *Expr { return reduced("any", a, ir.Any, opts) }

// All says whether no element is zero. Options: Axis, KeepDims, WhereMask.
func All(a Array, opts ...ReduceOption) *Expr { return reduced("all", a, ir.All, opts) }

// CountNonzero is the number of elements that are not zero, as int64. Options: Axis, KeepDims,
// WhereMask.
func CountNonzero(a Array, opts ...ReduceOption) *Expr {
	return reduced("count_nonzero", a, ir.CountNonzero, opts)
}

// ArgMin is the int64 index of the first least element, or of the first NaN, along one axis; without
// Axis in C order over all. Options: Axis, KeepDims.
func ArgMin(a Array, opts ...ReduceOption) *Expr { return reduced("argmin", a, ir.ArgMin, opts) }

// ArgMax is the int64 index of the first greatest element, or of the first NaN, along one axis;
// without Axis in C order over all. Options: Axis, KeepDims.
func ArgMax(a Array, opts ...ReduceOption) *Expr { return reduced("argmax", a, ir.ArgMax, opts) }

// MatMul is the matrix product: the last two axes are matrices, those before broadcast. A
// one-dimensional operand is a row on the left and a column on the right.
func MatMul(a, b Array) *Expr {
	x, y := E(a), E(b)
	for _, e := range []*Expr{x, y} {
		if e.err != nil {
			return made("matmul", caller(1), nil, e.err)
		}
	}
	n, err := ir.MatrixProduct(x.n, y.n)
	return made("matmul", caller(1), n, err)
}

// AsType is a with its elements converted: floats to integers towards zero.
func AsType(a Array, t dtype.DType) *Expr {
	e := E(a)
	err := e.err
	if err == nil {
		err = DType(t).check()
	}
	if err != nil {
		return made("astype", caller(1), nil, err)
	}
	return made("astype", caller(1), ir.CastTo(e.n, t), nil)
}
