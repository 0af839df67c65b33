package main

import (
	"fmt"
	"slices"
	"testing"
)

func TestStepsTakeTurns(t *testing.T) {
	step := func(name string) []instruction {
		return []instruction{{name: name + "0"}, {name: name + "1"}, {name: name + "2"}}
	}
	names := func(later int) string {
		var s []string
		for _, in := range inTurn([][]instruction{step("a"), step("b")}, later) {
			s = append(s, in.name)
		}
		return fmt.Sprint(s)
	}
	for later, want := range []string{"[a0 b0 a1 b1 a2 b2]", "[a0 a1 b0 a2 b1 b2]", "[a0 a1 a2 b0 b1 b2]"} {
		if got := names(later); got != want {
			t.Errorf("%d later: %s, want %s", later, got, want)
		}
	}
}

// Results may be in place of operands, of which a step that was left is made again.
func TestNoKernelLeavesItsLoopWhenItHasStored(t *testing.T) {
	leave := 0
	for _, target := range []*target{avx2, avx512} {
		for _, k := range newCatalogue(target).kernels {
			stored := slices.IndexFunc(k.lines, func(l line) bool { return l.store })
			if slices.ContainsFunc(k.lines[:stored], func(l line) bool { return l.guard }) {
				leave++
			}
			if k.steps > 1 && slices.ContainsFunc(k.lines[stored:], func(l line) bool { return l.guard }) {
				t.Error(k.name)
			}
		}
	}
	if leave == 0 {
		t.Error("no kernel has a rare block")
	}
}
