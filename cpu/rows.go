package cpu

import (
	"context"
	"unsafe"

	"github.com/tare-go/tare/internal/canon"
)

// unit is rows of a kernel side by side: a column of boxes, w rows wide.
type unit struct {
	index   int
	o, b, w int
}

// unitAt is the unit with a number.
func (p *kernelProgram) unitAt(i int) unit {
	across := ceilDiv(p.nb, p.cols)
	b := i % across * p.cols
	return unit{i, i / across, b, min(p.cols, p.nb-b)}
}

// unit takes a unit through all stages.
func (f *frame) unit(i int) {
	u := f.p.unitAt(i)
	f.begin(u)
	f.rowSteps(f.p.before, u)
	for s := range f.p.stages {
		st := &f.p.stages[s]
		f.enter(st)
		if f.p.k.Rule == canon.Chunk {
			f.stack(st, u)
		} else {
			for piece := range f.p.pieces {
				f.fold(st, u, piece, piece)
			}
		}
		f.finish(st, u)
	}
	f.storeRows(u)
}

// stack folds the pieces of a unit by the chunk rule: the results of complete subtrees wait on a
// stack for their neighbours.
func (f *frame) stack(st *stage, u unit) {
	top := 0
	for piece := range f.p.pieces {
		f.fold(st, u, piece, top)
		for range canon.Merges(piece, f.p.pieces) {
			top--
			for i := range st.folds {
				f.merge(&st.folds[i], u, top)
			}
		}
		top++
	}
}

// merge folds the partial results at place i+1 into those at place i.
func (f *frame) merge(fd *fold, u unit, i int) {
	a, b := f.part(fd, u, i), f.part(fd, u, i+1)
	if fd.best != nil {
		fd.best.join(a, f.partIndex(fd, u, i), b, f.partIndex(fd, u, i+1), u.w)
		return
	}
	fd.fn(a, a, b, nil, u.w)
}

// begin points the slots of row values to the unit's vectors, and loads those that are operands.
func (f *frame) begin(u unit) {
	for _, k := range f.p.rowSlots {
		if f.p.split {
			f.slots[k.slot] = unsafe.Add(f.run.shared, k.at+u.index*f.p.cols*k.size)
		} else {
			f.slots[k.slot] = unsafe.Add(f.scratch, k.at)
		}
	}
	for _, id := range f.p.spread {
		f.packed[id] = packed{}
	}
	for i := range f.p.loads {
		f.bind(&f.p.loads[i], box{o: u.o, na: 1, b: u.b, nb: u.w})
	}
}

// rowSteps computes row values of a unit.
func (f *frame) rowSteps(steps []step, u unit) {
	for i := range steps {
		s := &steps[i]
		s.fn(f.slots[s.dst], f.slots[s.args[0]], f.slots[s.args[1]], f.slots[s.args[2]], u.w)
	}
}

// storeRows writes the row values of a unit that are outputs. It comes last, as elements may be loaded
// from the same memory.
func (f *frame) storeRows(u unit) {
	for i := range f.p.stores {
		f.store(&f.p.stores[i], box{o: u.o, na: 1, b: u.b, nb: u.w})
	}
}

// fold takes one piece of a unit through a stage, and leaves the partial results at a place.
func (f *frame) fold(st *stage, u unit, piece, place int) {
	if st.decisive && f.decided() {
		f.absent(&st.folds[0], u, place)
		return
	}
	f.foldPiece(st, u, piece, place)
	if st.decisive {
		f.decide(&st.folds[0], u, place)
	}
}

func (f *frame) foldPiece(st *stage, u unit, piece, place int) {
	lo := piece * f.p.piece
	hi := min(lo+f.p.piece, f.p.na)
	switch {
	case st.columns != nil:
		f.foldColumns(st, u, lo, hi, place)
		return
	case st.squares != nil:
		f.foldSquares(st, u, lo, hi, place)
		return
	}
	for a := lo; a < hi; a += f.p.rows {
		bx := box{u.o, a, min(f.p.rows, hi-a), u.b, u.w}
		f.compute(st, bx)
		for i := range st.folds {
			f.accumulate(&st.folds[i], u, bx, a-lo, place)
		}
	}
	for i := range st.folds {
		if fd := &st.folds[i]; fd.lanes > 0 {
			acc := unsafe.Add(f.scratch, fd.acc)
			fd.tree(acc, hi-lo, u.w)
			copyBytes(f.part(fd, u, place), acc, u.w*fd.size)
		}
	}
}

