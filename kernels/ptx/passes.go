package ptx

import (
	"slices"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/ir"
)

// partial is the results of blocks or chunks in the workspace, for one fold: values and, for argfolds, indices.
type partial struct{ value, index array }

// cut is a kernel that takes several launches: rows are folded in parts, the results of the parts are folded, and
// so on, and then element values are a map. Folded dimensions are last.
type cut struct {
	m        *module
	p        *pass
	stages   []ir.Stage
	before   []int
	saved    map[int]array // row values that later launches need
	partials []partial     // of the folds of the stage at hand
	n        int           // parts of a row
}

// inPasses launches a kernel of which the rows are cut.
func (m *module) inPasses(p *pass) {
	c := &cut{m: m, p: p, saved: map[int]array{}}
	c.before, c.stages = p.Stages()
	for s, st := range c.stages {
		if len(st.Folds) > 0 {
			c.fold(st)
			c.finish(s)
		}
		if len(st.Stores) > 0 {
			c.elements(st)
		}
	}
}

// most is how many parts a row can have for the last launch.
func (c *cut) most() int {
	if c.p.Rule == canon.Chunk {
		return pairsAtOnce
	}
	return canon.Block
}

// parts is how many parts n elements, or results of parts, make.
func (c *cut) parts(n int, first bool) int {
	switch {
	case c.p.Rule == canon.Lane:
		return canon.Blocks(n)
	case first:
		return canon.Chunks(n)
	}
	return ceilDiv(n, pairsAtOnce)
}

// fold folds rows to at most most() results of parts.
func (c *cut) fold(st ir.Stage) {
	x := c.rewriter(c.p.Space)
	for _, v := range st.Folds {
		x.fold(v)
	}
	c.partialLaunch(x, st, true)
	for c.n > c.most() {
		x := c.overPartials(st)
		c.partialLaunch(x, st, false)
	}
}

func (c *cut) partialLaunch(x *rewriter, st ir.Stage, first bool) {
	n := c.parts(x.to.RowLen(), first)
	to := make([]partial, len(st.Folds))
	for i, v := range st.Folds {
		in := c.p.Code[v]
		room := func(t dtype.DType) array {
			return array{kind: Scratch, off: c.m.reserve(c.p.Rows() * n * t.Size())}
		}
		to[i].value = room(c.p.Code[in.Args[0]].Type)
		if in.Kind == ir.ArgFold {
			to[i].index = room(dtype.Int64)
		}
	}
	p := x.pass().merged()
	if c.p.Rule == canon.Chunk {
		length := pairsAtOnce
		if first {
			length = canon.ChunkRows
		}
		c.m.chunks(p, length, to)
	} else {
		c.blocks(p, to)
	}
	c.partials, c.n = to, n
}

// blocks launches the blocks of all rows, or of parts of one where it has more elements than a launch has indices.
func (c *cut) blocks(p *pass, to []partial) {
	most := c.m.target.indices()
	if p.RowLen() <= most {
		c.m.blocks(p, to)
		return
	}
	step := most / canon.Block * canon.Block
	for at := 0; at < p.RowLen(); at += step {
		part := p.slice(p.Lo, at, min(step, p.RowLen()-at))
		part.first = at
		there := slices.Clone(to)
		for i, v := range there {
			t := p.Code[foldsIn(p.Kernel)[i].Args[0]].Type
			there[i].value.off = v.value.off + at/canon.Block*t.Size()
			there[i].index.off = v.index.off + at/canon.Block*dtype.Int64.Size()
		}
		c.m.blocks(part, there)
	}
}

// foldsIn are the folds of a kernel.
func foldsIn(k *ir.Kernel) []ir.Inst {
	var folds []ir.Inst
	for _, in := range k.Code {
		if in.Kind == ir.Fold || in.Kind == ir.ArgFold {
			folds = append(folds, in)
		}
	}
	return folds
}

// finish folds the results of parts, computes the row values of the stage, and stores or saves them.
func (c *cut) finish(s int) {
	st := c.stages[s]
	x := c.overPartials(st)
	if s == 0 {
		x.stores(c.before)
	}
	x.stores(st.Rows)
	for v := range c.p.Code {
		if c.neededLater(v, s) {
			x.save(v)
		}
	}
	p := x.pass().merged()
	if c.p.Rule == canon.Chunk {
		c.m.columns(p, byPairs)
	} else {
		c.m.rowsOfWarps(p)
	}
}

// neededLater reports whether a row value that exists after stage s is needed after it, and is not saved yet.
func (c *cut) neededLater(v, s int) bool {
	in := c.p.Code[v]
	if _, saved := c.saved[v]; saved || !in.Row || in.Kind == ir.Store || in.Kind == ir.Param || !c.known(v, s) {
		return false
	}
	uses := func(i int) bool { return slices.Contains(c.p.Code[i].Args[:], v) }
	for _, st := range c.stages[s+1:] {
		for _, list := range [][]int{st.Elements, st.Folds, st.Stores, st.Rows} {
			if slices.ContainsFunc(list, uses) {
				return true
			}
		}
	}
	return slices.ContainsFunc(c.stages[s].Stores, uses)
}

// known reports whether a row value exists after stage s.
func (c *cut) known(v, s int) bool {
	if slices.Contains(c.before, v) {
		return true
	}
	for _, st := range c.stages[:s+1] {
		if slices.Contains(st.Folds, v) || slices.Contains(st.Rows, v) {
			return true
		}
	}
	return false
}

