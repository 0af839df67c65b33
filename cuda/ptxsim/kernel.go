package ptxsim

// vec is a register of a warp: one value a lane, in the low bits, the others zero.
type vec = [32]uint64

// allLanes is the mask of a full warp.
const allLanes = ^uint32(0)

// exec is a decoded instruction without its guard, for the lanes of a mask that is not 0.
type exec func(w *warp, lanes uint32)

// flow is what an instruction does to the order of execution.
type flow uint8

const (
	flowNext flow = iota
	flowBranch
	flowExit
	flowBarrier
)

// instr is a decoded instruction.
type instr struct {
	run      exec
	guard    int32 // a predicate, or -1
	guardNot bool
	flow     flow
	class    Class
	target   int32 // of a branch; the number of a barrier
	line     int
	text     string
}

// kernel is a decoded entry.
type kernel struct {
	name       string
	module     *Module
	params     []Param
	paramBytes int
	static     int  // bytes of shared memory with a declared size
	dynamic    bool // it uses extern shared memory
	maxThreads uint32
	exactBlock [3]uint32

	regs, preds int
	regNames    []string // of declared registers that are not predicates
	predNames   []string
	fixed       []fixed
	code        []instr

	sharedGranule int  // bytes of the smallest access to shared memory, or 0
	globalGranule int  // the same for global memory
	atomics       bool // on global memory
}

// fixed is a register with a value that is there from the start: a constant, an address or a special register.
type fixed struct {
	reg     int
	value   uint64
	special special // if not noSpecial
	global  bool    // value is an offset in the module's global variables
}

// special is a special register.
type special uint8

const (
	noSpecial special = iota
	tidX
	tidY
	tidZ
	ntidX
	ntidY
	ntidZ
	ctaidX
	ctaidY
	ctaidZ
	nctaidX
	nctaidY
	nctaidZ
	laneID
	warpID
	nwarpID
	maskEQ
	maskLE
	maskLT
	maskGE
	maskGT
)

var specials = map[string]special{
	"%tid.x": tidX, "%tid.y": tidY, "%tid.z": tidZ, "%ntid.x": ntidX, "%ntid.y": ntidY, "%ntid.z": ntidZ,
	"%ctaid.x": ctaidX, "%ctaid.y": ctaidY, "%ctaid.z": ctaidZ, "%nctaid.x": nctaidX, "%nctaid.y": nctaidY, "%nctaid.z": nctaidZ,
	"%laneid": laneID, "%warpid": warpID, "%nwarpid": nwarpID,
	"%lanemask_eq": maskEQ, "%lanemask_le": maskLE, "%lanemask_lt": maskLT, "%lanemask_ge": maskGE, "%lanemask_gt": maskGT,
}

func isSpecial(name string) bool { return specials[name] != noSpecial }
