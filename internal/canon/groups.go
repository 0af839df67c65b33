package canon

import (
	"fmt"
	"slices"
)

// The constants of the sum.
const (
	Block     = 4096 // elements that one lane-rule block folds to one value
	LaneBytes = 512  // bytes of all lanes: one warp of 16 bytes a thread, sixteen 32-byte registers
	ChunkRows = 256  // rows that one chunk folds in order
	SmallC    = 32   // kept extents from which the chunk rule applies
)

// Rule is the order in which one group is folded.
type Rule uint8

// The rules.
const (
	Lane  Rule = iota // LaneFold over the group's C-order index
	Chunk             // ChunkFold over the group's C-order index, whole rows of kept elements at once
)

// String is the name of the rule.
func (r Rule) String() string {
	switch r {
	case Lane:
		return "lane"
	case Chunk:
		return "chunk"
	}
	return fmt.Sprintf("Rule(%d)", uint8(r))
}

// Group is a run of reduced axes that are adjacent once axes of size 1 are dropped, and that are
// folded together, as one axis of N elements.
type Group struct {
	Lo, Hi int   // the axes [Lo, Hi) of the squeezed shape
	Axes   []int // the same axes, as numbers of the original shape, ascending
	N      int   // elements folded to one: the product of the group's extents; 0 if any is 0
	C      int   // the product of the kept extents after the group
	Rule   Rule
}

// Groups says in which order the axes of shape are folded, the innermost group first. Axes of size 1
// are dropped, whether reduced or not, before adjacent reduced axes are merged: with shape (4,1,5),
// axes 0 and 2 make one group of 20.
//
// C counts kept extents only: reduced axes after a group belong to groups before it in the list and
// have vanished by the time it is folded. There are no groups when every reduced axis has size 1:
// each result is then its single element.
//
// axes are distinct, in any order, and in [0, len(shape)).
func Groups(shape []int, axes []int) []Group {
	reduced := mark(len(shape), axes)
	var groups []Group
	open := false // the last group continues to the left
	c := 1
	squeezed := len(shape) - ones(shape)
	for i := len(shape) - 1; i >= 0; i-- {
		if shape[i] == 1 {
			continue
		}
		squeezed--
		if !reduced[i] {
			c *= shape[i]
			open = false
			continue
		}
		if !open {
			groups = append(groups, Group{Hi: squeezed + 1, N: 1, C: c, Rule: RuleFor(c)})
			open = true
		}
		g := &groups[len(groups)-1]
		g.Lo, g.N, g.Axes = squeezed, g.N*shape[i], append(g.Axes, i)
	}
	for _, g := range groups {
		slices.Reverse(g.Axes)
	}
	return groups
}

// RuleFor is the rule of a group that c kept elements follow.
func RuleFor(c int) Rule {
	if c < SmallC {
		return Lane
	}
	return Chunk
}

// mark says for each of rank axes whether axes names it.
func mark(rank int, axes []int) []bool {
	m := make([]bool, rank)
	for _, a := range axes {
		if a < 0 || a >= rank || m[a] {
			panic(fmt.Sprintf("BUG: canon: axes %v of rank %d are not distinct and in range", axes, rank))
		}
		m[a] = true
	}
	return m
}

func ones(shape []int) int {
	n := 0
	for _, s := range shape {
		if s == 1 {
			n++
		}
	}
	return n
}
