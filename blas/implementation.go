package blas

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
)

// Implementation has the methods of gonum's type of the same name, those that this package computes
// itself in place of gonum's. The zero value is ready, and may be used by many goroutines at once.
type Implementation struct{ gonum.Implementation }

var (
	_ blas.Float64 = Implementation{}
	_ blas.Float32 = Implementation{}
)

// float is the element types of the routines.
type float interface{ float32 | float64 }

// isTransposed says what a flag means. ok is false for a flag that BLAS does not know.
func isTransposed(t blas.Transpose) (transposed, ok bool) {
	switch t {
	case blas.NoTrans:
		return false, true
	case blas.Trans, blas.ConjTrans:
		return true, true
	}
	return false, false
}

// isLower says what a flag means. ok is false for a flag that BLAS does not know.
func isLower(u blas.Uplo) (lower, ok bool) {
	return u == blas.Lower, u == blas.Lower || u == blas.Upper
}

// isLeft says what a flag means. ok is false for a flag that BLAS does not know.
func isLeft(s blas.Side) (left, ok bool) { return s == blas.Left, s == blas.Left || s == blas.Right }

// isUnit says what a flag means. ok is false for a flag that BLAS does not know.
func isUnit(d blas.Diag) (unit, ok bool) { return d == blas.Unit, d == blas.Unit || d == blas.NonUnit }
