// Package tensor is what users of tare import, as np: arrays, expressions, and NumPy's functions
// under NumPy's names.
//
//	x, err := np.FromSlice([]float64{1, 2, 3, 4, 5, 6}, 2, 3)
//	z := np.Subtract(x, np.Mean(x, np.Axis(1), np.KeepDims))
//	plan, err := z.Plan()  // bytes, before anything runs
//	y, err := z.Eval(ctx)  // one output, no intermediates
//
// There are two types, so that cost is visible in the source. A [Tensor] is memory on one device;
// views of it share the memory. An [Expr] is a recipe: it costs nothing, and reads its operands when
// it is evaluated. Every allocation of a result is an Eval or an explicit Copy, To or creation
// routine.
//
// Go numbers among the operands are weak, as Python's are in NumPy 2: they take the type of the
// arrays that they meet.
//
// Mistakes of shape or type stick to the expression in which they were made, with the caller's file
// and line, and come out of Eval, Plan and Prepare. Nothing panics on bad input.
package tensor

import (
	_ "github.com/tare-go/tare/cpu" // there is always a device
)

//go:generate go run ./internal/gen
