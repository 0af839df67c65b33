//go:build amd64 && !purego

package simd

import "unsafe"

// callLoop calls a loop for the elements from one index up to another, and returns the index at which it stopped.
//
//go:noescape
func callLoop(loop func(), dst, a, b, c unsafe.Pointer, from, to int) int

// callLoops calls the loops of n steps in turn for strips of elements, up to an index that is a multiple of their length.
// Each step is a strip behind the one before it, so that calls in turn need not wait for each other; front is where the
// first one would be. It begins with a step at a front, and ends with step n or with one that stopped early, at an index.
//
//go:noescape
func callLoops(steps *Step, n, front, step, to, strip int) (endFront, endStep, at int)

// leastStrip is the elements of a strip, at least: a few vectors of each type. The processor sees a few hundred
// instructions ahead: with longer strips it sees less of the next step.
const leastStrip = 32

// whole computes all elements.
func (s *Step) whole(n int) {
	if s.passes() {
		s.Loop.runPast(s.Dst, s.A, s.B, s.C, n)
		return
	}
	s.Func(s.Dst, s.A, s.B, s.C, n)
}

// passes reports whether the result goes past the caches.
func (s *Step) passes() bool { return s.Past && s.Loop != nil && s.Loop.past != nil }

// joins reports whether a step can take turns with others: not if its result would have to go past the caches from the
// middle of a line on.
func (s *Step) joins() bool { return s.Loop != nil && !(s.passes() && uintptr(s.Dst)%64 != 0) }

// together is how many of the first steps take turns, and the length of their strips.
func together(steps []Step, n int) (some, strip int) {
	strip = leastStrip
	for some < len(steps) && steps[some].joins() {
		strip = max(strip, steps[some].Loop.step)
		some++
	}
	if some < 2 || n < 2*strip {
		return 1, n
	}
	return some, strip
}

// takeTurns computes n elements by steps that have loops.
func takeTurns(steps []Step, n, strip int) {
	for i := range steps {
		s := &steps[i]
		if s.code = s.Loop.loop; s.passes() {
			s.code = s.Loop.past
		}
	}
	whole := n &^ (strip - 1)
	if whole < n { // what is left over is done best if it is longer than a strip
		whole -= strip
	}
	for front, i, at := 0, 0, 0; ; i++ {
		if front, i, at = callLoops(&steps[0], len(steps), front, i, whole, strip); i == len(steps) {
			break
		}
		steps[i].part(at, front-i*strip+strip)
	}
	for i := 0; whole < n && i < len(steps); i++ {
		steps[i].part(whole, n)
	}
}

// part computes the elements from one index up to another.
func (s *Step) part(from, to int) {
	k := s.Loop
	s.Func(k.at(0, s.Dst, from), k.at(1, s.A, from), k.at(2, s.B, from), k.at(3, s.C, from), to-from)
}
