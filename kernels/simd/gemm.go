package simd

import (
	"fmt"
	"sync/atomic"
	"unsafe"

	"github.com/tare-go/tare/dtype"
)

//go:generate sh -c "cd _gemm && go run ."

// GemmMode says how a panel begins and ends.
type GemmMode int

// The bits of a GemmMode.
const (
	GemmCarry  GemmMode = 1 << iota // chains go on from what C holds, else they start from +0
	GemmSettle                      // +0 is added at the end: no product is -0
	GemmStream                      // C goes past the caches, where it can; Cols is NR, and C and CRow multiples of 64
)

// GemmPanel is one call of a kernel: Rows by Cols results, each a chain of fused multiply-adds
// c = fma(a, b, c) through K indices, ascending. Integers wrap, and bools are or-ed ands. Strides are in
// bytes; only the columns of B and C are contiguous. Assembly knows where the fields are.
type GemmPanel struct {
	A, B, C    unsafe.Pointer
	K          int
	Rows, Cols int // Cols is at most NR
	ARow, ACol int // ACol is between indices of k
	AStrip     int // from a strip of MR rows of A to the next
	BRow       int // between indices of k; each row of B is readable for NR columns, whatever Cols is
	CRow       int
	Mode       GemmMode

	// Ahead is memory that is soon needed: each full strip of rows asks for AheadStep bytes of it, and
	// moves it on. It is no pointer, as it may be out of what is allocated.
	Ahead     uintptr
	AheadStep int
	NextC     uintptr // C of the panel that comes next, for which the last strip asks: any address

	tile [8]uint64 // room for the results of a tile of the generic kernels
}

// GemmKernel is the micro-kernel of matrix products of one type. It computes tiles of MR rows by NR
// columns in registers; fewer rows take less time, and of columns half as many.
type GemmKernel struct {
	MR, NR int
	Run    func(p *GemmPanel)
	Spread SpreadFunc
	Lanes  LanesFunc
	Turn   TurnFunc // nil if there is none
	Rows   RowsFunc // nil if there is none
	Cols   ColsFunc // nil if there is none
	Ask    AskFunc  // nil if there is none
}

// AskFunc asks for memory that is soon needed: whole cache lines of it. It need not be allocated.
type AskFunc func(at uintptr, bytes int)

// RowsAtOnce is the chains that a RowsFunc carries.
const RowsAtOnce = 16

// RowsFunc carries sixteen chains, side by side at acc, through n contiguous elements of as many rows, ld
// bytes apart: chain r takes fma(a[r][k], x[k], acc[r]) for each k in turn. n is a multiple of 64 bytes of
// elements.
type RowsFunc func(acc, a, x unsafe.Pointer, ld, n int)

// ColsFunc carries n chains, side by side at acc, through rows of as many contiguous elements, ld bytes apart:
// chain j takes fma(x[k], b[k][j], acc[j]) for each k in turn.
type ColsFunc func(acc, b, x unsafe.Pointer, ld, rows, n int)

// TurnFunc transposes 32 bytes of rows, ld bytes apart, of n contiguous elements each: element i of
// all rows goes to dst + i·step, side by side. n is a multiple of 4, or of 2 if elements have 8 bytes.
type TurnFunc func(dst, src unsafe.Pointer, ld, n, step int)

// SpreadFunc copies n pieces of NR elements, contiguous from src on, to where they are step bytes
// apart: one row of B to all its strips. With n = 0 it does nothing.
type SpreadFunc func(dst, src unsafe.Pointer, n, step int)

// LanesFunc carries the lanes of a dot product, 512 bytes at acc, through rows of as many bytes: lane
// l takes fma(a[l], b[l], acc[l]) for each row in turn.
type LanesFunc func(acc, a, b unsafe.Pointer, rows int)

// gemmLevel is a set of kernels; those without Run fall back to the level before.
type gemmLevel struct {
	name    string
	kernels [dtype.Count]GemmKernel
}

// gemmLevels are those that this machine can run, the best last.
var gemmLevels = append([]gemmLevel{{"generic", genericGemm}}, archGemm()...)

var activeGemm atomic.Int32

func init() { activeGemm.Store(int32(atFirst(GemmLevels(), most))) }

// Gemm is the kernel of a type at the level in use: at first the best that the machine has. All
// levels give the same bits.
func Gemm(t dtype.DType) GemmKernel {
	for i := activeGemm.Load(); i >= 0; i-- {
		if k := gemmLevels[i].kernels[t]; k.Run != nil {
			return k
		}
	}
	panic(fmt.Sprintf("BUG: simd: no product of %v", t))
}

// GemmLevel is the name of the level that Gemm takes its kernels from.
func GemmLevel() string { return gemmLevels[activeGemm.Load()].name }

// GemmLevels lists the levels of matrix products that this machine can run, the best last.
func GemmLevels() []string {
	names := make([]string, len(gemmLevels))
	for i, l := range gemmLevels {
		names[i] = l.name
	}
	return names
}

// SetGemmLevel makes Gemm give the kernels of a level, for tests and comparisons. Kernels that were
// given out before stay as they are.
func SetGemmLevel(name string) error {
	for i, l := range gemmLevels {
		if l.name == name {
			activeGemm.Store(int32(i))
			return nil
		}
	}
	return fmt.Errorf("simd: no level %q of matrix products on this machine: it has %v", name, GemmLevels())
}
