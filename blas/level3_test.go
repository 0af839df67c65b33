package blas

import (
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// call is one call of a routine, with operands yet to draw.
type call[T float] struct {
	flags
	m, n, k     int
	alpha, beta T
	rnd         *rand.Rand
}

// drawCall draws sizes up to most; more often those about the edges of blocks.
func drawCall[T float](r *rapid.T, most int) call[T] {
	size := rapid.OneOf(rapid.IntRange(1, 12), rapid.IntRange(1, most), rapid.SampledFrom([]int{31, 32, 33, 63, 64, 65, most}))
	rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "seed"), 1))
	factor := rapid.SampledFrom([]T{0, 1, -1, 0.5, -1.7})
	return call[T]{
		drawFlags(rnd), size.Draw(r, "m"), size.Draw(r, "n"), size.Draw(r, "k"),
		factor.Draw(r, "alpha"), factor.Draw(r, "beta"), rnd,
	}
}

// results draws a matrix for results: NaN if it is not to be read. forGonum is what gonum's routine gets,
// in double precision, and sizes its absolute values.
func (c call[T]) results(rows, cols int, holds func(i, j int) bool) (to operand[T], forGonum, sizes operand[float64]) {
	to = newOperand[T](c.rnd, rows, cols, holds)
	if c.beta != 0 {
		return to, wide(to, false), wide(to, true)
	}
	forGonum = wide(to, false).fill(0)
	to.each(func(_, _, at int) { to.all[at] /= 0 })
	return to, forGonum, forGonum.clone()
}

func abs[T float](x T) float64 { return float64(max(x, -x)) }

// checkGemm compares a product with gonum's in double precision.
func checkGemm[T float](r *rapid.T, c call[T]) {
	a, b := opOperand[T](c.rnd, c.m, c.k, c.tA), opOperand[T](c.rnd, c.k, c.n, c.tB)
	to, want, size := c.results(c.m, c.n, everywhere)
	run := func(to operand[float64], abs bool, alpha, beta float64) {
		a, b := wide(a, abs), wide(b, abs)
		gonums[float64]().gemm(c.tA, c.tB, c.m, c.n, c.k, alpha, a.data(), a.ld, b.data(), b.ld, beta, to.data(), to.ld)
	}
	run(want, false, float64(c.alpha), float64(c.beta))
	run(size, true, abs(c.alpha), abs(c.beta))
	wasA, wasB := a.clone(), b.clone()
	ours[T]().gemm(c.tA, c.tB, c.m, c.n, c.k, c.alpha, a.data(), a.ld, b.data(), b.ld, c.beta, to.data(), to.ld)
	requireClose(r, to, want, size, 2*c.k+8)
	requireUnchanged(r, wasA, a)
	requireUnchanged(r, wasB, b)
}

func checkSymm[T float](r *rapid.T, c call[T]) {
	k := c.order(c.m, c.n)
	a, b := newOperand[T](c.rnd, k, k, c.inTriangle), newOperand[T](c.rnd, c.m, c.n, everywhere)
	to, want, size := c.results(c.m, c.n, everywhere)
	run := func(to operand[float64], abs bool, alpha, beta float64) {
		a, b := wide(a, abs), wide(b, abs)
		gonums[float64]().symm(c.side, c.uplo, c.m, c.n, alpha, a.data(), a.ld, b.data(), b.ld, beta, to.data(), to.ld)
	}
	run(want, false, float64(c.alpha), float64(c.beta))
	run(size, true, abs(c.alpha), abs(c.beta))
	wasA, wasB := a.clone(), b.clone()
	ours[T]().symm(c.side, c.uplo, c.m, c.n, c.alpha, a.data(), a.ld, b.data(), b.ld, c.beta, to.data(), to.ld)
	requireClose(r, to, want, size, 2*k+8)
	requireUnchanged(r, wasA, a)
	requireUnchanged(r, wasB, b)
}

func checkSyrk[T float](r *rapid.T, c call[T]) {
	a := opOperand[T](c.rnd, c.n, c.k, c.tA)
	to, want, size := c.results(c.n, c.n, c.inTriangle)
	run := func(to operand[float64], abs bool, alpha, beta float64) {
		a := wide(a, abs)
		gonums[float64]().syrk(c.uplo, c.tA, c.n, c.k, alpha, a.data(), a.ld, beta, to.data(), to.ld)
	}
	run(want, false, float64(c.alpha), float64(c.beta))
	run(size, true, abs(c.alpha), abs(c.beta))
	wasA := a.clone()
	ours[T]().syrk(c.uplo, c.tA, c.n, c.k, c.alpha, a.data(), a.ld, c.beta, to.data(), to.ld)
	requireClose(r, to, want, size, 2*c.k+8)
	requireUnchanged(r, wasA, a)
}

