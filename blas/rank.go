package blas

import "gonum.org/v1/gonum/blas"

// syrk computes one triangle of C = alpha·A·Aᵀ + beta·C or, transposed, C = alpha·Aᵀ·A + beta·C. It does
// nothing and gives false where gonum's routine is to be called instead.
func syrk[T float](ul blas.Uplo, tA blas.Transpose, n, k int, alpha T, a []T, lda int, beta T, c []T, ldc int) bool {
	if below(16, n, k, 0) && beta != 0 {
		return false
	}
	trans, okT := isTransposed(tA)
	lower, okU := isLower(ul)
	if !okT || !okU || !fits(c, ldc, n, n) || !fitsOp(a, lda, n, k, trans) || alpha == 0 {
		return false
	}
	if !rankPays(1, n, k, alpha, trans) {
		if beta == 0 && lower && trans { // gonum multiplies what is in C by 0
			view(c, ldc, false).clearLower(n)
		}
		return false
	}
	x := view(a, lda, trans)
	rankUpdate[T]{k, alpha, []factors[T]{{x, x.t()}}, lower}.add(n, 0, beta, view(c, ldc, false))
	return true
}

// syr2k computes one triangle of C = alpha·(A·Bᵀ + B·Aᵀ) + beta·C or, transposed, of C = alpha·(Aᵀ·B +
// Bᵀ·A) + beta·C. It does nothing and gives false where gonum's routine is to be called instead.
func syr2k[T float](ul blas.Uplo, tA blas.Transpose, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int) bool {
	if below(16, n, k, 0) {
		return false
	}
	trans, okT := isTransposed(tA)
	lower, okU := isLower(ul)
	if !okT || !okU || !fits(c, ldc, n, n) || !fitsOp(a, lda, n, k, trans) || !fitsOp(b, ldb, n, k, trans) || alpha == 0 {
		return false
	}
	if !rankPays(2, n, k, alpha, trans) {
		return false
	}
	x, y := view(a, lda, trans), view(b, ldb, trans)
	rankUpdate[T]{k, alpha, []factors[T]{{x, y.t()}, {y, x.t()}}, lower}.add(n, 0, beta, view(c, ldc, false))
	return true
}

// factors is a product that is symmetric, or is so together with another.
type factors[T float] struct{ left, right matrix[T] }

// rankUpdate is what is added to a symmetric matrix: alpha times a sum of products of n by k and k by
// n matrices.
type rankUpdate[T float] struct {
	k     int
	alpha T
	terms []factors[T]
	lower bool // the triangle that is computed
}

// add adds the update to n rows and columns from i on of the diagonal of c, in one triangle.
func (u rankUpdate[T]) add(n, i int, beta T, c matrix[T]) {
	if n <= rankLeaf {
		u.addLeaf(n, i, beta, c)
		return
	}
	h := half(n, rankLeaf)
	u.add(h, i, beta, c)
	if u.lower {
		u.addBlock(n-h, h, i+h, i, beta, c.from(h, 0))
	} else {
		u.addBlock(h, n-h, i, i+h, beta, c.from(0, h))
	}
	u.add(n-h, i+h, beta, c.from(h, h))
}

// addBlock adds rows by cols elements of the update, from row i and column j on.
func (u rankUpdate[T]) addBlock(rows, cols, i, j int, beta T, c matrix[T]) {
	for _, f := range u.terms {
		multiply(rows, cols, u.k, u.alpha, f.left.from(i, 0), f.right.from(0, j), beta, c)
		beta = 1
	}
}

// addLeaf computes both triangles in another place, and moves one.
func (u rankUpdate[T]) addLeaf(n, i int, beta T, c matrix[T]) {
	scratch := borrow[T](n * n)
	defer scratch.giveBack()
	square := matrix[T]{scratch.data, n, 1}
	if beta != 0 {
		clear(square.Data)
		copyTriangle(square, c, n, u.lower)
	}
	u.addBlock(n, n, i, i, beta, square)
	copyTriangle(c, square, n, u.lower)
}

// copyTriangle copies one triangle of n rows, which are contiguous in both matrices.
func copyTriangle[T float](to, from matrix[T], n int, lower bool) {
	for i := range n {
		lo, hi := i, n
		if lower {
			lo, hi = 0, i+1
		}
		copy(to.Data[i*to.RowStride+lo:i*to.RowStride+hi], from.Data[i*from.RowStride+lo:])
	}
}

// half is where n is cut in two, at a multiple of a leaf that is less than n.
func half(n, leaf int) int { return (n/2 + leaf - 1) / leaf * leaf }