// elements is the map of the last stage.
func (c *cut) elements(st ir.Stage) {
	x := c.rewriter(c.p.Space)
	x.to.Lo, x.to.Hi = len(x.to.Space), len(x.to.Space)
	x.stores(st.Stores)
	c.m.plainMap(x.pass())
}

// rewriter makes a kernel of a part of another's code, over a space with the same kept dimensions.
type rewriter struct {
	c      *cut
	to     *ir.Kernel
	in     []array
	out    []array
	number map[int]int // of values in the new kernel
	folded int         // dimensions of the space that are folded
}

func (c *cut) rewriter(space []int) *rewriter {
	k := *c.p.Kernel
	k.Space, k.In, k.Out, k.Code, k.Hi = space, nil, nil, nil, len(space)
	return &rewriter{c: c, to: &k, number: map[int]int{}, folded: len(space) - k.Lo}
}

// overPartials is a rewriter over rows of the results of parts, whose folds are there.
func (c *cut) overPartials(st ir.Stage) *rewriter {
	kept := c.p.Space[:c.p.Lo]
	x := c.rewriter(append(slices.Clone(kept), c.n))
	for i, v := range st.Folds {
		in := c.p.Code[v]
		in.Args = [3]int{x.partial(c.partials[i].value, c.p.Code[in.Args[0]].Type), -1, -1}
		if in.Kind == ir.ArgFold {
			in.Args[1] = x.partial(c.partials[i].index, dtype.Int64)
		}
		x.number[v] = x.add(in)
	}
	return x
}

// partial loads results of parts.
func (x *rewriter) partial(a array, t dtype.DType) int {
	rows, n := x.c.p.Rows(), x.c.n
	strides := spread(x.c.p.Space[:x.c.p.Lo], t.Size())
	along := rows * t.Size()
	if x.c.p.Rule == canon.Lane {
		for d := range strides {
			strides[d] *= n
		}
		along = t.Size()
	}
	return x.load(ir.Operand{Type: t, Strides: append(strides, along)}, a, false)
}

func (x *rewriter) add(in ir.Inst) int {
	x.to.Code = append(x.to.Code, in)
	return len(x.to.Code) - 1
}

func (x *rewriter) load(o ir.Operand, a array, row bool) int {
	x.to.In, x.in = append(x.to.In, o), append(x.in, a)
	return x.add(ir.Inst{Kind: ir.Load, Type: o.Type, Args: [3]int{-1, -1, -1}, Index: len(x.in) - 1, Row: row && x.to.Folds()})
}

// value copies the code of a value, and gives its new number. What was saved is loaded.
func (x *rewriter) value(v int) int {
	if n, ok := x.number[v]; ok {
		return n
	}
	in := x.c.p.Code[v]
	if a, ok := x.c.saved[v]; ok {
		x.number[v] = x.load(x.saved(in.Type), a, true)
		return x.number[v]
	}
	if in.Kind == ir.Load {
		x.number[v] = x.load(x.operand(x.c.p.In[in.Index]), x.c.p.at[in.Index], in.Row)
		return x.number[v]
	}
	x.number[v] = x.add(x.copied(in))
	return x.number[v]
}

// copied is an instruction with its operands copied.
func (x *rewriter) copied(in ir.Inst) ir.Inst {
	for j, a := range in.Args {
		if a >= 0 {
			in.Args[j] = x.value(a)
		}
	}
	in.Row = in.Row && x.to.Folds()
	return in
}

// fold copies a fold with what it folds.
func (x *rewriter) fold(v int) { x.number[v] = x.add(x.copied(x.c.p.Code[v])) }

// stores copies the stores among instructions, and what they store.
func (x *rewriter) stores(code []int) {
	for _, v := range code {
		in := x.c.p.Code[v]
		if in.Kind != ir.Store {
			continue
		}
		in = x.copied(in)
		x.to.Out, x.out = append(x.to.Out, x.operand(x.c.p.Out[in.Index])), append(x.out, x.c.p.at[len(x.c.p.In)+in.Index])
		in.Index = len(x.out) - 1
		x.add(in)
	}
}

// save stores a row value in the workspace.
func (x *rewriter) save(v int) {
	t := x.c.p.Code[v].Type
	n := x.value(v)
	a := array{kind: Scratch, off: x.c.m.reserve(x.c.p.Rows() * t.Size())}
	x.to.Out, x.out = append(x.to.Out, x.saved(t)), append(x.out, a)
	x.add(ir.Inst{Kind: ir.Store, Type: t, Args: [3]int{n, -1, -1}, Index: len(x.out) - 1, Row: true})
	x.c.saved[v] = a
}

// saved is the operand of a saved row value: one element for each row.
func (x *rewriter) saved(t dtype.DType) ir.Operand {
	return ir.Operand{Type: t, Strides: append(spread(x.c.p.Space[:x.c.p.Lo], t.Size()), make([]int, x.folded)...)}
}

// operand is an operand of the kernel as the new space sees it. Over results of parts, it is one of rows.
func (x *rewriter) operand(o ir.Operand) ir.Operand {
	if len(o.Strides) == len(x.to.Space) && slices.Equal(x.to.Space, x.c.p.Space) {
		return o
	}
	return ir.Operand{Type: o.Type, Strides: append(slices.Clone(o.Strides[:x.c.p.Lo]), make([]int, x.folded)...)}
}

func (x *rewriter) pass() *pass {
	return &pass{Kernel: x.to, at: append(x.in, x.out...), closed: x.c.p.closed}
}
