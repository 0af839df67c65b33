package devicetest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/op"
)

// maxArity is the most operands that an operator has.
const maxArity = 3

// elementwise is one instruction on elements: an operator in one loop of its rule, or a cast.
type elementwise struct {
	name string
	inst ir.Inst // Apply or Cast, without Args
	args []dtype.DType
}

// loops lists the loops of an operator: one for each choice of types that its rule makes.
func loops(code op.Code) []elementwise {
	var list []elementwise
	seen := map[string]bool{}
	for _, args := range tuples(code.Row().Arity) {
		types, out, err := code.Resolve(args...)
		if err != nil {
			continue
		}
		loop := types[:len(args)]
		name := fmt.Sprintf("%v %v", code, loop)
		if !seen[name] {
			seen[name] = true
			list = append(list, elementwise{name, ir.Inst{Kind: ir.Apply, Code: code, Type: out}, loop})
		}
	}
	return list
}

// tuples is all choices of n types.
func tuples(n int) [][]dtype.Arg {
	if n == 0 {
		return [][]dtype.Arg{nil}
	}
	var list [][]dtype.Arg
	for _, head := range tuples(n - 1) {
		for _, t := range dtype.All() {
			list = append(list, append(append([]dtype.Arg(nil), head...), dtype.Arg{Type: t}))
		}
	}
	return list
}

// allCasts lists the conversions between different types.
func allCasts() []elementwise {
	var list []elementwise
	for _, from := range dtype.All() {
		for _, to := range dtype.All() {
			if from != to {
				list = append(list, elementwise{fmt.Sprintf("cast %v to %v", from, to), ir.Inst{Kind: ir.Cast, Type: to}, []dtype.DType{from}})
			}
		}
	}
	return list
}

// kernel is the plain map that loads the operands, of which those in scalar are parameters, applies
// the instruction and stores the result.
func (e elementwise) kernel(space []int, in []ir.Operand, out ir.Operand, scalar [maxArity]bool) *ir.Kernel {
	k := &ir.Kernel{Space: space, Lo: len(space), Hi: len(space), In: in, Out: []ir.Operand{out}}
	apply := e.inst
	apply.Args = none
	loaded := 0
	for j, t := range e.args {
		apply.Args[j] = j
		if scalar[j] {
			k.Code = append(k.Code, ir.Inst{Kind: ir.Param, Type: t, Args: none, Index: len(k.Params)})
			k.Params = append(k.Params, t)
			continue
		}
		k.Code = append(k.Code, ir.Inst{Kind: ir.Load, Type: t, Args: none, Index: loaded})
		loaded++
	}
	n := len(e.args)
	k.Code = append(k.Code, apply, ir.Inst{Kind: ir.Store, Type: apply.Type, Args: [3]int{n, -1, -1}})
	return k
}

// maps tests every operator in every loop.
func (s *suite) maps(t *testing.T) {
	for i := range op.Table {
		code := op.Code(i)
		t.Run(code.String(), func(t *testing.T) {
			for _, e := range loops(code) {
				if !s.elementwise(t, e) {
					return // the others would say the same
				}
			}
		})
	}
}

// casts tests every conversion.
func (s *suite) casts(t *testing.T) {
	for _, e := range allCasts() {
		s.elementwise(t, e)
	}
}

// elementwise tests one instruction in all pairs of values, sizes, layouts, with scalars, in place.
func (s *suite) elementwise(t *testing.T, e elementwise) bool {
	t.Helper()
	return s.sizes(t, e) && s.layouts(t, e) && s.scalars(t, e) && s.inPlace(t, e)
}

// large tests maps of more elements than a tile, a block or a worker takes at once.
func (s *suite) large(t *testing.T) {
	if testing.Short() {
		t.Skip("many elements")
	}
	spaces := [][]int{{40_001}, {150, 271}, {7, 1, 5801}, {20_003, 2}}
	for i, e := range []elementwise{
		{"add float32", ir.Inst{Kind: ir.Apply, Code: op.Add, Type: dtype.Float32}, []dtype.DType{dtype.Float32, dtype.Float32}},
		{"less float64", ir.Inst{Kind: ir.Apply, Code: op.Less, Type: dtype.Bool}, []dtype.DType{dtype.Float64, dtype.Float64}},
		{"cast uint8 to float64", ir.Inst{Kind: ir.Cast, Type: dtype.Float64}, []dtype.DType{dtype.Uint8}},
	} {
		r := rand.New(rand.NewPCG(9, uint64(i)))
		for j, space := range spaces {
			for _, l := range []int{0, 1 + (i+j)%(len(layouts)-1)} {
				s.check(t, fmt.Sprintf("%s, %v, %s", e.name, space, layouts[l].name), e.placed(r, space, l, layouts[(i+l)%4]))
			}
		}
	}
}

// widest is the number of elements in 64 bytes of the narrowest type: no vector has more.
func (e elementwise) widest() int {
	size := e.inst.Type.Size()
	for _, t := range e.args {
		size = min(size, t.Size())
	}
	return 64 / size
}

// lengths are the sizes to try: all up to twice the vector width and one; few in short mode.
func (e elementwise) lengths() []int {
	all := 2*e.widest() + 1
	if testing.Short() {
		return []int{0, 1, 7, all / 2, all}
	}
	list := make([]int, all+1)
	for i := range list {
		list[i] = i
	}
	return list
}

