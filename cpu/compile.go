package cpu

import (
	"fmt"
	"slices"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/op"
	"github.com/tare-go/tare/kernels/simd"
)

// compiler makes the program of one kernel.
type compiler struct {
	*kernelProgram
	stage   []ir.Stage
	kept    []int          // the stage that computes a value that is kept for later ones, -1 otherwise
	keepAt  []int          // where
	sourced map[int]source // by slot
}

// compileKernel makes a program for the workers of a pool.
func compileKernel(p *pool, k *ir.Kernel) (*kernelProgram, error) {
	c := &compiler{
		kernelProgram: &kernelProgram{pool: p, k: k},
		kept:          slices.Repeat([]int{-1}, len(k.Code)),
		keepAt:        make([]int, len(k.Code)),
		sourced:       map[int]source{},
	}
	var before []int
	before, c.stage = k.Stages()
	c.large = outBytes(k) > pastFrom
	c.ahead = inBytes(k) > aheadFrom
	c.layout = newLayout(k, c.tile())
	c.geometry()
	if err := c.rowValues(before); err != nil {
		return nil, err
	}
	c.keepCostly()
	if err := c.allStages(); err != nil {
		return nil, err
	}
	c.chooseFetches()
	c.chooseDecisive()
	return c.kernelProgram, nil
}

// tile is the size of a tile: what is loaded, and a few values between, fit in the first cache. Where there are several
// steps over memory they fit in half of it: memory waits for longer ones between the first step, which reads, and the
// last.
func (c *compiler) tile() int {
	loaded, computed, values := 0, 0, 0
	for _, in := range c.k.Code {
		switch in.Kind {
		case ir.Load:
			loaded += in.Type.Size()
		case ir.Apply, ir.Cast:
			if values++; values <= 3 {
				computed += in.Type.Size()
			}
		}
	}
	most := tileBytes
	inRows := c.k.Folds() && c.k.Rule == canon.Lane
	if c.ahead && values > 1 && (inRows || !c.k.Folds()) {
		l1, _ := caches()
		most = l1 / 2
	}
	return tileSize(most, loaded+computed)
}

// allStages compiles the stages. They share the tiles of what is computed.
func (c *compiler) allStages() error {
	for s := range c.stage {
		if err := c.compileStage(s); err != nil {
			return err
		}
	}
	end := c.scratch
	for s := range c.stages {
		end = max(end, c.placeTiles(&c.stages[s], c.scratch))
	}
	c.scratch = end
	return nil
}

func (c *compiler) compileStage(s int) error {
	st := &c.stages[s]
	st.number = s
	for _, v := range c.computed(s) {
		if err := c.element(s, v); err != nil {
			return err
		}
	}
	for _, v := range c.stage[s].Folds {
		f, err := c.fold(v, c.operand(s, c.k.Code[v].Args[0]))
		if err != nil {
			return err
		}
		st.folds = append(st.folds, f)
	}
	for _, v := range c.stage[s].Stores {
		st.stores = append(st.stores, c.elementStore(s, v))
	}
	c.pairUp(st)
	c.protect(st)
	st.squares = c.squaresOf(st)
	if st.columns = c.columnsOf(st); st.columns == nil && !c.inLanes(st.squares) {
		st.squares = nil
	}
	return nil
}

// computed is the element values that stage s computes: what its folds and stores need, less what
// an earlier stage kept.
func (c *compiler) computed(s int) []int {
	need := make([]bool, len(c.k.Code))
	for _, v := range slices.Concat(c.stage[s].Folds, c.stage[s].Stores) {
		need[v] = true
	}
	var values []int
	for v := len(c.k.Code) - 1; v >= 0; v-- {
		in := c.k.Code[v]
		root := in.Kind == ir.Fold || in.Kind == ir.ArgFold || in.Kind == ir.Store
		if !need[v] || in.Row && !root {
			continue
		}
		if kept := c.kept[v]; kept >= 0 && kept < s {
			c.addKeep(s, v)
			continue
		}
		for _, a := range in.Args {
			if a >= 0 && !c.k.Code[a].Row {
				need[a] = true
			}
		}
		if !root {
			values = append(values, v)
		}
	}
	slices.Reverse(values)
	return values
}

