package devicetest

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/op"
)

// coder writes the code of a kernel of one float type.
type coder struct {
	t    dtype.DType
	code []ir.Inst
}

func (c *coder) add(in ir.Inst) int {
	c.code = append(c.code, in)
	return len(c.code) - 1
}

func (c *coder) load(i int) int {
	return c.add(ir.Inst{Kind: ir.Load, Type: c.t, Args: none, Index: i})
}

// rowLoad loads what is the same along the row.
func (c *coder) rowLoad(i int) int {
	return c.add(ir.Inst{Kind: ir.Load, Type: c.t, Args: none, Index: i, Row: true})
}

func (c *coder) param(i int) int {
	return c.add(ir.Inst{Kind: ir.Param, Type: c.t, Args: none, Index: i, Row: true})
}

// apply is a row value if all its operands are.
func (c *coder) apply(code op.Code, args ...int) int {
	in := ir.Inst{Kind: ir.Apply, Code: code, Type: c.t, Args: none, Row: true}
	for i, a := range args {
		in.Args[i] = a
		in.Row = in.Row && c.code[a].Row
	}
	return c.add(in)
}

func (c *coder) fold(code op.Code, a int) int {
	return c.add(ir.Inst{Kind: ir.Fold, Code: code, Type: c.t, Args: [3]int{a, -1, -1}, Row: true})
}

func (c *coder) store(i, a int) {
	c.add(ir.Inst{Kind: ir.Store, Type: c.t, Args: [3]int{a, -1, -1}, Index: i, Row: c.code[a].Row})
}

// spread stores a row value for each element of the row.
func (c *coder) spread(i, a int) {
	c.add(ir.Inst{Kind: ir.Store, Type: c.t, Args: [3]int{a, -1, -1}, Index: i})
}

// staged is a kernel with several passes over its rows.
type staged struct {
	name  string
	in    []bool // for each input, whether it is the same along the row
	out   []bool // for each output
	write func(c *coder)
}

var stagedKernels = []staged{
	{"centre", []bool{false}, []bool{false}, func(c *coder) { // x - sum(x)/n
		x := c.load(0)
		mean := c.apply(op.Divide, c.fold(op.Add, x), c.param(0))
		c.store(0, c.apply(op.Subtract, x, mean))
	}},
	{"softmax", []bool{false}, []bool{false}, func(c *coder) {
		x := c.load(0)
		e := c.apply(op.Exp, c.apply(op.Subtract, x, c.fold(op.Maximum, x)))
		c.store(0, c.apply(op.Divide, e, c.fold(op.Add, e)))
	}},
	{"normalize", []bool{false, true}, []bool{false, true, true}, func(c *coder) {
		x, n := c.load(0), c.param(0)
		mean := c.apply(op.Divide, c.fold(op.Add, x), n)
		d := c.apply(op.Subtract, x, mean)
		variance := c.apply(op.Divide, c.fold(op.Add, c.apply(op.Multiply, d, d)), n)
		c.store(1, mean)
		c.store(2, variance)
		scaled := c.apply(op.Multiply, c.rowLoad(1), c.apply(op.Divide, d, c.apply(op.Sqrt, variance)))
		c.store(0, scaled)
	}},
	{"two folds", []bool{false, false}, []bool{true, true}, func(c *coder) {
		x, y := c.load(0), c.load(1)
		c.store(0, c.fold(op.Add, c.apply(op.Multiply, x, y)))
		c.store(1, c.fold(op.Minimum, c.apply(op.Subtract, x, y)))
	}},
	{"fold of a row value", []bool{true}, []bool{true, false}, func(c *coder) {
		x := c.rowLoad(0)
		sum := c.fold(op.Add, x)
		c.store(0, sum)
		c.spread(1, c.apply(op.Multiply, sum, x))
	}},
}

// stagedRows are rows for kernels with stages, by either rule.
var stagedRows = []rows{
	{[]int{4}, 0, 1, canon.Lane},
	{[]int{3, 37}, 1, 2, canon.Lane},
	{[]int{2, 3, 5, 7}, 2, 4, canon.Lane},
	{[]int{2, 5000}, 1, 2, canon.Lane},
	{[]int{40, 3}, 1, 2, canon.Lane},
	{[]int{6, 35}, 0, 1, canon.Chunk},
	{[]int{2, 300, 4, 9}, 1, 2, canon.Chunk},
}

// trial is the kernel over rows, with operands in a layout.
func (k staged) trial(w rows, t dtype.DType, l layout, draw func() uint64) *trial {
	tr := &trial{scalars: []uint64{op.BitsOf(t, float64(count(w.space[w.lo:w.hi])))}}
	kernel := &ir.Kernel{Space: w.space, Lo: w.lo, Hi: w.hi, Rule: w.rule, Params: []dtype.DType{t}}
	place := func(row bool) layout {
		if row {
			return w.rowwise(l)
		}
		return l
	}
	for _, row := range k.in {
		kernel.In = append(kernel.In, tr.input(place(row), t, w.space, 1, draw))
	}
	for _, row := range k.out {
		kernel.Out = append(kernel.Out, tr.output(place(row), t, w.space, 2))
	}
	c := &coder{t: t}
	k.write(c)
	kernel.Code = c.code
	tr.op = kernel
	return tr
}

// stages tests kernels with several passes over their rows, also in place.
func (s *suite) stages(t *testing.T) {
	for _, k := range stagedKernels {
		for _, to := range []dtype.DType{dtype.Float32, dtype.Float64} {
			t.Run(fmt.Sprintf("%s %v", k.name, to), func(t *testing.T) {
				r := rand.New(rand.NewPCG(15, 16))
				for _, w := range stagedRows {
					for i, l := range layouts[:4] {
						if count(w.space) > 1000 && i != count(w.space)/100%4 {
							continue
						}
						tr := k.trial(w, to, l, drawn(r, to, mixed))
						if !s.checkSplittable(t, fmt.Sprintf("%v, %s", w, l.name), tr) {
							return
						}
					}
					s.stagesInPlace(t, k, w, to, drawn(r, to, mixed))
				}
			})
		}
	}
}

// stagesInPlace stores the elements into the first input, where both are there.
func (s *suite) stagesInPlace(t *testing.T, k staged, w rows, to dtype.DType, draw func() uint64) {
	t.Helper()
	if k.in[0] || k.out[0] {
		return
	}
	tr := k.trial(w, to, layouts[0], draw)
	out := len(k.in)
	tr.args[out] = tr.args[0]
	tr.op.(*ir.Kernel).Out[0] = tr.op.(*ir.Kernel).In[0]
	s.checkSplittable(t, fmt.Sprintf("%v, in place", w), tr)
}
