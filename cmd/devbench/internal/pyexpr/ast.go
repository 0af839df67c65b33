// Package pyexpr parses the part of Python's expression grammar in which array formulas are
// written, so that the text given to devbench is text that Python runs:
//
//	d = x - x.mean(axis=1, keepdims=True)
//	np.sqrt((d**2).sum(axis=(0, 1))) @ w[1:5, ::2, None]
//
// It knows the grammar only. What a name means, and whether shapes fit, is for the caller to say;
// every node has its place in the source so that the caller can point at it. What Python accepts
// and arrays have no meaning for (and, or, chained comparisons, lambda) is refused with the NumPy
// way of saying it.
package pyexpr

import (
	"math"
	"strconv"
	"strings"
)

// Pos is a place in the source. Lines and columns count from 1, columns in characters.
type Pos struct{ Line, Col int }

// Node is one of the expression types of this package. String gives the expression back with
// every operation in parentheses; the text is Python and parses to an equal tree.
type Node interface {
	// Pos is where the node starts: of an operation, where its left operand does.
	Pos() Pos
	String() string
	height() int
}

// base is what all nodes have: a start, and how deep the tree below is.
type base struct {
	pos  Pos
	deep int
}

func (b base) Pos() Pos    { return b.pos }
func (b base) height() int { return b.deep }

// The leaves.
type (
	// Name is a variable, or the module in np.exp.
	Name struct {
		base
		ID string
	}
	// Int is an integer literal. A sign in front of it is a Unary.
	Int struct {
		base
		Value uint64
	}
	// Float is a literal with a point or an exponent. As in Python, one that is too large is +Inf.
	Float struct {
		base
		Value float64
	}
	// Bool is True or False.
	Bool struct {
		base
		Value bool
	}
	// None is None: in a subscript, a new axis.
	None struct{ base }
	// Ellipsis is three dots: in a subscript, all axes not named.
	Ellipsis struct{ base }
	// String is a string literal. It occurs as an argument of a call, and nowhere else.
	String struct {
		base
		Value string
	}
)

// The operations.
type (
	// Tuple is (a, b), with any number of items.
	Tuple struct {
		base
		Items []Node
	}
	// List is [a, b], with any number of items.
	List struct {
		base
		Items []Node
	}
	// Unary is an operand with one of + - ~ in front.
	Unary struct {
		base
		Op string
		X  Node
	}
	// Binary is an arithmetic or bitwise operator, or one comparison, between two operands. OpPos
	// is where the operator itself stands.
	Binary struct {
		base
		Op    string
		OpPos Pos
		X, Y  Node
	}
	// Attribute is X.Name, with the place of the name after the point.
	Attribute struct {
		base
		X       Node
		Name    string
		NamePos Pos
	}
	// Call is Fn(Args, Keywords).
	Call struct {
		base
		Fn       Node
		Args     []Node
		Keywords []Keyword
	}
	// Subscript is X[Items]. As in NumPy, x[(a, b)] is x[a, b] and has two items; x[()] has none.
	Subscript struct {
		base
		X     Node
		Items []Node
	}
	// Slice is Lo:Hi:Step, each of which may be nil. It occurs as an item of a subscript only.
	Slice struct {
		base
		Lo, Hi, Step Node
	}
)

// Keyword is one name=value of a call.
type Keyword struct {
	Pos   Pos
	Name  string
	Value Node
}

// Assign is one line name = value.
type Assign struct {
	Pos   Pos
	Name  string
	Value Node
}

// Program is a source text: any number of assignments, and the expression whose value is wanted.
type Program struct {
	Assigns []Assign
	Result  Node
}

// String is the program with one statement on a line.
func (p *Program) String() string {
	var b strings.Builder
	for _, a := range p.Assigns {
		b.WriteString(a.Name + " = " + a.Value.String() + "\n")
	}
	b.WriteString(p.Result.String())
	return b.String()
}

func (n *Name) String() string   { return n.ID }
func (n *Int) String() string    { return strconv.FormatUint(n.Value, 10) }
func (n *None) String() string   { return "None" }
func (n *List) String() string   { return "[" + join(n.Items) + "]" }
func (n *Unary) String() string  { return "(" + n.Op + n.X.String() + ")" }
func (n *Binary) String() string { return "(" + n.X.String() + " " + n.Op + " " + n.Y.String() + ")" }

func (*Ellipsis) String() string { return "..." }

// String is Python's repr of the number, but for infinity, whose repr is no literal.
func (n *Float) String() string {
	if math.IsInf(n.Value, 1) {
		return "1e309"
	}
	if n.Value != 0 && (n.Value < 1e-4 || n.Value >= 1e16) {
		return strconv.FormatFloat(n.Value, 'e', -1, 64)
	}
	text := strconv.FormatFloat(n.Value, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}

func (n *Bool) String() string {
	if n.Value {
		return "True"
	}
	return "False"
}

// String quotes the value. A literal has no escapes, so it never contains both quotes.
func (n *String) String() string {
	if strings.Contains(n.Value, "'") {
		return `"` + n.Value + `"`
	}
	return "'" + n.Value + "'"
}

func (n *Tuple) String() string {
	if len(n.Items) == 1 {
		return "(" + n.Items[0].String() + ",)"
	}
	return "(" + join(n.Items) + ")"
}

func (n *Attribute) String() string { return receiver(n.X) + "." + n.Name }

func (n *Call) String() string {
	args := make([]string, 0, len(n.Args)+len(n.Keywords))
	for _, a := range n.Args {
		args = append(args, a.String())
	}
	for _, k := range n.Keywords {
		args = append(args, k.Name+"="+k.Value.String())
	}
	return receiver(n.Fn) + "(" + strings.Join(args, ", ") + ")"
}

func (n *Subscript) String() string {
	items := join(n.Items)
	if len(n.Items) == 0 {
		items = "()"
	} else if _, tuple := n.Items[0].(*Tuple); tuple && len(n.Items) == 1 {
		items += ","
	}
	return receiver(n.X) + "[" + items + "]"
}

func (n *Slice) String() string {
	text := optional(n.Lo) + ":" + optional(n.Hi)
	if n.Step != nil {
		text += ":" + n.Step.String()
	}
	return text
}

// receiver is what stands before a point or bracket; a number needs parentheses there.
func receiver(n Node) string {
	switch n.(type) {
	case *Int, *Float:
		return "(" + n.String() + ")"
	}
	return n.String()
}

func optional(n Node) string {
	if n == nil {
		return ""
	}
	return n.String()
}

func join(nodes []Node) string {
	texts := make([]string, len(nodes))
	for i, n := range nodes {
		texts[i] = n.String()
	}
	return strings.Join(texts, ", ")
}