func (c *compiler) addKeep(s, v int) {
	c.stages[s].keeps = append(c.stages[s].keeps, keep{v, c.keepAt[v], c.k.Code[v].Type.Size()})
}

// element adds what brings or computes an element value.
func (c *compiler) element(s, v int) error {
	in := c.k.Code[v]
	st := &c.stages[s]
	switch in.Kind {
	case ir.Load:
		st.sources = append(st.sources, c.source(v, inInput, in.Index, c.access(c.k, c.k.In[in.Index])))
		return nil
	case ir.Param:
		st.sources = append(st.sources, c.source(v, inScalar, in.Index, access{size: in.Type.Size()}))
		return nil
	}
	fn, err := c.kernel(in)
	if err != nil {
		return err
	}
	step := step{fn: fn, loop: c.kernelLoop(in), dst: v, args: [3]int{v, v, v}, cost: c.cost(in)}
	for i, a := range in.Args {
		if a >= 0 {
			step.args[i] = c.operand(s, a)
		}
	}
	st.steps = append(st.steps, step)
	if c.kept[v] == s {
		c.addKeep(s, v)
	}
	return nil
}

// operand is the slot of a value as elements see it. A row value is spread over the tile.
func (c *compiler) operand(s, v int) int {
	in := c.k.Code[v]
	if !in.Row {
		return v
	}
	slot := len(c.k.Code) + v
	st := &c.stages[s]
	if !slices.ContainsFunc(st.sources, func(x source) bool { return x.slot == slot }) {
		size := in.Type.Size()
		x := access{size: size, b: merge([]dim{{c.cols, size}})}
		if in.Kind == ir.Param {
			x.b = nil
		}
		st.sources = append(st.sources, c.source(slot, inSlot, v, x))
	}
	return slot
}

// source makes a source, the same one for all stages, with a tile if it needs one.
func (c *compiler) source(slot int, in place, index int, x access) source {
	if src, ok := c.sourced[slot]; ok {
		return src
	}
	src := source{id: c.sources, slot: slot, in: in, index: index, x: x, tile: -1, flat: constant(x.a)}
	c.sources++
	if !c.always(&x) {
		src.tile = reserve(&c.scratch, c.rows*c.cols*x.size)
	}
	if in == inSlot {
		c.spread = append(c.spread, src.id)
	}
	c.sourced[slot] = src
	return src
}

// kernel is the function of an Apply or a Cast.
func (c *compiler) kernel(in ir.Inst) (simd.Func, error) {
	if in.Kind == ir.Cast {
		return castFunc(c.k.Code[in.Args[0]].Type, in.Type)
	}
	return applyFunc(in.Code, c.loop(in))
}

// kernelLoop is the loop of that function, nil if it has none.
func (c *compiler) kernelLoop(in ir.Inst) *simd.Loop {
	if in.Kind == ir.Cast {
		return simd.CastLoop(c.k.Code[in.Args[0]].Type, in.Type)
	}
	return simd.KernelLoop(in.Code, c.loop(in))
}

// loop is the types of an instruction's operands.
func (c *compiler) loop(in ir.Inst) []dtype.DType { return loopOf(c.k, in) }

func loopOf(k *ir.Kernel, in ir.Inst) []dtype.DType {
	var loop []dtype.DType
	for _, a := range in.Args {
		if a >= 0 {
			loop = append(loop, k.Code[a].Type)
		}
	}
	return loop
}

func applyFunc(code op.Code, loop []dtype.DType) (simd.Func, error) {
	if fn := simd.Kernel(code, loop); fn != nil {
		return fn, nil
	}
	return nil, &LoopError{Op: code.String(), Types: loop}
}

func castFunc(from, to dtype.DType) (simd.Func, error) {
	if fn := simd.Cast(from, to); fn != nil {
		return fn, nil
	}
	return nil, &LoopError{Op: "cast to " + to.String(), Types: []dtype.DType{from}}
}

// LoopError is an instruction for whose types there is no function.
type LoopError struct {
	Op    string
	Types []dtype.DType
}

