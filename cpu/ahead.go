package cpu

import (
	"slices"
	"unsafe"

	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/kernels/simd"
)

// Where rows are folded, what is read next is brought from memory while a box is computed, before its first step. Maps
// read at an even pace, and the processor fetches for them by itself.

// aheadFrom is the bytes of a kernel's inputs from which the next box is fetched ahead: less is in the caches.
const aheadFrom = 2 << 20

// inBytes is the bytes of a kernel's inputs, each counted once.
func inBytes(k *ir.Kernel) int { return operandBytes(k, k.In) }

// operandBytes is the bytes of operands' elements.
func operandBytes(k *ir.Kernel, operands []ir.Operand) int {
	bytes := 0
	for _, o := range operands {
		n := o.Type.Size()
		for d, s := range o.Strides {
			if s != 0 {
				n *= k.Space[d]
			}
		}
		bytes += n
	}
	return bytes
}

// chooseFetches decides in which stages inputs are asked for. All of a box's are asked for at once: to do so in
// parts costs more than a short step takes. Where a row goes through several stages and stays in the second cache, only
// the stage of the longest step asks, for the next row.
func (c *compiler) chooseFetches() {
	if !c.ahead || !c.k.Folds() {
		return
	}
	_, l2 := caches()
	if c.nextRow = c.k.Rule == canon.Lane && c.cols == 1 && !c.split && len(c.stages) > 1 && c.na*8 <= l2/2; c.nextRow {
		if st := c.longest(); st != nil {
			st.fetches = true
		}
		return
	}
	for s := range c.stages {
		st := &c.stages[s]
		st.fetches = len(st.steps) > 1 && st.squares == nil
	}
}

// longest is the stage with the longest step of those that read an input, nil if none has several steps.
func (c *compiler) longest() (found *stage) {
	most := 0
	for s := range c.stages {
		st := &c.stages[s]
		reads := slices.ContainsFunc(st.sources, func(x source) bool { return x.in == inInput })
		if reads && len(st.steps) > 1 && st.squares == nil && st.steps[st.longest()].cost > most {
			found, most = st, st.steps[st.longest()].cost
		}
	}
	return found
}

// longest is the step that takes longest.
func (st *stage) longest() int {
	at := 0
	for i := range st.steps {
		if st.steps[i].cost > st.steps[at].cost {
			at = i
		}
	}
	return at
}

// fetch asks for what the next box takes from memory, where this box takes it as it is: the next box follows it, or
// is the next row of it.
func (f *frame) fetch(st *stage, bx box) {
	for k := range st.sources {
		s := &st.sources[k]
		if s.in != inInput || s.tile >= 0 && f.slots[s.slot] == unsafe.Add(f.scratch, s.tile) {
			continue
		}
		bytes := bx.len() * s.x.size
		step := bytes
		switch {
		case f.p.nextRow:
			step = inner(s.x.b)
		case f.p.rows == 1 && len(s.x.a) == 1:
			step = s.x.a[0].stride
		}
		simd.Prefetch(uintptr(f.slots[s.slot])+uintptr(step), bytes)
	}
}
