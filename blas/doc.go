// Package blas is a BLAS for gonum: its interfaces blas.Float64 and blas.Float32, with matrix products at the
// speed of package cpu.
//
//	blas64.Use(blas.Implementation{})
//	blas32.Use(blas.Implementation{})
//
// From then on everything of gonum that computes through these interfaces does so here: mat.Dense.Mul, the
// factorisations of package mat, and all of lapack64. What LAPACK does in loops of its own, such as the
// rotations in which a singular value decomposition (Gesvd) spends nearly all its time, is as fast as it was.
//
// # What is computed where
//
// Level 3 (gemm, symm, syrk, syr2k, trmm, trsm) is computed here, on as many threads as Go runs at once,
// except where gonum's routine was measured to be sooner: that is sizes up to about 12 for gemm and symm, 16
// for syrk and syr2k, 32 for trmm and trsm from the left and 24 from the right, and thin matrices. So is gemv
// for matrices of 24 MiB and more and, in single precision, for transposed ones from 128 by 128 on. All other
// routines are gonum's own. So are all of them where package kernels/simd has no assembly for products: on
// other processors than amd64's, on those without AVX2, and with the build tag purego.
//
// The complex interfaces are not covered: cblas64 and cblas128 stay with what they use.
//
// # Order of summation
//
// Whether a call is computed here depends on its flags, sizes and alpha, and on whether there is assembly. What is
// computed here has the same bits for any number of threads, at every width of vectors, wherever in memory
// its operands are, and however many callers there are at once.
//
// Products have tare's canonical order: each element is a chain of fused multiply-adds with k ascending, which
// starts from beta·C, rounded, or from +0 if beta is 0; alpha multiplies the elements of the right operand
// first. Where k exceeds 1024 and there are few results, the chain is cut into several that are added left
// to right. gonum rounds products and sums separately, in another order, so results differ from its own in
// the last digits; the usual bounds on errors hold for both.
//
//   - syrk and syr2k compute each block of the triangle as a product; the second product of syr2k is added to
//     the first.
//   - symm adds, for each 128 rows of the symmetric matrix, the products with what is left of the diagonal,
//     on it, and right of it.
//   - symm, trmm and trsm with A on the right compute the transposes, with A on the left.
//   - trmm and trsm work by halves down to four rows, and all else is products. trsm multiplies by the
//     inverses of the diagonal, as gonum does from the left, unless one is not a normal float32: then it
//     divides.
//
// # Special values
//
// C is not read if beta is 0, nor are A and B by gemm if alpha is 0; nothing outside a triangle, and no
// diagonal of ones, is read or written. NaN and infinities come out where gonum's come out, with one
// difference: gonum passes over some elements that are 0, as the reference BLAS does, so that 0 times an
// infinity may be 0 there; here it is NaN, as in most fast BLAS. No result of a product that is computed here
// is -0.
//
// # Mistakes
//
// Routines panic as gonum's do, with its words, on flags that do not exist, sizes below 0, short slices and
// leading dimensions that are too small: they are gonum's panics. C must not share elements with A or B;
// blocks of one array that only lie between each other, as LAPACK has them, are all right.
package blas
