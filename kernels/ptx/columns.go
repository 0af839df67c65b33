package ptx

import (
	"fmt"
	"slices"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/canon"
)

// pairsAtOnce is how many results of chunks a thread joins: four levels of pairs.
const pairsAtOnce = 16

// way is in which order a thread folds a row.
type way int

const (
	inOrder way = iota
	byPairs     // level by level: at most pairsAtOnce results of chunks
	byLanes     // by the lane rule: at most pairsAtOnce elements, each a lane
)

// columns launches a kernel with a thread for each row: by the chunk rule, where rows next to each other lie so in
// memory and it is columns that are folded, or for narrow rows.
func (m *module) columns(p *pass, w way) {
	r := newRowKernel("columns", p)
	r.comment("a thread for each column")
	rows := r.word("rows", p.Rows())
	row := r.globalThread()
	end := r.label("END")
	r.when(r.to(pred, "setp.ge.u32", row, rows), "bra", end)
	r.team = team{thread: r.variable(dtype.Uint32, "0"), size: 1}
	r.enter(r.kept.offsets(row, r.none()))
	r.stages(func(folds []*fold, code []int, _ int) []accumulator {
		return r.column(w, folds, code, "0", r.n)
	})
	r.place(end)
	m.launchThreads(r.writer, p.Rows())
}

// launchThreads launches a kernel for so many threads: small CTAs where there are few.
func (m *module) launchThreads(w *writer, threads int) {
	perCTA := maxThreads
	for perCTA > 32 && ceilDiv(threads, perCTA) < 2*m.target.processors() {
		perCTA /= 2
	}
	m.launch(w, ceilDiv(threads, perCTA), perCTA)
}

// chunks launches a kernel with a thread for each chunk of that length of each row, or each pairsAtOnce results of
// chunks, which stores the results of the folds: those of the first chunk of all rows, then those of the second.
func (m *module) chunks(p *pass, length int, to []partial) {
	r := newRowKernel("chunks", p)
	r.comment("a thread for each %d elements of each column", length)
	w := inOrder
	if length == pairsAtOnce {
		w = byPairs
	}
	chunks := ceilDiv(p.RowLen(), length)
	each := r.divisor(p.Rows())
	total := r.word("total", p.Rows()*chunks)
	thread := r.globalThread()
	end := r.label("END")
	r.when(r.to(pred, "setp.ge.u32", thread, total), "bra", end)
	chunk, row := r.divide(thread, each)
	r.enter(r.kept.offsets(row, r.none()))
	from := r.to(b32, "mul.lo.u32", chunk, fmt.Sprint(length))
	last := r.to(b32, "min.u32", r.to(b32, "add.u32", from, fmt.Sprint(length)), r.n)
	before, stages := p.Stages()
	r.rowValues(before)
	for _, g := range r.widths(r.foldsOf(stages[0].Folds)) {
		for i, acc := range r.column(w, g.folds, r.needed(g.folds), from, last) {
			r.storePartial(g.folds[i], to[slices.Index(stages[0].Folds, g.folds[i].inst)], thread, acc, "")
		}
	}
	r.place(end)
	m.launchThreads(r.writer, p.Rows()*chunks)
}

// column folds the elements [from, to) of the row at hand by one thread.
func (r *rowKernel) column(w way, folds []*fold, code []int, from, to string) []accumulator {
	switch w {
	case byPairs:
		return r.pairs(folds, code, from, to)
	case byLanes:
		return r.narrow(folds, code, to)
	}
	var acc []accumulator
	for _, f := range folds {
		acc = append(acc, r.start(f))
	}
	e := r.variable(dtype.Uint32, from)
	several := 4
	if several*r.work(code) > verbose/8 {
		several = 1
	}
	left := r.to(b32, "sub.u32", to, e)
	for ; several > 0; several /= 4 {
		rest := r.to(b32, "and.b32", left, fmt.Sprint(several-1))
		r.while("lt.u32", e, r.to(b32, "sub.u32", to, rest), func() {
			var points []*point
			for s := range several {
				points = append(points, &point{offset: r.inner.offsets(r.plus(e, s), r.none())})
			}
			r.elements(points, 1, r.inner, code)
			for s, pt := range points {
				for i, f := range folds {
					r.update(f, acc[i], pt, 0, r.elementIndex(f, e, s), "")
				}
			}
			r.emit("add.u32", e, e, fmt.Sprint(several))
		})
	}
	return acc
}

