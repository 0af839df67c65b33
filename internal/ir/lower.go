package ir

import (
	"fmt"
	"slices"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/internal/canon"
)

// Lowered is what a graph becomes: calls of operations, in order, over leaves, temporaries and
// outputs.
type Lowered struct {
	Leaves []*Node // each array view that is read
	Temps  []*Node // values stored between calls, contiguous in C order
	Calls  []Call
}

// RefKind says where an operand is.
type RefKind uint8

// The places of operands.
const (
	InLeaf RefKind = iota
	InTemp
	InOutput
)

// Ref is the place of an operand: element 0 of it is Off bytes from the start of the array,
// temporary or output with that Index. The offset of a leaf's own view is included.
type Ref struct {
	Kind  RefKind
	Index int
	Off   int
}

// Call is one run of an operation.
type Call struct {
	Op      Op
	In, Out []Ref
	Scalars []*Node
	Makes   []*Node // the values that it stores, after the product that it goes on with, for printing
}

// Output is where a value goes.
type Output struct {
	Node *Node
	At   broadcast.View // layout of the destination; the shape is that of Node
	Mask *Node          // nil, or bool of the same shape: where the destination is written
}

// Options choose how a graph is lowered.
type Options struct {
	Eager bool // every operator is a call of its own, as if expressions did not exist
}

// Lower groups what the outputs need into calls. A chain of maps is one kernel; folds along the last
// axes join the kernel of the map that uses them for the same rows; other folds and matrix products
// are stored first, but for a product that one map goes on with. Values that are smaller than the space in which they are used, and costly, are
// stored rather than computed again for each use.
func Lower(outs []Output, opt Options) *Lowered {
	l := &lowerer{opt: opt, out: &Lowered{}, done: map[*Node]place{}, leaf: map[leafKey]int{}}
	l.outputs(share(slices.Clone(outs), opt))
	if !opt.Eager {
		l.out.fuse()
	}
	for _, c := range l.out.Calls {
		if err := Verify(c.Op); err != nil {
			panic(fmt.Sprintf("BUG: ir: %v in\n%s", err, c.Op))
		}
	}
	return l.out
}

// share makes equal subexpressions of the outputs one; eager evaluation computes them as written.
func share(outs []Output, opt Options) []Output {
	if opt.Eager {
		return outs
	}
	var nodes []*Node
	for _, o := range outs {
		nodes = append(nodes, o.Node)
		if o.Mask != nil {
			nodes = append(nodes, o.Mask)
		}
	}
	nodes = Share(nodes)
	for i := range outs {
		outs[i].Node, nodes = nodes[0], nodes[1:]
		if outs[i].Mask != nil {
			outs[i].Mask, nodes = nodes[0], nodes[1:]
		}
	}
	return outs
}

type lowerer struct {
	opt  Options
	out  *Lowered
	done map[*Node]place
	leaf map[leafKey]int
}

// place is where a stored value is: a reference to its array, and the layout there.
type place struct {
	ref Ref
	at  broadcast.View
}

type leafKey struct {
	src  Source
	view string
}

// outputs lowers all outputs; those with the same frame share a kernel. Frames whose roots are row
// values come first, so that their results can serve the others.
func (l *lowerer) outputs(outs []Output) {
	var groups []*rootGroup
	for i, o := range outs {
		o = unreshaped(o)
		outs[i] = o
		if _, stored := l.done[o.Node]; !stored && isWhole(o.Node) && o.Mask == nil && o.Node.Len() > 0 {
			l.compute(o.Node, place{Ref{Kind: InOutput, Index: i}, o.At})
			l.keep(o, i)
			continue
		}
		if o.Node.Len() == 0 {
			continue
		}
		f := l.frame(o.Node)
		g := slices.IndexFunc(groups, func(g *rootGroup) bool { return g.f.equal(f) && !l.opt.Eager })
		if g < 0 {
			groups = append(groups, &rootGroup{f: f})
			g = len(groups) - 1
		}
		groups[g].roots = append(groups[g].roots, root{i, f.rows})
	}
	slices.SortStableFunc(groups, func(a, b *rootGroup) int { return a.f.order() - b.f.order() })
	for _, g := range groups {
		k := l.kernel(g.f)
		for _, r := range g.roots {
			k.f.rows = r.rows
			k.store(outs[r.out], Ref{Kind: InOutput, Index: r.out})
		}
		k.finish()
		for _, r := range g.roots {
			l.keep(outs[r.out], r.out)
		}
	}
}

// rootGroup is the outputs that one kernel stores.
type rootGroup struct {
	f     *frame
	roots []root
}

type root struct {
	out  int
	rows bool
}

// keep notes that a node's value is in an output, for the kernels that come later.
func (l *lowerer) keep(o Output, out int) {
	if _, stored := l.done[o.Node]; !stored && o.Mask == nil {
		l.done[o.Node] = place{Ref{Kind: InOutput, Index: out}, o.At}
	}
}

