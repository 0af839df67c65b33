package simd

import (
	"unsafe"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/op"
)

// loops are those of the functions of a level, nil where there is none.
type loops struct {
	kernels [op.Count][dtype.Count]*Loop
	mixed   [op.Count][2]*Loop
	casts   [dtype.Count][dtype.Count]*Loop
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
