package blas

import "gonum.org/v1/gonum/blas"

// gemm computes C = alpha·op(A)·op(B) + beta·C. It does nothing and gives false where gonum's routine
// is to be called instead: for arguments that it refuses or that leave nothing to do.
func gemm[T float](tA, tB blas.Transpose, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int) bool {
	if below(8, m, n, k) && alpha != 0 {
		return false
	}
	aTrans, okA := isTransposed(tA)
	bTrans, okB := isTransposed(tB)
	if !okA || !okB || !fits(c, ldc, m, n) || !fitsOp(a, lda, m, k, aTrans) || !fitsOp(b, ldb, k, n, bTrans) {
		return false
	}
	to := view(c, ldc, false)
	if alpha == 0 {
		to.scale(m, n, beta)
		return true
	}
	if !gemmPays(m, n, k, alpha, bTrans && !aTrans) {
		return false
	}
	multiply(m, n, k, alpha, view(a, lda, aTrans), view(b, ldb, bTrans), beta, to)
	return true
}

// fitsOp reports whether a matrix of which op has that many rows and columns lies in data.
func fitsOp[T float](data []T, ld, rows, cols int, transposed bool) bool {
	if transposed {
		rows, cols = cols, rows
	}
	return fits(data, ld, rows, cols)
}
