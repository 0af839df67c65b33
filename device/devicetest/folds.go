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

// fold is an operator that folds elements of a type to one.
type fold struct {
	code op.Code
	t    dtype.DType
}

// allFolds lists the operators that fold, in every type in which they take two elements and give a
// third: those with an identity, and the extremes, which need none.
func allFolds() []fold {
	var list []fold
	for i := range op.Table {
		code := op.Code(i)
		if code.Row().Arity != 2 || (code.Row().Identity == nil && code != op.Minimum && code != op.Maximum) {
			continue
		}
		for _, t := range dtype.All() {
			loop, out, err := code.Resolve(dtype.Arg{Type: t}, dtype.Arg{Type: t})
			if err == nil && out == t && loop[0] == t && loop[1] == t {
				list = append(list, fold{code, t})
			}
		}
	}
	return list
}

// ordered reports whether the order of the fold shows in its bits.
func (f fold) ordered() bool {
	return f.t.IsFloat() && (f.code == op.Add || f.code == op.Multiply)
}

// draw is a source of elements whose fold neither overflows nor vanishes.
func (f fold) draw(r *rand.Rand) func() uint64 {
	if f.code == op.Multiply {
		return drawn(r, f.t, small)
	}
	return drawn(r, f.t, mixed)
}

// rows is a space and which of its dimensions are folded, by which rule.
type rows struct {
	space  []int
	lo, hi int
	rule   canon.Rule
}

func (w rows) String() string {
	return fmt.Sprintf("space %v, folded %d:%d, %v", w.space, w.lo, w.hi, w.rule)
}

// rowwise is a layout's operand that is the same along the folded dimensions.
func (w rows) rowwise(l layout) layout {
	kept := append([]int(nil), w.space...)
	for d := w.lo; d < w.hi; d++ {
		kept[d] = 1
	}
	return layout{name: l.name, strides: func([]int) []int {
		strides := l.strides(kept)
		for d := w.lo; d < w.hi; d++ {
			strides[d] = 0
		}
		return strides
	}}
}

// laneRows are rows for the lane rule. Where the order shows, lengths are about those at which its
// blocks and levels change.
func laneRows(ordered bool) []rows {
	list := []rows{
		{[]int{1}, 0, 1, canon.Lane},
		{[]int{3, 2}, 1, 2, canon.Lane},
		{[]int{2, 33}, 1, 2, canon.Lane},
		{[]int{3, 5, 7}, 1, 3, canon.Lane},
		{[]int{2, 3, 129}, 2, 3, canon.Lane},
		{[]int{40, 9}, 1, 2, canon.Lane},
		{[]int{2, 700}, 1, 2, canon.Lane},
		{[]int{0, 4}, 1, 2, canon.Lane},
	}
	if !ordered {
		return list
	}
	list = append(list, rows{[]int{2, 4097}, 1, 2, canon.Lane})
	if testing.Short() {
		return list
	}
	for _, n := range []int{63, 64, 65, 127, 128, 255, 256, 257, 4095, 4096, 8191, 8192, 8193, 3*4096 + 77} {
		list = append(list, rows{[]int{1, n}, 1, 2, canon.Lane})
	}
	return append(list, rows{[]int{1, 65, 131}, 1, 3, canon.Lane})
}

// chunkRows are rows for the chunk rule.
func chunkRows(ordered bool) []rows {
	list := []rows{
		{[]int{1, 32}, 0, 1, canon.Chunk},
		{[]int{5, 33}, 0, 1, canon.Chunk},
		{[]int{2, 3, 32}, 1, 2, canon.Chunk},
		{[]int{2, 3, 40}, 0, 2, canon.Chunk},
		{[]int{3, 5, 9}, 0, 1, canon.Chunk},
		{[]int{257, 32}, 0, 1, canon.Chunk},
		{[]int{4, 0}, 0, 1, canon.Chunk},
	}
	if !ordered || testing.Short() {
		return list
	}
	for _, n := range []int{255, 256, 600, 5*256 + 1} {
		list = append(list, rows{[]int{n, 32}, 0, 1, canon.Chunk})
	}
	return append(list, rows{[]int{2, 257, 3, 11}, 1, 2, canon.Chunk}, rows{[]int{300, 133}, 0, 1, canon.Chunk})
}

// foldKernel is one input, folded and stored.
func foldKernel(w rows, in, out ir.Operand, inst ir.Inst) *ir.Kernel {
	inst.Args, inst.Row = [3]int{0, -1, -1}, true
	return &ir.Kernel{Space: w.space, Lo: w.lo, Hi: w.hi, Rule: w.rule, In: []ir.Operand{in}, Out: []ir.Operand{out}, Code: []ir.Inst{
		{Kind: ir.Load, Type: in.Type, Args: none},
		inst,
		{Kind: ir.Store, Type: inst.Type, Args: [3]int{1, -1, -1}, Row: true},
	}}
}

// folds tests every fold in every type, rule and layout.
func (s *suite) folds(t *testing.T) {
	for _, f := range allFolds() {
		t.Run(fmt.Sprintf("%v %v", f.code, f.t), func(t *testing.T) {
			r := rand.New(rand.NewPCG(11, 12))
			for _, w := range append(laneRows(f.ordered()), chunkRows(f.ordered())...) {
				if !s.foldRows(t, f, w, f.draw(r)) {
					return
				}
			}
			for _, w := range []rows{{[]int{9, 50}, 1, 2, canon.Lane}, {[]int{7, 40}, 0, 1, canon.Chunk}} {
				s.foldRows(t, f, w, drawn(r, f.t, wild))
			}
			s.emptyRows(t, f)
		})
	}
}

