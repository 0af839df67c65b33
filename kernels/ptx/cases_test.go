package ptx

import (
	"fmt"
	"strings"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/op"
)

var none = [3]int{-1, -1, -1}

// coder writes kernels by hand.
type coder struct{ ir.Kernel }

func newCoder(rule canon.Rule, lo, hi int, space ...int) *coder {
	return &coder{ir.Kernel{Space: space, Lo: lo, Hi: hi, Rule: rule}}
}

// flat is a coder of a map over n elements.
func flat(n ...int) *coder { return newCoder(canon.Lane, len(n), len(n), n...) }

func (c *coder) add(in ir.Inst) int {
	c.Code = append(c.Code, in)
	return len(c.Code) - 1
}

// load loads an input with strides in elements, by default those of C order.
func (c *coder) load(t dtype.DType, strides ...int) int {
	c.In = append(c.In, operand(t, c.Space, strides))
	return c.add(ir.Inst{Kind: ir.Load, Type: t, Args: none, Index: len(c.In) - 1, Row: c.constant(strides)})
}

func operand(t dtype.DType, space, strides []int) ir.Operand {
	if strides == nil {
		return ir.Operand{Type: t, Strides: spread(space, t.Size())}
	}
	o := ir.Operand{Type: t}
	for _, s := range strides {
		o.Strides = append(o.Strides, s*t.Size())
	}
	return o
}

// constant reports whether strides make an operand one of rows.
func (c *coder) constant(strides []int) bool {
	if !c.Folds() || strides == nil {
		return false
	}
	for d := c.Lo; d < c.Hi; d++ {
		if strides[d] != 0 {
			return false
		}
	}
	return true
}

func (c *coder) param(t dtype.DType) int {
	c.Params = append(c.Params, t)
	return c.add(ir.Inst{Kind: ir.Param, Type: t, Args: none, Index: len(c.Params) - 1, Row: c.Folds()})
}

func (c *coder) apply(code op.Code, args ...int) int {
	in := ir.Inst{Kind: ir.Apply, Code: code, Args: none, Row: c.Folds()}
	var types []dtype.DType
	for i, a := range args {
		in.Args[i] = a
		in.Row = in.Row && c.Code[a].Row
		types = append(types, c.Code[a].Type)
	}
	in.Type = code.Program(types).Type()
	return c.add(in)
}

func (c *coder) cast(t dtype.DType, a int) int {
	return c.add(ir.Inst{Kind: ir.Cast, Type: t, Args: [3]int{a, -1, -1}, Row: c.Code[a].Row})
}

func (c *coder) fold(code op.Code, a int) int {
	return c.add(ir.Inst{Kind: ir.Fold, Code: code, Type: c.Code[a].Type, Args: [3]int{a, -1, -1}, Row: true})
}

func (c *coder) argFold(code op.Code, a int) int {
	return c.add(ir.Inst{Kind: ir.ArgFold, Code: code, Type: dtype.Int64, Args: [3]int{a, -1, -1}, Row: true})
}

// store stores a value as an element value or, with strides that make it so, a row value.
func (c *coder) store(a int, strides ...int) { c.storeMasked(a, -1, strides...) }

func (c *coder) storeMasked(a, mask int, strides ...int) {
	t := c.Code[a].Type
	c.Out = append(c.Out, operand(t, c.Space, strides))
	c.add(ir.Inst{Kind: ir.Store, Type: t, Args: [3]int{a, mask, -1}, Index: len(c.Out) - 1, Row: c.constant(strides)})
}

// rowStore stores a row value, rows in C order.
func (c *coder) rowStore(a int) { c.store(a, c.rowStrides()...) }

// rowStrides are the strides, in elements, of an array of one element a row.
func (c *coder) rowStrides() []int {
	kept := append([]int(nil), c.Space...)
	for d := c.Lo; d < c.Hi; d++ {
		kept[d] = 1
	}
	s := spread(kept, 1)
	for d := c.Lo; d < c.Hi; d++ {
		s[d] = 0
	}
	return s
}

// sum, centre, softmax, standard and so on are what the tests of forms compute.
func sum(t dtype.DType, rule canon.Rule, lo, hi int, space ...int) *ir.Kernel {
	c := newCoder(rule, lo, hi, space...)
	c.rowStore(c.fold(op.Add, c.load(t)))
	return &c.Kernel
}

