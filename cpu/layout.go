package cpu

import (
	"math/bits"
	"slices"

	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/ir"
)

// Sizes of tiles, in elements.
const (
	minTile   = 512      // a multiple of the lanes of every type, and a divisor of canon.Block
	maxTile   = 4096     // no more than canon.Block
	tileBytes = 44 << 10 // what the tiles of one element each may take: the first cache, of 48 KiB, or the second
	square    = 32       // side of a tile that transposes
	lineBytes = 64       // steps beyond it use each cache line for one element only
)

// layout is how a program walks over the space of its kernel: which dimensions are in which group of
// a box, and how large a box is.
//
// In a map the groups are chosen for locality. With folds, group a is the folded dimensions, in
// their logical order, and group b the other ones: a column of a box is a row of the kernel. Where
// the rows lie one after the other in memory, a box is one column wide.
type layout struct {
	outer, a, b  []int // dimensions of the space, outermost first
	no, na, nb   int   // indices of each group
	rows, cols   int   // the largest box: indices of groups a and b
	down, across int   // boxes along groups a and b
}

// newLayout plans for tiles of at most tile elements.
func newLayout(k *ir.Kernel, tile int) layout {
	var l layout
	switch {
	case !k.Folds():
		l = mapLayout(k, tile)
	case k.Rule == canon.Chunk:
		l = layout{outer: dims(0, k.Lo), a: dims(k.Lo, k.Hi), b: dims(k.Hi, len(k.Space))}
		l.count(k.Space)
		l.cols = even(l.nb, min(2*tile, maxTile))
		l.rows = min(tile/max(1, l.cols), canon.ChunkRows)
	default:
		l = laneLayout(k, tile)
	}
	l.rows, l.cols = max(1, min(l.rows, l.na)), max(1, l.cols)
	l.down, l.across = ceilDiv(l.na, l.rows), ceilDiv(l.nb, l.cols)
	return l
}

func (l *layout) count(space []int) {
	l.no, l.na, l.nb = extent(space, l.outer), extent(space, l.a), extent(space, l.b)
}

func extent(space, dims []int) int {
	n := 1
	for _, d := range dims {
		n *= space[d]
	}
	return n
}

// dims are the numbers from lo to hi.
func dims(lo, hi int) []int {
	d := make([]int, hi-lo)
	for i := range d {
		d[i] = lo + i
	}
	return d
}

// even is the largest width that cuts n into equal parts of at most most, in whole cache lines.
func even(n, most int) int {
	if n <= most {
		return max(n, 1)
	}
	parts := (n + most - 1) / most
	return min(most, ((n+parts-1)/parts+63)&^63)
}

// laneLayout decides whether rows are folded one at a time or side by side.
func laneLayout(k *ir.Kernel, tile int) layout {
	l := layout{a: dims(k.Lo, k.Hi), b: dims(0, k.Lo)}
	l.count(k.Space)
	lead := leader(k)
	if l.nb < 8 || l.na > shortRow && lead < 0 {
		l.rows, l.cols = tile, 1
		return l
	}
	if lead >= 0 {
		sortByStride(l.b, k.In[lead].Strides)
	}
	l.cols = min(l.nb, max(tile/max(1, min(l.na, square)), square))
	l.rows = tile / l.cols
	return l
}

// shortRow is the elements up to which rows are folded side by side: the steps that a row takes by
// itself would be longer than bringing the elements there.
const shortRow = 32

// leader is the input on which the order of the rows of a kernel of the lane rule best depends, since
// most inputs are far apart along the folded dimensions and close along others; -1 if they are not.
func leader(k *ir.Kernel) int {
	lead, votes := -1, 0
	for _, in := range k.Code {
		if in.Kind != ir.Load || in.Row {
			continue
		}
		s := k.In[in.Index].Strides
		along, across := nearest(s, dims(k.Lo, k.Hi)), nearest(s, dims(0, k.Lo))
		switch {
		case along > lineBytes && across > 0 && across < along:
			votes++
			lead = in.Index
		case along > 0:
			votes--
		}
	}
	if votes > 0 {
		return lead
	}
	return -1
}

