package ptxsim

import "fmt"

// Kind says which rule a kernel broke.
type Kind uint8

// The kinds of fault.
const (
	NoFault        Kind = iota
	RaceRAW             // a read of what another thread wrote, with nothing between that orders them
	RaceWAR             // a write over what another thread read, not ordered
	RaceWAW             // a write over what another thread wrote, not ordered
	RaceCTA             // two blocks at the same global address, one of them writing, not ordered by fence and atomic
	UninitRegister      // a register or predicate read before it was written
	UninitShared        // shared memory read before it was written
	UninitGlobal        // global memory read before it was written
	OutOfBounds         // an access outside an allocation or the block's shared memory
	Misaligned          // an address that is not a multiple of the access
	UseAfterFree        // an access to freed memory
	DivergentBar        // a barrier that not all threads of a warp reach together
	ExitedBar           // a barrier for which threads that have exited are missing
	PartialMask         // shfl, vote, mma or the like by other lanes than its mask names, or mma by part of a warp
	ReadsInactive       // shfl from a lane that does not take part
	InFlight            // use of the target of a cp.async not yet waited for
	WrittenTwice        // a second write to a write-once range
	NeverWritten        // bytes of a write-once range that the launch did not write
	NonCoherent         // ld.global.nc of memory written in the same launch
	DivideByZero        // integer division by zero, whose result PTX leaves open
	OverBudget          // more instructions than Machine.Budget: probably a loop without end
	Deadlock            // warps waiting at different barriers
	Trap                // the trap instruction
	OrderDependent      // memory that depends on the order of lanes, warps or blocks
	BadFree             // free of an address that is not an allocation
	Leak                // memory still allocated at the end
	BadLaunch           // a launch that a device would refuse
	BadOperand          // an operand outside the range that the ISA defines
	numKinds
)

var kindNames = [numKinds]string{
	"no fault", "read-after-write race", "write-after-read race", "write-after-write race", "race between blocks",
	"uninitialised register", "uninitialised shared memory", "uninitialised global memory", "out of bounds", "misaligned",
	"use after free", "divergent barrier", "barrier with exited threads", "partial mask", "shuffle from an inactive lane",
	"asynchronous copy in flight", "written twice", "never written", "non-coherent load of written memory",
	"integer division by zero", "over the instruction budget", "deadlock", "trap", "dependent on order", "bad free",
	"leak", "bad launch", "bad operand",
}

// String is the kind in words.
func (k Kind) String() string { return kindNames[k] }

// Fault is a rule that a kernel, or a call of the host, broke. Line is 0 where no instruction is to blame,
// and CTA and Thread mean nothing then.
type Fault struct {
	Kind    Kind
	Kernel  string
	Line    int    // of the PTX text, from 1
	PTX     string // the instruction
	CTA     [3]uint32
	Thread  int // within the block, x fastest
	Space   string
	Address uint64 // in Space, where memory is concerned
	Detail  string
}

// Error says what happened, where, and to which thread.
func (f *Fault) Error() string {
	s := "ptxsim: " + f.Kind.String()
	if f.Detail != "" {
		s += ": " + f.Detail
	}
	if f.Space != "" {
		s += fmt.Sprintf(" at %s 0x%x", f.Space, f.Address)
	}
	if f.Kernel != "" {
		s += " in kernel " + f.Kernel
	}
	if f.Line > 0 {
		s += fmt.Sprintf(", line %d: %s (block %d,%d,%d thread %d)", f.Line, f.PTX, f.CTA[0], f.CTA[1], f.CTA[2], f.Thread)
	}
	return s
}

// Is makes errors.Is(err, &Fault{Kind: k}) true for any fault of that kind.
func (f *Fault) Is(target error) bool {
	t, ok := target.(*Fault)
	return ok && *t == (Fault{Kind: f.Kind})
}

// SyntaxError is PTX that this simulator does not accept, with its place in the text.
type SyntaxError struct {
	Line    int // from 1
	Text    string
	Message string
}

// Error gives the line, the message and the text.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("ptxsim: line %d: %s: %s", e.Line, e.Message, e.Text)
}