func centre(t dtype.DType, rule canon.Rule, lo, hi int, space ...int) *ir.Kernel {
	c := newCoder(rule, lo, hi, space...)
	x := c.load(t)
	c.store(c.apply(op.Subtract, x, c.apply(op.Divide, c.fold(op.Add, x), c.param(t))))
	return &c.Kernel
}

func softmax(t dtype.DType, rule canon.Rule, lo, hi int, space ...int) *ir.Kernel {
	c := newCoder(rule, lo, hi, space...)
	x := c.load(t)
	e := c.apply(op.Exp, c.apply(op.Subtract, x, c.fold(op.Maximum, x)))
	c.store(c.apply(op.Divide, e, c.fold(op.Add, e)))
	return &c.Kernel
}

// standard is (x-mean)/std with a row operand, a row output, and two folds of different widths.
func standard(t dtype.DType, rule canon.Rule, lo, hi int, space ...int) *ir.Kernel {
	c := newCoder(rule, lo, hi, space...)
	x := c.load(t)
	bias := c.load(t, c.rowStrides()...)
	n := c.param(t)
	mean := c.apply(op.Divide, c.fold(op.Add, x), n)
	wide := c.fold(op.Add, c.cast(dtype.Float64, x))
	d := c.apply(op.Subtract, x, mean)
	deviation := c.apply(op.Sqrt, c.apply(op.Divide, c.fold(op.Add, c.apply(op.Multiply, d, d)), n))
	c.rowStore(c.apply(op.Add, mean, bias))
	c.rowStore(wide)
	c.store(c.apply(op.Add, c.apply(op.Divide, d, deviation), bias))
	return &c.Kernel
}

func argmax(t dtype.DType, rule canon.Rule, lo, hi int, space ...int) *ir.Kernel {
	c := newCoder(rule, lo, hi, space...)
	x := c.load(t)
	c.rowStore(c.argFold(op.Maximum, x))
	c.rowStore(c.fold(op.Minimum, x))
	return &c.Kernel
}

// unary is a map of one operator over n elements.
func unary(code op.Code, t dtype.DType, n ...int) *ir.Kernel {
	c := flat(n...)
	var args []int
	for range code.Row().Arity {
		args = append(args, c.load(t))
	}
	c.store(c.apply(code, args...))
	return &c.Kernel
}

func matmul(t dtype.DType, m, n, k int, batch ...int) *ir.MatMul {
	mat := func(rows, cols int) ir.Operand {
		return operand(t, append(append([]int(nil), batch...), rows, cols), nil)
	}
	return &ir.MatMul{Type: t, Batch: batch, M: m, N: n, K: k, A: mat(m, k), B: mat(k, n), To: mat(m, n)}
}

// formed is an operation and how it is lowered.
type formed struct {
	op     ir.Op
	form   form
	target Target
}

func (f formed) lower() (*Module, error) { return lower(f.op, f.target, f.form) }

