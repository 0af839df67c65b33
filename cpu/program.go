package cpu

import (
	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/kernels/simd"
)

// A program numbers the places of values as slots. Slot i is the value of instruction i: of the
// elements of a tile, or of the rows of a unit. Slot len(Code)+i is row value i, spread over a tile.

// place is where a source takes its elements.
type place uint8

const (
	inInput place = iota
	inScalar
	inSlot // row values
)

// source is a value that is not computed but brought to a slot.
type source struct {
	id    int // its number among the sources of the program
	slot  int
	in    place
	index int // the input, scalar or slot
	x     access
	tile  int  // offset of its tile in a worker's scratch, -1 if boxes are always direct
	copy  bool // never direct, as another store may change the memory before it is stored
	flat  bool // the same all along group a, so that a part of a tile is like the whole
}

// step computes the value of one instruction.
type step struct {
	fn     simd.Func
	loop   *simd.Loop // of fn, nil if it has none
	dst    int
	paired bool // fn computes the operator of an operand as well
	args   [3]int
	at     int // offset of the value's tile or vector, -1 if it is always computed in the output
	cost   int // about how long an element takes, in instructions
}

// keep is a value of which all elements of a unit are kept for later stages.
type keep struct{ slot, at, size int }

// store writes a value to an output.
type store struct {
	output, value, mask int // mask is -1 if there is none
	x                   access
	direct              bool // the value may be computed in the output
}

// stage is one pass over the elements of a unit.
type stage struct {
	number  int
	sources []source
	keeps   []keep // values that are kept, computed here or before
	steps   []step
	folds   []fold
	stores  []store
	rows    []step   // row values that follow from the folds
	columns *source  // the input that folds take where it is, nil if they do not
	squares *squares // what is folded, nil if it is other values
	fetches bool     // the next row is fetched while this one is computed

	decisive bool // its fold may be decided before all elements were looked at
}

// kernelProgram runs a kernel. The rows of the kernel are taken in units, the columns of a box side by side.
// A worker takes a unit through all stages or, if there are fewer units than it takes to share
// the work, the workers split each unit into pieces and finish each stage before the next.
type kernelProgram struct {
	layout
	pool     *pool
	k        *ir.Kernel
	split    bool
	large    bool   // outputs may go past the caches
	ahead    bool   // inputs are more than the caches have
	before   []step // row values that need no fold
	stages   []stage
	loads    []source // of row values
	rowSlots []keep   // row values that are computed: where their vectors are
	stores   []store  // of row values
	sources  int
	spread   []int // the sources that spread row values, which change with the unit
	scratch  int   // bytes of one worker
	shared   int   // bytes of all workers
	units    int
	piece    int // indices of group a that fold to one partial result
	pieces   int
	group    int // boxes, units or pieces of a task
	tasks    int // 0 if there is nothing to do; where units are split, there are others
	runs     freeList[kernelRun]
}

// geometry counts units, pieces and tasks, and decides whether units are split. Which way changes no bits:
// a piece is what canon folds to one result.
func (p *kernelProgram) geometry() {
	p.divide()
	switch {
	case !p.k.Folds():
		p.group = max(1, taskSize/(p.rows*p.cols))
		p.tasks = ceilDiv(p.no*p.down*p.across, p.group)
	case p.split:
		p.group, p.tasks = max(1, taskSize/(p.piece*p.cols)), p.units
	default:
		p.group = max(1, taskSize/max(1, p.na*p.cols))
		p.tasks = ceilDiv(p.units, p.group)
	}
}

// divide counts units and pieces, and decides whether units are split.
func (p *kernelProgram) divide() {
	p.piece = canon.Block
	if p.k.Rule == canon.Chunk {
		p.piece = canon.ChunkRows
	}
	p.pieces = (p.na + p.piece - 1) / p.piece
	p.units = p.no * p.across
	if !p.k.Folds() || p.pieces < 2 {
		return
	}
	unit := p.na * p.cols
	few := p.units < 4*p.pool.workers && p.pool.workers > 1 && unit*p.units > 2*taskSize
	p.split = few || unit > longUnit
}

// Sizes of work, in elements.
const (
	taskSize = 32 << 10 // of a task, at least
	longUnit = 4 << 20  // of a unit that is split so that a run can be cancelled
)

// Workspace is the scratch of all workers and what they share.
func (p *kernelProgram) Workspace() int { return p.scratch*p.pool.workers + p.shared }

// Close has nothing to release.
func (p *kernelProgram) Close() error { return nil }

// reserve takes bytes of a workspace, in whole cache lines, and returns where.
func reserve(total *int, bytes int) int {
	at := *total
	*total += (bytes + alignment - 1) &^ (alignment - 1)
	return at
}