// accumulate folds a tile into the piece's accumulators, which have had done of its rows before.
func (f *frame) accumulate(fd *fold, u unit, bx box, done, place int) {
	tile := f.slots[fd.arg]
	switch {
	case fd.best != nil && u.w == 1 && fd.fast.Rows != nil && bx.na >= 4*canon.Lanes(fd.size):
		fd.takeRow(unsafe.Add(f.scratch, fd.acc), f.part(fd, u, place), f.partIndex(fd, u, place), tile, bx.a, bx.na, done == 0)
	case fd.best != nil:
		fd.best.take(f.part(fd, u, place), f.partIndex(fd, u, place), tile, bx.a, bx.na, u.w, done == 0)
	case fd.lanes > 0:
		fd.addLanes(unsafe.Add(f.scratch, fd.acc), tile, done, bx.na, u.w)
	default:
		fd.addRows(f.part(fd, u, place), tile, done, bx.na, u.w)
	}
}

// part is where the partial results at a place are.
func (f *frame) part(fd *fold, u unit, place int) unsafe.Pointer {
	return f.partOf(fd.parts, fd.size, u, place)
}

// partIndex is the same for the indices of an index fold.
func (f *frame) partIndex(fd *fold, u unit, place int) unsafe.Pointer {
	return f.partOf(fd.index, 8, u, place)
}

func (f *frame) partOf(at, size int, u unit, place int) unsafe.Pointer {
	at += place * u.w * size
	if f.p.split {
		return unsafe.Add(f.run.shared, at+u.index*f.p.pieces*f.p.cols*size)
	}
	return unsafe.Add(f.scratch, at)
}

// finish makes the results of a stage's folds from the partial ones, and the row values that follow.
func (f *frame) finish(st *stage, u unit) {
	for i := range st.folds {
		f.result(&st.folds[i], u)
	}
	f.rowSteps(st.rows, u)
}

func (f *frame) result(fd *fold, u unit) {
	to, n := f.slots[fd.slot], f.p.pieces
	if n == 0 {
		f.nothing(fd, to, u.w)
		return
	}
	if fd.best != nil {
		for i := n - 2; i >= 0 && f.arrayed(); i-- {
			f.merge(fd, u, i)
		}
		copyBytes(to, f.partIndex(fd, u, 0), u.w*8)
		return
	}
	parts := f.part(fd, u, 0)
	switch {
	case fd.lanes > 0:
		fd.blocks(parts, unsafe.Add(f.scratch, fd.acc), n, u.w)
	case f.arrayed():
		fd.chunks(parts, n, u.w)
	}
	copyBytes(to, parts, u.w*fd.size)
}

// arrayed reports whether all partial results of a unit are side by side, rather than merged.
func (f *frame) arrayed() bool { return f.p.split || f.p.k.Rule == canon.Lane }

// nothing is the fold of no elements.
func (f *frame) nothing(fd *fold, to unsafe.Pointer, w int) {
	size := fd.size
	if fd.best != nil {
		size = 8
	}
	for i := range w {
		put(size, unsafe.Add(to, i*size), fd.empty)
	}
}

// runSplit alternates between row values, a unit at a time, and elements, some pieces at a time.
func (r *kernelRun) runSplit(ctx context.Context) error {
	p := r.p
	for r.phase = 0; r.phase <= 2*len(p.stages); r.phase++ {
		r.over.Store(false)
		n := p.units
		if r.phase%2 == 1 {
			n *= ceilDiv(p.pieces, p.group)
		}
		if err := p.pool.run(ctx, n, r); err != nil {
			return err
		}
	}
	return nil
}

// splitTask does part i of a phase of a split run.
func (f *frame) splitTask(phase, i int) {
	s := phase / 2
	if phase%2 == 1 {
		f.somePieces(&f.p.stages[s], i)
		return
	}
	u := f.p.unitAt(i)
	f.begin(u)
	if s == 0 {
		f.rowSteps(f.p.before, u)
	} else {
		f.finish(&f.p.stages[s-1], u)
	}
	if s == len(f.p.stages) {
		f.storeRows(u)
	}
}

// somePieces takes a group of pieces through a stage.
func (f *frame) somePieces(st *stage, i int) {
	group := f.p.group
	groups := ceilDiv(f.p.pieces, group)
	u := f.p.unitAt(i / groups)
	f.begin(u)
	f.enter(st)
	lo := i % groups * group
	for piece := lo; piece < min(lo+group, f.p.pieces); piece++ {
		f.fold(st, u, piece, piece)
	}
}