// catalogue is an operation for each form of kernel, by name.
func catalogue() map[string]formed {
	strided := flat(30, 40)
	strided.store(strided.apply(op.Add, strided.load(dtype.Float32, 1, 30), strided.load(dtype.Float32, 0, 1)))
	masked := flat(5000)
	masked.storeMasked(masked.load(dtype.Float32), masked.load(dtype.Bool))
	photo := flat(3000, 3)
	photo.store(photo.apply(op.Subtract, photo.cast(dtype.Float64, photo.load(dtype.Uint8)), photo.load(dtype.Float64, 0, 1)))
	scaled := flat(5000)
	scaled.store(scaled.apply(op.Multiply, scaled.load(dtype.Float32), scaled.param(dtype.Float32)))
	wide := flat(3, 4000)
	wide.store(wide.apply(op.Add, wide.load(dtype.Float32, 1<<31, 1), wide.load(dtype.Float32, 0, 2)))
	all := map[string]formed{
		"map_wide":    {op: &wide.Kernel},
		"map_strided": {op: &strided.Kernel}, "map_masked": {op: &masked.Kernel}, "map_photo": {op: &photo.Kernel}, "map_scaled": {op: &scaled.Kernel},
	}
	for _, t := range []dtype.DType{dtype.Float32, dtype.Float64} {
		name := func(s string) string { return fmt.Sprint(s, "_", t) }
		for _, code := range []op.Code{op.Add, op.Exp, op.Maximum, op.Sin, op.Remainder} {
			all[name("map_"+code.String())] = formed{op: unary(code, t, 5000)}
		}
		all[name("sum_rows")] = formed{op: sum(t, canon.Lane, 1, 2, 500, 1000)}
		all[name("sum_narrow_rows")] = formed{op: sum(t, canon.Lane, 1, 2, 5000, 3)}
		all[name("standard_narrow_rows")] = formed{op: standard(t, canon.Lane, 1, 2, 500, 16)}
		all[name("matmul_large")] = formed{op: matmul(t, 4096, 4096, 500)}
		all[name("sum_long_rows")] = formed{op: sum(t, canon.Lane, 1, 2, 3, 9000), form: formCTA}
		all[name("sum_all")] = formed{op: sum(t, canon.Lane, 0, 1, 1<<27)}
		all[name("sum_columns")] = formed{op: sum(t, canon.Chunk, 0, 1, 200, 300)}
		all[name("sum_tall_columns")] = formed{op: sum(t, canon.Chunk, 0, 1, 3<<12, 300)}
		all[name("centre_rows")] = formed{op: centre(t, canon.Lane, 1, 2, 500, 1000)}
		all[name("softmax_rows")] = formed{op: softmax(t, canon.Lane, 1, 2, 500, 1000)}
		all[name("softmax_long_rows")] = formed{op: softmax(t, canon.Lane, 1, 2, 500, 10000), form: formCTA}
		all[name("softmax_cut")] = formed{op: softmax(t, canon.Lane, 1, 2, 2, 100000), form: formCut}
		all[name("standard_rows")] = formed{op: standard(t, canon.Lane, 1, 2, 500, 1000)}
		all[name("standard_cut_columns")] = formed{op: standard(t, canon.Chunk, 0, 1, 700, 1000)}
		all[name("matmul")] = formed{op: matmul(t, 200, 100, 50)}
		all[name("matmul_split")] = formed{op: matmul(t, 20, 30, 5000)}
		all[name("matmul_batched")] = formed{op: matmul(t, 20, 30, 50, 7)}
		all[name("cumsum")] = formed{op: cumsum(t, 0, 1<<20)}
		all[name("cumsum_columns")] = formed{op: cumsum(t, 0, 300, 40)}
		all[name("dot")] = formed{op: matmul(t, 1, 1, 50000)}
	}
	for _, t := range dtype.All() {
		all[fmt.Sprint("argmax_rows_", t)] = formed{op: argmax(t, canon.Lane, 1, 2, 50, 100)}
		all[fmt.Sprint("argmax_cut_", t)] = formed{op: argmax(t, canon.Lane, 1, 2, 50, 10000), form: formCut}
		all[fmt.Sprint("matmul_", t)] = formed{op: matmul(t, 20, 30, 50)}
	}
	products(func(name string, d *simulated, typ dtype.DType, tile tiling) {
		for _, layout := range []int{0, 2, 3} {
			all[fmt.Sprintf("tile_%s_%d", strings.ReplaceAll(name, " ", "_"), layout)] = formed{op: laidOut(typ, 300, 300, 300, layout, 0, false), target: d.target}
		}
	})
	for _, arch := range []int{80, 90} {
		for name, write := range stagedCases {
			for _, n := range []int{1000, 5000, 20_000} {
				all[fmt.Sprintf("staged_sm_%d_%s_%d", arch, name, n)] = formed{op: write(dtype.Float32, 3, n), target: Target{Arch: arch}}
			}
		}
		all[fmt.Sprintf("scan_sm_%d", arch)] = formed{op: cumsum(dtype.Float32, 0, 1<<20), target: Target{Arch: arch}}
	}
	for i := range op.Table {
		code := op.Code(i)
		for _, loop := range code.Loops() {
			if last := loop[len(loop)-1]; loop[0] != last || last != dtype.Int8 && last != dtype.Uint64 && last != dtype.Int32 && !last.IsFloat() {
				continue
			}
			all[fmt.Sprintf("op_%v_%v", code, loop[0])] = formed{op: unary(code, loop[0], 50)}
		}
	}
	return all
}
