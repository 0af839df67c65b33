package ptxsim

// sharedShadow is what is known of one granule of shared memory. The writer's stamp has the state in place of a block.
type sharedShadow struct{ reader, writer stamp }

// sharedRange checks alignment and bounds, and gives the granules of an access.
func (w *warp) sharedRange(address uint64, n, l int) []sharedShadow {
	c := w.cta
	if address >= uint64(len(c.shared)) || address+uint64(n) > uint64(len(c.shared)) {
		w.faultAt(OutOfBounds, l, sharedSpace, address, "%d bytes, the block has %d", n, len(c.shared))
	}
	if address&uint64(n-1) != 0 {
		w.faultAt(Misaligned, l, sharedSpace, address, "%d bytes", n)
	}
	return c.shadow[address>>c.sharedShift : (address+uint64(n)-1)>>c.sharedShift+1]
}

// sharedRead is n bytes of shared memory to read from.
func (w *warp) sharedRead(address uint64, n, l int) []byte {
	granules := w.sharedRange(address, n, l)
	me := w.sharedStamp | stamp(l)
	for i := range granules {
		g := &granules[i]
		if writer := g.writer; writer.block() != sharedInit || writer.sameEpoch(me) && !writer.before(me) {
			w.sharedReadFault(g, address+uint64(i)<<w.cta.sharedShift, l, me)
		}
		if reader := g.reader; reader != me && (!reader.sameEpoch(me) || reader&warpsFlag == 0) {
			g.reader = reader.join(me)
		}
	}
	return w.cta.shared[address : address+uint64(n)]
}

func (w *warp) sharedReadFault(g *sharedShadow, address uint64, l int, me stamp) {
	switch g.writer.block() {
	case 0:
		w.faultAt(UninitShared, l, sharedSpace, address, "")
	case sharedInFlight:
		w.faultAt(InFlight, l, sharedSpace, address, "copied to by thread %d", g.writer.thread())
	}
	w.faultAt(RaceRAW, l, sharedSpace, address, "with thread %d", g.writer.thread())
}

// sharedWrite is n bytes of shared memory to write to.
func (w *warp) sharedWrite(address uint64, n, l int) []byte {
	me := w.sharedStamp | stamp(l)
	w.sharedClaim(address, n, l, me)
	return w.cta.shared[address : address+uint64(n)]
}

// sharedClaim checks a write, and stamps it.
func (w *warp) sharedClaim(address uint64, n, l int, me stamp) {
	granules := w.sharedRange(address, n, l)
	for i := range granules {
		g := &granules[i]
		at := address + uint64(i)<<w.cta.sharedShift
		w.sharedUnread(g, at, l, me)
		if g.writer.sameEpoch(me) && !g.writer.before(me) {
			w.faultAt(RaceWAW, l, sharedSpace, at, "with thread %d", g.writer.thread())
		}
		g.writer = me
	}
}

// sharedUnread faults if a granule may not be written because of a copy in flight or a reader.
func (w *warp) sharedUnread(g *sharedShadow, at uint64, l int, me stamp) {
	if g.writer.block() == sharedInFlight {
		w.faultAt(InFlight, l, sharedSpace, at, "copied to by thread %d", g.writer.thread())
	}
	if g.reader.sameEpoch(me) && !g.reader.before(me) {
		w.faultAt(RaceWAR, l, sharedSpace, at, "with thread %d", g.reader.thread())
	}
}

// sharedAtomic is n bytes of shared memory for an atomic, which is ordered with other atomics.
func (w *warp) sharedAtomic(address uint64, n, l int) []byte {
	granules := w.sharedRange(address, n, l)
	me := w.sharedStamp | stamp(l)
	for i := range granules {
		g := &granules[i]
		at := address + uint64(i)<<w.cta.sharedShift
		w.sharedUnread(g, at, l, me)
		if g.writer.block() == 0 {
			w.faultAt(UninitShared, l, sharedSpace, at, "")
		}
		if g.writer&atomicFlag == 0 && !g.writer.before(me) {
			w.faultAt(RaceWAW, l, sharedSpace, at, "with thread %d", g.writer.thread())
		}
		g.writer = g.writer.joinAtomic(me)
	}
	return w.cta.shared[address : address+uint64(n)]
}
