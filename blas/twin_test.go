package blas

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
	"gonum.org/v1/gonum/blas/testblas"
)

// twin is an implementation in double precision, gonum's, that calls the routine in single precision too,
// and compares. gonum's tests of double precision with it are tests of single precision.
type twin struct {
	gonum.Implementation
	t *testing.T
}

// narrow is a vector in single precision.
func narrow(v []float64) []float32 {
	n := make([]float32, len(v))
	for i, x := range v {
		n[i] = float32(x)
	}
	return n
}

// agree runs both, on copies of what is written to, and compares that and what they panic with.
func (w twin) agree(written []float64, in32 func(written []float32), in64 func()) {
	w.t.Helper()
	v := narrow(written)
	what32, what64 := said(func() { in32(v) }), said(in64)
	assert.Equal(w.t, what64, what32)
	if what64 != nil {
		panic(what64)
	}
	for i, want := range written {
		if math.IsNaN(want) {
			assert.True(w.t, v[i] != v[i], "element %d: %g, want NaN", i, v[i])
		} else if !math.IsInf(want, 0) {
			assert.InDelta(w.t, want, v[i], 1e-4*max(1, math.Abs(want)), "element %d", i)
		}
	}
}

func (w twin) Dgemv(tA blas.Transpose, m, n int, alpha float64, a []float64, lda int, x []float64, incX int, beta float64, y []float64, incY int) {
	w.agree(y, func(y []float32) {
		Implementation{}.Sgemv(tA, m, n, float32(alpha), narrow(a), lda, narrow(x), incX, float32(beta), y, incY)
	}, func() { w.Implementation.Dgemv(tA, m, n, alpha, a, lda, x, incX, beta, y, incY) })
}

func (w twin) Dgemm(tA, tB blas.Transpose, m, n, k int, alpha float64, a []float64, lda int, b []float64, ldb int, beta float64, c []float64, ldc int) {
	w.agree(c, func(c []float32) {
		Implementation{}.Sgemm(tA, tB, m, n, k, float32(alpha), narrow(a), lda, narrow(b), ldb, float32(beta), c, ldc)
	}, func() { w.Implementation.Dgemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc) })
}

func (w twin) Dsymm(s blas.Side, ul blas.Uplo, m, n int, alpha float64, a []float64, lda int, b []float64, ldb int, beta float64, c []float64, ldc int) {
	w.agree(c, func(c []float32) {
		Implementation{}.Ssymm(s, ul, m, n, float32(alpha), narrow(a), lda, narrow(b), ldb, float32(beta), c, ldc)
	}, func() { w.Implementation.Dsymm(s, ul, m, n, alpha, a, lda, b, ldb, beta, c, ldc) })
}

func (w twin) Dsyrk(ul blas.Uplo, tA blas.Transpose, n, k int, alpha float64, a []float64, lda int, beta float64, c []float64, ldc int) {
	w.agree(c, func(c []float32) {
		Implementation{}.Ssyrk(ul, tA, n, k, float32(alpha), narrow(a), lda, float32(beta), c, ldc)
	}, func() { w.Implementation.Dsyrk(ul, tA, n, k, alpha, a, lda, beta, c, ldc) })
}

func (w twin) Dsyr2k(ul blas.Uplo, tA blas.Transpose, n, k int, alpha float64, a []float64, lda int, b []float64, ldb int, beta float64, c []float64, ldc int) {
	w.agree(c, func(c []float32) {
		Implementation{}.Ssyr2k(ul, tA, n, k, float32(alpha), narrow(a), lda, narrow(b), ldb, float32(beta), c, ldc)
	}, func() { w.Implementation.Dsyr2k(ul, tA, n, k, alpha, a, lda, b, ldb, beta, c, ldc) })
}

func (w twin) Dtrmm(s blas.Side, ul blas.Uplo, tA blas.Transpose, d blas.Diag, m, n int, alpha float64, a []float64, lda int, b []float64, ldb int) {
	w.agree(b, func(b []float32) {
		Implementation{}.Strmm(s, ul, tA, d, m, n, float32(alpha), narrow(a), lda, b, ldb)
	}, func() { w.Implementation.Dtrmm(s, ul, tA, d, m, n, alpha, a, lda, b, ldb) })
}

func (w twin) Dtrsm(s blas.Side, ul blas.Uplo, tA blas.Transpose, d blas.Diag, m, n int, alpha float64, a []float64, lda int, b []float64, ldb int) {
	w.agree(b, func(b []float32) {
		Implementation{}.Strsm(s, ul, tA, d, m, n, float32(alpha), narrow(a), lda, b, ldb)
	}, func() { w.Implementation.Dtrsm(s, ul, tA, d, m, n, alpha, a, lda, b, ldb) })
}

// TestGonumsSuiteInSinglePrecision has those routines that this package computes. gonum has no tests of
// single precision.
func TestGonumsSuiteInSinglePrecision(t *testing.T) {
	for _, every := range []bool{false, true} {
		if every {
			useEverySize(t)
		}
		t.Run("Sgemv", func(t *testing.T) { testblas.DgemvTest(t, twin{t: t}) })
		level3(t, twin{t: t})
	}
}
