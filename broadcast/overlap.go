package broadcast

import (
	"cmp"
	"slices"
)

// Extent is the range of bytes [lo,hi) between the first and the last that v's elements touch.
// Without elements both are the offset.
func (v View) Extent(itemsize int) (lo, hi int) {
	if empty(v.Shape) {
		return v.Offset, v.Offset
	}
	lo, hi = v.Offset, v.Offset+itemsize
	for i, d := range v.Shape {
		if reach := (d - 1) * v.Strides[i]; reach < 0 {
			lo += reach
		} else {
			hi += reach
		}
	}
	return lo, hi
}

// SelfOverlaps reports whether two elements of v share a byte, as where a stride is 0. It is
// exact but for layouts so tangled that deciding would take long; of those it says true.
func (v View) SelfOverlaps(itemsize int) bool {
	if empty(v.Shape) {
		return false
	}
	axes := steps(v)
	slices.SortFunc(axes, func(a, b term) int { return cmp.Compare(b.coeff, a.coeff) })
	if len(axes) > 0 && axes[len(axes)-1].coeff == 0 {
		return true
	}
	for k := range axes {
		if collides(axes[k:], itemsize) {
			return true
		}
	}
	return false
}

// collides reports whether two elements share a byte that differ along the first of the axes.
// The difference along it is at least 1; along each other axis it is between minus and plus its
// largest, and is shifted to begin at 0.
func collides(axes []term, itemsize int) bool {
	shift := -axes[0].coeff
	terms := []term{{axes[0].coeff, axes[0].most - 1}}
	for _, a := range axes[1:] {
		shift += a.coeff * a.most
		terms = append(terms, term{a.coeff, 2 * a.most})
	}
	return attains(terms, shift-itemsize+1, shift+itemsize-1)
}

// Overlaps reports whether an element of a and one of b share a byte, where both are layouts of
// the same buffer with elements of aItem and bItem bytes. It is exact but for layouts so tangled
// that deciding would take long; of those it says true.
func Overlaps(a View, aItem int, b View, bItem int) bool {
	aLo, aHi := a.Extent(aItem)
	bLo, bHi := b.Extent(bItem)
	if empty(a.Shape) || empty(b.Shape) || aHi <= bLo || bHi <= aLo {
		return false
	}
	// An element of a starts at aLo plus a sum of a's steps, one of b at b's last start less a sum
	// of b's steps. They share a byte if the starts differ by less than the element that is first.
	apart := bHi - bItem - aLo
	return attains(append(steps(a), steps(b)...), apart-aItem+1, apart+bItem-1)
}

// steps is the distances along v's axes, without sign: the sums of these are how far v's elements
// start from the first one in memory, and from the last one.
func steps(v View) []term {
	var terms []term
	for i, d := range v.Shape {
		if d > 1 {
			terms = append(terms, term{max(v.Strides[i], -v.Strides[i]), d - 1})
		}
	}
	return terms
}
