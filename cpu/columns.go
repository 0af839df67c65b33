package cpu

import (
	"unsafe"

	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/kernels/simd"
)

// columnsOf is the input of a stage whose folds take its elements, or the squares of their differences, as they are,
// and neighbours in memory side by side: then they are folded where they are, several rows at a time. It is nil for
// other stages.
func (c *compiler) columnsOf(st *stage) *source {
	plain := len(st.sources) == 1 && len(st.steps)+len(st.stores)+len(st.keeps) == 0
	if c.k.Rule != canon.Chunk || !plain && st.squares == nil {
		return nil
	}
	for _, f := range st.folds {
		if f.best != nil || f.fast.Eight == nil {
			return nil
		}
	}
	src := &st.sources[0]
	if c.k.Code[src.slot%len(c.k.Code)].Kind != ir.Load || src.in != inInput || len(src.x.a) != 1 || !loop(src.x.b, c.cols, src.x.size) {
		return nil
	}
	return src
}

// columnFold folds columns into accumulators.
type columnFold struct {
	*fold
	acc  unsafe.Pointer
	q    *squares // nil for the elements themselves
	from unsafe.Pointer
	tile unsafe.Pointer // for squares
}

// foldColumns folds a piece of a unit, of the indices from lo up to hi, and leaves the results at a place.
func (f *frame) foldColumns(st *stage, u unit, lo, hi, place int) {
	x := &st.columns.x
	at := unsafe.Add(f.base(st.columns), x.offset(box{u.o, lo, 1, u.b, 1}))
	for i := range st.folds {
		c := columnFold{fold: &st.folds[i], acc: f.part(&st.folds[i], u, place), q: st.squares}
		if c.q != nil {
			c.from, c.tile = f.slots[c.q.from], unsafe.Add(f.scratch, st.steps[0].at)
		}
		c.add(at, x.a[0].stride, hi-lo, u.w)
	}
}

// add folds rows vectors of w values, stride bytes apart, one after the other; the first starts the accumulators.
func (c *columnFold) add(src unsafe.Pointer, stride, rows, w int) {
	if c.q == nil {
		copyBytes(c.acc, src, w*c.size)
	} else {
		c.q.square(c.acc, src, c.from, w)
	}
	whole := w - w%simd.FoldColumns
	r := 1
	for ; r+8 <= rows && whole > 0; r += 8 {
		c.eight(unsafe.Add(src, r*stride), stride, whole)
		for k := r; k < r+8 && whole < w; k++ {
			c.one(unsafe.Add(src, k*stride), whole, w)
		}
	}
	for ; r < rows; r++ {
		c.one(unsafe.Add(src, r*stride), 0, w)
	}
}

// eight folds the first n values of eight rows.
func (c *columnFold) eight(src unsafe.Pointer, stride, n int) {
	if c.q == nil {
		c.fast.Eight(c.acc, src, stride, n)
		return
	}
	c.fast.EightSquares(c.acc, src, c.from, stride, n)
}

// one folds the values of a row from lo up to hi.
func (c *columnFold) one(src unsafe.Pointer, lo, hi int) {
	acc, x, n := unsafe.Add(c.acc, lo*c.size), unsafe.Add(src, lo*c.size), hi-lo
	if c.q != nil {
		c.q.square(c.tile, x, unsafe.Add(c.from, lo*c.size), n)
		x = c.tile
	}
	c.fn(acc, acc, x, nil, n)
}
