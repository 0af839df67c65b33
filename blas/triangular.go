package blas

import "gonum.org/v1/gonum/blas"

// triangular is a triangular matrix. The other triangle, and the diagonal if it is of ones, is not
// read.
type triangular[T float] struct {
	matrix[T]
	lower, unit bool
}

// from is the part from i on of the diagonal.
func (t triangular[T]) from(i int) triangular[T] {
	return triangular[T]{t.matrix.from(i, i), t.lower, t.unit}
}

// triangularOf is the matrices of trmm and trsm such that A is on the left: where it is on the right, all
// are transposed. rows is the order of A, and that of the rows of B. ok is false where gonum's routine
// is to be called instead.
func triangularOf[T float](s blas.Side, ul blas.Uplo, tA blas.Transpose, d blas.Diag, m, n int, a []T, lda int, b []T, ldb int) (t triangular[T], to matrix[T], rows, cols int, ok bool) {
	left, okS := isLeft(s)
	lower, okU := isLower(ul)
	trans, okT := isTransposed(tA)
	unit, okD := isUnit(d)
	rows, cols = m, n
	if !left {
		rows, cols, trans = n, m, !trans
	}
	if !okS || !okU || !okT || !okD || !fits(a, lda, rows, rows) || !fits(b, ldb, m, n) {
		return t, to, 0, 0, false
	}
	t = triangular[T]{view(a, lda, trans), lower != trans, unit}
	return t, view(b, ldb, !left), rows, cols, true
}

// trmm computes B = alpha·op(A)·B or, from the right, B = alpha·B·op(A), with a triangular A. It does
// nothing and gives false where gonum's routine is to be called instead.
func trmm[T float](s blas.Side, ul blas.Uplo, tA blas.Transpose, d blas.Diag, m, n int, alpha T, a []T, lda int, b []T, ldb int) bool {
	if alpha == 0 || !triangularPays(s, m, n) {
		return false
	}
	t, to, rows, cols, ok := triangularOf(s, ul, tA, d, m, n, a, lda, b, ldb)
	if ok {
		t.multiply(rows, cols, alpha, to)
	}
	return ok
}

// trsm solves op(A)·X = alpha·B or, from the right, X·op(A) = alpha·B, with a triangular A, and puts X
// in the place of B. It does nothing and gives false where gonum's routine is to be called instead.
func trsm[T float](s blas.Side, ul blas.Uplo, tA blas.Transpose, d blas.Diag, m, n int, alpha T, a []T, lda int, b []T, ldb int) bool {
	if alpha == 0 || !triangularPays(s, m, n) {
		return false
	}
	t, to, rows, cols, ok := triangularOf(s, ul, tA, d, m, n, a, lda, b, ldb)
	if ok {
		t.solve(rows, cols, alpha, to)
	}
	return ok
}

// multiply computes b = alpha·t·b, where t is n by n and b n by cols, by halves: each half of the rows of
// b is computed when no other needs it any more.
func (t triangular[T]) multiply(n, cols int, alpha T, b matrix[T]) {
	if n <= triangularLeaf {
		t.multiplyLeaf(n, cols, alpha, b)
		return
	}
	h := half(n, triangularLeaf)
	top, bottom := b, b.from(h, 0)
	if t.lower {
		t.from(h).multiply(n-h, cols, alpha, bottom)
		multiply(n-h, cols, h, alpha, t.matrix.from(h, 0), top, 1, bottom)
		t.multiply(h, cols, alpha, top)
		return
	}
	t.multiply(h, cols, alpha, top)
	multiply(h, cols, n-h, alpha, t.matrix.from(0, h), bottom, 1, top)
	t.from(h).multiply(n-h, cols, alpha, bottom)
}

// solve replaces b by x with t·x = alpha·b, where t is n by n and b n by cols, by halves.
func (t triangular[T]) solve(n, cols int, alpha T, b matrix[T]) {
	if n <= triangularLeaf {
		t.solveLeaf(n, cols, alpha, b)
		return
	}
	h := half(n, triangularLeaf)
	top, bottom := b, b.from(h, 0)
	if t.lower {
		t.solve(h, cols, alpha, top)
		multiply(n-h, cols, h, -1, t.matrix.from(h, 0), top, alpha, bottom)
		t.from(h).solve(n-h, cols, 1, bottom)
		return
	}
	t.from(h).solve(n-h, cols, alpha, bottom)
	multiply(h, cols, n-h, -1, t.matrix.from(0, h), bottom, alpha, top)
	t.solve(h, cols, 1, top)
}
