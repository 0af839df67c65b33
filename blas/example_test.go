package blas_test

import (
	"fmt"

	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/mat"

	"github.com/tare-go/tare/blas"
)

// Two lines at the start of a program put tare below gonum.
func Example() {
	blas64.Use(blas.Implementation{})
	blas32.Use(blas.Implementation{})

	const n = 300
	a := mat.NewDense(n, n, nil)
	for i := range n {
		for j := range n {
			a.Set(i, j, 1/float64(i+j+1)) // as ill-conditioned as can be
		}
		a.Set(i, i, a.At(i, i)+1) // well, not quite
	}
	var product, inverse mat.Dense
	if err := inverse.Inverse(a); err != nil {
		fmt.Println(err)
		return
	}
	product.Mul(a, &inverse)
	product.Sub(&product, mat.NewDiagDense(n, ones(n)))
	fmt.Println("A·A⁻¹ is I:", mat.Norm(&product, 1) < 1e-12)
	// Output: A·A⁻¹ is I: true
}

func ones(n int) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = 1
	}
	return v
}
