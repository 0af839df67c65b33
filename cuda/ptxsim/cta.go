package ptxsim

import "math/bits"

// cta is a block of threads in execution. A worker uses one for all its blocks.
type cta struct {
	launch *launch
	kernel *kernel
	index  int
	turn   int // its place in the order of blocks
	id     [3]uint32
	warps  []*warp

	shared      []byte
	shadow      []sharedShadow
	sharedShift uint

	epoch    uint32 // barriers so far
	left     int64  // instructions of the budget
	atomic   bool   // it did an atomic on global memory before the last barrier
	acquired bool   // it did a fence after an atomic
	stats    Stats
}

func newCTA(l *launch) *cta {
	c := &cta{launch: l, kernel: l.kernel, shared: make([]byte, l.sharedBytes)}
	granule := max(l.kernel.sharedGranule, 1)
	c.sharedShift = uint(bits.TrailingZeros(uint(granule)))
	c.shadow = make([]sharedShadow, (l.sharedBytes+granule-1)/granule)
	c.warps = make([]*warp, (l.threads+31)/32)
	for i := range c.warps {
		c.warps[i] = newWarp(c, i)
	}
	return c
}

// poll is how many instructions run between looks at the context.
const poll = 1 << 14

// count notes an instruction for the lanes that execute it.
func (c *cta) count(w *warp, in *instr, lanes uint32) {
	n := int64(bits.OnesCount32(lanes))
	c.stats.WarpInstrs++
	c.stats.LaneInstrs += n
	c.stats.Class[in.class] += n
	c.left--
	if c.left&(poll-1) == 0 {
		c.poll(w)
	}
}

func (c *cta) poll(w *warp) {
	if c.left <= 0 {
		w.fault(OverBudget, lane(w.live), "%d", c.launch.machine.budget())
	}
	if c.launch.stopped(c.turn) {
		panic(stop{})
	}
}

// stop ends a block whose launch has failed elsewhere.
type stop struct{}

// run executes block i, the one at a place in the order, from start to end. The error is a *Fault.
func (c *cta) run(i, turn int) (err error) {
	c.turn = turn
	defer func() {
		switch r := recover().(type) {
		case nil, stop:
		case *Fault:
			err = r
		default:
			panic(r)
		}
	}()
	c.start(i)
	for c.step() {
	}
	return nil
}

func (c *cta) start(i int) {
	g := c.launch.grid
	c.index = i
	c.id = [3]uint32{uint32(i) % g[0], uint32(i) / g[0] % g[1], uint32(i) / g[0] / g[1]}
	c.epoch, c.left, c.atomic, c.acquired = 0, c.launch.machine.budget(), false, false
	c.stats.CTAs++
	clear(c.shadow)
	for _, w := range c.warps {
		w.reset()
	}
}

// step runs all warps up to the next barrier, and reports whether there is more to do.
func (c *cta) step() bool {
	for i := range c.warps {
		if c.launch.reverse {
			i = len(c.warps) - 1 - i
		}
		c.warps[i].run()
	}
	return c.release()
}

// release lets the warps go on from a barrier that all have reached.
func (c *cta) release() bool {
	var waits, gone *warp
	for _, w := range c.warps {
		switch {
		case w.live == 0:
			gone = w
		case waits == nil:
			waits = w
		case w.waiting != waits.waiting:
			w.fault(Deadlock, lane(w.live), "warp %d waits at barrier %d, warp %d at %d", w.index, w.waiting, waits.index, waits.waiting)
		}
	}
	if waits == nil {
		return false
	}
	if gone != nil {
		waits.fault(ExitedBar, lane(waits.live), "warp %d has exited", gone.index)
	}
	c.epoch++
	c.stats.Barriers++
	for _, w := range c.warps {
		w.waiting = -1
		w.dirtyBefore |= w.dirty
		c.atomic = c.atomic || w.atomics != 0
		w.dirty, w.atomics = 0, 0
		w.restamp()
	}
	return true
}
