package ptx

import (
	"fmt"
	"math"
	"math/bits"
)

// array is memory of a run: an operand of the operation, or a part of the workspace, off bytes from its start.
type array struct {
	kind  ArgKind // Operand or Scratch
	index int
	off   int
}

// divisor divides indices below 2^31 by a number that is a parameter: q = (mulhi(n, magic) + n) >> shift (Granlund
// and Montgomery, 1994).
type divisor struct{ by, magic, shift string }

// magicOf is the multiplier and the shift for a divisor from 1 to 2^31-1.
func magicOf(d int) (magic, shift int) {
	shift = bits.Len(uint(d - 1))
	return int(((uint64(1)<<shift-uint64(d))<<32)/uint64(d) + 1), shift
}

func (w *writer) divisor(d int) divisor {
	magic, shift := magicOf(max(d, 1))
	return divisor{w.word("extent", d), w.word("magic", magic), w.word("shift", shift)}
}

// divide is the quotient and the remainder of an index.
func (w *writer) divide(n string, d divisor) (q, r string) {
	t := w.to(b32, "mul.hi.u32", n, d.magic)
	q = w.to(b32, "shr.u32", w.to(b32, "add.u32", t, n), d.shift)
	return q, w.to(b32, "sub.u32", n, w.to(b32, "mul.lo.u32", q, d.by))
}

// stride is the bytes that a layout moves with one step of a dimension.
type stride struct {
	bytes int
	unit  bool   // one element: written into the text
	reg   string // else a parameter; of 64 bits if wide
	wide  bool
}

// walk is the dimensions of a space over which one index runs, the last the fastest, for several layouts of
// operands.
type walk struct {
	w        *writer
	extents  []int
	divisors []divisor // of all dimensions but the first, made on first use
	strides  [][]stride
}

// newWalk takes the dimensions [lo, hi) of a space. strides and sizes are those of each layout.
func (w *writer) newWalk(space []int, lo, hi int, strides [][]int, sizes []int) *walk {
	k := &walk{w: w, extents: space[lo:hi]}
	for l, s := range strides {
		var row []stride
		for d := lo; d < hi; d++ {
			row = append(row, w.stride(s[d], d == hi-1 && s[d] == sizes[l]))
		}
		k.strides = append(k.strides, row)
	}
	return k
}

func (w *writer) stride(bytes int, unit bool) stride {
	s := stride{bytes: bytes, unit: unit}
	switch {
	case bytes == 0 || unit:
	case bytes > math.MaxInt32 || bytes < math.MinInt32:
		s.wide = true
		s.reg = w.param("stride", "u64", b64, Arg{Kind: Word, Value: int64(bytes), Size: 8})
	default:
		s.reg = w.word("stride", bytes)
	}
	return s
}

// split is the coordinates of an index.
func (k *walk) split(index string) []string {
	if len(k.extents) == 0 {
		return nil
	}
	for d := len(k.divisors) + 1; d < len(k.extents); d++ {
		k.divisors = append(k.divisors, k.w.divisor(k.extents[d]))
	}
	coordinates := make([]string, len(k.extents))
	for d := len(k.extents) - 1; d > 0; d-- {
		index, coordinates[d] = k.w.divide(index, k.divisors[d-1])
	}
	coordinates[0] = index
	return coordinates
}

// offsets adds the bytes from index 0 to the given one to the base of each layout. A base of "" is 0.
func (k *walk) offsets(index string, base []string) []string {
	return k.offsetsAt(k.split(index), base)
}

// offsetsAt is offsets for an index that is split.
func (k *walk) offsetsAt(coordinates []string, base []string) []string {
	out := make([]string, len(base))
	for l := range base {
		out[l] = base[l]
		for d, c := range coordinates {
			out[l] = k.w.advance(out[l], c, k.strides[l][d])
		}
	}
	return out
}

// advance is base plus so many steps of a stride.
func (w *writer) advance(base, steps string, s stride) string {
	switch {
	case s.bytes == 0:
		return base
	case s.wide:
		steps = w.to(b64, "cvt.u64.u32", steps)
		if base == "" {
			return w.to(b64, "mul.lo.s64", steps, s.reg)
		}
		return w.to(b64, "mad.lo.s64", steps, s.reg, base)
	}
	by := s.reg
	if s.unit {
		by = fmt.Sprint(s.bytes)
	}
	if base == "" {
		return w.to(b64, "mul.wide.s32", steps, by)
	}
	return w.to(b64, "mad.wide.s32", steps, by, base)
}

// inner is the stride of a layout along the last dimension; along none it is broadcast.
func (k *walk) inner(layout int) stride {
	if n := len(k.extents); n > 0 {
		return k.strides[layout][n-1]
	}
	return stride{}
}

// vectors reports whether runs of n elements, from indices that are multiples of n, are contiguous or one element
// in every layout.
func (k *walk) vectors(n int) bool {
	if len(k.extents) == 0 || len(k.extents) > 1 && k.extents[len(k.extents)-1]%n != 0 {
		return false
	}
	for l := range k.strides {
		s := k.inner(l)
		if s.bytes != 0 && !s.unit {
			return false
		}
	}
	return true
}