// Error names the operator and the types.
func (e *LoopError) Error() string {
	return fmt.Sprintf("cpu: %s has no function for operands %v: cast them to a type for which the operator is defined", e.Op, e.Types)
}

func (c *compiler) elementStore(s, v int) store {
	in := c.k.Code[v]
	st := store{output: in.Index, value: c.operand(s, in.Args[0]), mask: -1, x: c.access(c.k, c.k.Out[in.Index])}
	if in.Args[1] >= 0 {
		st.mask = c.operand(s, in.Args[1])
	}
	return st
}

// protect keeps stores and loads of the same memory apart: an output may be an input. A value is
// computed in the output only if nothing is loaded after it, and what is both loaded and stored
// is copied where there are several stores.
func (c *compiler) protect(st *stage) {
	fresh := map[int]bool{} // values after which no step reads an input
	for i := len(st.steps) - 1; i >= 0; i-- {
		fresh[st.steps[i].dst] = true
		if slices.ContainsFunc(st.steps[i].args[:], func(slot int) bool { return c.loaded(st, slot) }) {
			break
		}
	}
	uses := storeUses(st.stores)
	for i := range st.stores {
		s := &st.stores[i]
		kept := s.value < len(c.k.Code) && c.kept[s.value] >= 0
		s.direct = s.mask < 0 && fresh[s.value] && uses[s.value] == 1 && !kept
	}
	c.copyStored(st.sources, st.stores, c.rows)
}

// storeUses counts how often each slot is stored, or is a mask.
func storeUses(stores []store) map[int]int {
	uses := map[int]int{}
	for _, s := range stores {
		uses[s.value]++
		if s.mask >= 0 {
			uses[s.mask]++
		}
	}
	return uses
}

// copyStored makes inputs that are stored as they are be copied first, where one store may come in
// the way of the next.
func (c *compiler) copyStored(sources []source, stores []store, rows int) {
	uses := storeUses(stores)
	for i := range sources {
		src := &sources[i]
		if len(stores) < 2 || uses[src.slot] == 0 || src.in != inInput {
			continue
		}
		src.copy = true
		if src.tile < 0 {
			src.tile = reserve(&c.scratch, rows*c.cols*src.x.size)
		}
	}
}

// loaded reports whether a slot may be memory of an input.
func (c *compiler) loaded(st *stage, slot int) bool {
	return slices.ContainsFunc(st.sources, func(x source) bool { return x.slot == slot && x.in == inInput })
}

// placeTiles gives a tile to each step of a stage that needs one, from base on, and returns the end.
// A tile is used again once the value was used for the last time.
func (c *compiler) placeTiles(st *stage, base int) int {
	last := c.lastUses(st)
	free := map[int][]int{} // by element size
	where := map[int]int{}
	for i := range st.steps {
		s := &st.steps[i]
		for slot, at := range where {
			if last[slot] == i && slot < len(c.k.Code) {
				size := c.k.Code[slot].Type.Size()
				free[size] = append(free[size], at)
				delete(where, slot)
			}
		}
		s.at = c.stepTile(st, s.dst, free, &base)
		if s.at >= 0 && c.kept[s.dst] < 0 {
			where[s.dst] = s.at
		}
	}
	return base
}

// stepTile is where a step computes its value.
func (c *compiler) stepTile(st *stage, slot int, free map[int][]int, base *int) int {
	for i := range st.stores {
		if s := &st.stores[i]; s.value == slot && s.direct && c.always(&s.x) {
			return -1
		}
	}
	if c.kept[slot] >= 0 {
		return c.keepAt[slot]
	}
	size := c.k.Code[slot].Type.Size()
	if list := free[size]; len(list) > 0 {
		at := list[len(list)-1]
		free[size] = list[:len(list)-1]
		return at
	}
	return reserve(base, c.rows*c.cols*size)
}

// lastUses is the last step that uses each slot; what is folded or stored is used by none.
func (c *compiler) lastUses(st *stage) map[int]int {
	last := map[int]int{}
	for i, s := range st.steps {
		for _, a := range s.args {
			last[a] = i
		}
	}
	for _, f := range st.folds {
		delete(last, f.arg)
	}
	for _, s := range st.stores {
		delete(last, s.value)
		delete(last, s.mask)
	}
	return last
}

