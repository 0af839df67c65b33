package plan

import (
	"slices"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/ir"
)

// reduced is a node whose reductions that do not fit the budget are leaves, computed before it in chunks.
func (b *chunkBuilder) reduced(n *ir.Node) *ir.Node {
	if m, ok := b.memo[n]; ok {
		return m
	}
	m := n
	if leaf := b.inChunks(n); leaf != nil {
		m = leaf
	} else if len(n.Args) > 0 {
		m = b.rewritten(n)
	}
	b.memo[n] = m
	return m
}

// rewritten is a node with its arguments reduced.
func (b *chunkBuilder) rewritten(n *ir.Node) *ir.Node {
	args := make([]*ir.Node, len(n.Args))
	for i, a := range n.Args {
		args[i] = b.reduced(a)
	}
	if slices.Equal(args, n.Args) {
		return n
	}
	if n.Kind == ir.Viewed { // a view of a leaf is a leaf
		if m, err := ir.NewView(args[0], *n.View); err == nil {
			return m
		}
	}
	m := *n
	m.Args = args
	return &m
}

// inChunks computes a reduction that does not fit the budget, as many rows at a time as fit; nil if it fits as it is,
// is none, or cannot be cut.
func (b *chunkBuilder) inChunks(n *ir.Node) *ir.Node {
	if n.Kind != ir.Reduce || n.Len() == 0 || b.q.Home == nil && len(ir.Lower([]ir.Output{fresh(n)}, ir.Options{}).Temps) == 0 {
		return nil
	}
	alone := b.trial(func() bool {
		return b.section([]ir.Output{fresh(n)}, []slot{stagedAt(b.store(n))})
	})
	if alone <= b.budget || b.err != nil {
		return nil
	}
	if r, ok := newReductionChunks(b, n); ok {
		if leaf := r.write(); leaf != nil {
			return leaf
		}
	}
	return b.rowsOf(n)
}

// rowsOf stores a reduction a few of its results at a time; nil if none fit.
func (b *chunkBuilder) rowsOf(n *ir.Node) *ir.Node {
	axis := 0 // of the operand
	for own, extent := range n.Shape {
		for slices.Contains(n.Axes, axis) {
			axis++
		}
		restore := b.saved()
		part := func(lo, hi int) *ir.Node {
			parts := ir.Parts{Whole: b.leaf}
			return parts.Of(n, own, lo, hi)
		}
		part(0, 1) // meets what all chunks need
		b.stageShared()
		leaf := b.store(n)
		write := func(rows int) bool {
			return b.repeat(extent, rows, []slot{stagedAt(leaf)}, func(lo, hi int) []ir.Output {
				return []ir.Output{{Node: part(lo, hi), At: sliced(leaf.At, own, lo, hi)}}
			})
		}
		if rows := b.search(b.most(extent), write); rows > 0 {
			b.note(n, axis, rows, extent)
			write(rows)
			return leaf
		}
		restore()
		axis++
	}
	return nil
}

// note says in the plan how a reduction is cut.
func (b *chunkBuilder) note(n *ir.Node, axis, rows, extent int) {
	b.chunks.Reductions = append(b.chunks.Reductions, ReductionChunks{Name: n.Name(), Axis: axis, Rows: rows, Chunks: (extent + rows - 1) / rows})
}

// reductionChunks computes a reduction from partial results: those of the blocks of its order, which are stored.
type reductionChunks struct {
	*chunkBuilder
	n     *ir.Node
	axis  int // of the operand, along which it is cut
	inner int // elements of the group for each index of the axis
	block int // elements of the group that the order folds first, one after another or by lanes
	outer []int
	kept  []int // extents of the operand before and after the group

	partials *ir.Node // a leaf of shape outer, blocks, kept
}

func newReductionChunks(b *chunkBuilder, n *ir.Node) (*reductionChunks, bool) {
	r := &reductionChunks{chunkBuilder: b, n: n, axis: -1, inner: 1, block: canon.Block}
	if n.Rule == canon.Chunk {
		r.block = canon.ChunkRows
	}
	for d, e := range n.Args[0].Shape {
		switch folded := slices.Contains(n.Axes, d); {
		case e == 1:
		case folded && len(r.kept) > 0: // the group is in two pieces
			return nil, false
		case folded && r.axis < 0:
			r.axis = d
		case folded:
			r.inner *= e
		case r.axis < 0:
			r.outer = append(r.outer, e)
		default:
			r.kept = append(r.kept, e)
		}
	}
	return r, r.axis >= 0 && r.extent() > r.unit()
}

func (r *reductionChunks) extent() int { return r.n.Args[0].Shape[r.axis] }

