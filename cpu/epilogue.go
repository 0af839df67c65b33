package cpu

import (
	"fmt"
	"slices"
	"unsafe"

	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/kernels/simd"
)

// An epilogue is the map that goes on with a product: a block of results goes through it while it is in the caches of the
// worker that computed it.
type epilogue struct {
	kernel   *ir.Kernel
	operands []operand              // inputs but the first, which is the results, and outputs
	programs [shapes]*kernelProgram // for each shape of a block
	tasks    [shapes]int            // boxes of each
	large    bool                   // outputs may go past the caches
	scratch  int                    // bytes of a worker
	at       int                    // offset in its scratch
}

// shapes is the number of shapes of blocks: those at the lower and right edges may be smaller.
const shapes = 4

// leastSteps is those of a block, of the product and the map: to begin with the map takes some hundred nanoseconds.
const leastSteps = 1 << 14

// compileEpilogue makes a program of a product that a map goes on with. It asks for a split where the results come in no
// blocks, or in many that are tiny.
func compileEpilogue(p *pool, m *ir.MatMul) (device.Program, error) {
	first, then := m.Apart()
	if isDot(first) || compileGemv(p, first, update{}) != nil {
		return nil, device.ErrSplit
	}
	c := newProduct(p, m, update{})
	c.then = newEpilogue(m)
	if c.results() == 0 {
		return c, nil
	}
	c.steps += then.Cost().Prims / then.Len()
	c.arrange()
	if c.blocks() > 1 && min(c.rows, c.height)*min(c.cols, c.width)*c.steps < leastSteps {
		return nil, device.ErrSplit
	}
	if err := c.compileBlocks(); err != nil {
		return nil, err
	}
	c.reserve()
	return c, nil
}

func newEpilogue(m *ir.MatMul) *epilogue {
	e := &epilogue{kernel: m.Then, large: outBytes(m.Then) > pastFrom}
	for _, list := range [][]ir.Operand{m.Then.In[1:], m.Then.Out} {
		for _, o := range list {
			e.operands = append(e.operands, operandOf(m.Batch, o))
		}
	}
	return e
}

// transpose is for the product of the transposed matrices.
func (e *epilogue) transpose() {
	if e == nil {
		return
	}
	for i, o := range e.operands {
		e.operands[i] = o.transposed()
	}
}

// all reports whether something is true of each operand.
func (e *epilogue) all(is func(o operand) bool) bool {
	if e == nil {
		return true
	}
	for _, o := range e.operands {
		if !is(o) {
			return false
		}
	}
	return true
}

// flatten makes the matrices of a batch one.
func (e *epilogue) flatten(rows func(o operand) []dim) {
	if e == nil {
		return
	}
	for i, o := range e.operands {
		e.operands[i] = operand{nil, rows(o)[0].stride, o.col}
	}
}

// alone is the workers of an epilogue: it runs on that which computed the block.
var alone = &pool{workers: 1}

// compileBlocks compiles the map for each shape that blocks have.
func (p *matMulProgram) compileBlocks() error {
	rows, cols := min(p.rows, p.height), min(p.cols, p.width)
	last := resultBlock{rows: p.height - (p.down-1)*p.rows, cols: p.width - (p.across-1)*p.cols}
	for _, bl := range []resultBlock{{rows: rows, cols: cols}, {rows: last.rows, cols: cols}, {rows: rows, cols: last.cols}, last} {
		e, s := p.then, p.shape(bl)
		if e.programs[s] != nil {
			continue
		}
		program, err := compileKernel(alone, p.blockKernel(bl))
		if err != nil {
			return err
		}
		e.programs[s], e.tasks[s] = program, program.no*program.down*program.across
		e.scratch = max(e.scratch, program.Workspace())
	}
	return nil
}

// shape is the number of a block's shape.
func (p *matMulProgram) shape(bl resultBlock) int {
	s := 0
	if bl.rows < min(p.rows, p.height) {
		s++
	}
	if bl.cols < min(p.cols, p.width) {
		s += 2
	}
	return s
}

// blockKernel is the map over a block, whose results are in a tile.
func (p *matMulProgram) blockKernel(bl resultBlock) *ir.Kernel {
	e := p.then
	k := *e.kernel
	k.Space, k.Lo, k.Hi = []int{bl.rows, bl.cols}, 2, 2
	k.In = []ir.Operand{{Type: p.m.Type, Strides: []int{p.rowBytes(), p.m.Type.Size()}}}
	k.Out = nil
	for i, o := range e.operands {
		strides := []int{o.row, o.col}
		if n := len(e.kernel.In) - 1; i < n {
			k.In = append(k.In, ir.Operand{Type: e.kernel.In[i+1].Type, Strides: strides})
		} else {
			k.Out = append(k.Out, ir.Operand{Type: e.kernel.Out[i-n].Type, Strides: strides})
		}
	}
	return &k
}

// followed is what an epilogue needs to know in a run.
type followed struct {
	at      []unsafe.Pointer // of A and B, and of the operands
	scalars []uint64
	past    bool // outputs go past the caches
}

// newRuns are a worker's runs of the epilogue.
func (e *epilogue) newRuns() (runs [shapes]*kernelRun) {
	if e == nil {
		return runs
	}
	for s, p := range e.programs {
		if p != nil {
			runs[s] = p.newRun()
		}
	}
	return runs
}

// operandsOf has room for the operands of a run.
func (e *epilogue) operandsOf() followed {
	if e == nil {
		return followed{}
	}
	return followed{at: make([]unsafe.Pointer, 2+len(e.operands)), scalars: make([]uint64, len(e.kernel.Params))}
}

// startThen binds a run with an epilogue.
func (r *matMulRun) startThen(args []device.Arg, work device.Span) error {
	f, params := &r.then, r.p.then.kernel.Params
	if len(args) != len(f.at)+len(f.scalars) {
		panic(fmt.Sprintf("BUG: cpu: %d arguments for %d operands and %d scalars", len(args), len(f.at), len(f.scalars)))
	}
	if err := addresses(f.at, args[:len(f.at)]); err != nil {
		return err
	}
	for i, a := range args[len(f.at):] {
		put(params[i].Size(), unsafe.Pointer(&f.scalars[i]), a.Bits)
	}
	n := len(r.p.then.kernel.In) + 1
	ins, outs := f.at[2:n], f.at[n:]
	f.past = r.p.then.large && !slices.ContainsFunc(outs, func(o unsafe.Pointer) bool { return slices.Contains(ins, o) })
	scratch, err := workspace(work, r.p.Workspace())
	if err != nil {
		return err
	}
	r.bind(f.at[0], f.at[1], outs[0], scratch, factors{})
	return nil
}

// goOn takes a block of results, in a tile, through the epilogue.
func (w *productWorker) goOn(bl resultBlock, tile unsafe.Pointer) {
	e := w.p.then
	s := w.p.shape(bl)
	r := w.blocks[s]
	r.at[0] = tile
	for i, o := range e.operands {
		r.at[i+1] = strided{unsafe.Add(w.then.at[i+2], offset(o.batch, bl.batch)), o.row, o.col}.from(bl.i, bl.j).at
	}
	copy(r.scalars, w.then.scalars)
	r.past = w.then.past
	f := &r.frames[0]
	f.scratch, f.worked = unsafe.Add(w.scratch, e.at), true
	clear(f.packed) // the tile has other results, and the scratch is that of other shapes
	f.boxes(0, e.tasks[s])
	if r.past {
		simd.Fence()
	}
	w.worked(bl.rows * bl.cols * (w.p.steps - max(1, w.p.m.K)))
}