// nearest is the smallest step in bytes along some dimensions, 0 if there is none at all.
func nearest(strides, dims []int) int {
	near := 0
	for _, d := range dims {
		if s := max(strides[d], -strides[d]); s > 0 && (near == 0 || s < near) {
			near = s
		}
	}
	return near
}

// sortByStride puts the dimensions with the largest steps first.
func sortByStride(dims, strides []int) {
	slices.SortStableFunc(dims, func(x, y int) int {
		return max(strides[y], -strides[y]) - max(strides[x], -strides[x])
	})
}

// mapLayout follows the first output, so that it is written in order. If an input is far apart along
// the output's last dimension, and close along another, boxes are squares of the two.
func mapLayout(k *ir.Kernel, tile int) layout {
	var order []int
	for d, n := range k.Space {
		if n != 1 {
			order = append(order, d)
		}
	}
	if len(k.Out) > 0 {
		sortByStride(order, k.Out[0].Strides)
	}
	last := lastMerged(k, order)
	l := layout{a: order[:last], b: order[last:]}
	l.count(k.Space)
	if p := crossing(k, l); p >= 0 {
		l.outer = slices.DeleteFunc(slices.Clone(l.a), func(d int) bool { return d == p })
		l.a = []int{p}
		l.count(k.Space)
		l.cols = min(l.nb, square)
		l.rows = tile / max(1, l.cols)
		return l
	}
	l.cols, l.rows = even(l.nb, tile), 1
	if l.nb > 0 && l.nb <= tile/2 {
		l.rows = tile / l.nb
	}
	return l
}

// lastMerged is the first of the dimensions that are one loop with the last one for every operand.
func lastMerged(k *ir.Kernel, order []int) int {
	last := max(0, len(order)-1)
	for ; last > 0; last-- {
		out, in := order[last-1], order[last]
		for _, o := range slices.Concat(k.In, k.Out) {
			if o.Strides[out] != o.Strides[in]*k.Space[in] {
				return last
			}
		}
	}
	return last
}

// crossing is the dimension of group a along which an input is close that is far apart along group
// b; -1 if there is none.
func crossing(k *ir.Kernel, l layout) int {
	if l.nb < 16 {
		return -1
	}
	for _, o := range k.In {
		along := nearest(o.Strides, l.b[len(l.b)-1:])
		if along <= lineBytes {
			continue
		}
		for _, d := range l.a {
			if s := nearest(o.Strides, []int{d}); s > 0 && s < along && k.Space[d] >= 8 {
				return d
			}
		}
	}
	return -1
}

// tileSize is the elements of a tile of most bytes, for code that keeps so many bytes for each element at hand.
func tileSize(most, bytes int) int {
	n := most / max(1, bytes)
	return max(minTile, min(maxTile, 1<<(bits.Len(uint(n))-1)))
}

// access is how an operand is reached from the boxes.
func (l *layout) access(k *ir.Kernel, o ir.Operand) access {
	group := func(ds []int) []dim {
		loops := make([]dim, len(ds))
		for i, d := range ds {
			loops[i] = dim{k.Space[d], o.Strides[d]}
		}
		return merge(loops)
	}
	return access{o.Type.Size(), group(l.outer), group(l.a), group(l.b)}
}

// always reports whether every box of the layout is direct for x.
func (l *layout) always(x *access) bool {
	if l.rows > 1 && l.cols > 1 && l.cols < l.nb {
		return false
	}
	return loop(x.b, l.cols, x.size) && loop(x.a, l.rows, l.cols*x.size)
}

// loop reports whether all indices of a group are stride bytes apart, if boxes have more than one.
func loop(dims []dim, most, stride int) bool {
	return most == 1 || len(dims) == 1 && dims[0].stride == stride
}
