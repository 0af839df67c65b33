package ir

import (
	"fmt"
	"slices"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/internal/canon"
)

// kernelBuilder writes the code of one kernel.
type kernelBuilder struct {
	l       *lowerer
	f       *frame
	k       Kernel
	call    Call
	memo    map[string]int
	ids     map[*Node]int
	input   map[string]int // operands by place
	stores  []Inst         // which come last: an output may be an input that another store needs
	folding int            // folds around what is being emitted
}

func (l *lowerer) kernel(f *frame) *kernelBuilder {
	return &kernelBuilder{l: l, f: f, memo: map[string]int{}, ids: map[*Node]int{}, input: map[string]int{}}
}

// rootPath takes a root's own shape to that of the space.
func (b *kernelBuilder) rootPath(n *Node) path {
	if !b.f.rows {
		return nil
	}
	kept := slices.Clone(b.f.space)
	for d, folded := range b.f.folded {
		if folded {
			kept[d] = 1
		}
	}
	return path{{Kind: ViewReshape, Ints: kept}, {Kind: ViewBroadcast, Ints: b.f.space}}
}

// value emits the code of a root, and returns its number.
func (b *kernelBuilder) value(n *Node) int { return b.emit(n, b.rootPath(n), true) }

// store emits a root and its store.
func (b *kernelBuilder) store(o Output, to Ref) {
	v, m := b.value(o.Node), -1
	if o.Mask != nil {
		m = b.value(o.Mask)
	}
	b.storeValue(v, o.Node, to, o.At, m)
}

// storeValue emits the store of a value into an array of the node's shape.
func (b *kernelBuilder) storeValue(v int, n *Node, to Ref, at broadcast.View, mask int) {
	through, err := b.rootPath(n).of(at, n.Type.Size())
	if err != nil {
		panic("BUG: ir: store: " + err.Error())
	}
	b.k.Out = append(b.k.Out, Operand{n.Type, squeezeStrides(through)})
	b.call.Out = append(b.call.Out, place{to, at}.start())
	b.call.Makes = append(b.call.Makes, n)
	b.stores = append(b.stores, Inst{Kind: Store, Type: n.Type, Args: [3]int{v, mask, -1}, Index: len(b.k.Out) - 1, Row: b.f.rows})
}

// emit appends the code of a node seen through p, unless it is there already, and returns its number.
func (b *kernelBuilder) emit(n *Node, p path, root bool) int {
	at, err := p.probe(n.Shape)
	if err != nil {
		panic("BUG: ir: emit: " + err.Error())
	}
	id, ok := b.ids[n]
	if !ok {
		id = len(b.ids)
		b.ids[n] = id
	}
	key := fmt.Sprint(id, squeezeStrides(at), at.Offset)
	if v, ok := b.memo[key]; ok {
		return v
	}
	v := b.node(n, p, root)
	b.memo[key] = v
	return v
}

func (b *kernelBuilder) node(n *Node, p path, root bool) int {
	if pl, stored := b.l.done[n]; stored {
		return b.load(n, pl, p)
	}
	switch n.Kind {
	case Leaf:
		return b.load(n, b.l.stored(n), p)
	case Scalar:
		return b.scalar(n)
	case Viewed:
		return b.viewed(n, p, root)
	case Convert, Map:
		if !root && b.separate(n, p) {
			return b.load(n, b.l.stored(n), p)
		}
		return b.apply(n, p)
	case Reduce, ArgReduce:
		if f := foldFrame(n); f.equal(b.f) && aligned(n, p, f) && (b.folding == 0 || f.rule == canon.Lane) {
			return b.fold(n)
		}
	}
	return b.load(n, b.l.stored(n), p)
}

// separate reports whether an inner map is stored by a call of its own.
func (b *kernelBuilder) separate(n *Node, p path) bool {
	if b.l.opt.Eager {
		return n.Kind == Map
	}
	at, err := p.probe(n.Shape)
	if err != nil {
		return true
	}
	uses := product(b.f.space)
	if b.f.folds() && b.constantInRows(at) {
		uses = b.rowCount()
	}
	return b.l.hoisted(n, uses)
}

func (b *kernelBuilder) constantInRows(at broadcast.View) bool {
	for d, s := range squeezeStrides(at) {
		if b.f.folded[d] && s != 0 {
			return false
		}
	}
	return true
}

func (b *kernelBuilder) rowCount() int {
	n := 1
	for d, e := range b.f.space {
		if !b.f.folded[d] {
			n *= e
		}
	}
	return n
}

// viewed looks through a view. A reshape of a computed value may not reach its operands, and then
// the value is stored.
func (b *kernelBuilder) viewed(n *Node, p path, root bool) int {
	inner, x := p.before(n.View), n.Args[0]
	if x.Kind == Scalar || (!b.l.opt.Eager && (n.View.Kind != ViewReshape || reaches(b.l, x, inner))) {
		return b.emit(x, inner, root)
	}
	pl := b.l.stored(x)
	at, err := n.View.Of(pl.at, n.Type.Size())
	if err != nil {
		pl = b.l.contiguous(x)
		at = broadcast.Contiguous(n.Shape, n.Type.Size())
	}
	return b.load(n, place{pl.ref, at}, p)
}

