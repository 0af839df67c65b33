package cpu

import (
	"unsafe"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/op"
	"github.com/tare-go/tare/kernels/simd"
)

// A fold works on vectors: the values of the rows of a unit, side by side. All that canon says of
// one row is done for a vector at a time; a unit of one row is a vector of one value.

// fold is one fold of a stage.
type fold struct {
	slot  int       // of the result
	arg   int       // slot of the elements
	fn    simd.Func // joins two values; nil for an index
	size  int       // bytes of a value
	lanes int       // accumulators of the lane rule; 0 for the chunk rule
	per16 int
	free  bool                            // any order gives the same bits
	pairs func(acc unsafe.Pointer, n int) // joins adjacent pairs of single values, if there is a fast way
	fast  simd.Fold                       // of the values; without functions if there are none
	best  *best                           // of an index fold
	find  func(x, v unsafe.Pointer, n int) int
	acc   int    // offset of the accumulators in the scratch
	parts int    // offset of the partial results: in the shared memory where units are split
	index int    // the same, of the indices of an index fold
	empty uint64 // bits of the fold of nothing
}

// fold compiles a Fold or an ArgFold.
func (c *compiler) fold(v, arg int) (fold, error) {
	in := c.k.Code[v]
	t := c.k.Code[in.Args[0]].Type
	f := fold{slot: v, arg: arg, size: t.Size()}
	if in.Kind == ir.ArgFold {
		f.best = bestOf(in.Code == op.Maximum, t)
		f.parts = c.reserveParts(f.size)
		f.index = c.reserveParts(8)
		if fast, ok := simd.FoldOf(in.Code, t); ok {
			f.fast, f.find = fast, simd.FindOf(t)
			f.acc = reserve(&c.scratch, canon.LaneBytes)
		}
		return f, nil
	}
	if in.Type != t {
		return f, &LoopError{Op: "fold by " + in.Code.String(), Types: []dtype.DType{t, in.Type}}
	}
	var err error
	if f.fn, err = applyFunc(in.Code, []dtype.DType{t, t}); err != nil {
		return f, err
	}
	f.empty = ir.FoldEmpty(in.Code, t)
	f.free = !t.IsFloat() || in.Code != op.Add && in.Code != op.Multiply
	f.parts = c.reserveParts(f.size)
	if c.k.Rule == canon.Lane {
		f.lanes, f.per16 = canon.Lanes(f.size), canon.Per16(f.size)
		f.acc = reserve(&c.scratch, min(f.lanes, max(1, c.na))*c.cols*f.size)
		f.pairs = pairFunc(in.Code, t)
	}
	f.fast, _ = simd.FoldOf(in.Code, t)
	return f, nil
}

// reserveParts takes memory for the partial results of the pieces. Where units are split, each has
// its own. Otherwise a worker has them for one unit and, for the chunk rule, only for the
// subtrees that wait for their neighbour.
func (c *compiler) reserveParts(size int) int {
	vector := c.cols * size
	switch {
	case c.split:
		return reserve(&c.shared, c.units*c.pieces*vector)
	case c.k.Rule == canon.Chunk:
		return reserve(&c.scratch, stackDepth(c.pieces)*vector)
	}
	return reserve(&c.scratch, max(1, c.pieces)*vector)
}

// stackDepth is the partial results that canon.Merges leaves at most, and the one being made.
func stackDepth(pieces int) int {
	depth := 1
	for ; pieces > 0; pieces /= 2 {
		depth++
	}
	return depth
}

// addLanes folds rows vectors of w values into the accumulators of a piece. done is how many vectors the
// piece has had before: vector i goes to lane i modulo the lanes.
func (f *fold) addLanes(acc, tile unsafe.Pointer, done, rows, w int) {
	vector := w * f.size
	for i := 0; i < rows; {
		lane := (done + i) % f.lanes
		n := min(f.lanes-lane, rows-i)
		dst, src := unsafe.Add(acc, lane*vector), unsafe.Add(tile, i*vector)
		switch {
		case done+i < f.lanes:
			copyBytes(dst, src, n*vector)
		case w == 1 && n == f.lanes && f.fast.Rows != nil:
			whole := (rows - i) / f.lanes
			f.fast.Rows(acc, src, whole)
			n = whole * f.lanes
		default:
			f.fn(dst, dst, src, nil, n*w)
		}
		i += n
	}
}

