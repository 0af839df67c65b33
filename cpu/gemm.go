package cpu

import (
	"fmt"
	"runtime"
	"sync"
	"unsafe"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
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
	o := &ir.MatMul{Type: typeOf[T](), M: m, N: n, K: k, A: a.operand(), B: b.operand(), To: c.operand()}
	u := update{scales: alpha != 1 && k > 0, starts: beta != 0, scale: scaleOf[T]()}
	p := compileUpdate(processPool(), o, u)
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

func (m Matrix[T]) operand() ir.Operand {
	size := int(unsafe.Sizeof(T(0)))
	return ir.Operand{Type: typeOf[T](), Strides: []int{m.RowStride * size, m.ColStride * size}}
}

func (m Matrix[T]) first() unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(m.Data)) }

func typeOf[T float32 | float64]() dtype.DType {
	if unsafe.Sizeof(T(0)) == 4 {
		return dtype.Float32
	}
	return dtype.Float64
}

// update says what a product does besides: scales, that the right operand is multiplied by alpha as it is
// packed; starts, that chains start from beta times C. The factors themselves are those of a run.
type update struct {
	scales, starts bool
	scale          func(v unsafe.Pointer, n int, by float64) // multiplies n elements
}

// factors are alpha and beta; a float32 is exact in them.
type factors struct{ alpha, beta float64 }

func scaleOf[T float32 | float64]() func(v unsafe.Pointer, n int, by float64) { return scale[T] }

func scale[T float32 | float64](v unsafe.Pointer, n int, by float64) {
	f, x := T(by), unsafe.Slice((*T)(v), n)
	for ; len(x) >= 4; x = x[4:] {
		x[0], x[1], x[2], x[3] = x[0]*f, x[1]*f, x[2]*f, x[3]*f
	}
	for i := range x {
		x[i] *= f
	}
}
