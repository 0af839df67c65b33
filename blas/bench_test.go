package blas_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	gonumblas "gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/blas/gonum"
	"gonum.org/v1/gonum/lapack"
	"gonum.org/v1/gonum/lapack/lapack64"
	"gonum.org/v1/gonum/mat"

	"github.com/tare-go/tare/blas"
)

// sideBySide times what run does with gonum's routines and with tare's, in turns, and reports the least time of
// each, which other load disturbs least, and their ratio. prepare comes before each run, and is not timed.
func sideBySide(b *testing.B, prepare, run func()) {
	defer blas64.Use(blas64.Implementation())
	least := [2]float64{math.Inf(1), math.Inf(1)}
	for b.Loop() {
		for i, impl := range []gonumblas.Float64{gonum.Implementation{}, blas.Implementation{}} {
			blas64.Use(impl)
			prepare()
			start := time.Now()
			run()
			least[i] = min(least[i], time.Since(start).Seconds()*1e6)
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(least[0], "gonum-µs")
	b.ReportMetric(least[1], "tare-µs")
	b.ReportMetric(least[0]/least[1], "gonum/tare")
}

// sizes runs a benchmark for orders of matrices.
func sizes(b *testing.B, bench func(b *testing.B, n int)) {
	for _, n := range []int{64, 256, 512, 1024} {
		b.Run(fmt.Sprint(n), func(b *testing.B) { bench(b, n) })
	}
}

// draw draws n numbers.
func draw(n int) []float64 {
	rnd := rand.New(rand.NewPCG(1, 1))
	v := make([]float64, n)
	for i := range v {
		v[i] = rnd.NormFloat64()
	}
	return v
}

func BenchmarkMul(b *testing.B) {
	sizes(b, func(b *testing.B, n int) {
		x, y, to := mat.NewDense(n, n, draw(n*n)), mat.NewDense(n, n, draw(n*n)), mat.NewDense(n, n, nil)
		sideBySide(b, func() {}, func() { to.Mul(x, y) })
	})
}

func BenchmarkGetrf(b *testing.B) {
	sizes(b, func(b *testing.B, n int) {
		from := draw(n * n)
		a := blas64.General{Rows: n, Cols: n, Stride: n, Data: make([]float64, n*n)}
		pivots := make([]int, n)
		sideBySide(b, func() { copy(a.Data, from) }, func() { lapack64.Getrf(a, pivots) })
	})
}

func BenchmarkPotrf(b *testing.B) {
	sizes(b, func(b *testing.B, n int) {
		from := draw(n * n)
		for i := range n {
			from[i*n+i] = 3 * float64(n)
		}
		a := blas64.Symmetric{N: n, Stride: n, Data: make([]float64, n*n), Uplo: gonumblas.Upper}
		sideBySide(b, func() { copy(a.Data, from) }, func() {
			if _, ok := lapack64.Potrf(a); !ok {
				b.Fatal("not positive definite")
			}
		})
	})
}

func BenchmarkGesvd(b *testing.B) {
	sizes(b, func(b *testing.B, n int) {
		from := draw(n * n)
		square := func() blas64.General {
			return blas64.General{Rows: n, Cols: n, Stride: n, Data: make([]float64, n*n)}
		}
		a, u, vt, s, work := square(), square(), square(), make([]float64, n), make([]float64, 1)
		lapack64.Gesvd(lapack.SVDAll, lapack.SVDAll, a, u, vt, s, work, -1)
		work = make([]float64, int(work[0]))
		sideBySide(b, func() { copy(a.Data, from) }, func() {
			if !lapack64.Gesvd(lapack.SVDAll, lapack.SVDAll, a, u, vt, s, work, len(work)) || math.IsNaN(s[0]) {
				b.Fatal("not converged")
			}
		})
	})
}

// BenchmarkLevel3 is what decides between this package and gonum.
func BenchmarkLevel3(b *testing.B) {
	for _, n := range []int{8, 16, 32, 64, 128, 256} {
		x, y, from := draw(n*n), draw(n*n), draw(n*n)
		for i := range n {
			x[i*n+i] += 2 * float64(n)
		}
		to := make([]float64, n*n)
		call := func(name string, run func(i gonumblas.Float64)) {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				sideBySide(b, func() { copy(to, from) }, func() { run(blas64.Implementation()) })
			})
		}
		const l, r, u, no, yes = gonumblas.Left, gonumblas.Right, gonumblas.Upper, gonumblas.NoTrans, gonumblas.Trans
		call("gemm", func(i gonumblas.Float64) { i.Dgemm(no, no, n, n, n, -1, x, n, y, n, 1, to, n) })
		call("gemmNT", func(i gonumblas.Float64) { i.Dgemm(no, yes, n, n, n, -1, x, n, y, n, 1, to, n) })
		call("symm", func(i gonumblas.Float64) { i.Dsymm(l, u, n, n, 1, x, n, y, n, 1, to, n) })
		call("syrk", func(i gonumblas.Float64) { i.Dsyrk(u, no, n, n, -1, x, n, 1, to, n) })
		call("syr2k", func(i gonumblas.Float64) { i.Dsyr2k(u, no, n, n, -1, x, n, y, n, 1, to, n) })
		call("trmmL", func(i gonumblas.Float64) { i.Dtrmm(l, u, no, gonumblas.NonUnit, n, n, 1, x, n, to, n) })
		call("trmmR", func(i gonumblas.Float64) { i.Dtrmm(r, u, no, gonumblas.NonUnit, n, n, 1, x, n, to, n) })
		call("trsmL", func(i gonumblas.Float64) { i.Dtrsm(l, u, no, gonumblas.NonUnit, n, n, 1, x, n, to, n) })
		call("trsmR", func(i gonumblas.Float64) { i.Dtrsm(r, u, no, gonumblas.NonUnit, n, n, 1, x, n, to, n) })
	}
}