func (w *writer) plus(e string, n int) string {
	if n == 0 {
		return e
	}
	return w.to(b32, "add.u32", e, fmt.Sprint(n))
}

// isNarrow reports whether a thread can take a row by the lane rule.
func (p *pass) isNarrow() bool {
	k := &kernelWriter{p: p}
	return p.RowLen() <= pairsAtOnce && p.lanesOfThread()*k.work(seq(len(p.Code))) <= verbose
}

// lanesOfThread is the most elements of a row that a thread takes: enough for the row.
func (p *pass) lanesOfThread() int {
	n := 4
	for n < p.RowLen() {
		n *= 2
	}
	return n
}

// narrow folds a row of which each element is the only one of its lane, canon.LaneTree: by pairs within 16 bytes,
// then with the 16 bytes at distance 2 and 1, or 4 to 1. Lanes without elements are neutral.
func (r *rowKernel) narrow(folds []*fold, code []int, n string) []accumulator {
	last := r.to(b32, "sub.u32", n, "1")
	lanes := make([][]accumulator, len(folds))
	for e := range r.p.lanesOfThread() {
		index := fmt.Sprint(e)
		valid := r.to(pred, "setp.gt.u32", n, index)
		pt := &point{offset: r.inner.offsets(r.to(b32, "min.u32", last, index), r.none())}
		r.elements([]*point{pt}, 1, r.inner, code)
		for i, f := range folds {
			acc := r.start(f)
			r.update(f, acc, pt, 0, r.elementIndex(f, r.zero(), e), valid)
			lanes[i] = append(lanes[i], acc)
		}
	}
	var results []accumulator
	for i, f := range folds {
		join := func(a, b accumulator) accumulator { return r.join(f, a, b) }
		var groups []accumulator
		for g := 0; g < len(lanes[i]); g += f.lanes() {
			groups = append(groups, canon.PairFold(lanes[i][g:g+f.lanes()], join))
		}
		for d := len(groups) / 2; d > 0; d /= 2 {
			for g := range d {
				groups[g] = join(groups[g], groups[g+d])
			}
		}
		results = append(results, groups[0])
	}
	return results
}

// pairs folds adjacent pairs, level by level, where there are both.
func (r *rowKernel) pairs(folds []*fold, code []int, from, to string) []accumulator {
	last := r.to(b32, "sub.u32", to, "1")
	acc := make([][]accumulator, len(folds))
	valid := make([]string, pairsAtOnce)
	for e := range pairsAtOnce {
		index := r.plus(from, e)
		valid[e] = r.to(pred, "setp.lt.u32", index, to)
		pt := &point{offset: r.inner.offsets(r.to(b32, "min.u32", index, last), r.none())}
		r.elements([]*point{pt}, 1, r.inner, code)
		for i, f := range folds {
			a := accumulator{v: r.operand(pt, 0, f.arg)}
			if f.index {
				a.i = r.operand(pt, 0, f.with)
			}
			acc[i] = append(acc[i], a)
		}
	}
	var results []accumulator
	for i, f := range folds {
		for d := 1; d < pairsAtOnce; d *= 2 {
			for e := 0; e < pairsAtOnce; e += 2 * d {
				acc[i][e] = r.pick(f, valid[e+d], r.join(f, acc[i][e], acc[i][e+d]), acc[i][e])
			}
		}
		results = append(results, acc[i][0])
	}
	return results
}
