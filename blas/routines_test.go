package blas

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
)

// routines are those of level 3 for one element type.
type routines[T float] struct {
	gemm  func(tA, tB blas.Transpose, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int)
	symm  func(s blas.Side, ul blas.Uplo, m, n int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int)
	syrk  func(ul blas.Uplo, t blas.Transpose, n, k int, alpha T, a []T, lda int, beta T, c []T, ldc int)
	syr2k func(ul blas.Uplo, t blas.Transpose, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int)
	trmm  func(s blas.Side, ul blas.Uplo, t blas.Transpose, d blas.Diag, m, n int, alpha T, a []T, lda int, b []T, ldb int)
	trsm  func(s blas.Side, ul blas.Uplo, t blas.Transpose, d blas.Diag, m, n int, alpha T, a []T, lda int, b []T, ldb int)
}

func double(i blas.Float64Level3) routines[float64] {
	return routines[float64]{i.Dgemm, i.Dsymm, i.Dsyrk, i.Dsyr2k, i.Dtrmm, i.Dtrsm}
}

func single(i blas.Float32Level3) routines[float32] {
	return routines[float32]{i.Sgemm, i.Ssymm, i.Ssyrk, i.Ssyr2k, i.Strmm, i.Strsm}
}

func pick[T float](d routines[float64], s routines[float32]) routines[T] {
	if r, ok := any(d).(routines[T]); ok {
		return r
	}
	return any(s).(routines[T])
}

func ours[T float]() routines[T] { return pick[T](double(Implementation{}), single(Implementation{})) }

func gonums[T float]() routines[T] {
	return pick[T](double(gonum.Implementation{}), single(gonum.Implementation{}))
}

// epsilon is the distance from 1 to the next float.
func epsilon[T float]() float64 {
	if T(1)+T(0x1p-30) == 1 {
		return 0x1p-23
	}
	return 0x1p-52
}

// flags are one choice of all.
type flags struct {
	side   blas.Side
	uplo   blas.Uplo
	tA, tB blas.Transpose
	diag   blas.Diag
}

func drawFlags(rnd *rand.Rand) flags {
	trans := []blas.Transpose{blas.NoTrans, blas.Trans, blas.ConjTrans}
	return flags{
		side: []blas.Side{blas.Left, blas.Right}[rnd.IntN(2)],
		uplo: []blas.Uplo{blas.Upper, blas.Lower}[rnd.IntN(2)],
		tA:   trans[rnd.IntN(3)],
		tB:   trans[rnd.IntN(3)],
		diag: []blas.Diag{blas.NonUnit, blas.Unit}[rnd.IntN(2)],
	}
}

// inTriangle reports whether an element belongs to the triangle.
func (f flags) inTriangle(i, j int) bool {
	return i == j || (j < i) == (f.uplo == blas.Lower)
}

// inFactor reports whether an element belongs to a triangular factor.
func (f flags) inFactor(i, j int) bool {
	return f.inTriangle(i, j) && (i != j || f.diag == blas.NonUnit)
}

// order is that of the matrix that an m by n matrix is multiplied by.
func (f flags) order(m, n int) int {
	if f.side == blas.Left {
		return m
	}
	return n
}

func everywhere(i, j int) bool { return true }

// operand is a matrix in the midst of guards, which are NaN.
type operand[T float] struct {
	all            []T
	at             int // of the first element
	rows, cols, ld int
	holds          func(i, j int) bool // whether an element is part of it
}

// newOperand draws a matrix.
func newOperand[T float](rnd *rand.Rand, rows, cols int, holds func(i, j int) bool) operand[T] {
	o := operand[T]{at: rnd.IntN(9), rows: rows, cols: cols, ld: max(1, cols) + rnd.IntN(2)*rnd.IntN(20), holds: holds}
	o.all = make([]T, o.at+rows*o.ld+rnd.IntN(9))
	for i := range o.all {
		o.all[i] = T(math.NaN())
	}
	o.each(func(i, j, at int) { o.all[at] = T(rnd.NormFloat64()) })
	return o
}

// opOperand draws a matrix of which op has that many rows and columns.
func opOperand[T float](rnd *rand.Rand, rows, cols int, t blas.Transpose) operand[T] {
	if t != blas.NoTrans {
		rows, cols = cols, rows
	}
	return newOperand[T](rnd, rows, cols, everywhere)
}

// newFactor draws a triangular matrix with which equations can be solved.
func newFactor[T float](rnd *rand.Rand, n int, f flags) operand[T] {
	o := newOperand[T](rnd, n, n, f.inFactor)
	o.each(func(i, j, at int) {
		if i == j {
			o.all[at] += T(math.Copysign(2, float64(o.all[at])))
		} else {
			o.all[at] /= T(n)
		}
	})
	return o
}

// each visits the elements.
func (o operand[T]) each(visit func(i, j, at int)) {
	for i := range o.rows {
		for j := range o.cols {
			if o.holds(i, j) {
				visit(i, j, o.at+i*o.ld+j)
			}
		}
	}
}

func (o operand[T]) data() []T { return o.all[o.at:] }

func (o operand[T]) clone() operand[T] {
	o.all = append([]T(nil), o.all...)
	return o
}

// fill sets all elements.
func (o operand[T]) fill(v T) operand[T] {
	o.each(func(_, _, at int) { o.all[at] = v })
	return o
}

// wide is a matrix in double precision, or the absolute values of one.
func wide[T float](o operand[T], abs bool) operand[float64] {
	w := operand[float64]{make([]float64, len(o.all)), o.at, o.rows, o.cols, o.ld, o.holds}
	for i, v := range o.all {
		if w.all[i] = float64(v); abs {
			w.all[i] = math.Abs(w.all[i])
		}
	}
	return w
}

// requireGuards requires that what does not belong to a matrix is what it was.
func requireGuards[T float](t require.TestingT, o operand[T]) {
	inside := make([]bool, len(o.all))
	o.each(func(_, _, at int) { inside[at] = true })
	for at, v := range o.all {
		require.True(t, inside[at] || v != v, "written to element %d, which is outside", at)
	}
}

// requireUnchanged requires that an operand has the bits that it had.
func requireUnchanged[T float](t require.TestingT, was, is operand[T]) {
	for at, v := range was.all {
		require.Equal(t, math.Float64bits(float64(v)), math.Float64bits(float64(is.all[at])), "element %d of an operand was written to", at)
	}
}

// requireClose requires that results are what they are in double precision, up to a number of roundings
// of numbers of the size of a sum of absolute values.
func requireClose[T float](t require.TestingT, got operand[T], want, size operand[float64], roundings int) {
	tolerance := float64(roundings) * epsilon[T]()
	got.each(func(i, j, at int) {
		diff := math.Abs(float64(got.all[at]) - want.all[at])
		require.LessOrEqual(t, diff, tolerance*size.all[at], "element %d, %d: %g, want %g", i, j, got.all[at], want.all[at])
	})
	requireGuards(t, got)
}

// bothTypes runs a test for each element type.
func bothTypes(t *testing.T, single, double func(t *testing.T)) {
	t.Run("float32", single)
	t.Run("float64", double)
}
