package ir

import (
	"fmt"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/op"
)

// Memory is an operand of an interpreted operation: its element at index 0 is at Data[Off].
type Memory struct {
	Data []byte
	Off  int
}

// Interpret runs an operation one element at a time, the slow obvious way. args are the memory of the
// inputs and then of the outputs; scalars the bits of the scalars.
func Interpret(o Op, args []Memory, scalars []uint64) error {
	if err := Verify(o); err != nil {
		return err
	}
	switch o := o.(type) {
	case *Kernel:
		in := interpreter{k: o, in: args[:len(o.In)], out: args[len(o.In):], scalars: scalars}
		in.run()
	case *MatMul:
		return interpretProduct(o, args, scalars)
	case *Scan:
		interpretScan(o, args[0], args[1])
	default:
		return fmt.Errorf("BUG: ir: cannot interpret %T", o)
	}
	return nil
}

type interpreter struct {
	k       *Kernel
	in, out []Memory
	scalars []uint64
}

// run takes each row in turn. A plain map is one row, with all the space in it.
func (in *interpreter) run() {
	k := in.k
	if !k.Folds() {
		in.row(make([]int, len(k.Space)), k.Space, 0)
		return
	}
	kept := append(append([]int(nil), k.Space[:k.Lo]...), k.Space[k.Hi:]...)
	each(kept, func(ix []int) {
		at := make([]int, len(k.Space))
		copy(at, ix[:k.Lo])
		copy(at[k.Hi:], ix[k.Lo:])
		in.row(at, k.Space[k.Lo:k.Hi], k.Lo)
	})
}

// row evaluates the code for the elements whose index agrees with at outside the dimensions from lo
// on that have the given extents.
func (in *interpreter) row(at []int, extents []int, lo int) {
	var elements [][]int
	each(extents, func(ix []int) {
		e := append([]int(nil), at...)
		copy(e[lo:], ix)
		elements = append(elements, e)
	})
	values := make([][]uint64, len(in.k.Code)) // one number for a row value, one an element otherwise
	for i, c := range in.k.Code {
		places := elements
		if c.Row {
			places = [][]int{at}
		}
		if c.Kind == Store {
			in.store(c, values, places)
			continue
		}
		values[i] = in.value(c, values, places, len(elements))
	}
}

func (in *interpreter) value(c Inst, values [][]uint64, places [][]int, n int) []uint64 {
	switch c.Kind {
	case Fold:
		x := spreadTo(values[c.Args[0]], n)
		return []uint64{FoldValues(c.Code, c.Type, in.k.Rule, len(x), func(i int) uint64 { return x[i] })}
	case ArgFold:
		x := spreadTo(values[c.Args[0]], n)
		return []uint64{uint64(argBest(c.Code, in.k.Code[c.Args[0]].Type, len(x), func(i int) uint64 { return x[i] }))}
	}
	out := make([]uint64, len(places))
	for e, ix := range places {
		switch c.Kind {
		case Load:
			o := in.k.In[c.Index]
			out[e] = in.in[c.Index].get(o, ix)
		case Param:
			out[e] = in.scalars[c.Index]
		case Cast:
			out[e] = op.CastProgram(in.k.Code[c.Args[0]].Type, c.Type).Eval(pick(values[c.Args[0]], e))
		case Apply:
			out[e] = in.apply(c, values, e)
		}
	}
	return out
}

func (in *interpreter) apply(c Inst, values [][]uint64, e int) uint64 {
	var args []uint64
	var types []dtype.DType
	for _, a := range c.Args {
		if a >= 0 {
			args = append(args, pick(values[a], e))
			types = append(types, in.k.Code[a].Type)
		}
	}
	return c.Code.Program(types).Eval(args...)
}

func (in *interpreter) store(c Inst, values [][]uint64, places [][]int) {
	for e, ix := range places {
		if m := c.Args[1]; m >= 0 && pick(values[m], e) == 0 {
			continue
		}
		in.out[c.Index].set(in.k.Out[c.Index], ix, pick(values[c.Args[0]], e))
	}
}

// pick is the value of element e; a row value is the same for all.
func pick(v []uint64, e int) uint64 {
	if len(v) == 1 {
		return v[0]
	}
	return v[e]
}

func spreadTo(v []uint64, n int) []uint64 {
	if len(v) == n {
		return v
	}
	out := make([]uint64, n)
	for i := range out {
		out[i] = v[0]
	}
	return out
}

// FoldValues folds n values of type t by an operator, in canonical order. No values give the identity.
func FoldValues(code op.Code, t dtype.DType, rule canon.Rule, n int, at func(i int) uint64) uint64 {
	p := code.Program([]dtype.DType{t, t})
	join := func(a, b uint64) uint64 { return p.Eval(a, b) }
	if n == 0 {
		return FoldEmpty(code, t)
	}
	if rule == canon.Chunk {
		return canon.ChunkFold(n, at, join)
	}
	if code != op.Add && code != op.Multiply || !t.IsFloat() {
		acc := at(0)
		for i := 1; i < n; i++ {
			acc = join(acc, at(i))
		}
		return acc
	}
	return canon.LaneFold(n, at, FoldAbsent(code, t), canon.Lanes(t.Size()), canon.Per16(t.Size()), join)
}

