package ir

import (
	"fmt"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/op"
)

// Scan is a running fold along one dimension of its space, in the order of canon.Scan. To may be From.
type Scan struct {
	Code     op.Code // Add, Multiply, Minimum, Maximum
	Type     dtype.DType
	Space    []int
	Axis     int
	From, To Operand
}

// Inputs is From.
func (s *Scan) Inputs() []Operand { return []Operand{s.From} }

// Outputs is To.
func (s *Scan) Outputs() []Operand { return []Operand{s.To} }

// Scalars is empty.
func (s *Scan) Scalars() []dtype.DType { return nil }

// String is the scan's text.
func (s *Scan) String() string {
	return fmt.Sprintf("scan %s %v space=%v axis=%d from=%v to=%v\n", s.Code.Row().Name, s.Type, s.Space, s.Axis, s.From.Strides, s.To.Strides)
}

// Cost counts one operation for each element.
func (s *Scan) Cost() Cost {
	n := product(s.Space)
	return Cost{Flops: n, Prims: n, BytesIn: s.From.bytes(s.Space), BytesOut: n * s.Type.Size()}
}

// CumSum is the running sum along an axis: nil for C order over all elements. Bools and integers are
// summed in 64 bits, unless t says otherwise.
func CumSum(x *Node, axis *int, t dtype.DType) (*Node, error) {
	return cumulative("cumsum", op.Add, x, axis, t, sumType(x.Type))
}

// CumProd is the running product, with the types of CumSum.
func CumProd(x *Node, axis *int, t dtype.DType) (*Node, error) {
	return cumulative("cumprod", op.Multiply, x, axis, t, sumType(x.Type))
}

// CumMax is the greatest element so far, in type t if it is not Invalid; a NaN stays.
func CumMax(x *Node, axis *int, t dtype.DType) (*Node, error) {
	return cumulative("cummax", op.Maximum, x, axis, t, x.Type)
}

// CumMin is the least element so far, in type t if it is not Invalid; a NaN stays.
func CumMin(x *Node, axis *int, t dtype.DType) (*Node, error) {
	return cumulative("cummin", op.Minimum, x, axis, t, x.Type)
}

func cumulative(name string, code op.Code, x *Node, axis *int, t, natural dtype.DType) (*Node, error) {
	if t == dtype.Invalid {
		t = natural
	}
	if t == dtype.Bool && (code == op.Add || code == op.Multiply) {
		code = map[op.Code]op.Code{op.Add: op.LogicalOr, op.Multiply: op.LogicalAnd}[code]
	}
	x = CastTo(x, t)
	a := 0
	if axis == nil || firstOfScalar(name, x, []int{*axis}) {
		x = flat(x)
	} else {
		axes, err := broadcast.NormalizeAxes([]int{*axis}, len(x.Shape))
		if err != nil {
			return nil, err
		}
		a = axes[0]
	}
	if x.Len() == 0 {
		return labelled(x, name), nil
	}
	return &Node{Kind: Scanned, Code: code, Type: t, Shape: x.Shape, Axes: []int{a}, Args: []*Node{x}, Label: name}, nil
}

// flat is all elements in C order. An array that cannot be seen so is read through a conversion to
// its own type, which is a computed value and can.
func flat(x *Node) *Node {
	if n, err := Reshape(x, -1); err == nil {
		return n
	}
	same := &Node{Kind: Convert, Type: x.Type, Shape: x.Shape, Args: []*Node{x}}
	return must(Reshape(same, -1))
}

// scan emits a running fold into a place. A computed operand is first put where the result goes.
func (l *lowerer) scan(n *Node, to Ref, at broadcast.View) {
	x := n.Args[0]
	dst := place{to, at}
	from := dst
	if l.opt.Eager || l.inMemory(x) {
		from = l.stored(x)
	} else {
		l.compute(x, dst)
	}
	s := &Scan{Code: n.Code, Type: n.Type}
	s.From.Type, s.To.Type = n.Type, n.Type
	strides := [][]int{from.at.Strides, at.Strides}
	section := func(lo, hi int) {
		shape, merged := coalesce(n.Shape, strides, lo, hi)
		s.Space = append(s.Space, shape...)
		s.From.Strides = append(s.From.Strides, merged[0]...)
		s.To.Strides = append(s.To.Strides, merged[1]...)
	}
	a := n.Axes[0]
	section(0, a)
	s.Axis = len(s.Space)
	s.Space = append(s.Space, n.Shape[a])
	s.From.Strides = append(s.From.Strides, from.at.Strides[a])
	s.To.Strides = append(s.To.Strides, at.Strides[a])
	section(a+1, len(n.Shape))
	l.out.Calls = append(l.out.Calls, Call{Op: s, In: []Ref{from.start()}, Out: []Ref{dst.start()}, Makes: []*Node{n}})
}

// inMemory reports whether a node is an array in memory or a view of one.
func (l *lowerer) inMemory(n *Node) bool {
	if _, ok := l.done[n]; ok || n.Kind == Leaf {
		return true
	}
	return n.Kind == Viewed && l.inMemory(n.Args[0])
}

func interpretScan(s *Scan, from, to Memory) {
	p := s.Code.Program([]dtype.DType{s.Type, s.Type})
	lines := append([]int(nil), s.Space...)
	lines[s.Axis] = 1
	each(lines, func(ix []int) {
		line := append([]int(nil), ix...)
		values := make([]uint64, s.Space[s.Axis])
		for i := range values {
			line[s.Axis] = i
			values[i] = from.get(s.From, line)
		}
		canon.Scan(len(values), func(i int) uint64 { return values[i] }, func(i int, out uint64) {
			line[s.Axis] = i
			to.set(s.To, line, out)
		}, func(a, b uint64) uint64 { return p.Eval(a, b) })
	})
}

// scanned is the meaning of a Scanned node.
func (e *evaluator) scanned(n *Node) []uint64 {
	values := e.eval(n.Args[0])
	out := make([]uint64, len(values))
	p := n.Code.Program([]dtype.DType{n.Type, n.Type})
	at := broadcast.Contiguous(n.Shape, 1)
	step, count := at.Strides[n.Axes[0]], n.Shape[n.Axes[0]]
	at.Shape = append([]int(nil), n.Shape...)
	at.Shape[n.Axes[0]] = 1
	eachOffset(at, func(off int) {
		canon.Scan(count, func(i int) uint64 { return values[off+i*step] }, func(i int, v uint64) { out[off+i*step] = v },
			func(a, b uint64) uint64 { return p.Eval(a, b) })
	})
	return out
}
