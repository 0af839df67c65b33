package blas

import (
	"unsafe"

	"gonum.org/v1/gonum/blas"

	"github.com/tare-go/tare/kernels/simd"
)

// everySize makes this package compute its routines at all sizes. Tests set it.
var everySize = false

// accelerated reports whether products have kernels in assembly. Those in Go are slower than gonum's
// routines.
func accelerated() bool { return simd.GemmLevel() != "generic" }

// below reports whether all sizes are below a power of two, and none below 0: then gonum is called without
// looking closer, which takes as long as its routine.
func below(limit uint, m, n, k int) bool { return uint(m|n|k) < limit && !everySize }

// here reports whether a routine is computed here, where that is sooner, or by gonum.
func here(sooner bool) bool { return everySize || sooner && accelerated() }

// The time that products take, in nanoseconds: what the models below are made of. They were measured, in
// double precision with AVX-512 and on one thread; single precision is about twice as fast on both sides.
const (
	callTime    = 500  // a call of multiply
	stepTime    = 0.03 // a multiplication in it
	chainTime   = 2    // an index of k, if there are few results
	resultTime  = 0.35 // a result read, moved and written
	operandTime = 0.1  // an element of an operand read
	scaledTime  = 0.4  // an element multiplied by alpha
	vectorTime  = 2.5  // a call of one of gonum's vector routines
	axpyTime    = 0.16 // an element in its axpy
	dotTime     = 0.13 // an element in its dot
	pairTime    = 0.5  // two multiplications in its syr2k
	symmTime    = 0.27 // a multiplication in its symm from the right
)

// multiplyTime is about how long multiply takes.
func multiplyTime[T float](m, n, k int, alpha T) float64 {
	mn, mk, kn := area(m, n), area(m, k), area(k, n)
	time := callTime + resultTime*mn + operandTime*(mk+kn) + stepTime*mn*float64(k) + chainTime*float64(k)
	if alpha != 1 {
		time += scaledTime * kn
	}
	return time
}

// axpyProductTime is about how long gonum takes for a product of m by k and k by n elements by m·k
// additions of rows.
func axpyProductTime(m, n, k int) float64 { return area(m, k) * (vectorTime + axpyTime*float64(n)) }

// dotProductTime is the same for m·n dot products.
func dotProductTime(m, n, k int) float64 { return area(m, n) * (vectorTime + dotTime*float64(k)) }

func area(rows, cols int) float64 { return float64(rows) * float64(cols) }

// gemmPays reports whether a product is computed sooner here than by gonum. onlyB says that its
// right operand is transposed and the left one is not: then gonum computes dot products.
func gemmPays[T float](m, n, k int, alpha T, onlyB bool) bool {
	theirs := axpyProductTime(m, n, k)
	if onlyB {
		theirs = dotProductTime(m, n, k)
	}
	return here(multiplyTime(m, n, k, alpha) < theirs)
}

// symmPays is gemmPays for a product with a symmetric matrix of m rows, of which one block is mirrored. On
// the right side, gonum computes two scalar products at once.
func symmPays[T float](left bool, m, n int, alpha T) bool {
	mirrored := area(min(m, symmBlock), min(m, symmBlock))
	theirs := symmTime * area(m, m) * float64(n)
	if left {
		theirs = axpyProductTime(m, n, m)
	}
	return here(multiplyTime(m, n, m, alpha)+mirrored < theirs)
}

// rankPays is gemmPays for a triangle of n rows, and a number of products that are added to it.
func rankPays[T float](products, n, k int, alpha T, trans bool) bool {
	leaves := (n + rankLeaf - 1) / rankLeaf
	ours := float64(products) * (multiplyTime(n, n, k, alpha) + float64(2*leaves-2)*callTime)
	theirs := area(n, n) / 2 * (1 + pairTime*float64(k))
	switch {
	case products == 1 && trans:
		theirs = axpyProductTime(n, n/2, k)
	case products == 1:
		theirs = dotProductTime(n, n, k) / 2
	}
	return here(ours < theirs)
}

// triangularPays is gemmPays for a triangular matrix on one side of an m by n matrix. Recursion makes many
// products of few columns or, on the right, of few rows.
func triangularPays(s blas.Side, m, n int) bool {
	if s == blas.Left {
		return here(m >= 64 || m >= 32 && n >= 32)
	}
	return here(m >= 24 && n >= 2)
}

// gemvPays reports whether a product with a vector is computed sooner here than by gonum, which does it on one
// thread: if the matrix is not in the caches, or by columns in single precision.
func gemvPays[T float](m, n int, trans bool) bool {
	size, least := int(unsafe.Sizeof(T(0))), min(m, n)
	if trans && size == 4 {
		return here(least >= 128)
	}
	return here(least >= 256 && area(m, n)*float64(size) >= 24<<20)
}

// Orders of the diagonal blocks at which recursion ends.
const (
	symmBlock      = 128 // of symm
	rankLeaf       = 32  // of syrk and syr2k
	triangularLeaf = 4   // of trmm and trsm; leaf's loops are written for it
)
