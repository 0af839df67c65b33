package cpu

import (
	"fmt"
	"hash/maphash"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/kernels/simd"
)

// Matrix is a matrix in Go memory: element (i, j) is Data[i*RowStride + j*ColStride]. Strides are in elements
// and may be 0, but not for results.
type Matrix[T float32 | float64] struct {
	Data                 []T
	RowStride, ColStride int
}

// Gemm computes C = alpha·A·B + beta·C, where A is m by k, B is k by n and C is m by n. It is the product of
// package canon: each result is one chain of fused multiply-adds for a chunk of k, the first of which starts
// from beta·C, rounded, and alpha multiplies the elements of B, rounded, before they are used. If m and n are
// 1, the lanes of a dot product are summed, and added to beta·C. +0 is added at the end, so that no result
// is -0.
//
// With beta = 0, C is not read. With alpha = 0 or k = 0, neither A nor B is. C must not overlap A or B. The
// workers are those of the process, as many as Go ran at once (GOMAXPROCS) when Gemm was first called; their
// number changes no bit. Gemm may be called from several goroutines at once.
//
// An operand that ends before its last element is a panic: it is for packages that have looked at their
// caller's operands.
func Gemm[T float32 | float64](m, n, k int, alpha T, a Matrix[T], b Matrix[T], beta T, c Matrix[T]) {
	if m == 0 || n == 0 {
		return
	}
	if alpha == 0 || k == 0 {
		k, a, b = 0, Matrix[T]{}, Matrix[T]{}
	}
	a.check("A", m, k)
	b.check("B", k, n)
	c.check("C", m, n)
	p := programOf(productKey{
		t: typeOf[T](), level: simd.GemmLevel(), m: m, n: n, k: k, a: a.strides(), b: b.strides(), c: c.strides(),
		update: update{scales: alpha != 1 && k > 0, starts: beta != 0},
	})
	work := spare.take(p.Workspace())
	defer spare.give(work)
	p.apply(a.first(), b.first(), c.first(), unsafe.Pointer(unsafe.SliceData(work)), factors{float64(alpha), float64(beta)})
	runtime.KeepAlive(a.Data)
	runtime.KeepAlive(b.Data)
	runtime.KeepAlive(c.Data)
}

// processPool is the workers that Gemm uses. They end with the process.
var processPool = sync.OnceValue(func() *pool { return newPool(runtime.GOMAXPROCS(0)) })

// check panics if a matrix does not have its last element.
func (m Matrix[T]) check(name string, rows, cols int) {
	if rows < 0 || cols < 0 || m.RowStride < 0 || m.ColStride < 0 {
		panic(fmt.Sprintf("BUG: cpu: Gemm: %s is %d by %d with strides %d and %d", name, rows, cols, m.RowStride, m.ColStride))
	}
	if last := (rows-1)*m.RowStride + (cols-1)*m.ColStride; rows > 0 && cols > 0 && last >= len(m.Data) {
		panic(fmt.Sprintf("BUG: cpu: Gemm: %s ends at element %d, and has %d", name, last, len(m.Data)))
	}
}

// strides are the bytes between rows and between columns.
func (m Matrix[T]) strides() [2]int {
	size := int(unsafe.Sizeof(T(0)))
	return [2]int{m.RowStride * size, m.ColStride * size}
}

func (m Matrix[T]) first() unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(m.Data)) }

func typeOf[T float32 | float64]() dtype.DType {
	if unsafe.Sizeof(T(0)) == 4 {
		return dtype.Float32
	}
	return dtype.Float64
}

// productKey is all that a program depends on.
type productKey struct {
	t       dtype.DType
	level   string
	m, n, k int
	a, b, c [2]int // strides
	update
}

func (k productKey) op() *ir.MatMul {
	operand := func(strides [2]int) ir.Operand { return ir.Operand{Type: k.t, Strides: strides[:]} }
	return &ir.MatMul{Type: k.t, M: k.m, N: k.n, K: k.k, A: operand(k.a), B: operand(k.b), To: operand(k.c)}
}

// kept is a program of Gemm that is kept for later calls.
type kept struct {
	key     productKey
	program updater
}

// recent has the programs of recent calls, each in the place that its key hashes to. To make one takes longer than
// a small product.
var (
	recent     [256]atomic.Pointer[kept]
	recentSeed = maphash.MakeSeed()
)

// programOf is the program for a key.
func programOf(key productKey) updater {
	place := &recent[maphash.Comparable(recentSeed, key)%uint64(len(recent))]
	if k := place.Load(); k != nil && k.key == key {
		return k.program
	}
	k := &kept{key, compileUpdate(processPool(), key.op(), key.update)}
	place.Store(k)
	return k.program
}
