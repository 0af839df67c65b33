package blas

import "gonum.org/v1/gonum/blas"

// gemv computes y = alpha·op(A)·x + beta·y, where A has m by n elements. It does nothing and gives false
// where gonum's routine is to be called instead.
func gemv[T float](tA blas.Transpose, m, n int, alpha T, a []T, lda int, x []T, incX int, beta T, y []T, incY int) bool {
	if below(128, m, n, 0) {
		return false
	}
	trans, ok := isTransposed(tA)
	rows, cols := m, n
	if trans {
		rows, cols = n, m
	}
	if !ok || !fits(a, lda, m, n) || !fits(x, incX, cols, 1) || !fits(y, incY, rows, 1) || !gemvPays[T](m, n, trans) {
		return false
	}
	multiply(rows, 1, cols, alpha, view(a, lda, trans), view(x, incX, false), beta, view(y, incY, false))
	return true
}
