package tensor

import (
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
)

// CumSum is the running sum along one axis, given with Axis; without it in C order over all elements,
// with one dimension. Bools and integers are summed in 64 bits, unless DType says otherwise. The order
// of additions is a function of the position along the axis alone, so that the bits are the same on
// every device.
func CumSum(a Array, opts ...ReduceOption) *Expr {
	return scanned("cumsum", caller(1), a, opts, ir.CumSum)
}

// CumProd is the running product, with the options and types of CumSum.
func CumProd(a Array, opts ...ReduceOption) *Expr {
	return scanned("cumprod", caller(1), a, opts, ir.CumProd)
}

// CumMax is the greatest element so far along one axis, or in C order over all; a NaN stays.
func CumMax(a Array, opts ...ReduceOption) *Expr {
	return scanned("cummax", caller(1), a, opts, ir.CumMax)
}

// CumMin is the least element so far along one axis, or in C order over all; a NaN stays.
func CumMin(a Array, opts ...ReduceOption) *Expr {
	return scanned("cummin", caller(1), a, opts, ir.CumMin)
}

func scanned(name string, site uintptr, a Array, opts []ReduceOption, scan func(*ir.Node, *int, dtype.DType) (*ir.Node, error)) *Expr {
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
	if r.KeepDims || r.Initial != nil || r.Where != nil || r.DDof != 0 || len(r.Axes) > 1 || (r.Axes != nil && len(r.Axes) == 0) {
		return made(name, site, nil, &ir.OptionError{Name: name, Option: "options", Why: "a scan takes one Axis and DType; its result has the shape of its operand"})
	}
	var axis *int
	if len(r.Axes) == 1 {
		axis = &r.Axes[0]
	}
	n, err := scan(e.n, axis, r.Type)
	return made(name, site, n, err)
}