// sizes tests one array with all pairs of values, and arrays of every length, at every offset within
// a vector. Since the map of an element depends on nothing else, one interpretation serves all.
func (s *suite) sizes(t *testing.T, e elementwise) bool {
	t.Helper()
	most := len(values(e.args[0]))
	if len(e.args) > 1 {
		most *= len(values(e.args[1]))
	}
	most = max(most, 2*e.widest()+1)
	full := e.contiguous(most, 0)
	want, err := full.interpreted()
	if err != nil {
		t.Errorf("%s: interpreter: %v", e.name, err)
		return false
	}
	if !s.compare(t, e.name, full, want) {
		return false
	}
	results := want[len(want)-1]
	for _, n := range e.lengths() {
		tr := e.contiguous(n, n%e.widest())
		if !s.compare(t, fmt.Sprintf("%s, %d elements", e.name, n), tr, e.expect(tr, results, n)) {
			return false
		}
	}
	return true
}

// contiguous is the map of n elements, lead elements from an aligned address.
func (e elementwise) contiguous(n, lead int) *trial {
	tr, space := &trial{}, []int{n}
	var in []ir.Operand
	for j, t := range e.args {
		i := -lead
		in = append(in, tr.input(layouts[0], t, space, lead, func() uint64 { i++; return pairs(t, max(i-1, 0), j) }))
	}
	tr.op = e.kernel(space, in, tr.output(layouts[0], e.inst.Type, space, lead), [maxArity]bool{})
	return tr
}

// expect is the blocks of a contiguous trial with the first n of the results.
func (e elementwise) expect(tr *trial, results []byte, n int) [][]byte {
	want := append([][]byte(nil), tr.blocks...)
	last := len(want) - 1
	want[last] = bytes.Clone(want[last])
	copy(want[last][tr.args[last].off:], results[:n*e.inst.Type.Size()])
	return want
}

// spaces are the extents in which layouts are tried.
var spaces = [][]int{{}, {9}, {3, 5}, {5, 17}, {2, 3, 4}, {2, 1, 3, 2}}

// layouts tests each layout for the inputs, with the output contiguous, then for the output; and
// with several inputs a different one for each.
func (s *suite) layouts(t *testing.T, e elementwise) bool {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	for i, space := range spaces {
		if testing.Short() && i%2 == 0 {
			continue
		}
		for l := range layouts {
			out := layouts[0]
			if i%2 == 0 && !layouts[l].shared {
				out = layouts[l]
			}
			if !s.check(t, fmt.Sprintf("%s, %s, to %s", e.name, layouts[l].name, out.name), e.placed(r, space, l, out)) {
				return false
			}
		}
	}
	return true
}

// placed is the map with operand j in the layout l+j.
func (e elementwise) placed(r *rand.Rand, space []int, l int, out layout) *trial {
	tr := &trial{}
	var in []ir.Operand
	for j, t := range e.args {
		in = append(in, tr.input(layouts[(l+j*(1+len(space)))%len(layouts)], t, space, j, drawn(r, t, wild)))
	}
	tr.op = e.kernel(space, in, tr.output(out, e.inst.Type, space, 1), [maxArity]bool{})
	return tr
}

// scalars tests each operand as a parameter of the run, and all of them.
func (s *suite) scalars(t *testing.T, e elementwise) bool {
	t.Helper()
	r := rand.New(rand.NewPCG(3, 4))
	for which := 1; which < 1<<len(e.args); which++ {
		tr, space := &trial{}, []int{2*e.widest() + 1}
		var in []ir.Operand
		var scalar [maxArity]bool
		for j, t := range e.args {
			if scalar[j] = which>>j&1 == 1; scalar[j] {
				tr.scalars = append(tr.scalars, wild(r, t))
				continue
			}
			in = append(in, tr.input(layouts[0], t, space, 0, drawn(r, t, wild)))
		}
		tr.op = e.kernel(space, in, tr.output(layouts[0], e.inst.Type, space, 0), scalar)
		if !s.check(t, fmt.Sprintf("%s, scalars %v", e.name, scalar), tr) {
			return false
		}
	}
	return true
}

// inPlace tests each operand of the result's type as the output.
func (s *suite) inPlace(t *testing.T, e elementwise) bool {
	t.Helper()
	r := rand.New(rand.NewPCG(5, 6))
	for j, to := range e.args {
		if to != e.inst.Type {
			continue
		}
		for _, l := range []layout{layouts[0], layouts[2]} {
			tr, space := &trial{}, []int{2, e.widest() + 1}
			var in []ir.Operand
			for _, t := range e.args {
				in = append(in, tr.input(l, t, space, 0, drawn(r, t, wild)))
			}
			tr.args = append(tr.args, tr.args[j])
			tr.op = e.kernel(space, in, in[j], [maxArity]bool{})
			if !s.check(t, fmt.Sprintf("%s, in place of operand %d, %s", e.name, j, l.name), tr) {
				return false
			}
		}
	}
	return true
}

// masks tests stores that happen only where a mask is true, for every type.
func (s *suite) masks(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, to := range dtype.All() {
		for _, space := range spaces {
			for l, in := range layouts {
				tr := &trial{}
				mask := layouts[(l+1)%len(layouts)]
				x := tr.input(in, to, space, 0, drawn(r, to, wild))
				m := tr.input(mask, dtype.Bool, space, 1, drawn(r, dtype.Bool, wild))
				y := tr.output(layouts[l%4], to, space, 2)
				tr.op = &ir.Kernel{Space: space, Lo: len(space), Hi: len(space), In: []ir.Operand{x, m}, Out: []ir.Operand{y}, Code: []ir.Inst{
					{Kind: ir.Load, Type: to, Args: none},
					{Kind: ir.Load, Type: dtype.Bool, Args: none, Index: 1},
					{Kind: ir.Store, Type: to, Args: [3]int{0, 1, -1}},
				}}
				if !s.check(t, fmt.Sprintf("%v, %s, mask %s", to, in.name, mask.name), tr) {
					return
				}
			}
		}
	}
}
