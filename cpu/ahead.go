package cpu

import (
	"slices"
	"unsafe"

	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/kernels/simd"
)

// Where a row goes through several stages, the next one is brought from memory while the steps that take longest are computed.
// Other programs read at an even pace, and the processor fetches for them by itself.

// aheadFrom is the bytes of a kernel's inputs from which the next row is fetched ahead: less is in the caches.
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

// chooseFetches decides in which stage the next row is asked for, if rows stay in the second cache. All of what a box takes is
// asked for at once: to do so in parts costs more than a short step takes.
func (c *compiler) chooseFetches() {
	_, l2 := caches()
	rows := c.k.Folds() && c.k.Rule == canon.Lane && c.cols == 1 && !c.split && len(c.stages) > 1 && c.na*8 <= l2/2
	if !c.ahead || !rows {
		return
	}
	var longest *stage
	most := lowCost
	for s := range c.stages {
		st := &c.stages[s]
		reads := slices.ContainsFunc(st.sources, func(x source) bool { return x.in == inInput })
		if cost := st.cost(); reads && st.squares == nil && cost > most {
			longest, most = st, cost
		}
	}
	if longest != nil {
		longest.fetches = true
	}
}

// cost is that of all steps.
func (st *stage) cost() int {
	cost := 0
	for _, s := range st.steps {
		cost += s.cost
	}
	return cost
}

// fetch asks for the next row of what a box takes from memory, where this box takes it as it is.
func (f *frame) fetch(st *stage, bx box) {
	for k := range st.sources {
		s := &st.sources[k]
		if s.in != inInput || s.tile >= 0 && f.slots[s.slot] == unsafe.Add(f.scratch, s.tile) {
			continue
		}
		simd.Prefetch(uintptr(f.slots[s.slot])+uintptr(inner(s.x.b)), bx.len()*s.x.size)
	}
}
