package cpu

import (
	"unsafe"

	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/op"
	"github.com/tare-go/tare/kernels/simd"
)

// squares is a stage that sums the squares of the differences between an input and a value of its row, as a variance
// does: elements are read where they are, and no differences are stored.
type squares struct {
	x        *source
	from     int // slot of the row's value
	subtract simd.Func
	multiply simd.Func
}

// squaresOf is how a stage sums squares, nil if that is not what it does.
func (c *compiler) squaresOf(st *stage) *squares {
	if len(st.folds) != 1 || st.folds[0].fast.Squares == nil || len(st.sources) != 2 || len(st.steps) != 2 || len(st.stores)+len(st.keeps) > 0 {
		return nil
	}
	d, s := &st.steps[0], &st.steps[1]
	x, from := &st.sources[0], &st.sources[1]
	vector := c.k.Code[from.slot%len(c.k.Code)].Kind != ir.Param
	differs := vector && c.applies(d, op.Subtract) && d.args[0] == x.slot && d.args[1] == from.slot && x.in == inInput && from.in == inSlot
	squared := c.applies(s, op.Multiply) && s.args[0] == d.dst && s.args[1] == d.dst && st.folds[0].arg == s.dst
	if !differs || !squared {
		return nil
	}
	return &squares{x, from.index, d.fn, s.fn}
}

// applies reports whether a step is an operator.
func (c *compiler) applies(s *step, code op.Code) bool {
	in := c.k.Code[s.dst]
	return in.Kind == ir.Apply && in.Code == code
}

// inLanes reports whether squares are of elements that lie one after the other, a row at a time.
func (c *compiler) inLanes(q *squares) bool {
	return q != nil && c.k.Rule == canon.Lane && c.cols == 1 && loop(q.x.x.a, c.na, q.x.x.size)
}

// square squares n differences.
func (q *squares) square(to, x, from unsafe.Pointer, n int) {
	q.subtract(to, x, from, nil, n)
	q.multiply(to, to, to, nil, n)
}

// foldSquares sums the squares of a piece of a row, of the indices from lo up to hi, and leaves the sum at a place.
func (f *frame) foldSquares(st *stage, u unit, lo, hi, place int) {
	fd, q, n := &st.folds[0], st.squares, hi-lo
	src := unsafe.Add(f.base(q.x), q.x.x.offset(box{u.o, lo, 1, u.b, 1}))
	acc, from := unsafe.Add(f.scratch, fd.acc), f.slots[q.from]
	fd.absent(acc, min(n, fd.lanes))
	whole := n / fd.lanes
	if whole > 0 {
		fd.fast.Squares(acc, src, from, whole)
	}
	fd.addSquares(acc, unsafe.Add(src, whole*fd.lanes*fd.size), from, n-whole*fd.lanes)
	fd.tree(acc, n, 1)
	copyBytes(f.part(fd, u, place), acc, fd.size)
}

// absent makes lanes of a sum that no element was added to.
func (f *fold) absent(acc unsafe.Pointer, lanes int) {
	if f.size == 4 {
		fillWords[uint32](acc, 1<<31, lanes)
		return
	}
	fillWords[uint64](acc, 1<<63, lanes)
}

// addSquares adds the squares of n differences, fewer than there are lanes.
func (f *fold) addSquares(acc, src, from unsafe.Pointer, n int) {
	if f.size == 4 {
		squareSums[float32](acc, src, from, n)
		return
	}
	squareSums[float64](acc, src, from, n)
}

func squareSums[T float32 | float64](acc, src, from unsafe.Pointer, n int) {
	sums, v := unsafe.Slice((*T)(acc), n), *(*T)(from)
	for i, x := range unsafe.Slice((*T)(src), n) {
		sums[i] += T((x - v) * (x - v))
	}
}