// foldRows folds in each layout; one of them for large rows.
func (s *suite) foldRows(t *testing.T, f fold, w rows, draw func() uint64) bool {
	t.Helper()
	for i, l := range layouts {
		if count(w.space) > 1000 && i != count(w.space)%4 {
			continue
		}
		tr := &trial{}
		in := tr.input(l, f.t, w.space, i, draw)
		out := tr.output(w.rowwise(layouts[i%4]), f.t, w.space, 1)
		tr.op = foldKernel(w, in, out, ir.Inst{Kind: ir.Fold, Code: f.code, Type: f.t})
		if !s.check(t, fmt.Sprintf("%v, %s", w, l.name), tr) {
			return false
		}
	}
	return true
}

// emptyRows folds rows of no elements, of which the result is +0 for sums and 1 for products.
func (s *suite) emptyRows(t *testing.T, f fold) {
	t.Helper()
	if f.code != op.Add && f.code != op.Multiply {
		return
	}
	w := rows{[]int{3, 0}, 1, 2, canon.Lane}
	tr := &trial{}
	in := tr.input(layouts[0], f.t, w.space, 0, func() uint64 { return 0 })
	out := tr.output(w.rowwise(layouts[0]), f.t, w.space, 0)
	tr.op = foldKernel(w, in, out, ir.Inst{Kind: ir.Fold, Code: f.code, Type: f.t})
	s.check(t, "rows of no elements", tr)
}

// castFolds tests sums in another type than the elements': the lanes are the accumulator's.
func (s *suite) castFolds(t *testing.T) {
	for _, c := range [][2]dtype.DType{
		{dtype.Bool, dtype.Int64}, {dtype.Uint8, dtype.Uint64}, {dtype.Int16, dtype.Float32},
		{dtype.Float32, dtype.Float64}, {dtype.Float64, dtype.Float32}, {dtype.Int64, dtype.Float64},
	} {
		from, to := c[0], c[1]
		r := rand.New(rand.NewPCG(19, 20))
		for i, w := range append(laneRows(from.IsFloat()), chunkRows(from.IsFloat())...) {
			tr := &trial{}
			in := tr.input(layouts[i%4], from, w.space, 1, drawn(r, from, mixed))
			out := tr.output(w.rowwise(layouts[0]), to, w.space, 0)
			k := foldKernel(w, in, out, ir.Inst{Kind: ir.Fold, Code: op.Add, Type: to})
			k.Code = []ir.Inst{
				k.Code[0],
				{Kind: ir.Cast, Type: to, Args: [3]int{0, -1, -1}},
				{Kind: ir.Fold, Code: op.Add, Type: to, Args: [3]int{1, -1, -1}, Row: true},
				{Kind: ir.Store, Type: to, Args: [3]int{2, -1, -1}, Row: true},
			}
			tr.op = k
			if !s.check(t, fmt.Sprintf("%v in %v, %v", from, to, w), tr) {
				return
			}
		}
	}
}

// maskedFolds tests row values that are stored only where a mask, one bool a row, is true.
func (s *suite) maskedFolds(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	for i, w := range append(laneRows(false), chunkRows(false)...) {
		tr := &trial{}
		x := tr.input(layouts[i%4], dtype.Float32, w.space, 0, drawn(r, dtype.Float32, mixed))
		m := tr.input(w.rowwise(layouts[(i+1)%4]), dtype.Bool, w.space, 1, drawn(r, dtype.Bool, mixed))
		y := tr.output(w.rowwise(layouts[(i+2)%4]), dtype.Float32, w.space, 2)
		k := foldKernel(w, x, y, ir.Inst{Kind: ir.Fold, Code: op.Add, Type: dtype.Float32})
		k.In = append(k.In, m)
		k.Code = []ir.Inst{
			k.Code[0],
			k.Code[1],
			{Kind: ir.Load, Type: dtype.Bool, Args: none, Index: 1, Row: true},
			{Kind: ir.Store, Type: dtype.Float32, Args: [3]int{1, 2, -1}, Row: true},
		}
		tr.op = k
		s.check(t, w.String(), tr)
	}
}

// argFolds tests the index of the first extreme, with ties, NaNs and signed zeros.
func (s *suite) argFolds(t *testing.T) {
	for _, code := range []op.Code{op.Minimum, op.Maximum} {
		for _, from := range dtype.All() {
			r := rand.New(rand.NewPCG(13, 14))
			for i, w := range append(laneRows(false), chunkRows(false)...) {
				for j, draw := range []func(*rand.Rand, dtype.DType) uint64{mixed, tied, wild} {
					l := layouts[(i+j)%4]
					tr := &trial{}
					in := tr.input(l, from, w.space, j, drawn(r, from, draw))
					out := tr.output(w.rowwise(layouts[j]), dtype.Int64, w.space, 1)
					tr.op = foldKernel(w, in, out, ir.Inst{Kind: ir.ArgFold, Code: code, Type: dtype.Int64})
					if !s.check(t, fmt.Sprintf("argfold %v %v, %v, %s", code, from, w, l.name), tr) {
						return
					}
				}
			}
		}
	}
}