// keepCostly chooses the element values that several stages need and that cost more to compute
// again than to keep, if a unit's elements fit in the second cache.
func (c *compiler) keepCostly() {
	if c.split {
		return
	}
	room := keepBytes
	for v, in := range c.k.Code {
		first, uses := -1, 0
		for s, st := range c.stage {
			if slices.Contains(st.Elements, v) {
				uses++
				if first < 0 {
					first = s
				}
			}
		}
		bytes := c.na * c.cols * in.Type.Size()
		if uses < 2 || !c.costly(in) || bytes > room {
			continue
		}
		room -= bytes
		c.kept[v] = first
		c.keepAt[v] = reserve(&c.scratch, bytes)
	}
}

// keepBytes is what the kept values of a unit may take.
const keepBytes = 256 << 10

// costly reports whether an instruction takes longer than loading its result.
func (c *compiler) costly(in ir.Inst) bool { return in.Kind == ir.Apply && c.cost(in) > lowCost }

// lowCost is that of what takes no longer than to load and store.
const lowCost = 12

// cost is the primitives of an instruction. A division or a square root takes as long as some others.
func (c *compiler) cost(in ir.Inst) int {
	if in.Kind != ir.Apply {
		return 1
	}
	cost := 0
	for _, prim := range in.Code.Program(c.loop(in)).Insts {
		cost++
		if prim.Prim == op.PrimDiv || prim.Prim == op.PrimSqrt {
			cost += 8
		}
	}
	return cost
}

// rowValues compiles what is computed once for each row.
func (c *compiler) rowValues(before []int) error {
	var err error
	c.before, err = c.rowSteps(before)
	if err != nil {
		return err
	}
	c.stages = make([]stage, len(c.stage))
	for s, st := range c.stage {
		for _, v := range st.Folds {
			c.rowSlot(v)
		}
		if c.stages[s].rows, err = c.rowSteps(st.Rows); err != nil {
			return err
		}
	}
	c.copyStored(c.loads, c.stores, 1)
	return nil
}

// rowSteps compiles row values; their loads and stores are the program's, not a stage's.
func (c *compiler) rowSteps(values []int) ([]step, error) {
	var steps []step
	for _, v := range values {
		in := c.k.Code[v]
		switch in.Kind {
		case ir.Load:
			c.loads = append(c.loads, c.rowSource(v, inInput, in.Index, c.rowAccess(c.k.In[in.Index])))
			continue
		case ir.Param:
			c.loads = append(c.loads, c.rowSource(v, inScalar, in.Index, access{size: in.Type.Size()}))
			continue
		case ir.Store:
			c.stores = append(c.stores, store{output: in.Index, value: in.Args[0], mask: in.Args[1], x: c.rowAccess(c.k.Out[in.Index])})
			continue
		}
		fn, err := c.kernel(in)
		if err != nil {
			return nil, err
		}
		s := step{fn: fn, dst: v, args: [3]int{v, v, v}, at: -1}
		for i, a := range in.Args {
			if a >= 0 {
				s.args[i] = a
			}
		}
		c.rowSlot(v)
		steps = append(steps, s)
	}
	return steps, nil
}

// rowAccess is how a row operand is reached: a row of boxes.
func (c *compiler) rowAccess(o ir.Operand) access {
	x := c.access(c.k, o)
	x.a = nil
	return x
}

func (c *compiler) rowSource(slot int, in place, index int, x access) source {
	src := source{id: c.sources, slot: slot, in: in, index: index, x: x, tile: -1}
	c.sources++
	if !loop(x.b, c.cols, x.size) {
		src.tile = reserve(&c.scratch, c.cols*x.size)
	}
	return src
}

// rowSlot gives a vector to a row value that is computed: among those of its worker or, where units
// are split, one for each unit.
func (c *compiler) rowSlot(v int) {
	size := c.k.Code[v].Type.Size()
	if c.split {
		c.rowSlots = append(c.rowSlots, keep{v, reserve(&c.shared, c.units*c.cols*size), size})
		return
	}
	c.rowSlots = append(c.rowSlots, keep{v, reserve(&c.scratch, c.cols*size), size})
}
