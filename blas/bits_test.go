package blas

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/blas"

	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/op"
)

func fused[T float](x, y, z T) T {
	if unsafe.Sizeof(z) == 4 {
		return T(op.FMA32(float32(x), float32(y), float32(z)))
	}
	return T(math.FMA(float64(x), float64(y), float64(z)))
}

// opAt is an element of op of a matrix.
func opAt[T float](o operand[T], t blas.Transpose, i, j int) T {
	if t != blas.NoTrans {
		i, j = j, i
	}
	return o.data()[i*o.ld+j]
}

// canonical is one result of a product, by its definition. m and n are not both 1.
func canonical[T float](c call[T], a, b operand[T], start T, i, j int) T {
	step := func(acc T, k int) T {
		return fused(opAt(a, c.tA, i, k), T(c.alpha*opAt(b, c.tB, k, j)), acc)
	}
	add := func(x, y T) T { return x + y }
	return canon.Chain(canon.Product(c.m, c.n, c.k), c.k, step, start, 0, add)
}

func checkCanonical[T float](t *testing.T, c call[T]) {
	a, b := opOperand[T](c.rnd, c.m, c.k, c.tA), opOperand[T](c.rnd, c.k, c.n, c.tB)
	to := newOperand[T](c.rnd, c.m, c.n, everywhere)
	was := to.clone()
	ours[T]().gemm(c.tA, c.tB, c.m, c.n, c.k, c.alpha, a.data(), a.ld, b.data(), b.ld, c.beta, to.data(), to.ld)
	to.each(func(i, j, at int) {
		start := T(0)
		if c.beta != 0 {
			start = c.beta * was.all[at]
		}
		require.Equal(t, canonical(c, a, b, start, i, j), to.all[at], "%+v: element %d, %d", c, i, j)
	})
}

func testCanonical[T float](t *testing.T) {
	for i, size := range [][3]int{{16, 16, 16}, {1, 65, 70}, {65, 1, 70}, {17, 33, 1025}, {5, 40, 2500}, {64, 96, 40}} {
		for _, factors := range [][2]T{{1, 0}, {-1, 1}, {0.3, -0.7}} {
			rnd := rand.New(rand.NewPCG(uint64(i), 1))
			checkCanonical(t, call[T]{drawFlags(rnd), size[0], size[1], size[2], factors[0], factors[1], rnd})
		}
	}
}

func TestProductsAreCanonical(t *testing.T) {
	useEverySize(t)
	bothTypes(t, testCanonical[float32], testCanonical[float64])
}

// TestLargeProductsAreCanonical says that large products are computed here without being asked to.
func TestLargeProductsAreCanonical(t *testing.T) {
	if !accelerated() {
		t.Skip("without assembly they are gonum's")
	}
	rnd := rand.New(rand.NewPCG(1, 1))
	checkCanonical(t, call[float32]{drawFlags(rnd), 64, 64, 80, 0.3, 2, rnd})
	checkCanonical(t, call[float64]{drawFlags(rnd), 64, 64, 80, 0.3, 2, rnd})
}

// TestUpdatesAreCanonical says the same of syrk and syr2k where k is at most one chunk.
func TestUpdatesAreCanonical(t *testing.T) {
	useEverySize(t)
	bothTypes(t, testUpdatesCanonical[float32], testUpdatesCanonical[float64])
}

func testUpdatesCanonical[T float](t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 1))
	for range 8 {
		c := call[T]{drawFlags(rnd), 77, 77, 50, 0.3, -0.7, rnd}
		a := opOperand[T](rnd, c.n, c.k, c.tA)
		to := newOperand[T](rnd, c.n, c.n, c.inTriangle)
		was := to.clone()
		ours[T]().syrk(c.uplo, c.tA, c.n, c.k, c.alpha, a.data(), a.ld, c.beta, to.data(), to.ld)
		c.tB = blas.NoTrans
		if c.tA == blas.NoTrans {
			c.tB = blas.Trans
		}
		to.each(func(i, j, at int) {
			require.Equal(t, canonical(c, a, a, c.beta*was.all[at], i, j), to.all[at])
		})
	}
}

// digest runs all routines at sizes that several workers share, and hashes the bits of the results.
func digest() string {
	rnd := rand.New(rand.NewPCG(1, 2))
	sum := sha256.New()
	draw := func(n int) []float64 {
		v := make([]float64, n)
		for i := range v {
			v[i] = rnd.Float64() + 0.5
		}
		return v
	}
	const n = 200
	a, b, c, r := draw(n*n), draw(n*n), draw(n*n), double(Implementation{})
	for i := range n {
		a[i*n+i] += n
	}
	r.gemm(blas.NoTrans, blas.Trans, n, n, n, 1, a, n, b, n, 0.5, c, n)
	r.symm(blas.Right, blas.Upper, n, n, 0.1, a, n, b, n, 0.5, c, n)
	r.syrk(blas.Lower, blas.NoTrans, n, n, 0.1, a, n, 0.5, c, n)
	r.syr2k(blas.Upper, blas.Trans, n, n, 0.1, a, n, b, n, 0.5, c, n)
	r.trmm(blas.Left, blas.Upper, blas.Trans, blas.NonUnit, n, n, 0.1, a, n, c, n)
	r.trsm(blas.Right, blas.Lower, blas.NoTrans, blas.NonUnit, n, n, 2, a, n, c, n)
	x, y := draw(3*8000), make([]float64, 9)
	r.gemm(blas.NoTrans, blas.Trans, 3, 3, 8000, 1, x, 8000, x, 8000, 0, y, 3)
	for _, v := range append(c, y...) {
		binary.Write(sum, binary.LittleEndian, v)
	}
	return fmt.Sprintf("%x", sum.Sum(nil))
}

const digestVariable = "TARE_BLAS_TEST_DIGEST"

// TestSameBitsForAnyNumberOfThreads runs itself in processes with other numbers of threads.
func TestSameBitsForAnyNumberOfThreads(t *testing.T) {
	want := digest()
	if os.Getenv(digestVariable) != "" {
		fmt.Println(want)
		return
	}
	for _, threads := range []string{"1", "2", "7"} {
		child := exec.Command(os.Args[0], "-test.run=^TestSameBitsForAnyNumberOfThreads$")
		child.Env = append(os.Environ(), digestVariable+"=1", "GOMAXPROCS="+threads)
		out, err := child.CombinedOutput()
		require.NoError(t, err, "%s", out)
		assert.Contains(t, string(out), want, "with GOMAXPROCS=%s", threads)
	}
}

func TestManyCallersAtOnce(t *testing.T) {
	want := digest()
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() { assert.Equal(t, want, digest()) })
	}
	callers.Wait()
}
