package ir

import (
	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/op"
)

// Evaluate is the meaning of a graph: the elements of n in C order, as bits. read gives the element
// of a leaf's array that is off bytes from its start. Each node is computed whole and one element at
// a time: it is the oracle, and as slow as one.
func Evaluate(n *Node, read func(leaf *Node, off int) uint64) []uint64 {
	e := evaluator{read: read, done: map[*Node][]uint64{}}
	return e.eval(n)
}

type evaluator struct {
	read func(leaf *Node, off int) uint64
	done map[*Node][]uint64
}

func (e *evaluator) eval(n *Node) []uint64 {
	if v, ok := e.done[n]; ok {
		return v
	}
	v := e.node(n)
	e.done[n] = v
	return v
}

func (e *evaluator) node(n *Node) []uint64 {
	switch n.Kind {
	case Leaf:
		out := make([]uint64, 0, n.Len())
		eachOffset(n.At, func(off int) { out = append(out, e.read(n, off)) })
		return out
	case Scalar:
		return []uint64{n.Bits}
	case Convert:
		p := op.CastProgram(n.Args[0].Type, n.Type)
		return mapBits(e.eval(n.Args[0]), func(x uint64) uint64 { return p.Eval(x) })
	case Map:
		return e.apply(n)
	case Viewed:
		at, err := n.View.Of(broadcast.Contiguous(n.Args[0].Shape, 1), 1)
		if err != nil {
			panic("BUG: ir: evaluate: " + err.Error())
		}
		return gather(e.eval(n.Args[0]), at)
	case Reduce, ArgReduce:
		return e.fold(n)
	case Scanned:
		return e.scanned(n)
	case Product:
		return e.product(n)
	}
	panic("BUG: ir: evaluate: kind")
}

// program is the body of a map.
func (n *Node) program() *op.Program {
	types := make([]dtype.DType, len(n.Args))
	for i, a := range n.Args {
		types[i] = a.Type
	}
	return n.Code.Program(types)
}

func (e *evaluator) apply(n *Node) []uint64 {
	args := make([][]uint64, len(n.Args))
	for i, a := range n.Args {
		at, err := broadcast.Contiguous(a.Shape, 1).BroadcastTo(n.Shape)
		if err != nil {
			panic("BUG: ir: evaluate: " + err.Error())
		}
		args[i] = gather(e.eval(a), at)
	}
	p, out, x := n.program(), make([]uint64, n.Len()), make([]uint64, len(args))
	for i := range out {
		for j := range args {
			x[j] = args[j][i]
		}
		out[i] = p.Eval(x...)
	}
	return out
}

// fold gathers each result's elements in C order of the folded axes.
func (e *evaluator) fold(n *Node) []uint64 {
	x := n.Args[0]
	values, at := e.eval(x), broadcast.Contiguous(x.Shape, 1)
	var kept, folded broadcast.View
	for d, s := range at.Strides {
		v := &kept
		for _, a := range n.Axes {
			if a == d {
				v = &folded
			}
		}
		v.Shape, v.Strides = append(v.Shape, x.Shape[d]), append(v.Strides, s)
	}
	var out []uint64
	eachOffset(kept, func(base int) {
		var row []uint64
		eachOffset(folded, func(off int) { row = append(row, values[base+off]) })
		elem := func(i int) uint64 { return row[i] }
		if n.Kind == ArgReduce {
			out = append(out, uint64(argBest(n.Code, x.Type, len(row), elem)))
			return
		}
		out = append(out, FoldValues(n.Code, x.Type, n.Rule, len(row), elem))
	})
	return out
}

func (e *evaluator) product(n *Node) []uint64 {
	a, b := e.eval(n.Args[0]), e.eval(n.Args[1])
	r := len(n.Shape)
	M, N, K := n.Shape[r-2], n.Shape[r-1], n.Args[0].Shape[r-1]
	var out []uint64
	for batch := range product(n.Shape[:r-2]) {
		for i := range M {
			for j := range N {
				row := func(k int) uint64 { return a[(batch*M+i)*K+k] }
				col := func(k int) uint64 { return b[(batch*K+k)*N+j] }
				out = append(out, Dot(n.Type, n.Split, K, row, col))
			}
		}
	}
	return out
}

func mapBits(in []uint64, f func(uint64) uint64) []uint64 {
	out := make([]uint64, len(in))
	for i, x := range in {
		out[i] = f(x)
	}
	return out
}

// gather picks the elements of a view whose strides count elements.
func gather(values []uint64, at broadcast.View) []uint64 {
	var out []uint64
	eachOffset(at, func(off int) { out = append(out, values[off]) })
	return out
}

// eachOffset visits the offsets of a view's elements in C order.
func eachOffset(at broadcast.View, visit func(off int)) {
	each(at.Shape, func(ix []int) {
		off := at.Offset
		for d, i := range ix {
			off += i * at.Strides[d]
		}
		visit(off)
	})
}
