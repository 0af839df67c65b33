package ir

import (
	"fmt"
	"math"
	"slices"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/op"
)

// Elementwise is an operator on arrays that broadcast against each other.
func Elementwise(code op.Code, args ...*Node) (*Node, error) {
	row := code.Row()
	if len(args) != row.Arity {
		return nil, &ArityError{Name: row.Name, Want: row.Arity, Got: len(args)}
	}
	args = ofOwnType(code, args)
	var types [op.MaxArity]dtype.Arg
	for i, a := range args {
		types[i] = a.arg()
	}
	loop, out, err := code.Resolve(types[:len(args)]...)
	if err != nil {
		return nil, err
	}
	shape, err := together(args)
	if err != nil {
		return nil, err
	}
	n := newMap(code, out, shape, len(args))
	for i, a := range args {
		if n.Args[i], err = castArg(a, loop[i], row.Name); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// newMap is the node of an operator, with room for its arguments.
func newMap(code op.Code, t dtype.DType, shape []int, args int) *Node {
	n := &struct {
		Node
		args [op.MaxArity]*Node
	}{Node: Node{Kind: Map, Code: code, Type: t, Shape: shape}}
	n.Args = n.args[:args:args]
	return &n.Node
}

// together is the shape of nodes that broadcast against each other: where that is one of theirs, it is no copy.
func together(args []*Node) ([]int, error) {
	shape := args[0].Shape
	for _, a := range args[1:] {
		if len(shape) == 0 {
			shape = a.Shape
		}
		if len(a.Shape) > 0 && !slices.Equal(a.Shape, shape) {
			return broadcastShape(args)
		}
	}
	return shape, addressable(shape)
}

// broadcastShape is the shape that nodes of several shapes have together.
func broadcastShape(args []*Node) ([]int, error) {
	shapes := make([][]int, len(args))
	for i, a := range args {
		shapes[i] = a.Shape
	}
	shape, err := broadcast.Shapes(shapes...)
	if err != nil {
		return nil, err
	}
	return shape, addressable(shape)
}

// addressable is an error for a shape whose elements, in the widest type, have more bytes than an int
// counts: then no conversion of them can overflow.
func addressable(shape []int) error {
	_, err := broadcast.Bytes(shape, dtype.Float64.Size())
	return err
}

// castArg converts an operand to the type of an operator's loop. A weak integer must fit.
func castArg(n *Node, t dtype.DType, name string) (*Node, error) {
	if n.Weak && !Fits(n.Type, n.Bits, t) {
		return nil, &RangeError{Op: name, From: n.Type, Bits: n.Bits, Type: t}
	}
	return CastTo(n, t), nil
}

// Fits reports whether an integer type t, if it is one, can hold the integer with the given bits in
// int64 or uint64. Numbers of other types fit everywhere, by rounding.
func Fits(from dtype.DType, bits uint64, t dtype.DType) bool {
	if !from.IsInteger() || !t.IsInteger() {
		return true
	}
	width := uint(8 * t.Size())
	if t.Kind() == dtype.UnsignedKind {
		return bits>>(width-1)>>1 == 0 && (from == dtype.Uint64 || int64(bits) >= 0)
	}
	v := int64(bits)
	if from == dtype.Uint64 && v < 0 {
		return false
	}
	return v>>(width-1) == 0 || v>>(width-1) == -1
}

// ofOwnType are operands of a comparison with the weak integers that the others' type cannot hold
// as int64 or uint64 in their own right: as in NumPy 2, 300 is above every uint8.
func ofOwnType(code op.Code, args []*Node) []*Node {
	switch code {
	case op.Equal, op.NotEqual, op.Less, op.LessEqual, op.Greater, op.GreaterEqual:
	default:
		return args
	}
	out := slices.Clone(args)
	for i, a := range args {
		if a.Weak && !Fits(a.Type, a.Bits, args[1-i].Type) {
			out[i] = CastTo(a, a.Type)
		}
	}
	return out
}

// CastTo is n in type t: n itself if it has that type. The value of a scalar is converted at once.
func CastTo(n *Node, t dtype.DType) *Node {
	switch {
	case n.Kind == Scalar:
		c := *n
		c.Bits, c.Type, c.Weak = op.Cast(n.Type, t, n.Bits), t, false
		return &c
	case n.Type == t:
		return n
	}
	return &Node{Kind: Convert, Type: t, Shape: n.Shape, Args: []*Node{n}}
}

// Number is a scalar node of type t with the value v.
func Number(t dtype.DType, v float64) *Node {
	return CastTo(NewScalar(dtype.Float64, math.Float64bits(v)), t)
}

// MatrixProduct is NumPy's matmul: the last two axes are matrices, the others broadcast; a one-dimensional
// operand is a row on the left and a column on the right, and its axis vanishes from the result.
func MatrixProduct(a, b *Node) (*Node, error) {
	if len(a.Shape) == 0 || len(b.Shape) == 0 {
		return nil, &ProductError{A: a.Shape, B: b.Shape, Why: "an operand is a scalar: use Multiply"}
	}
	t := dtype.Result(a.arg(), b.arg())
	a, b = CastTo(a, t), CastTo(b, t)
	am, bm := a, b
	if len(a.Shape) == 1 {
		am = must(NewView(a, View{Kind: ViewIndex, Index: []broadcast.Index{broadcast.NewAxis}}))
	}
	if len(b.Shape) == 1 {
		bm = must(NewView(b, View{Kind: ViewIndex, Index: []broadcast.Index{broadcast.Ellipsis, broadcast.NewAxis}}))
	}
	ar, br := len(am.Shape), len(bm.Shape)
	m, k, n := am.Shape[ar-2], am.Shape[ar-1], bm.Shape[br-1]
	if bm.Shape[br-2] != k {
		return nil, &ProductError{A: a.Shape, B: b.Shape,
			Why: fmt.Sprintf("axis %d of the first has %d elements and axis %d of the second %d", len(a.Shape)-1, k, max(len(b.Shape)-2, 0), bm.Shape[br-2])}
	}
	batch, err := broadcast.Shapes(am.Shape[:ar-2], bm.Shape[:br-2])
	if err != nil {
		return nil, err
	}
	am = must(BroadcastTo(am, join(batch, m, k)))
	bm = must(BroadcastTo(bm, join(batch, k, n)))
	if err := addressable(join(batch, m, n)); err != nil {
		return nil, err
	}
	out := &Node{Kind: Product, Type: t, Shape: join(batch, m, n), Args: []*Node{am, bm}, Split: canon.Product(m, n, k)}
	shape := batch
	if len(a.Shape) > 1 {
		shape = join(shape, m)
	}
	if len(b.Shape) > 1 {
		shape = join(shape, n)
	}
	return Reshape(out, shape...)
}

func join(a []int, b ...int) []int { return append(slices.Clone(a), b...) }