// FoldAbsent is the value of an absent element: it changes nothing it is folded with. Minima and
// maxima have none.
func FoldAbsent(code op.Code, t dtype.DType) uint64 {
	bits, _ := code.IdentityBits(t)
	return bits
}

// FoldEmpty is the fold of no elements: +0 for a sum, whose absent element is -0.
func FoldEmpty(code op.Code, t dtype.DType) uint64 {
	if code == op.Add {
		return 0
	}
	return FoldAbsent(code, t)
}

// argBest is the index of the first least or greatest value, or of the first NaN.
func argBest(code op.Code, t dtype.DType, n int, at func(i int) uint64) int {
	better := op.Less
	if code == op.Maximum {
		better = op.Greater
	}
	p, nan := better.Program([]dtype.DType{t, t}), op.IsNaN.Program([]dtype.DType{t})
	best := 0
	for i := range n {
		if nan.Eval(at(i)) != 0 {
			return i
		}
		if p.Eval(at(i), at(best)) != 0 {
			best = i
		}
	}
	return best
}

// interpretProduct stores the results of a product before it goes on with them.
func interpretProduct(m *MatMul, args []Memory, scalars []uint64) error {
	first, then := m.Apart()
	if then == nil {
		interpretMatMul(m, args[0], args[1], args[2])
		return nil
	}
	low, high := first.To.Reach(then.Space)
	results := Memory{Data: make([]byte, high-low), Off: -low}
	interpretMatMul(first, args[0], args[1], results)
	return Interpret(then, append([]Memory{results}, args[2:]...), scalars)
}

func interpretMatMul(m *MatMul, a, b, to Memory) {
	r := len(m.Batch)
	split := m.Order()
	each(join(m.Batch, m.M, m.N), func(ix []int) {
		i, j := ix[r], ix[r+1]
		row := func(k int) uint64 { return a.get(m.A, join(ix[:r], i, k)) }
		col := func(k int) uint64 { return b.get(m.B, join(ix[:r], k, j)) }
		to.set(m.To, ix, Dot(m.Type, split, m.K, row, col))
	})
}

// Dot is one result of a matrix product of type t in the canonical order.
func Dot(t dtype.DType, s canon.Split, n int, a, b func(k int) uint64) uint64 {
	add := op.Add.Program([]dtype.DType{t, t})
	sum := func(x, y uint64) uint64 { return add.Eval(x, y) }
	fma := ProductStep(t)
	step := func(acc uint64, k int) uint64 { return fma.Eval(a(k), b(k), acc) }
	if s.Lane {
		return canon.Dot(n, step, FoldAbsent(op.Add, t), 0, canon.Lanes(t.Size()), canon.Per16(t.Size()), sum)
	}
	return canon.Chain(s, n, step, 0, 0, sum)
}

// ProductStep is the step of a product, from two factors and what is summed so far: a fused multiply-add of floats;
// integers wrap, and bools are or-ed.
func ProductStep(t dtype.DType) *op.Program {
	b, x := op.NewBuilder(t, t, t, t)
	switch t.Kind() {
	case dtype.FloatKind:
		return b.Build(b.FMA(x[0], x[1], x[2]))
	case dtype.BoolKind:
		return b.Build(b.Or(x[2], b.And(x[0], x[1])))
	}
	return b.Build(b.Add(x[2], b.Mul(x[0], x[1])))
}

// each visits the indices of a shape in C order. The slice is reused.
func each(shape []int, visit func(ix []int)) {
	if product(shape) == 0 {
		return
	}
	ix := make([]int, len(shape))
	for {
		visit(ix)
		d := len(shape) - 1
		for d >= 0 {
			ix[d]++
			if ix[d] < shape[d] {
				break
			}
			ix[d] = 0
			d--
		}
		if d < 0 {
			return
		}
	}
}

// at is the offset of an element.
func (m Memory) at(o Operand, ix []int) int {
	off := m.Off
	for d, i := range ix {
		off += i * o.Strides[d]
	}
	return off
}

func (m Memory) get(o Operand, ix []int) uint64 {
	at := m.at(o, ix)
	return ReadBits(m.Data[at : at+o.Type.Size()])
}

func (m Memory) set(o Operand, ix []int, bits uint64) {
	at := m.at(o, ix)
	WriteBits(m.Data[at:at+o.Type.Size()], bits)
}

// ReadBits reads a little-endian element of 1, 2, 4 or 8 bytes.
func ReadBits(b []byte) uint64 {
	var v uint64
	for i := len(b) - 1; i >= 0; i-- {
		v = v<<8 | uint64(b[i])
	}
	return v
}

// WriteBits writes the low bytes of v.
func WriteBits(b []byte, v uint64) {
	for i := range b {
		b[i] = byte(v >> (8 * i))
	}
}