// reaches reports whether a chain of views can be applied to the operands of n instead of to n.
func reaches(l *lowerer, n *Node, p path) bool {
	if _, err := p.probe(n.Shape); err != nil {
		return false
	}
	if pl, stored := l.done[n]; stored {
		_, err := p.of(pl.at, n.Type.Size())
		return err == nil
	}
	switch n.Kind {
	case Leaf:
		_, err := p.of(n.At, n.Type.Size())
		return err == nil
	case Map, Convert:
		for _, a := range n.Args {
			if !reaches(l, a, p.broadcasting(a.Shape, n.Shape)) {
				return false
			}
		}
	case Viewed:
		return reaches(l, n.Args[0], p.before(n.View))
	}
	return true
}

// load appends a load of a stored value seen through p.
func (b *kernelBuilder) load(n *Node, pl place, p path) int {
	at, err := p.of(pl.at, n.Type.Size())
	if err != nil {
		panic("BUG: ir: load: " + err.Error())
	}
	strides := squeezeStrides(at)
	ref := place{pl.ref, at}.start()
	key := fmt.Sprint(n.Type, ref, strides)
	if v, ok := b.input[key]; ok {
		return v
	}
	b.k.In = append(b.k.In, Operand{n.Type, strides})
	b.call.In = append(b.call.In, ref)
	v := b.inst(Inst{Kind: Load, Type: n.Type, Args: none, Index: len(b.k.In) - 1, Row: b.f.folds() && b.constantInRows(at)})
	b.input[key] = v
	return v
}

var none = [3]int{-1, -1, -1}

func (b *kernelBuilder) inst(i Inst) int {
	b.k.Code = append(b.k.Code, i)
	return len(b.k.Code) - 1
}

func (b *kernelBuilder) scalar(n *Node) int {
	b.k.Params = append(b.k.Params, n.Type)
	b.call.Scalars = append(b.call.Scalars, n)
	return b.inst(Inst{Kind: Param, Type: n.Type, Args: none, Index: len(b.k.Params) - 1, Row: b.f.folds()})
}

// apply appends a map or a conversion.
func (b *kernelBuilder) apply(n *Node, p path) int {
	in := Inst{Kind: Apply, Code: n.Code, Type: n.Type, Args: none, Row: b.f.folds()}
	if n.Kind == Convert {
		if n.Args[0].Type == n.Type {
			return b.emit(n.Args[0], p, false)
		}
		in.Kind = Cast
	}
	for i, a := range n.Args {
		v := b.emit(a, p.broadcasting(a.Shape, n.Shape), false)
		in.Args[i] = v
		in.Row = in.Row && b.k.Code[v].Row
	}
	return b.inst(in)
}

// fold appends a fold of the kernel's rows.
func (b *kernelBuilder) fold(n *Node) int {
	in := Inst{Kind: Fold, Code: n.Code, Type: n.Type, Args: none, Row: true}
	if n.Kind == ArgReduce {
		in.Kind = ArgFold
	}
	b.folding++
	defer func() { b.folding-- }()
	in.Args[0] = b.emit(n.Args[0], nil, false)
	return b.inst(in)
}

// finish orders and merges the dimensions of the space, and appends the stores and the call.
func (b *kernelBuilder) finish() {
	b.k.Code = append(b.k.Code, b.stores...)
	order, lo, hi := b.order()
	operands := append(slices.Clone(b.k.In), b.k.Out...)
	strides := make([][]int, len(operands))
	for i, o := range operands {
		strides[i] = permuted(o.Strides, order)
	}
	space := permuted(b.f.space, order)
	merged := make([][]int, len(operands))
	section := func(from, to int) {
		shape, ss := coalesce(space, strides, from, to)
		b.k.Space = append(b.k.Space, shape...)
		for i := range ss {
			merged[i] = append(merged[i], ss[i]...)
		}
	}
	section(0, lo)
	b.k.Lo = len(b.k.Space)
	section(lo, hi)
	b.k.Hi = len(b.k.Space)
	section(hi, len(space))
	b.k.Rule = b.f.rule
	for i := range b.k.In {
		b.k.In[i].Strides = merged[i]
	}
	for i := range b.k.Out {
		b.k.Out[i].Strides = merged[len(b.k.In)+i]
	}
	k := b.k // by itself: a plan may be kept for long, and the builder knows the arrays
	b.call.Op = &k
	b.l.out.Calls = append(b.l.out.Calls, b.call)
}

// order puts the folded dimensions last for the lane rule; [lo, hi) are their places.
func (b *kernelBuilder) order() (order []int, lo, hi int) {
	var folded, kept []int
	for d, f := range b.f.folded {
		if f {
			folded = append(folded, d)
		} else {
			kept = append(kept, d)
		}
	}
	if len(folded) == 0 {
		return kept, len(kept), len(kept)
	}
	lo = folded[0]
	if trailing(b.f.folded) || b.f.rule == canon.Chunk {
		return all(len(b.f.space)), lo, lo + len(folded)
	}
	return append(kept, folded...), len(kept), len(b.f.space)
}

func permuted(values, order []int) []int {
	out := make([]int, len(order))
	for i, d := range order {
		out[i] = values[d]
	}
	return out
}

// coalesce merges the dimensions [from, to) of the space.
func coalesce(space []int, strides [][]int, from, to int) ([]int, [][]int) {
	part := make([][]int, len(strides))
	for i, s := range strides {
		part[i] = s[from:to]
	}
	return broadcast.Coalesce(space[from:to], part)
}
