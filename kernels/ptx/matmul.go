package ptx

import (
	"slices"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/op"
)

// product launches a product of matrices.
func (m *module) product(o *ir.MatMul, f form) {
	split := o.Order()
	switch {
	case max(o.M, o.N, o.K) > maxIndex:
		m.refused = true
	case extent(o.Batch)*o.M*o.N == 0:
	case split.Lane:
		m.dot(o, f)
	case split.Chunks <= 1:
		m.tiles(o, split, array{kind: Operand, index: 2})
	default:
		sums := array{kind: Scratch, off: m.reserve(extent(o.Batch) * split.Chunks * o.M * o.N * o.Type.Size())}
		m.tiles(o, split, sums)
		m.addChunks(o, split, sums)
	}
}

// factors are the operands of a product: A and B with the result, or those of the transposed product, of which the
// chains are the same, where that lies along the rows.
type factors struct {
	m, n int
	a, b matrix
	to   array
	down int // bytes of the result from row to row, and from column to column
	next int
}

// matrix is a factor: where it is, and the bytes from one row or column to the next and from one k to the next.
type matrix struct {
	at         array
	batch      []int
	across, on int
}

// factorsOf are those of a product whose results go to the given array: the operand, or the workspace for results
// of chunks, batch, chunk, row and column.
func factorsOf(o *ir.MatMul, to array) factors {
	r, size := len(o.Batch), o.Type.Size()
	f := factors{m: o.M, n: o.N, to: to, down: o.To.Strides[r], next: o.To.Strides[r+1],
		a: matrix{array{index: 0}, o.A.Strides[:r], o.A.Strides[r], o.A.Strides[r+1]},
		b: matrix{array{index: 1}, o.B.Strides[:r], o.B.Strides[r+1], o.B.Strides[r]}}
	if to.kind == Scratch {
		f.down, f.next = o.N*size, size
	}
	if f.next != size && f.down == size {
		return factors{m: o.N, n: o.M, to: to, down: f.next, next: f.down, a: f.b, b: f.a}
	}
	return f
}

func extent(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

// dot launches a product of a row with a column, for each index of the batch: a fold by the lane rule, of which
// the step is a fused multiply-add, and to which +0 is added.
func (m *module) dot(o *ir.MatMul, f form) {
	r := len(o.Batch)
	k := &ir.Kernel{Space: append(slices.Clone(o.Batch), o.K), Lo: r, Hi: r + 1, Rule: canon.Lane,
		In: []ir.Operand{
			{Type: o.Type, Strides: append(slices.Clone(o.A.Strides[:r]), o.A.Strides[r+1])},
			{Type: o.Type, Strides: slices.Clone(o.B.Strides[:r+1])},
		},
		Out: []ir.Operand{{Type: o.Type, Strides: append(slices.Clone(o.To.Strides[:r]), 0)}},
		Code: []ir.Inst{
			{Kind: ir.Load, Type: o.Type, Args: [3]int{-1, -1, -1}},
			{Kind: ir.Load, Type: o.Type, Args: [3]int{-1, -1, -1}, Index: 1},
			{Kind: ir.Fold, Code: op.Add, Type: o.Type, Args: [3]int{0, 1, -1}, Row: true},
			{Kind: ir.Store, Type: o.Type, Args: [3]int{2, -1, -1}, Row: true},
		}}
	m.kernel(&pass{Kernel: k, at: places(o), closed: true}, f)
}

// addChunks adds the results of the chunks of k, left to right, and +0.
func (m *module) addChunks(o *ir.MatMul, split canon.Split, sums array) {
	r := len(o.Batch)
	space := append(slices.Clone(o.Batch), o.M, o.N, split.Chunks)
	from := append(spread(append(slices.Clone(o.Batch), split.Chunks*o.M, o.N), o.Type.Size()), o.M*o.N*o.Type.Size())
	k := &ir.Kernel{Space: space, Lo: r + 2, Hi: r + 3, Rule: canon.Chunk,
		In:  []ir.Operand{{Type: o.Type, Strides: from}},
		Out: []ir.Operand{{Type: o.Type, Strides: append(slices.Clone(o.To.Strides), 0)}},
		Code: []ir.Inst{
			{Kind: ir.Load, Type: o.Type, Args: [3]int{-1, -1, -1}},
			{Kind: ir.Fold, Code: op.Add, Type: o.Type, Args: [3]int{0, -1, -1}, Row: true},
			{Kind: ir.Store, Type: o.Type, Args: [3]int{1, -1, -1}, Row: true},
		}}
	p := &pass{Kernel: k, at: []array{sums, {kind: Operand, index: 2}}, closed: true}
	for _, part := range p.merged().parts(0, m.target.indices()) {
		m.columns(part, inOrder)
	}
}

// held is the type that has a register's size: narrow integers and bools are multiplied in 32 bits, of which only
// the low ones count.
func held(t dtype.DType) dtype.DType {
	switch {
	case t == dtype.Bool:
		return dtype.Uint32
	case t.Size() < 4 && t.Kind() == dtype.SignedKind:
		return dtype.Int32
	case t.Size() < 4:
		return dtype.Uint32
	}
	return t
}
