package blas

import "gonum.org/v1/gonum/blas"

// symmetric is a symmetric matrix of which one triangle is in memory.
type symmetric[T float] struct {
	matrix[T]
	lower bool
}

// block is the part from a row and a column on, where it does not touch the diagonal.
func (s symmetric[T]) block(i, j int) matrix[T] {
	if (j < i) == s.lower {
		return s.from(i, j)
	}
	return s.from(j, i).t()
}

// mirror writes n rows and columns from i on of the diagonal, both triangles of them.
func (s symmetric[T]) mirror(to matrix[T], i, n int) {
	from := s.from(i, i)
	for r := range n {
		for c := range r + 1 {
			at := r*from.RowStride + c*from.ColStride
			if !s.lower {
				at = c*from.RowStride + r*from.ColStride
			}
			v := from.Data[at]
			to.Data[r*to.RowStride+c], to.Data[c*to.RowStride+r] = v, v
		}
	}
}

// symm computes C = alpha·A·B + beta·C or, from the right, C = alpha·B·A + beta·C, with a symmetric A.
// It does nothing and gives false where gonum's routine is to be called instead.
func symm[T float](s blas.Side, ul blas.Uplo, m, n int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int) bool {
	if below(8, m, n, 0) {
		return false
	}
	left, okS := isLeft(s)
	lower, okU := isLower(ul)
	order := m
	if !left {
		order = n
	}
	if !okS || !okU || !fits(a, lda, order, order) || !fits(b, ldb, m, n) || !fits(c, ldc, m, n) {
		return false
	}
	from, to := view(b, ldb, !left), view(c, ldc, !left)
	if !left {
		m, n = n, m
	}
	if alpha == 0 || !symmPays(left, m, n, alpha) {
		return false
	}
	symmetric[T]{view(a, lda, false), lower}.multiply(m, n, alpha, from, beta, to)
	return true
}

// multiply computes c = alpha·s·b + beta·c, where s is m by m and b m by n: for each block of rows what
// is left of the diagonal, on it and right of it, in this order.
func (s symmetric[T]) multiply(m, n int, alpha T, b matrix[T], beta T, c matrix[T]) {
	scratch := borrow[T](min(m, symmBlock) * min(m, symmBlock))
	defer scratch.giveBack()
	for i := 0; i < m; i += symmBlock {
		rows := min(symmBlock, m-i)
		to, beta := c.from(i, 0), beta
		if i > 0 {
			multiply(rows, n, i, alpha, s.block(i, 0), b, beta, to)
			beta = 1
		}
		diagonal := matrix[T]{scratch.data, rows, 1}
		s.mirror(diagonal, i, rows)
		multiply(rows, n, rows, alpha, diagonal, b.from(i, 0), beta, to)
		if j := i + rows; j < m {
			multiply(rows, n, m-j, alpha, s.block(i, j), b.from(j, 0), 1, to)
		}
	}
}
