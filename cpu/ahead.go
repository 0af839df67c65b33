package cpu

import (
	"unsafe"

	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/kernels/simd"
)

// While a box is computed, the inputs of the next one are brought from memory, before the step that takes longest:
// otherwise memory would wait while the steps compute, and the first step for memory.

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

// fetchAt is the step of a stage before which the inputs of the next box are asked for, -1 for none. All of them are
// asked for at once: to do so in parts costs more than a short step takes.
func (c *compiler) fetchAt(st *stage) int {
	if !c.ahead || len(st.steps) < 2 {
		return -1
	}
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
		if f.p.rows == 1 && f.p.k.Folds() && len(s.x.a) == 1 {
			step = s.x.a[0].stride
		}
		simd.Prefetch(unsafe.Add(f.slots[s.slot], step), bytes)
	}
}