// addRows folds rows vectors one after the other into acc, which is the chunk rule's; the first of a
// piece is copied.
func (f *fold) addRows(acc, tile unsafe.Pointer, done, rows, w int) {
	vector := w * f.size
	for i := range rows {
		src := unsafe.Add(tile, i*vector)
		if done+i == 0 {
			copyBytes(acc, src, vector)
		} else {
			f.fn(acc, acc, src, nil, w)
		}
	}
}

// tree folds the first n lanes into the first one; the others are absent. See canon.LaneTree.
func (f *fold) tree(acc unsafe.Pointer, n, w int) {
	if w == 1 && n >= f.lanes && f.fast.Tree != nil {
		f.fast.Tree(acc, acc)
		return
	}
	if f.free {
		f.halve(acc, n, w)
		return
	}
	n = min(n, f.lanes)
	vector := w * f.size
	for d := 1; d < f.per16 && n > 1; d *= 2 {
		f.joinPairs(acc, n, w)
		n = (n + 1) / 2
	}
	for d := canon.LaneBytes / 32; d > 0; d /= 2 {
		if n > d {
			f.fn(acc, acc, unsafe.Add(acc, d*vector), nil, (n-d)*w)
			n = d
		}
	}
}

// joinPairs joins each two neighbours of n lanes; an odd last one passes up.
func (f *fold) joinPairs(acc unsafe.Pointer, n, w int) {
	vector := w * f.size
	if w == 1 && f.pairs != nil {
		f.pairs(acc, n/2)
	} else {
		for i := range n / 2 {
			f.fn(unsafe.Add(acc, i*vector), unsafe.Add(acc, 2*i*vector), unsafe.Add(acc, (2*i+1)*vector), nil, w)
		}
	}
	if n%2 == 1 && n > 1 {
		copyBytes(unsafe.Add(acc, n/2*vector), unsafe.Add(acc, (n-1)*vector), vector)
	}
}

// halve folds n lanes in an order for long vectors.
func (f *fold) halve(acc unsafe.Pointer, n, w int) {
	n = min(n, f.lanes)
	for n > 1 {
		half := n / 2
		f.fn(acc, acc, unsafe.Add(acc, (n-half)*w*f.size), nil, half*w)
		n -= half
	}
}

// blocks folds the partial results of n pieces by the lane rule, again and again, until the first is
// the result.
func (f *fold) blocks(parts, acc unsafe.Pointer, n, w int) {
	vector := w * f.size
	for n > 1 {
		blocks := canon.Blocks(n)
		for b := range blocks {
			count := min(canon.Block, n-b*canon.Block)
			f.addLanes(acc, unsafe.Add(parts, b*canon.Block*vector), 0, count, w)
			f.tree(acc, count, w)
			copyBytes(unsafe.Add(parts, b*vector), acc, vector)
		}
		n = blocks
	}
}

// chunks folds the partial results of n pieces in pairs, until the first is the result.
func (f *fold) chunks(parts unsafe.Pointer, n, w int) {
	for ; n > 1; n = (n + 1) / 2 {
		f.joinPairs(parts, n, w)
	}
}

// pairFunc joins adjacent pairs of single values: a[i] = a[2i] joined with a[2i+1].
func pairFunc(code op.Code, t dtype.DType) func(acc unsafe.Pointer, n int) {
	switch {
	case code == op.Add && t == dtype.Float64:
		return addPairs[float64]
	case code == op.Add && t == dtype.Float32:
		return addPairs[float32]
	case code == op.Multiply && t == dtype.Float64:
		return multiplyPairs[float64]
	case code == op.Multiply && t == dtype.Float32:
		return multiplyPairs[float32]
	}
	return nil
}

func addPairs[T float32 | float64](acc unsafe.Pointer, n int) {
	a := unsafe.Slice((*T)(acc), 2*n)
	for i := range n {
		a[i] = a[2*i] + a[2*i+1]
	}
}

func multiplyPairs[T float32 | float64](acc unsafe.Pointer, n int) {
	a := unsafe.Slice((*T)(acc), 2*n)
	for i := range n {
		a[i] = T(a[2*i] * a[2*i+1])
	}
}