// unreshaped is an output whose root is a reshape as the output of what is reshaped, if the
// destination can be seen in that shape.
func unreshaped(o Output) Output {
	for o.Mask == nil && o.Node.Kind == Viewed && o.Node.View.Kind == ViewReshape {
		inner := o.Node.Args[0]
		at, err := o.At.Reshape(inner.Type.Size(), inner.Shape...)
		if err != nil {
			break
		}
		o = Output{Node: inner, At: at}
	}
	return o
}

// stored is the place of a node's value, which is computed into a temporary unless it is in memory.
func (l *lowerer) stored(n *Node) place {
	if n.Kind == Leaf {
		return place{Ref{Kind: InLeaf, Index: l.leafIndex(n)}, n.At}
	}
	if p, ok := l.done[n]; ok {
		return p
	}
	if n.Kind == Viewed {
		p := l.stored(n.Args[0])
		if at, err := n.View.Of(p.at, n.Type.Size()); err == nil {
			return place{p.ref, at}
		}
	}
	return l.contiguous(n)
}

// contiguous computes a node's value into a temporary, in C order.
func (l *lowerer) contiguous(n *Node) place {
	if p, ok := l.done[n]; ok && p.at.IsContiguous(n.Type.Size()) {
		return p
	}
	p := place{Ref{Kind: InTemp}, broadcast.Contiguous(n.Shape, n.Type.Size())}
	o := unreshaped(Output{Node: n, At: p.at})
	if isWhole(o.Node) {
		p.ref.Index = l.temp(n)
		l.compute(o.Node, place{p.ref, o.At})
	} else {
		k := l.kernel(l.frame(o.Node))
		value := k.value(o.Node)
		p.ref.Index = l.temp(n)
		k.storeValue(value, o.Node, p.ref, o.At, -1)
		k.finish()
	}
	l.done[n], l.done[o.Node] = p, place{p.ref, o.At}
	return p
}

// isWhole reports whether a node is an operation of its own, not a part of a kernel.
func isWhole(n *Node) bool { return n.Kind == Product || n.Kind == Scanned }

// compute emits what puts a node's value into a place.
func (l *lowerer) compute(n *Node, to place) {
	switch n.Kind {
	case Product:
		l.product(n, to.ref, to.at)
	case Scanned:
		l.scan(n, to.ref, to.at)
	default:
		k := l.kernel(l.frame(n))
		k.storeValue(k.value(n), n, to.ref, to.at, -1)
		k.finish()
	}
}

func (l *lowerer) temp(n *Node) int {
	l.out.Temps = append(l.out.Temps, n)
	return len(l.out.Temps) - 1
}

// leafIndex numbers the views of arrays that are read.
func (l *lowerer) leafIndex(n *Node) int {
	key := leafKey{n.Array, fmt.Sprint(n.Type, n.At)}
	i, ok := l.leaf[key]
	if !ok {
		i = len(l.out.Leaves)
		l.leaf[key] = i
		l.out.Leaves = append(l.out.Leaves, n)
	}
	return i
}

// product emits a matrix product into a place.
func (l *lowerer) product(n *Node, to Ref, at broadcast.View) {
	a, b := l.stored(n.Args[0]), l.stored(n.Args[1])
	r := len(n.Shape)
	m := &MatMul{
		Type: n.Type, Batch: n.Shape[:r-2], M: n.Shape[r-2], N: n.Shape[r-1], K: n.Args[0].Shape[r-1],
		A: Operand{n.Type, a.at.Strides}, B: Operand{n.Type, b.at.Strides}, To: Operand{n.Type, at.Strides}, Split: n.Split,
	}
	l.out.Calls = append(l.out.Calls, Call{Op: m, In: []Ref{a.start(), b.start()}, Out: []Ref{place{to, at}.start()}, Makes: []*Node{n}})
}

// start is the reference to the element at index 0.
func (p place) start() Ref {
	r := p.ref
	r.Off += p.at.Offset
	return r
}

// frame is the space of a kernel: its extents without those of size 1, and which are folded. Element
// values have the space's shape; row values that of the dimensions that are not folded.
type frame struct {
	space  []int
	folded []bool
	rule   canon.Rule
	rows   bool // the root is a row value
}

func (f *frame) folds() bool { return slices.Contains(f.folded, true) }

func (f *frame) equal(g *frame) bool {
	return slices.Equal(f.space, g.space) && slices.Equal(f.folded, g.folded) && f.rule == g.rule
}

// order sorts frames so that row values come before maps.
func (f *frame) order() int {
	switch {
	case f.rows:
		return 0
	case f.folds():
		return 1
	}
	return 2
}

