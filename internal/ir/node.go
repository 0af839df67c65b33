package ir

import (
	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/op"
)

// NodeKind says what a node is.
type NodeKind uint8

// The kinds of node.
const (
	Leaf      NodeKind = iota // an array in memory
	Scalar                    // one number, given at run time
	Map                       // operator Code on Args, element by element
	Convert                   // Args[0] in another type
	Reduce                    // Args[0] folded by Code over Axes, one group of the canonical order
	ArgReduce                 // C-order index within Axes of the least or greatest of Args[0]
	Product                   // matrix product of Args[0] and Args[1]
	Viewed                    // Args[0] seen through View
	Scanned                   // running fold of Args[0] by Code along Axes[0]
)

var nodeNames = [...]string{"leaf", "scalar", "map", "convert", "reduce", "argreduce", "product", "viewed", "scanned"}

// Node is a value of an expression. Nodes are immutable.
type Node struct {
	Kind  NodeKind
	Type  dtype.DType
	Shape []int
	Args  []*Node

	Code  op.Code        // Map, Reduce, ArgReduce, Scanned
	Axes  []int          // Reduce, ArgReduce: the folded axes of Args[0]; they vanish from Shape. Scanned: the axis
	Rule  canon.Rule     // Reduce, ArgReduce: the order of the whole array
	Split canon.Split    // Product: the order of the whole product
	View  *View          // Viewed
	Array Source         // Leaf; and of a Scalar that stands for what was folded away: whose place it has
	At    broadcast.View // Leaf: where its elements are
	Bits  uint64         // Scalar: the value, in the low bytes
	Weak  bool           // Scalar: a Go number, which takes the type of what it meets
	Slot  *Slot          // Scalar: where a prepared plan puts another value; nil for a constant
	Label string         // the function that the user called, where it is not Code's
	Site  uintptr        // the user's call, 0 if unknown
}

// Slot names a scalar that can be given anew for each run of a plan. Copies of the scalar in other
// types share it.
type Slot struct {
	Type dtype.DType // of the value that is given
}

// Source is the array behind a leaf. Leaves with the same Source share memory.
type Source interface {
	// SourceName is how plans print the array.
	SourceName() string
}

// Name is what a plan calls the node.
func (n *Node) Name() string {
	switch {
	case n.Label != "":
		return n.Label
	case n.Kind == Leaf:
		return n.Array.SourceName()
	case n.Kind == Map:
		return n.Code.Row().Name
	case n.Kind == Convert:
		return "astype " + n.Type.String()
	case n.Kind == Reduce:
		return foldName(n.Code)
	case n.Kind == ArgReduce:
		return "arg" + foldName(n.Code)
	case n.Kind == Scanned:
		return "cum" + foldName(n.Code)
	case n.Kind == Product:
		return "matmul"
	case n.Kind == Viewed:
		return n.View.Kind.String()
	}
	return nodeNames[n.Kind]
}

// foldName is NumPy's name of a fold by an operator.
func foldName(c op.Code) string {
	switch c {
	case op.Add:
		return "sum"
	case op.Multiply:
		return "prod"
	case op.Minimum:
		return "min"
	case op.Maximum:
		return "max"
	case op.LogicalAnd:
		return "all"
	case op.LogicalOr:
		return "any"
	}
	return c.Row().Name
}

// Len is the number of elements.
func (n *Node) Len() int { return product(n.Shape) }

// Bytes is the size of the node's value when stored.
func (n *Node) Bytes() int { return n.Len() * n.Type.Size() }

// arg is what the node brings to the promotion of types.
func (n *Node) arg() dtype.Arg { return dtype.Arg{Type: n.Type, Weak: n.Weak} }

// NewLeaf is the node of an array in memory.
func NewLeaf(src Source, t dtype.DType, at broadcast.View) *Node {
	return &Node{Kind: Leaf, Type: t, Shape: at.Shape, Array: src, At: at}
}

// NewScalar is the node of one number of a given type.
func NewScalar(t dtype.DType, bits uint64) *Node {
	return &Node{Kind: Scalar, Type: t, Bits: bits, Shape: []int{}}
}

// NewWeak is the node of a Go number: true or false, an int64 or a float64, which takes the type of
// the arrays that it meets.
func NewWeak(t dtype.DType, bits uint64) *Node {
	n := NewScalar(t, bits)
	n.Weak = true
	return n
}

// labelled returns n, or a copy, under the name of the function that made it.
func labelled(n *Node, name string) *Node {
	if n.Kind == Leaf || n.Kind == Scalar {
		return n
	}
	c := *n
	c.Label = name
	if inner := c.seen(); inner != nil && inner.Label == "" {
		c.Args = []*Node{labelled(inner, name)}
	}
	return &c
}

// seen is the computed value that a view looks at, nil if the node is no view or looks at an array or a number.
func (n *Node) seen() *Node {
	if n.Kind != Viewed || n.Args[0].Kind == Leaf || n.Args[0].Kind == Scalar {
		return nil
	}
	return n.Args[0]
}

// WithSite returns n with the place of the user's call.
func (n *Node) WithSite(pc uintptr) *Node {
	if n.Site != 0 || n.Kind == Leaf {
		return n
	}
	c := *n
	c.Site = pc
	if inner := c.seen(); inner != nil {
		c.Args = []*Node{inner.WithSite(pc)}
	}
	return &c
}

// standingFor is a scalar in the place of a value that x's elements do not matter for: it is where x is.
func standingFor(x, scalar *Node) *Node {
	c := *scalar
	Walk([]*Node{x}, func(n *Node) {
		if c.Array == nil {
			c.Array = n.Array
		}
	})
	return &c
}

// Walk calls visit for every node that outs need, each once, arguments first.
func Walk(outs []*Node, visit func(*Node)) {
	seen := map[*Node]bool{}
	var walk func(*Node)
	walk = func(n *Node) {
		if seen[n] {
			return
		}
		seen[n] = true
		for _, a := range n.Args {
			walk(a)
		}
		visit(n)
	}
	for _, n := range outs {
		walk(n)
	}
}
