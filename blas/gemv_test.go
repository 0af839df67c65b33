package blas

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
	"pgregory.net/rapid"
)

// gemvOf gives gemv of an implementation for one element type.
func gemvOf[T float](i interface {
	blas.Float64
	blas.Float32
}) func(tA blas.Transpose, m, n int, alpha T, a []T, lda int, x []T, incX int, beta T, y []T, incY int) {
	type routine = func(tA blas.Transpose, m, n int, alpha T, a []T, lda int, x []T, incX int, beta T, y []T, incY int)
	if f, ok := any(i.Dgemv).(routine); ok {
		return f
	}
	return any(i.Sgemv).(routine)
}

// checkGemv compares a product with a vector with gonum's in double precision.
func checkGemv[T float](r *rapid.T, c call[T]) {
	rows, cols := c.m, c.n
	if c.tA != blas.NoTrans {
		rows, cols = c.n, c.m
	}
	a, x := newOperand[T](c.rnd, c.m, c.n, everywhere), newOperand[T](c.rnd, cols, 1, everywhere)
	y, want, size := c.results(rows, 1, everywhere)
	run := func(y operand[float64], abs bool, alpha, beta float64) {
		a, x := wide(a, abs), wide(x, abs)
		gonum.Implementation{}.Dgemv(c.tA, c.m, c.n, alpha, a.data(), a.ld, x.data(), x.ld, beta, y.data(), y.ld)
	}
	run(want, false, float64(c.alpha), float64(c.beta))
	run(size, true, abs(c.alpha), abs(c.beta))
	wasA, wasX := a.clone(), x.clone()
	gemvOf[T](Implementation{})(c.tA, c.m, c.n, c.alpha, a.data(), a.ld, x.data(), x.ld, c.beta, y.data(), y.ld)
	requireClose(r, y, want, size, 2*cols+8)
	requireUnchanged(r, wasA, a)
	requireUnchanged(r, wasX, x)
}

func TestGemvIsSound(t *testing.T) {
	sound(checkGemv[float32], checkGemv[float64], 130)(t)
}

// TestGemvIsAProduct says that a product with a vector has the bits of one with a matrix of one column.
func TestGemvIsAProduct(t *testing.T) {
	useEverySize(t)
	rapid.Check(t, func(r *rapid.T) {
		c := drawCall[float64](r, 130)
		c.n, c.tB = 1, blas.NoTrans
		a, x := opOperand[float64](c.rnd, c.m, c.k, c.tA), newOperand[float64](c.rnd, c.k, 1, everywhere)
		y := newOperand[float64](c.rnd, c.m, 1, everywhere)
		z := y.clone()
		Implementation{}.Dgemm(c.tA, c.tB, c.m, 1, c.k, c.alpha, a.data(), a.ld, x.data(), x.ld, c.beta, y.data(), y.ld)
		Implementation{}.Dgemv(c.tA, a.rows, a.cols, c.alpha, a.data(), a.ld, x.data(), x.ld, c.beta, z.data(), z.ld)
		if c.alpha == 0 {
			return // gonum computes it, and may make -0
		}
		y.each(func(i, _, at int) {
			require.Equal(r, math.Float64bits(y.all[at]), math.Float64bits(z.all[at]), "element %d", i)
		})
	})
}

func TestGemvPanicsAreGonums(t *testing.T) {
	useEverySize(t)
	a, v := make([]float64, 12), make([]float64, 4)
	tests := map[string]func(i blas.Float64){
		"transpose": func(i blas.Float64) { i.Dgemv('x', 3, 4, 1, a, 4, v, 1, 1, v, 1) },
		"rows":      func(i blas.Float64) { i.Dgemv(blas.NoTrans, -1, 4, 1, a, 4, v, 1, 1, v, 1) },
		"columns":   func(i blas.Float64) { i.Dgemv(blas.NoTrans, 3, -4, 1, a, 4, v, 1, 1, v, 1) },
		"ld":        func(i blas.Float64) { i.Dgemv(blas.NoTrans, 3, 4, 1, a, 3, v, 1, 1, v, 1) },
		"matrix":    func(i blas.Float64) { i.Dgemv(blas.NoTrans, 4, 4, 1, a, 4, v, 1, 1, v, 1) },
		"x":         func(i blas.Float64) { i.Dgemv(blas.NoTrans, 3, 4, 1, a, 4, v[1:], 1, 1, v, 1) },
		"y":         func(i blas.Float64) { i.Dgemv(blas.NoTrans, 3, 4, 1, a, 4, v, 1, 1, v, 2) },
		"no step":   func(i blas.Float64) { i.Dgemv(blas.NoTrans, 3, 4, 1, a, 4, v, 0, 1, v, 1) },
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			want := said(func() { test(gonum.Implementation{}) })
			require.NotNil(t, want)
			require.Equal(t, want, said(func() { test(Implementation{}) }))
		})
	}
}
