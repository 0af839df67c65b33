package ptxsim

import "fmt"

// warp is 32 threads in lockstep.
type warp struct {
	cta       *cta
	index     int
	regs      []vec
	init      []uint32 // lanes of each register that were written
	preds     []uint32
	predInit  []uint32
	carry     uint32
	carryInit uint32

	lanes   uint32 // that exist: the last warp of a block may have fewer
	live    uint32 // that have not exited
	pc      [32]int32
	waiting int32 // the barrier, or -1
	now     *instr
	sub     uint32 // bar.warp.sync so far

	sharedStamp, globalStamp stamp  // of lane 0
	dirty, dirtyBefore       uint32 // lanes with global stores since their last fence, in this epoch and in earlier ones
	atomics                  uint32 // lanes with atomics on global memory in this epoch

	copies []asyncCopy
	groups [32]uint32 // cp.async groups committed, by lane
}

// newWarp makes a warp with the values that are fixed in a launch.
func newWarp(c *cta, index int) *warp {
	k := c.kernel
	w := &warp{cta: c, index: index, regs: make([]vec, k.regs), init: make([]uint32, k.regs), preds: make([]uint32, k.preds), predInit: make([]uint32, k.preds)}
	threads := int(c.launch.threads) - 32*index
	w.lanes = allLanes
	if threads < 32 {
		w.lanes = 1<<threads - 1
	}
	for _, f := range k.fixed {
		w.fix(f)
	}
	return w
}

// fix sets a register that has its value from the start.
func (w *warp) fix(f fixed) {
	w.init[f.reg] = allLanes
	v := f.value
	if f.global {
		v += w.cta.launch.globals
	}
	for l := range w.regs[f.reg] {
		if f.special != noSpecial {
			v = uint64(w.specialValue(f.special, uint32(l)))
		}
		w.regs[f.reg][l] = v
	}
}

func (w *warp) specialValue(s special, l uint32) uint32 {
	launch := w.cta.launch
	t := uint32(w.index)*32 + l
	x, y := launch.block[0], launch.block[1]
	switch s {
	case tidX:
		return t % x
	case tidY:
		return t / x % y
	case tidZ:
		return t / x / y
	case ntidX, ntidY, ntidZ:
		return launch.block[s-ntidX]
	case ctaidX, ctaidY, ctaidZ:
		return w.cta.id[s-ctaidX]
	case nctaidX, nctaidY, nctaidZ:
		return launch.grid[s-nctaidX]
	case laneID:
		return l
	case warpID:
		return uint32(w.index)
	case nwarpID:
		return uint32(len(w.cta.warps))
	case maskEQ:
		return 1 << l
	case maskLE:
		return 2<<l - 1
	case maskLT:
		return 1<<l - 1
	case maskGE:
		return ^uint32(0) << l
	}
	return ^uint32(1) << l
}

// reset makes the warp ready for a new block.
func (w *warp) reset() {
	k := w.cta.kernel
	clear(w.init[:len(k.regNames)])
	clear(w.predInit)
	for _, f := range k.fixed {
		if f.special >= ctaidX && f.special <= ctaidZ || f.special == nwarpID {
			w.fix(f)
		}
	}
	w.carryInit, w.live, w.waiting, w.sub = 0, w.lanes, -1, 0
	w.dirty, w.dirtyBefore, w.atomics = 0, 0, 0
	w.copies, w.groups, w.pc = w.copies[:0], [32]uint32{}, [32]int32{}
	w.restamp()
}

// restamp sets the stamps for a new epoch.
func (w *warp) restamp() {
	w.sharedStamp = stampOf(sharedInit, w.cta.epoch, w.sub, w.index)
	w.globalStamp = stampOf(stamp(w.cta.index)+1, w.cta.epoch, w.sub, w.index)
}

// fault stops the block because of a lane.
func (w *warp) fault(kind Kind, l int, format string, args ...any) {
	panic(w.newFault(kind, l, fmt.Sprintf(format, args...)))
}

// faultAt is fault with an address.
func (w *warp) faultAt(kind Kind, l int, s space, address uint64, format string, args ...any) {
	f := w.newFault(kind, l, fmt.Sprintf(format, args...))
	f.Space, f.Address = s.String(), address
	panic(f)
}

func (w *warp) newFault(kind Kind, l int, detail string) *Fault {
	return &Fault{Kind: kind, Kernel: w.cta.kernel.name, Line: w.now.line, PTX: w.now.text, CTA: w.cta.id, Thread: w.index*32 + l, Detail: detail}
}

// lowest is the lowest instruction that a live lane is at, the lanes that are there, and where the next ones are.
func (w *warp) lowest() (pc int32, at uint32, next int32) {
	pc, next = 1<<31-1, 1<<31-1
	for m := w.live; m != 0; m &= m - 1 {
		l := lane(m)
		switch p := w.pc[l]; {
		case p < pc:
			pc, at, next = p, 1<<l, pc
		case p == pc:
			at |= 1 << l
		case p < next:
			next = p
		}
	}
	return pc, at, next
}

// run goes on until all lanes have exited or wait at a barrier.
func (w *warp) run() {
	for w.live != 0 && w.waiting < 0 {
		w.runGroup(w.lowest())
	}
}

// runGroup runs lanes together from pc until they part, exit, wait, or meet others at next.
func (w *warp) runGroup(pc int32, group uint32, next int32) {
	c := w.cta
	code := c.kernel.code
	for pc < next {
		in := &code[pc]
		lanes := group
		w.now = in
		if in.guard >= 0 {
			lanes = w.test(predicate{int(in.guard), in.guardNot}, group)
		}
		c.count(w, in, lanes)
		switch in.flow {
		case flowNext:
			if lanes != 0 {
				in.run(w, lanes)
			}
			pc++
			continue
		case flowBranch:
			if lanes == group {
				pc = in.target
				continue
			}
			if lanes == 0 {
				pc++
				continue
			}
			w.jump(lanes, in.target)
			w.jump(group&^lanes, pc+1)
			return
		case flowExit:
			w.live &^= lanes
			w.jump(group&^lanes, pc+1)
			return
		}
		if lanes != 0 {
			in.run(w, lanes)
			w.waiting = in.target
			w.jump(group, pc+1)
			return
		}
		pc++
	}
	w.jump(group, pc)
}

// jump sets the next instruction of lanes.
func (w *warp) jump(m uint32, pc int32) {
	for ; m != 0; m &= m - 1 {
		w.pc[lane(m)] = pc
	}
}
