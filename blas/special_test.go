package blas

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/blas"
	"pgregory.net/rapid"

	"github.com/tare-go/tare/kernels/simd"
)

// kind is what a test of special values can say of a number: its value is none's promise.
func kind(x float64) string {
	switch {
	case math.IsNaN(x):
		return "NaN"
	case math.IsInf(x, 1):
		return "+Inf"
	case math.IsInf(x, -1):
		return "-Inf"
	}
	return "finite"
}

// invoke calls one routine of level 3. Operands that it does not have are not looked at.
func invoke[T float](name string, r routines[T], c call[T], a, b, to operand[T]) {
	switch name {
	case "gemm":
		r.gemm(c.tA, c.tB, c.m, c.n, c.k, c.alpha, a.data(), a.ld, b.data(), b.ld, c.beta, to.data(), to.ld)
	case "symm":
		r.symm(c.side, c.uplo, c.m, c.n, c.alpha, a.data(), a.ld, b.data(), b.ld, c.beta, to.data(), to.ld)
	case "syrk":
		r.syrk(c.uplo, c.tA, c.n, c.k, c.alpha, a.data(), a.ld, c.beta, to.data(), to.ld)
	case "syr2k":
		r.syr2k(c.uplo, c.tA, c.n, c.k, c.alpha, a.data(), a.ld, b.data(), b.ld, c.beta, to.data(), to.ld)
	case "trmm":
		r.trmm(c.side, c.uplo, c.tA, c.diag, c.m, c.n, c.alpha, a.data(), a.ld, to.data(), to.ld)
	case "trsm":
		r.trsm(c.side, c.uplo, c.tA, c.diag, c.m, c.n, c.alpha, a.data(), a.ld, to.data(), to.ld)
	}
}

var names = []string{"gemm", "symm", "syrk", "syr2k", "trmm", "trsm"}

// operandsOf draws what a routine needs.
func operandsOf[T float](name string, c call[T]) (a, b, to operand[T]) {
	k := c.order(c.m, c.n)
	switch name {
	case "gemm":
		return opOperand[T](c.rnd, c.m, c.k, c.tA), opOperand[T](c.rnd, c.k, c.n, c.tB), newOperand[T](c.rnd, c.m, c.n, everywhere)
	case "symm":
		return newOperand[T](c.rnd, k, k, c.inTriangle), newOperand[T](c.rnd, c.m, c.n, everywhere), newOperand[T](c.rnd, c.m, c.n, everywhere)
	case "syrk", "syr2k":
		return opOperand[T](c.rnd, c.n, c.k, c.tA), opOperand[T](c.rnd, c.n, c.k, c.tA), newOperand[T](c.rnd, c.n, c.n, c.inTriangle)
	}
	return newFactor[T](c.rnd, k, c.flags), newOperand[T](c.rnd, 1, 1, everywhere), newOperand[T](c.rnd, c.m, c.n, everywhere)
}

// plant puts a special value somewhere into a matrix.
func plant[T float](rnd *rand.Rand, o operand[T], v T) {
	var places []int
	o.each(func(_, _, at int) { places = append(places, at) })
	if len(places) > 0 {
		o.all[places[rnd.IntN(len(places))]] = v
	}
}

// TestSpecialValuesSpreadAsGonums compares where NaN and infinities come out: no result has them that
// does not depend on one.
func TestSpecialValuesSpreadAsGonums(t *testing.T) {
	useEverySize(t)
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(r *rapid.T) { checkSpecial(r, name) })
		})
	}
}

func checkSpecial(r *rapid.T, name string) {
	c := drawCall[float64](r, 70)
	c.alpha = 0.5
	a, b, to := operandsOf(name, c)
	special := rapid.SampledFrom([]float64{math.NaN(), math.Inf(1), math.Inf(-1)}).Draw(r, "special")
	plant(c.rnd, []operand[float64]{a, b, to}[c.rnd.IntN(3)], special)
	want := to.clone()
	if c.beta == 0 && name != "trmm" && name != "trsm" {
		want.fill(0)
	}
	invoke(name, gonums[float64](), c, a, b, want)
	invoke(name, ours[float64](), c, a, b, to)
	to.each(func(i, j, at int) {
		require.Equal(r, kind(want.all[at]), kind(to.all[at]), "%d, %d", i, j)
	})
}

// TestNothingIsReadInVain has NaN in all that BLAS says is not read, at small sizes and large ones.
func TestNothingIsReadInVain(t *testing.T) {
	for _, size := range []int{3, 70} {
		for _, name := range names {
			t.Run(fmt.Sprint(name, size), func(t *testing.T) {
				rapid.Check(t, func(r *rapid.T) { checkUnread(r, name, size) })
			})
		}
	}
}

