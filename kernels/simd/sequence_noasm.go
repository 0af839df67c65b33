//go:build !amd64 || purego

package simd

import "unsafe"

// Loop is a loop in assembly, of which there are none here.
type Loop struct{}

func (*Loop) goesPast() bool { return false }

func (*Loop) run(_, _, _, _ unsafe.Pointer, _ int) {}

func (*Loop) runPast(_, _, _, _ unsafe.Pointer, _ int) {}

// whole computes all elements.
func (s *Step) whole(n int) { s.Func(s.Dst, s.A, s.B, s.C, n) }

// together is how many of the first steps take turns, and the length of their strips.
func together(_ []Step, n int) (some, strip int) { return 1, n }

func takeTurns([]Step, int, int) {}