// frame chooses the space in which a node is computed.
func (l *lowerer) frame(n *Node) *frame {
	f := &frame{space: squeezed(n.Shape)}
	f.folded = make([]bool, len(f.space))
	if isFold(n) {
		return foldFrame(n)
	}
	if l.opt.Eager {
		return f
	}
	rows := func(r *Node, p path) bool {
		g := foldFrame(r)
		return trailing(g.folded) && slices.Equal(g.space, f.space) && aligned(r, p, g)
	}
	if r := l.find(n, rows); r != nil {
		f.folded = foldFrame(r).folded
		return f
	}
	if r := l.find(n, func(r *Node, p path) bool { return inPlace(r, p, n.Shape) }); r != nil {
		return foldFrame(r)
	}
	return f
}

func isFold(n *Node) bool { return n.Kind == Reduce || n.Kind == ArgReduce }

// foldFrame is the frame of a fold: the space of its operand.
func foldFrame(n *Node) *frame {
	f := &frame{rows: true}
	x := n.Args[0].Shape
	for d, e := range x {
		if e != 1 {
			f.space = append(f.space, e)
			f.folded = append(f.folded, slices.Contains(n.Axes, d))
		}
	}
	f.rule = n.Rule
	return f
}

func squeezed(shape []int) []int {
	return slices.DeleteFunc(slices.Clone(shape), func(e int) bool { return e == 1 })
}

// trailing reports whether the folded dimensions are the last ones.
func trailing(folded []bool) bool {
	i := slices.Index(folded, true)
	return i >= 0 && !slices.Contains(folded[i:], false)
}

// aligned reports whether a fold's result, seen through p, is constant along the folded dimensions
// of f and in place along the others.
func aligned(n *Node, p path, f *frame) bool {
	at, err := p.probe(n.Shape)
	if err != nil || at.Offset != 0 {
		return false
	}
	strides := squeezeStrides(at)
	if len(strides) != len(f.space) {
		return false
	}
	want := broadcast.Contiguous(n.Shape, 1)
	kept := squeezeStrides(want)
	for d, folded := range f.folded {
		if folded {
			if strides[d] != 0 {
				return false
			}
			continue
		}
		if len(kept) == 0 || strides[d] != kept[0] {
			return false
		}
		kept = kept[1:]
	}
	return len(kept) == 0
}

// squeezeStrides are the strides along dimensions of more than one element.
func squeezeStrides(at broadcast.View) []int {
	var s []int
	for d, e := range at.Shape {
		if e != 1 {
			s = append(s, at.Strides[d])
		}
	}
	return s
}

// inPlace reports whether a fold's result, seen through p, has the shape of a root and its elements
// in the same places, so that the root can be computed as a row value after the fold.
func inPlace(n *Node, p path, shape []int) bool {
	at, err := p.probe(n.Shape)
	return err == nil && at.Offset == 0 && slices.Equal(squeezed(n.Shape), squeezed(shape)) &&
		slices.Equal(squeezeStrides(at), squeezeStrides(broadcast.Contiguous(n.Shape, 1)))
}

// find looks for a fold that is wanted among the operands that a kernel would compute along with n.
func (l *lowerer) find(n *Node, wanted func(*Node, path) bool) *Node {
	seen := map[string]bool{}
	var look func(n *Node, p path) *Node
	look = func(n *Node, p path) *Node {
		if _, stored := l.done[n]; stored {
			return nil
		}
		at, err := p.probe(n.Shape)
		key := fmt.Sprintf("%p %v", n, at)
		if err != nil || seen[key] {
			return nil
		}
		seen[key] = true
		switch n.Kind {
		case Reduce, ArgReduce:
			if wanted(n, p) {
				return n
			}
		case Map, Convert:
			for _, a := range n.Args {
				if r := look(a, p.broadcasting(a.Shape, n.Shape)); r != nil {
					return r
				}
			}
		case Viewed:
			return look(n.Args[0], p.before(n.View))
		}
		return nil
	}
	return look(n, nil)
}

// cheap is the number of primitive operations up to which a value is rather computed again for each
// element of a space than stored once.
const cheap = 8

// hoisted reports whether a map inside a kernel is stored first: it is smaller than what the kernel
// computes there, and holds a fold or product that has to be stored anyway, or is costly.
func (l *lowerer) hoisted(n *Node, uses int) bool {
	if n.Len() >= uses {
		return false
	}
	stop, ops := false, 0
	seen := map[*Node]bool{}
	var look func(*Node)
	look = func(m *Node) {
		if _, stored := l.done[m]; stored || stop || seen[m] {
			return
		}
		seen[m] = true
		switch m.Kind {
		case Reduce, ArgReduce, Product, Scanned:
			stop = true
		case Map:
			ops += cost(m)
			fallthrough
		case Convert, Viewed:
			for _, a := range m.Args {
				look(a)
			}
		}
	}
	look(n)
	return stop || (ops > cheap && n.Len()*8 <= uses)
}

// cost is the number of primitives of a map's body.
func cost(n *Node) int { return len(n.program().Insts) }
