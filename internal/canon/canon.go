// Package canon holds the canonical orders of sums, products of matrices and scans, as pure
// functions of shape and axes.
//
// Floating-point addition is not associative, so one number on every device needs one order. The
// order is a function of the logical shape and the reduced axes alone: strides, views, fusion,
// chunking, the number of threads and the device never enter. The oracle, the SIMD kernels, the PTX
// and the planner all take their order from here.
//
// The package knows no element types, no memory and no devices: values are a type parameter and
// the arithmetic is passed in.
//
// # Sum
//
// [Groups] cuts a reduction into folds that run one after another. Each is folded by the lane rule
// ([LaneFold]) or, where 32 or more kept elements follow the group, by the chunk rule ([ChunkFold]).
// Products (multiplicative folds) run in the same order.
//
// Corner cases, for every caller:
//
//   - An absent element (the tail of a block, a masked element) is -0.0 for a sum and 1 for a
//     product: x + -0.0 has the bits of x for every x, also for -0.0, where x + +0.0 would turn
//     -0.0 into +0.0. Skipping an element and adding the absent value give the same bits. In Go
//     the literal -0.0 is +0: write math.Copysign(0, -1).
//   - Accumulators start at the absent value, or at their first element; the bits are the same.
//   - The sum of one element is that element: the sum of [-0.0] is -0.0.
//   - The sum of no elements is +0, though its fold is the absent value, -0.0. For products the
//     absent value 1 is already the answer.
//   - A sum with a mask (`where`) has an `initial` of +0 unless it is given one, so that the sum of
//     no selected elements is +0 without counting them.
//   - `initial` is added last, once: fl(S + initial).
//   - Minima, maxima, integer sums and logical folds are associative, and any order serves.
//
// NaN stays NaN in every order; payloads are not promised.
package canon
