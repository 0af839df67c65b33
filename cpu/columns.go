package cpu

import (
	"unsafe"

	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/kernels/simd"
)

// inColumns reports whether the folds of a stage take the elements of an input as they are, and neighbours in
// memory side by side: then they are folded where they are, several rows at a time.
func (c *compiler) inColumns(s int) bool {
	st := &c.stages[s]
	if c.k.Rule != canon.Chunk || len(st.sources) != 1 || len(st.steps)+len(st.stores)+len(st.keeps) > 0 {
		return false
	}
	for _, f := range st.folds {
		if f.best != nil || f.fast.Eight == nil {
			return false
		}
	}
	src := &st.sources[0]
	return c.k.Code[src.slot%len(c.k.Code)].Kind == ir.Load && src.in == inInput &&
		len(src.x.a) == 1 && loop(src.x.b, c.cols, src.x.size)
}

// foldColumns folds a piece of a unit, of the indices from lo up to hi, and leaves the results at a place.
func (f *frame) foldColumns(st *stage, u unit, lo, hi, place int) {
	x := &st.sources[0].x
	at := unsafe.Add(f.base(&st.sources[0]), x.offset(box{u.o, lo, 1, u.b, 1}))
	for i := range st.folds {
		fd := &st.folds[i]
		fd.addColumns(f.part(fd, u, place), at, x.a[0].stride, hi-lo, u.w)
	}
}

// addColumns folds rows vectors of w values, stride bytes apart, one after the other; the first is copied.
func (f *fold) addColumns(acc, src unsafe.Pointer, stride, rows, w int) {
	copyBytes(acc, src, w*f.size)
	whole := w - w%simd.FoldColumns
	rest := unsafe.Add(acc, whole*f.size)
	r := 1
	for ; r+8 <= rows && whole > 0; r += 8 {
		f.fast.Eight(acc, unsafe.Add(src, r*stride), stride, whole)
		for k := r; k < r+8 && whole < w; k++ {
			f.fn(rest, rest, unsafe.Add(src, k*stride+whole*f.size), nil, w-whole)
		}
	}
	for ; r < rows; r++ {
		f.fn(acc, acc, unsafe.Add(src, r*stride), nil, w)
	}
}
