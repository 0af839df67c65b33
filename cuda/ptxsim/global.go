package ptxsim

import (
	"fmt"
	"sync/atomic"
)

// access is how an instruction touches memory.
type access uint8

const (
	readAccess access = iota
	ncAccess
	writeAccess
	atomicAccess
)

// global is n bytes of global memory, for an access that is checked and noted. The stamp comes before the bytes
// are touched, so that of two blocks in a race at least one sees the other and stops.
func (w *warp) global(address uint64, n, l int, how access) []byte {
	if address%uint64(n) != 0 {
		w.faultAt(Misaligned, l, globalSpace, address, "%d bytes", n)
	}
	launch := w.cta.launch
	a, f := launch.memory.find(address, n)
	if f != nil {
		w.faultAt(f.Kind, l, globalSpace, address, "%s", f.Detail)
	}
	if a.generation.Load() != launch.generation {
		shift := launch.kernel.globalGranule
		a.prepare(&launch.machine.memory, launch.generation, (len(a.data)+shift-1)/shift)
	}
	off := int(address - a.base)
	me := w.globalStamp | stamp(l)
	for g := off >> launch.globalShift; g <= (off+n-1)>>launch.globalShift; g++ {
		if how <= ncAccess {
			w.globalRead(a, g, l, me, how)
		} else {
			w.globalWrite(a, g, l, me, how)
		}
	}
	w.globalInit(a, off, n, l, how)
	return a.data[off : off+n]
}

// globalInit checks that bytes read have a value, and notes that those written have.
func (w *warp) globalInit(a *allocation, off, n, l int, how access) {
	written := a.written[off : off+n]
	if how == writeAccess {
		for i := range written {
			written[i] = 1
		}
		w.dirty |= 1 << l
		return
	}
	for i, v := range written {
		if v == 0 {
			w.faultAt(UninitGlobal, l, globalSpace, a.base+uint64(off+i), "")
		}
	}
}

func (w *warp) globalRead(a *allocation, g, l int, me stamp, how access) {
	for {
		old := stamp(atomic.LoadUint64(&a.readers[g]))
		joined := me
		if old != me {
			joined = old.join(me)
		}
		if joined == old || atomic.CompareAndSwapUint64(&a.readers[g], uint64(old), uint64(joined)) {
			break
		}
	}
	writer := stamp(atomic.LoadUint64(&a.writers[g]))
	if writer == 0 {
		return
	}
	if how == ncAccess {
		w.globalFault(NonCoherent, a, g, l, writer)
	}
	w.ordered(RaceRAW, a, g, l, writer, me)
}

func (w *warp) globalWrite(a *allocation, g, l int, me stamp, how access) {
	if how == atomicAccess {
		me |= atomicFlag
	}
	for {
		old := stamp(atomic.LoadUint64(&a.writers[g]))
		if old != 0 && (how != atomicAccess || old&atomicFlag == 0) {
			w.ordered(RaceWAW, a, g, l, old, me)
			w.writtenOnce(a, g, l, old)
		}
		next := me
		if how == atomicAccess && old.sameEpoch(me) {
			next = old.joinAtomic(me)
		}
		if atomic.CompareAndSwapUint64(&a.writers[g], uint64(old), uint64(next)) {
			break
		}
	}
	if reader := stamp(atomic.LoadUint64(&a.readers[g])); reader != 0 {
		w.ordered(RaceWAR, a, g, l, reader, me)
	}
}

// ordered faults unless all that a stamp stands for happened before me.
func (w *warp) ordered(kind Kind, a *allocation, g, l int, old, me stamp) {
	switch {
	case old.block() != me.block():
		if !w.cta.launch.acquired(w.cta, old) {
			w.globalFault(RaceCTA, a, g, l, old)
		}
	case !old.before(me):
		w.globalFault(kind, a, g, l, old)
	}
}

// acquired reports whether a block has, by fence and atomic, seen what another one wrote or read before a fence and
// an atomic of its own. Only kernels that run block by block can.
func (l *launch) acquired(c *cta, old stamp) bool {
	return l.released != nil && c.acquired && old.block() != manyBlocks && l.released[old.block()-1] > old.epoch()
}

func (w *warp) writtenOnce(a *allocation, g, l int, old stamp) {
	at := g << w.cta.launch.globalShift
	for _, s := range a.once {
		if at >= s.from && at < s.to {
			w.globalFault(WrittenTwice, a, g, l, old)
		}
	}
}

func (w *warp) globalFault(kind Kind, a *allocation, g, l int, old stamp) {
	who := fmt.Sprintf("with thread %d of block %d", old.thread(), int(old.block())-1)
	if old.block() == manyBlocks {
		who = "with several blocks"
	} else if old&(warpsFlag|lanesFlag) != 0 {
		who += " and others"
	}
	w.faultAt(kind, l, globalSpace, a.base+uint64(g)<<w.cta.launch.globalShift, "%s", who)
}

// neverWritten is the fault for the first byte of a write-once range that a launch did not write.
func (l *launch) neverWritten() error {
	if !l.machine.memory.once {
		return nil
	}
	for _, a := range l.memory {
		for _, s := range a.once {
			for g := s.from >> l.globalShift; g<<l.globalShift < s.to; g++ {
				if a.generation.Load() != l.generation || a.writers[g] == 0 {
					return &Fault{Kind: NeverWritten, Kernel: l.kernel.name, Space: globalSpace.String(), Address: a.base + uint64(g)<<l.globalShift}
				}
			}
		}
	}
	return nil
}