func checkUnread(r *rapid.T, name string, size int) {
	c := drawCall[float64](r, size)
	c.m, c.n, c.k = size, size, size
	a, b, to := operandsOf(name, c)
	nothing := name == "trmm" || name == "trsm"
	if c.alpha == 0 {
		a.fill(math.NaN())
		b.fill(math.NaN())
	}
	if nothing && c.alpha == 0 || !nothing && c.beta == 0 {
		to.fill(math.NaN())
	}
	invoke(name, ours[float64](), c, a, b, to)
	to.each(func(i, j, at int) { require.Equal(r, "finite", kind(to.all[at]), "%+v: %d, %d", c, i, j) })
	requireGuards(r, to)
}

// said is what a call panics with.
func said(f func()) (what any) {
	defer func() { what = recover() }()
	f()
	return nil
}

// spoil makes one argument wrong, or none.
func spoil(rnd *rand.Rand, c *call[float64], a, b, to *operand[float64]) {
	o := []*operand[float64]{a, b, to}[rnd.IntN(3)]
	switch rnd.IntN(12) {
	case 0:
		c.side = 'x'
	case 1:
		c.uplo = 'x'
	case 2:
		c.tA = 'x'
	case 3:
		c.tB = 'x'
	case 4:
		c.diag = 'x'
	case 5:
		c.m = -1
	case 6:
		c.n = -1
	case 7:
		c.k = -1
	case 8:
		o.ld = o.cols - 1
	case 9:
		o.all = o.all[:max(o.at, o.at+(o.rows-1)*o.ld+o.cols-1)]
	case 10:
		*[]*int{&c.m, &c.n, &c.k}[rnd.IntN(3)] = 0
	}
}

func TestPanicsAreGonums(t *testing.T) {
	useEverySize(t)
	panics := 0
	for _, name := range names {
		rapid.Check(t, func(r *rapid.T) {
			c := drawCall[float64](r, 40)
			a, b, to := operandsOf(name, c)
			for range 1 + c.rnd.IntN(2) {
				spoil(c.rnd, &c, &a, &b, &to)
			}
			other := to.clone()
			want := said(func() { invoke(name, gonums[float64](), c, a, b, other) })
			got := said(func() { invoke(name, ours[float64](), c, a, b, to) })
			require.Equal(r, want, got, "%s %+v", name, c)
			if want != nil {
				panics++
			}
		})
	}
	assert.Greater(t, panics, 40)
}

// TestResultsBesideOperands has operands and results in one array, rows of one between those of another,
// as LAPACK has them.
func TestResultsBesideOperands(t *testing.T) {
	useEverySize(t)
	rnd := rand.New(rand.NewPCG(5, 5))
	const n, ld = 70, 4 * 70
	d := make([]float64, n*ld)
	for i := range d {
		d[i] = rnd.NormFloat64()
	}
	apart := func(from int) []float64 { return append([]float64(nil), d[from:]...) }
	a, b, c, rest := apart(0), apart(n), apart(2*n), apart(3*n)
	r := ours[float64]()
	r.gemm(blas.NoTrans, blas.Trans, n, n, n, -1, a, ld, b, ld, 1, c, ld)
	r.gemm(blas.NoTrans, blas.Trans, n, n, n, -1, d, ld, d[n:], ld, 1, d[2*n:], ld)
	for i := range n {
		assert.Equal(t, a[i*ld:][:n], d[i*ld:][:n])
		assert.Equal(t, b[i*ld:][:n], d[n+i*ld:][:n])
		assert.Equal(t, c[i*ld:][:n], d[2*n+i*ld:][:n])
		assert.Equal(t, rest[i*ld:][:n], d[3*n+i*ld:][:n])
	}
}

// TestTinyPivots has diagonals whose inverses are not finite: quotients are, all the same.
func TestTinyPivots(t *testing.T) {
	useEverySize(t)
	for _, pivot := range []float64{1e-310, 1e-39, 1, 1e39, 1e300} {
		const n = 8
		a, x := make([]float64, n*n), make([]float64, n*n)
		for i := range n {
			a[i*n+i] = pivot
			for j := range n {
				x[i*n+j] = pivot * float64(3*i+j)
			}
		}
		Implementation{}.Dtrsm(blas.Left, blas.Lower, blas.NoTrans, blas.NonUnit, n, n, 1, a, n, x, n)
		for i, v := range x {
			assert.InEpsilon(t, 1+float64(3*(i/n)+i%n), 1+v, 1e-14, "pivot %g", pivot)
		}
	}
}

// TestWithoutAssembly says that gonum computes where this package would be slower.
func TestWithoutAssembly(t *testing.T) {
	was := simd.GemmLevel()
	require.NoError(t, simd.SetGemmLevel("generic"))
	defer func() { require.NoError(t, simd.SetGemmLevel(was)) }()
	rnd := rand.New(rand.NewPCG(1, 1))
	c := call[float64]{drawFlags(rnd), 90, 90, 90, 0.7, 0.3, rnd}
	for _, name := range names {
		a, b, to := operandsOf(name, c)
		want := to.clone()
		invoke(name, gonums[float64](), c, a, b, want)
		invoke(name, ours[float64](), c, a, b, to)
		requireUnchanged(t, want, to)
	}
}
