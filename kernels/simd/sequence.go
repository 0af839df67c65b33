package simd

import (
	"sync"
	"unsafe"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/op"
)

// loops are those of the functions of a level, nil where there is none.
type loops struct {
	kernels [op.Count][dtype.Count]*Loop
	mixed   [op.Count][2]*Loop
	casts   [dtype.Count][dtype.Count]*Loop
	pairs   [op.PairCount][dtype.Count]*Loop
}

// overlay lays the loops of a level over those of the levels below it.
func (l *loops) overlay(above *loops) {
	for c := range l.kernels {
		overlayLoops(l.kernels[c][:], above.kernels[c][:])
		overlayLoops(l.mixed[c][:], above.mixed[c][:])
	}
	for d := range l.casts {
		overlayLoops(l.casts[d][:], above.casts[d][:])
	}
	for i := range l.pairs {
		overlayLoops(l.pairs[i][:], above.pairs[i][:])
	}
}

func overlayLoops(dst, src []*Loop) {
	for i, l := range src {
		if l != nil {
			dst[i] = l
		}
	}
}

// KernelLoop is the loop of the function that Kernel gives, nil if that has none.
func KernelLoop(c op.Code, loop []dtype.DType) *Loop {
	t := &active.Load().loops
	return entry(&t.kernels, &t.mixed, c, loop)
}

// CastLoop is the loop of the function that Cast gives, nil if that has none.
func CastLoop(from, to dtype.DType) *Loop { return active.Load().loops.casts[from][to] }

// PairLoop is the loop of a pair of op.Pairs for operands of type t, and its function; nil if there is none.
func PairLoop(number int, t dtype.DType) (*Loop, Func) {
	l := active.Load().loops.pairs[number][t]
	if l == nil {
		return nil, nil
	}
	return l, l.run
}

// betweens are memory for first results of pairs.
var betweens = sync.Pool{New: func() any { return new([64]uint64) }}

// pairOf computes a pair of operators by their functions, for elements of a size in bytes, some at a time.
func pairOf(p op.Pair, size int, first, second Func) Func {
	arity := p.First.Row().Arity
	return func(dst, a, b, c unsafe.Pointer, n int) {
		between := betweens.Get().(*[64]uint64)
		defer betweens.Put(between)
		middle := unsafe.Pointer(between)
		x := [...]unsafe.Pointer{a, b, c, nil}
		operands := [2]unsafe.Pointer{middle, x[arity]} // of the second
		if p.At == 1 {
			operands = [2]unsafe.Pointer{a, middle}
		}
		for i := 0; i < n; i += len(between) {
			part := min(len(between), n-i)
			at := func(q unsafe.Pointer) unsafe.Pointer {
				if q == nil || q == middle {
					return q
				}
				return unsafe.Add(q, i*size)
			}
			if arity == 1 {
				first(middle, at(x[p.At]), nil, nil, part)
			} else {
				first(middle, at(x[p.At]), at(x[p.At+1]), nil, part)
			}
			second(at(dst), at(operands[0]), at(operands[1]), nil, part)
		}
	}
}

// Step is a function, and where its result and operands are.
type Step struct {
	Func         Func
	Loop         *Loop // of the function, nil if it has none
	Past         bool  // the result goes past the caches, see Past, if the loop can do that
	Dst, A, B, C unsafe.Pointer
	code         func()
}

// Run computes n elements by each step in turn, with the same results as if each did all of them before the next
// one: so a step may read what one before it has written, at the same index. Those that have loops take turns at a
// few elements, so that a processor can do what is next while it waits for a division, a square root or memory.
func Run(steps []Step, n int) {
	for len(steps) > 0 {
		some, strip := together(steps, n)
		if some == 1 {
			steps[0].whole(n)
		} else {
			takeTurns(steps[:some], n, strip)
		}
		steps = steps[some:]
	}
}
