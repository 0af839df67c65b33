package broadcast

import (
	"math"
	"strconv"
)

// Index is one entry of a basic index, such as 3, 1:5, ::2, newaxis or … in NumPy's brackets. The
// zero Index is All().
type Index struct {
	kind                       indexKind
	hasStart, hasStop, hasStep bool
	start, stop, step          int // for a point, start
}

type indexKind uint8

const (
	slice indexKind = iota
	point
	newAxis
	ellipsis
)

var (
	// NewAxis puts in an axis of extent 1.
	NewAxis = Index{kind: newAxis}
	// Ellipsis stands for as many All() as make the index complete; an index has at most one.
	Ellipsis = Index{kind: ellipsis}
)

// At is one place of an axis, counted from the end if negative. The axis is dropped.
func At(i int) Index { return Index{kind: point, start: i} }

// All is a whole axis: NumPy's ":".
func All() Index { return Index{} }

// Range is the places from start up to but without stop: "start:stop". As everywhere in slices,
// a negative bound counts from the end, and a bound outside the axis stands for its end.
func Range(start, stop int) Index {
	return Index{hasStart: true, hasStop: true, start: start, stop: stop}
}

// RangeStep is every step-th place from start towards stop: "start:stop:step". A negative step
// walks backwards.
func RangeStep(start, stop, step int) Index { return SliceOf(&start, &stop, &step) }

// From is the places from start on: "start:".
func From(start int) Index { return Index{hasStart: true, start: start} }

// To is the places before stop: ":stop".
func To(stop int) Index { return Index{hasStop: true, stop: stop} }

// Step is every step-th place: "::step"; Step(-1) is the axis backwards.
func Step(step int) Index { return Index{hasStep: true, step: step} }

// SliceOf is the slice with those bounds that are not nil.
func SliceOf(start, stop, step *int) Index {
	var x Index
	if start != nil {
		x.hasStart, x.start = true, *start
	}
	if stop != nil {
		x.hasStop, x.stop = true, *stop
	}
	if step != nil {
		x.hasStep, x.step = true, *step
	}
	return x
}

// String writes the entry as it stands in NumPy's brackets.
func (x Index) String() string {
	switch x.kind {
	case point:
		return strconv.Itoa(x.start)
	case newAxis:
		return "newaxis"
	case ellipsis:
		return "..."
	}
	s := optional(x.hasStart, x.start) + ":" + optional(x.hasStop, x.stop)
	if x.hasStep {
		s += ":" + strconv.Itoa(x.step)
	}
	return s
}

func optional(has bool, n int) string {
	if !has {
		return ""
	}
	return strconv.Itoa(n)
}

// bounds resolves a slice of an axis of extent n: its first place, how many there are, and the
// step between them, which is not 0.
func (x Index) bounds(n int) (first, count, step int) {
	step = 1
	if x.hasStep {
		step = max(x.step, -math.MaxInt)
	}
	if step < 0 {
		first, stop := x.clamp(n, n-1, -1)
		if stop >= first {
			return first, 0, step
		}
		return first, (first-stop-1)/-step + 1, step
	}
	first, stop := x.clamp(n, 0, n)
	if stop <= first {
		return first, 0, step
	}
	return first, (stop-first-1)/step + 1, step
}

// clamp is start and stop counted from the first place and held between the two ends of the walk,
// which stand for bounds that are missing.
func (x Index) clamp(n, from, to int) (start, stop int) {
	low, high := min(from, to), max(from, to)
	hold := func(has bool, i, missing int) int {
		if !has {
			return missing
		}
		if i < 0 {
			i += n
		}
		return min(max(i, low), high)
	}
	return hold(x.hasStart, x.start, from), hold(x.hasStop, x.stop, to)
}

// Index is NumPy's basic indexing: a point drops its axis, a slice selects along it, NewAxis puts
// one in, and axes without an entry are taken whole. The error is an *IndexError.
func (v View) Index(ix ...Index) (View, error) {
	whole, err := v.unnamed(ix)
	if err != nil {
		return View{}, err
	}
	w := walk{from: v, out: room(v.NDim()+len(ix), v.Offset)}
	for i, x := range ix {
		if problem := w.take(x, whole); problem != 0 {
			return View{}, indexError(problem, v, ix, i, w.axis)
		}
	}
	w.whole(v.NDim() - w.axis)
	if w.out.NDim() > MaxDims {
		return View{}, indexError(TooManyAxes, v, ix, -1, -1)
	}
	if empty(w.out.Shape) {
		w.out.Offset = v.Offset
	}
	return w.out, nil
}

// unnamed is how many axes of v the index has no entry for.
func (v View) unnamed(ix []Index) (int, error) {
	named, ellipses := 0, 0
	for i, x := range ix {
		switch x.kind {
		case slice, point:
			named++
		case ellipsis:
			ellipses++
		}
		if ellipses > 1 {
			return 0, indexError(TwoEllipses, v, ix, i, -1)
		}
	}
	if named > v.NDim() {
		return 0, indexError(TooManyIndices, v, ix, -1, -1)
	}
	return v.NDim() - named, nil
}

// walk makes the view of an index, axis by axis.
type walk struct {
	from, out View
	axis      int // the next axis of from
}

// take applies one entry; an Ellipsis stands for unnamed axes.
func (w *walk) take(x Index, unnamed int) IndexProblem {
	switch x.kind {
	case newAxis:
		w.out.push(1, 0)
	case ellipsis:
		w.whole(unnamed)
	case point:
		return w.point(x.start)
	case slice:
		return w.slice(x)
	}
	return 0
}

// whole takes the next n axes as they are.
func (w *walk) whole(n int) {
	for range n {
		w.out.push(w.from.Shape[w.axis], w.from.Strides[w.axis])
		w.axis++
	}
}

func (w *walk) point(i int) IndexProblem {
	n := w.from.Shape[w.axis]
	if i < -n || i >= n {
		return OutOfBounds
	}
	if i < 0 {
		i += n
	}
	w.out.Offset += i * w.from.Strides[w.axis]
	w.axis++
	return 0
}

func (w *walk) slice(x Index) IndexProblem {
	if x.hasStep && x.step == 0 {
		return ZeroStep
	}
	first, count, step := x.bounds(w.from.Shape[w.axis])
	stride := w.from.Strides[w.axis]
	w.out.Offset += first * stride
	if count > 1 {
		stride *= step
	}
	w.out.push(count, stride)
	w.axis++
	return 0
}
