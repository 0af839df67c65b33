package cpu

import (
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/tare-go/tare/kernels/simd"
)

// freeList keeps what runs need, so that a run in the steady state allocates nothing.
type freeList[T any] struct {
	last atomic.Pointer[T] // one of them, without the lock
	mu   sync.Mutex
	free []*T
}

func (l *freeList[T]) get() *T {
	if x := l.last.Swap(nil); x != nil {
		return x
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.free); n > 0 {
		x := l.free[n-1]
		l.free = l.free[:n-1]
		return x
	}
	return nil
}

func (l *freeList[T]) put(x *T) {
	if l.last.CompareAndSwap(nil, x) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.free = append(l.free, x)
}

// frame is what one worker has of a run: where each slot is now, and what its tiles hold.
type frame struct {
	run     *kernelRun
	p       *kernelProgram
	scratch unsafe.Pointer
	slots   []unsafe.Pointer
	packed  []packed      // of each source
	steps   [][]simd.Step // of each stage
	aimed   int           // the slot that is computed in an output, -1 if none is
	worked  bool          // the worker has taken part
	over    bool          // the unit is decided
	packer
}

// packed says what a source's tile holds: the part of the operand from at on, of na by nb indices. It is
// good for the next box if that is the same part, as with operands that are broadcast. Where a group has
// several loops, the index in the group is needed to know what follows the first element.
type packed struct {
	at           unsafe.Pointer
	na, nb, a, b int
}

// part is what the tile of x holds for a box whose first element is at an address.
func (x *access) part(bx box, at unsafe.Pointer) packed {
	p := packed{at: at, na: bx.na, nb: bx.nb}
	if len(x.a) > 1 {
		p.a = bx.a
	}
	if len(x.b) > 1 {
		p.b = bx.b
	}
	return p
}

// has reports whether the tile of a source holds a part already. Of a source that is the same all along
// group a, a larger part does as well.
func (p *packed) has(want packed, flat bool) bool {
	if flat && p.na > want.na {
		want.na = p.na
	}
	return *p == want
}

func newFrame(r *kernelRun, p *kernelProgram) frame {
	loops := len(p.k.Space) + 1
	return frame{
		run: r, p: p, packer: newPacker(loops),
		slots: make([]unsafe.Pointer, 2*len(p.k.Code)), packed: make([]packed, p.sources), steps: p.functions(),
	}
}

// functions are those of the steps of each stage, without their operands.
func (p *kernelProgram) functions() [][]simd.Step {
	steps := make([][]simd.Step, len(p.stages))
	for i, st := range p.stages {
		for _, s := range st.steps {
			steps[i] = append(steps[i], simd.Step{Func: s.fn, Loop: s.loop})
		}
	}
	return steps
}

// reset forgets all memory of a run: the collector must not find pointers to what was freed.
func (f *frame) reset() {
	f.scratch = nil
	if !f.worked {
		return
	}
	f.worked = false
	clear(f.slots)
	clear(f.packed)
	for _, steps := range f.steps {
		for i := range steps {
			steps[i] = simd.Step{Func: steps[i].Func, Loop: steps[i].Loop}
		}
	}
}

// base is the address of a source's first element.
func (f *frame) base(s *source) unsafe.Pointer {
	switch s.in {
	case inInput:
		return f.run.in[s.index]
	case inScalar:
		return unsafe.Pointer(&f.run.scalars[s.index])
	}
	return f.slots[s.index]
}

// bind brings a source's elements of a box to its slot.
func (f *frame) bind(s *source, bx box) {
	at := f.base(s)
	if s.in == inInput {
		at = unsafe.Add(at, s.x.offset(bx))
	}
	if !s.copy && s.x.direct(bx) {
		f.slots[s.slot] = at
		return
	}
	tile := unsafe.Add(f.scratch, s.tile)
	f.slots[s.slot] = tile
	part := s.x.part(bx, at)
	if f.packed[s.id].has(part, s.flat) {
		return
	}
	f.pack(&s.x, bx, tile, at)
	f.packed[s.id] = part
}

// enter points the slots of a stage's steps to their tiles.
func (f *frame) enter(st *stage) {
	f.over = false
	for i := range st.steps {
		if s := &st.steps[i]; s.at >= 0 {
			f.slots[s.dst] = unsafe.Add(f.scratch, s.at)
		}
	}
}

// compute brings and computes all element values of a box, and stores them.
func (f *frame) compute(st *stage, bx box) {
	for i := range st.sources {
		f.bind(&st.sources[i], bx)
	}
	for _, k := range st.keeps {
		f.slots[k.slot] = unsafe.Add(f.scratch, k.at+bx.a*bx.nb*k.size)
	}
	f.aimed = -1
	for i := range st.stores {
		f.aim(st, &st.stores[i], bx)
	}
	if st.fetches {
		f.fetch(st, bx)
	}
	f.takeSteps(st, bx.len())
	for i := range st.stores {
		f.store(&st.stores[i], bx)
	}
}

// takeSteps computes n elements by the steps of a stage.
func (f *frame) takeSteps(st *stage, n int) {
	steps := f.steps[st.number]
	for i := range st.steps {
		s, to := &st.steps[i], &steps[i]
		to.Dst, to.A, to.B, to.C = f.slots[s.dst], f.slots[s.args[0]], f.slots[s.args[1]], f.slots[s.args[2]]
		to.Past = f.run.past && f.aimed == s.dst
	}
	simd.Run(steps, n)
}

// aim lets a value be computed in the output where that is allowed and contiguous.
func (f *frame) aim(st *stage, s *store, bx box) {
	if !s.direct {
		return
	}
	if s.x.direct(bx) {
		f.slots[s.value] = unsafe.Add(f.run.out[s.output], s.x.offset(bx))
		f.aimed = s.value
		return
	}
	for i := range st.steps {
		if st.steps[i].dst == s.value {
			f.slots[s.value] = unsafe.Add(f.scratch, st.steps[i].at)
		}
	}
}

// store writes a value to its output, unless it was computed there.
func (f *frame) store(s *store, bx box) {
	to := unsafe.Add(f.run.out[s.output], s.x.offset(bx))
	tile := f.slots[s.value]
	switch {
	case tile == to:
	case s.mask >= 0:
		f.unpack(&s.x, bx, to, tile, f.slots[s.mask])
	default:
		f.unpack(&s.x, bx, to, tile, nil)
	}
}
