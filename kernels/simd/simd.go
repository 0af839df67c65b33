// Package simd has the loops that compute operators on the CPU: for every operator and every type
// in which it computes, one function over contiguous elements. The pure-Go functions of level
// "generic" are complete, and generated from the operator table; levels of vector instructions
// replace some of them, and must give the same bits.
//
// On amd64 there are two, "avx2", which needs AVX2 and FMA, and "avx512", which needs the F, DQ, BW and VL of
// AVX-512 and has what floats take part in. The best that the machine has is used unless [Variable] says
// otherwise. Both are compared with the generic functions, and those with the programs, by this package's
// tests, wherever they run. On an EPYC (Zen 4) the unary functions of float32 gave the same bits at every level
// on every one of the 2³² operands.
//
// The package must not know of strides, shapes, threads or allocation: whoever calls it brings
// operands to contiguous memory.
package simd

import (
	"fmt"
	"sync/atomic"
	"unsafe"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/op"
)

//go:generate go run ./gen

// Func computes n elements: dst[i] = f(a[i], b[i], c[i]). All operands are contiguous and aligned
// to their elements; those that the operator does not have are nil. dst may be the same memory as
// an operand whose elements have the same size, and otherwise must not overlap it. With n = 0
// pointers may be nil.
type Func func(dst, a, b, c unsafe.Pointer, n int)

// level is a set of kernels; nil entries fall back to the level before.
type level struct {
	name    string
	kernels *[op.Count][dtype.Count]Func
	mixed   *[op.Count][2]Func
	casts   *[dtype.Count][dtype.Count]Func
	loops   *loops // of those functions; nil for none
	folds   *[op.Count][dtype.Count]Fold
	finds   *[dtype.Count]func(x, v unsafe.Pointer, n int) int
	scans   []*scanLoops // by type; nil for none
}

// levels are those that this machine can run, the best last.
var levels = append([]level{genericLevel}, archLevels()...)

var genericLevel = level{
	name: "generic", kernels: &genericKernels, mixed: &genericMixed, casts: &genericCasts,
	folds: &genericFolds, finds: &genericFinds,
}

// table is the kernels of one level with the gaps filled.
type table struct {
	name    string
	kernels [op.Count][dtype.Count]Func
	mixed   [op.Count][2]Func
	casts   [dtype.Count][dtype.Count]Func
	loops   loops
	folds   [op.Count][dtype.Count]Fold
	finds   [dtype.Count]func(x, v unsafe.Pointer, n int) int
	scans   [dtype.Count]*scanLoops
}

var active atomic.Pointer[table]

func init() { active.Store(tableOf(atFirst(Levels(), most))) }

// tableOf lays the levels up to the given one over each other.
func tableOf(last int) *table {
	t := &table{}
	for _, l := range levels[:last+1] {
		t.name = l.name
		for c := range t.kernels {
			overlay(t.kernels[c][:], l.kernels[c][:])
			overlay(t.mixed[c][:], l.mixed[c][:])
			overlayFolds(t.folds[c][:], l.folds[c][:])
		}
		copy(t.scans[:], l.scans)
		if l.loops != nil {
			t.loops.overlay(l.loops)
		}
		for d := range t.casts {
			overlay(t.casts[d][:], l.casts[d][:])
			if l.finds[d] != nil {
				t.finds[d] = l.finds[d]
			}
		}
	}
	return t
}

func overlay(dst, src []Func) {
	for i, f := range src {
		if f != nil {
			dst[i] = f
		}
	}
}

func overlayFolds(dst, src []Fold) {
	for i, f := range src {
		if f.Blocks != nil {
			dst[i] = f
		}
	}
}

// Level is the name of the level in use: at first the best that the machine has.
func Level() string { return active.Load().name }

// Levels lists the levels that this machine can run, the best last.
func Levels() []string {
	names := make([]string, len(levels))
	for i, l := range levels {
		names[i] = l.name
	}
	return names
}

// SetLevel makes Kernel and Cast give the functions of a level, for tests and comparisons.
// Functions that were given out before stay as they are.
func SetLevel(name string) error {
	for i, l := range levels {
		if l.name == name {
			active.Store(tableOf(i))
			return nil
		}
	}
	return fmt.Errorf("simd: no level %q on this machine: it has %v", name, Levels())
}

// Kernel is the function of an operator for a loop that c.Resolve gave, or nil if loop is not one.
func Kernel(c op.Code, loop []dtype.DType) Func {
	t := active.Load()
	return entry(&t.kernels, &t.mixed, c, loop)
}

// entry is what tables of an operator's types have for a loop.
func entry[T any](same *[op.Count][dtype.Count]T, mixed *[op.Count][2]T, c op.Code, loop []dtype.DType) (none T) {
	first, last := loop[0], loop[len(loop)-1]
	switch {
	case first == last || first == dtype.Bool && len(loop) == 3:
		return same[c][last]
	case first == dtype.Int64 && last == dtype.Uint64:
		return mixed[c][0]
	case first == dtype.Uint64 && last == dtype.Int64:
		return mixed[c][1]
	}
	return none
}

// Past is Kernel for results that are too many for the caches, and are not read again soon: they go past those
// to memory, but for the first and last few. Such stores are not in order with others: whoever does
// them calls Fence before it says that they are done. It is nil if the level in use has no such function.
func Past(c op.Code, loop []dtype.DType) Func {
	if l := KernelLoop(c, loop); l != nil && l.goesPast() {
		return l.runPast
	}
	return nil
}

// Cast is the function that converts elements of one type to another, as op.CastProgram says:
// dst[i] = a[i].
func Cast(from, to dtype.DType) Func { return active.Load().casts[from][to] }