func checkSyr2k[T float](r *rapid.T, c call[T]) {
	a, b := opOperand[T](c.rnd, c.n, c.k, c.tA), opOperand[T](c.rnd, c.n, c.k, c.tA)
	to, want, size := c.results(c.n, c.n, c.inTriangle)
	run := func(to operand[float64], abs bool, alpha, beta float64) {
		a, b := wide(a, abs), wide(b, abs)
		gonums[float64]().syr2k(c.uplo, c.tA, c.n, c.k, alpha, a.data(), a.ld, b.data(), b.ld, beta, to.data(), to.ld)
	}
	run(want, false, float64(c.alpha), float64(c.beta))
	run(size, true, abs(c.alpha), abs(c.beta))
	wasA, wasB := a.clone(), b.clone()
	ours[T]().syr2k(c.uplo, c.tA, c.n, c.k, c.alpha, a.data(), a.ld, b.data(), b.ld, c.beta, to.data(), to.ld)
	requireClose(r, to, want, size, 4*c.k+8)
	requireUnchanged(r, wasA, a)
	requireUnchanged(r, wasB, b)
}

func checkTrmm[T float](r *rapid.T, c call[T]) {
	k := c.order(c.m, c.n)
	a, to := newFactor[T](c.rnd, k, c.flags), newOperand[T](c.rnd, c.m, c.n, everywhere)
	want, size := wide(to, false), wide(to, true)
	run := func(to operand[float64], abs bool, alpha float64) {
		a := wide(a, abs)
		gonums[float64]().trmm(c.side, c.uplo, c.tA, c.diag, c.m, c.n, alpha, a.data(), a.ld, to.data(), to.ld)
	}
	run(want, false, float64(c.alpha))
	run(size, true, abs(c.alpha))
	wasA := a.clone()
	ours[T]().trmm(c.side, c.uplo, c.tA, c.diag, c.m, c.n, c.alpha, a.data(), a.ld, to.data(), to.ld)
	requireClose(r, to, want, size, 2*k+8)
	requireUnchanged(r, wasA, a)
}

// checkTrsm multiplies the solution, which must give what was to be solved.
func checkTrsm[T float](r *rapid.T, c call[T]) {
	k := c.order(c.m, c.n)
	a, x := newFactor[T](c.rnd, k, c.flags), newOperand[T](c.rnd, c.m, c.n, everywhere)
	want := wide(x, false)
	want.each(func(_, _, at int) { want.all[at] *= float64(c.alpha) })
	wasA := a.clone()
	ours[T]().trsm(c.side, c.uplo, c.tA, c.diag, c.m, c.n, c.alpha, a.data(), a.ld, x.data(), x.ld)
	requireUnchanged(r, wasA, a)
	requireGuards(r, x)
	multiply := func(abs bool) operand[float64] {
		a, x := wide(a, abs), wide(x, abs)
		gonums[float64]().trmm(c.side, c.uplo, c.tA, c.diag, c.m, c.n, 1, a.data(), a.ld, x.data(), x.ld)
		return x
	}
	requireClose(r, want, multiply(false), multiply(true), int(float64(2*k+8)*epsilon[T]()/epsilon[float64]()))
}

// sound runs checks with random calls.
func sound(check32 func(*rapid.T, call[float32]), check64 func(*rapid.T, call[float64]), most int) func(t *testing.T) {
	return func(t *testing.T) {
		useEverySize(t)
		bothTypes(t,
			func(t *testing.T) { rapid.Check(t, func(r *rapid.T) { check32(r, drawCall[float32](r, most)) }) },
			func(t *testing.T) { rapid.Check(t, func(r *rapid.T) { check64(r, drawCall[float64](r, most)) }) })
	}
}

func TestLevel3IsSound(t *testing.T) {
	t.Run("gemm", sound(checkGemm[float32], checkGemm[float64], 130))
	t.Run("symm", sound(checkSymm[float32], checkSymm[float64], 270))
	t.Run("syrk", sound(checkSyrk[float32], checkSyrk[float64], 130))
	t.Run("syr2k", sound(checkSyr2k[float32], checkSyr2k[float64], 130))
	t.Run("trmm", sound(checkTrmm[float32], checkTrmm[float64], 130))
	t.Run("trsm", sound(checkTrsm[float32], checkTrsm[float64], 130))
}