// unit is the fewest rows that are whole blocks.
func (r *reductionChunks) unit() int { return r.block / gcd(r.block, r.inner) }

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// write computes the partial results in chunks, and from them the reduction.
func (r *reductionChunks) write() *ir.Node {
	restore := r.saved()
	parts := ir.Parts{Whole: r.leaf}
	parts.Of(r.n.Args[0], r.axis, 0, r.unit()) // meets what all chunks need
	r.stageShared()
	blocks := (r.extent()*r.inner + r.block - 1) / r.block
	stored := *r.n
	stored.Label, stored.Shape = "blocks of "+r.n.Name(), join(r.outer, []int{blocks}, r.kept)
	r.partials = r.store(&stored)
	most := r.search(max(r.most(r.extent())/r.unit(), 1), func(units int) bool { return r.sections(units * r.unit()) })
	if most == 0 {
		restore()
		return nil
	}
	rows := most * r.unit()
	r.note(r.n, r.axis, rows, r.extent())
	r.sections(rows)
	return r.joined()
}

// sections computes the partial results of so many rows at a time.
func (r *reductionChunks) sections(rows int) bool {
	at := stagedAt(r.partials)
	return r.repeat(r.extent(), rows, []slot{at, at}, r.part)
}

// part is the blocks of the rows [lo, hi), of which the last may be shorter.
func (r *reductionChunks) part(lo, hi int) []ir.Output {
	parts := ir.Parts{Whole: r.leaf}
	n := (hi - lo) * r.inner
	x := reshaped(parts.Of(r.n.Args[0], r.axis, lo, hi), join(r.outer, []int{n}, r.kept))
	axis, first := len(r.outer), lo*r.inner/r.block
	full := n / r.block
	var outs []ir.Output
	if full > 0 {
		whole := reshaped(along(x, axis, 0, full*r.block), join(r.outer, []int{full, r.block}, r.kept))
		outs = append(outs, ir.Output{Node: r.fold(whole, axis+1), At: sliced(r.partials.At, axis, first, first+full)})
	}
	if n%r.block > 0 {
		rest := r.fold(along(x, axis, full*r.block, n), axis)
		one := reshaped(rest, join(r.outer, []int{1}, r.kept))
		outs = append(outs, ir.Output{Node: one, At: sliced(r.partials.At, axis, first+full, first+full+1)})
	}
	return outs
}

// fold is the reduction of one block along an axis.
func (r *reductionChunks) fold(x *ir.Node, axis int) *ir.Node {
	n := *r.n
	n.Args, n.Axes = []*ir.Node{x}, []int{axis}
	n.Shape = broadcast.Reduced(x.Shape, n.Axes, false)
	return &n
}

// joined folds the partial results: by the lane rule again, or in pairs, level by level.
func (r *reductionChunks) joined() *ir.Node {
	axis := len(r.outer)
	if r.n.Rule == canon.Lane {
		leaf := r.store(r.n)
		r.section([]ir.Output{fresh(reshaped(r.fold(r.partials, axis), r.n.Shape))}, []slot{stagedAt(leaf)})
		return leaf
	}
	level := r.partials
	for n := level.Shape[axis]; n > 1; n = level.Shape[axis] {
		next := *level
		next.Kind, next.Label = r.n.Kind, "pairs of "+r.n.Name()
		next.Shape = join(r.outer, []int{(n + 1) / 2}, r.kept)
		up := r.store(&next)
		pairs, err := ir.Elementwise(r.n.Code, every(level, axis, 0, n-1, 2), every(level, axis, 1, n, 2))
		if err != nil {
			panic("BUG: plan: " + err.Error())
		}
		outs := []ir.Output{{Node: pairs, At: sliced(up.At, axis, 0, n/2)}}
		if n%2 > 0 {
			outs = append(outs, ir.Output{Node: along(level, axis, n-1, n), At: sliced(up.At, axis, n/2, n/2+1)})
		}
		at := stagedAt(up)
		r.section(outs, []slot{at, at})
		level = up
	}
	return reshaped(level, r.n.Shape)
}

func join(parts ...[]int) []int { return slices.Concat(parts...) }

func reshaped(n *ir.Node, shape []int) *ir.Node {
	m, err := ir.Reshape(n, shape...)
	if err != nil {
		panic("BUG: plan: " + err.Error())
	}
	return m
}

// along is the elements [lo, hi) of a node along an axis.
func along(n *ir.Node, axis, lo, hi int) *ir.Node { return every(n, axis, lo, hi, 1) }

// every is every step-th of the elements [lo, hi) of a node along an axis.
func every(n *ir.Node, axis, lo, hi, step int) *ir.Node {
	if lo == 0 && hi == n.Shape[axis] && step == 1 {
		return n
	}
	ix := make([]broadcast.Index, axis+1)
	ix[axis] = broadcast.RangeStep(lo, hi, step)
	m, err := ir.NewView(n, ir.View{Kind: ir.ViewIndex, Index: ix})
	if err != nil {
		panic("BUG: plan: " + err.Error())
	}
	return m
}
