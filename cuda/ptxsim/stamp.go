package ptxsim

// stamp says who accessed a piece of memory last, and when: from the top, block + 1 (24 bits), the block's count
// of barriers (18), the warp's count of bar.warp.sync (9), flags (3), and the thread in the block (10). 0 is nobody.
// Accesses to shared memory have a state in place of the block.
type stamp uint64

const (
	threadBits           = 10
	warpsFlag      stamp = 1 << threadBits       // threads of several warps
	lanesFlag      stamp = 1 << (threadBits + 1) // several threads of one warp
	atomicFlag     stamp = 1 << (threadBits + 2) // by atom or red
	subShift             = threadBits + 3
	subBits              = 9
	epochShift           = subShift + subBits
	epochBits            = 18
	blockShift           = epochShift + epochBits
	manyBlocks     stamp = 1<<24 - 1 // in place of a block
	maxBlocks            = 1<<24 - 2
	sharedInit     stamp = 1 // states of shared memory
	sharedInFlight stamp = 2
)

// stampOf is the stamp of the first thread of a warp.
func stampOf(block stamp, epoch, sub uint32, warp int) stamp {
	return block<<blockShift | stamp(epoch&(1<<epochBits-1))<<epochShift | stamp(sub&(1<<subBits-1))<<subShift | stamp(warp)<<5
}

func (s stamp) block() stamp  { return s >> blockShift }
func (s stamp) thread() int   { return int(s & (1<<threadBits - 1)) }
func (s stamp) warp() int     { return s.thread() >> 5 }
func (s stamp) sub() stamp    { return s >> subShift & (1<<subBits - 1) }
func (s stamp) epoch() uint32 { return uint32(s >> epochShift & (1<<epochBits - 1)) }

// sameEpoch reports whether both are of one block, with no barrier between.
func (s stamp) sameEpoch(me stamp) bool { return s>>epochShift == me>>epochShift }

// before reports whether all accesses that s stands for happened before me, which is of the same block.
func (s stamp) before(me stamp) bool {
	switch {
	case !s.sameEpoch(me):
		return true
	case s&warpsFlag != 0 || s.warp() != me.warp():
		return false
	case s.sub() != me.sub():
		return true
	}
	return s&lanesFlag == 0 && s.thread() == me.thread()
}

// join is a stamp for the accesses of s and of me that a later access of the block has to be ordered with.
func (s stamp) join(me stamp) stamp {
	switch {
	case s == 0:
		return me
	case s.block() != me.block():
		return manyBlocks << blockShift
	case !s.sameEpoch(me):
		return me
	case s&warpsFlag != 0:
		return s
	case s.warp() != me.warp():
		return me | warpsFlag
	case s.sub() != me.sub():
		return me
	case s.thread() != me.thread() || s&lanesFlag != 0:
		return me | lanesFlag
	}
	return me
}

// joinAtomic is the stamp of a writer after an atomic. A plain store of the same epoch stays, as other threads'
// atomics are in a race with that too.
func (s stamp) joinAtomic(me stamp) stamp {
	if s.sameEpoch(me) && s&atomicFlag == 0 {
		return s
	}
	return s.join(me|atomicFlag) | atomicFlag
}
