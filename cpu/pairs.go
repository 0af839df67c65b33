package cpu

import (
	"slices"

	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/op"
	"github.com/tare-go/tare/kernels/simd"
)

// pairUp makes one step of two, where there is a loop for both and the result of the first goes only to the second: it
// is rounded, but neither stored nor loaded.
func (c *compiler) pairUp(st *stage) {
	for i := 0; i < len(st.steps); i++ {
		if first := c.partner(st, i); first >= 0 {
			st.steps = slices.Delete(st.steps, first, first+1)
			i--
		}
	}
}

// partner makes step i a pair with one before it, and returns the number of that, -1 if there is none.
func (c *compiler) partner(st *stage, i int) int {
	second := &st.steps[i]
	if !c.single(second) {
		return -1
	}
	arity := c.k.Code[second.dst].Code.Row().Arity
	for at := range arity {
		first := slices.IndexFunc(st.steps[:i], func(s step) bool { return s.dst == second.args[at] })
		if first >= 0 && c.single(&st.steps[first]) && c.uses(st, second.args[at]) == 1 && c.join(second, &st.steps[first], at) {
			return first
		}
	}
	return -1
}

// single reports whether a step is one operator.
func (c *compiler) single(s *step) bool {
	return s.loop != nil && !s.paired && c.k.Code[s.dst].Kind == ir.Apply
}

// join makes a pair of a step and the one that computes its operand at a place, if there is a loop for it.
func (c *compiler) join(second, first *step, at int) bool {
	one, two := c.k.Code[first.dst], c.k.Code[second.dst]
	number, exchanged := op.PairOf(one.Code, two.Code, at)
	if number < 0 || one.Type != two.Type {
		return false
	}
	loop, fn := simd.PairLoop(number, two.Type)
	if loop == nil {
		return false
	}
	args := slices.Clone(second.args[:two.Code.Row().Arity])
	if exchanged {
		slices.Reverse(args)
		at = 1 - at
	}
	args = slices.Replace(args, at, at+1, first.args[:one.Code.Row().Arity]...)
	second.args = [3]int{second.dst, second.dst, second.dst}
	copy(second.args[:], args)
	second.fn, second.loop, second.paired = fn, loop, true
	second.cost += first.cost
	return true
}

// uses counts how often a stage needs a value, all of whose elements later stages need as well if they are kept.
func (c *compiler) uses(st *stage, slot int) int {
	uses := storeUses(st.stores)[slot]
	for _, s := range st.steps {
		for _, a := range s.args {
			if a == slot && s.dst != slot { // places without an operand name the result
				uses++
			}
		}
	}
	for _, f := range st.folds {
		if f.arg == slot {
			uses++
		}
	}
	for _, k := range st.keeps {
		if k.slot == slot {
			uses++
		}
	}
	return uses
}
