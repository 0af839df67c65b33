package ir

import (
	"fmt"
	"math"
	"slices"
	"sort"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/op"
)

// Value is an argument of Invoke: what can stand in a call of NumPy. The zero Value is None.
type Value struct {
	Node  *Node             // an array, or a number as a weak scalar
	Type  dtype.DType       // a dtype, by name
	Items []Value           // a tuple or list
	Tuple bool              // Items is set, perhaps empty
	Index []broadcast.Index // of getitem
}

// IsNone reports whether the value is None.
func (v Value) IsNone() bool {
	return v.Node == nil && v.Type == dtype.Invalid && !v.Tuple && v.Index == nil
}

// Ints is the value as integers: one, or a tuple of them.
func (v Value) Ints() ([]int, bool) {
	if v.Tuple {
		out := make([]int, 0, len(v.Items))
		for _, item := range v.Items {
			i, ok := item.Int()
			if !ok {
				return nil, false
			}
			out = append(out, i)
		}
		return out, true
	}
	i, ok := v.Int()
	return []int{i}, ok
}

// Int is the value as an integer.
func (v Value) Int() (int, bool) {
	if v.Node == nil || v.Node.Kind != Scalar || v.Node.Type != dtype.Int64 {
		return 0, false
	}
	return int(v.Node.Bits), true
}

// Bool is the value as True or False.
func (v Value) Bool() (value, ok bool) {
	if v.Node == nil || v.Node.Kind != Scalar || v.Node.Type != dtype.Bool {
		return false, false
	}
	return v.Node.Bits != 0, true
}

// Keyword is a named argument.
type Keyword struct {
	Name  string
	Value Value
}

// UnknownError is a call of a function that does not exist, or with an argument that it does not take.
type UnknownError struct {
	Name  string
	What  string   // "function" or "argument of sum"
	Known []string // what there is
}

func (e *UnknownError) Error() string {
	if near := nearest(e.Name, e.Known); near != "" {
		return fmt.Sprintf("unknown %s %q: did you mean %q?", e.What, e.Name, near)
	}
	return fmt.Sprintf("unknown %s %q", e.What, e.Name)
}

// nearest is the known name with the fewest edits from name, if they are few.
func nearest(name string, known []string) string {
	best, edits := "", len(name)/3+2
	for _, k := range known {
		if d := distance(name, k); d < edits {
			best, edits = k, d
		}
	}
	return best
}

// distance is Levenshtein's.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// Functions are the names that Invoke knows, sorted.
func Functions() []string {
	var names []string
	for _, row := range op.Table {
		names = append(names, row.Name)
		names = append(names, row.Aliases...)
	}
	for name := range functions {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// Invoke calls a function by NumPy's name: an operator of the table, or a reduction, view or product.
func Invoke(name string, args []Value, keywords []Keyword) (*Node, error) {
	if code, ok := op.Lookup(name); ok {
		return invokeOperator(code, args, keywords)
	}
	f, ok := functions[name]
	if !ok {
		return nil, &UnknownError{Name: name, What: "function", Known: Functions()}
	}
	c := &invocation{name: name, params: f.params}
	if err := c.bind(args, keywords); err != nil {
		return nil, err
	}
	n, err := f.call(c)
	if err == nil {
		err = c.err
	}
	return n, err
}

func invokeOperator(code op.Code, args []Value, keywords []Keyword) (*Node, error) {
	name := code.Row().Name
	if len(keywords) > 0 {
		return nil, &UnknownError{Name: keywords[0].Name, What: "argument of " + name}
	}
	nodes := make([]*Node, len(args))
	for i, a := range args {
		if a.Node == nil {
			return nil, &OptionError{Name: name, Option: fmt.Sprintf("operand %d", i+1), Why: "an array or a number is needed"}
		}
		nodes[i] = a.Node
	}
	return Elementwise(code, nodes...)
}

// function is a function that is not element-wise: its parameters in order, and what it does.
type function struct {
	params []string
	call   func(c *invocation) (*Node, error)
}

// invocation is a call with its arguments by name. The first mistake sticks.
type invocation struct {
	name   string
	params []string
	args   map[string]Value
	err    error
}

func (c *invocation) bind(args []Value, keywords []Keyword) error {
	c.args = map[string]Value{}
	for i, a := range args {
		p := min(i, len(c.params)-1)
		name := c.params[p]
		switch {
		case name[0] == '*':
			v := c.args[name[1:]]
			v.Tuple, v.Items = true, append(v.Items, a)
			c.args[name[1:]] = v
		case i >= len(c.params):
			return &ArityError{Name: c.name, Want: len(c.params), Got: len(args)}
		default:
			c.args[name] = a
		}
	}
	for _, k := range keywords {
		if !slices.Contains(c.params, k.Name) && !slices.Contains(c.params, "*"+k.Name) {
			return &UnknownError{Name: k.Name, What: "argument of " + c.name, Known: c.params}
		}
		if _, twice := c.args[k.Name]; twice {
			return &OptionError{Name: c.name, Option: k.Name, Why: "given twice"}
		}
		c.args[k.Name] = k.Value
	}
	return nil
}

func (c *invocation) fail(param, why string) {
	if c.err == nil {
		c.err = &OptionError{Name: c.name, Option: param, Why: why}
	}
}

// array is a parameter that has to be an array or number.
func (c *invocation) array(param string) *Node {
	v := c.args[param]
	if v.Node == nil {
		c.fail(param, "an array is needed")
		return Number(dtype.Float64, 0)
	}
	return v.Node
}

// ints is a parameter of integers; nil for None and where it is not given. A sole tuple among
// variadic arguments is what it holds.
func (c *invocation) ints(param string) []int {
	v := c.args[param]
	if len(v.Items) == 1 && v.Items[0].Tuple {
		v = v.Items[0]
	}
	if v.IsNone() {
		return nil
	}
	ints, ok := v.Ints()
	if !ok {
		c.fail(param, "an integer or a tuple of integers is needed")
	}
	return ints
}

func (c *invocation) reduction() Reduction {
	r := Reduction{Axes: c.ints("axis")}
	if v := c.args["keepdims"]; !v.IsNone() {
		keep, ok := v.Bool()
		if !ok {
			c.fail("keepdims", "True or False is needed")
		}
		r.KeepDims = keep
	}
	r.Type = c.dtype("dtype")
	r.Initial = c.args["initial"].Node
	r.Where = c.args["where"].Node
	if v := c.args["ddof"]; !v.IsNone() {
		r.DDof = c.float("ddof")
	}
	return r
}

func (c *invocation) dtype(param string) dtype.DType {
	v := c.args[param]
	if !v.IsNone() && v.Type == dtype.Invalid {
		c.fail(param, "a dtype is needed, such as float32")
	}
	return v.Type
}

func (c *invocation) float(param string) float64 {
	n := c.args[param].Node
	if n == nil || n.Kind != Scalar {
		c.fail(param, "a number is needed")
		return 0
	}
	return math.Float64frombits(CastTo(n, dtype.Float64).Bits)
}

// functions is filled by init, for its functions refer to it.
var functions map[string]function

func init() {
	reduce := func(f func(*Node, Reduction) (*Node, error), more ...string) function {
		return function{append([]string{"a", "axis", "keepdims"}, more...), func(c *invocation) (*Node, error) {
			x, r := c.array("a"), c.reduction()
			if c.err != nil {
				return nil, c.err
			}
			return f(x, r)
		}}
	}
	view := func(param string, f func(n *Node, ints []int) (*Node, error)) function {
		return function{[]string{"a", param}, func(c *invocation) (*Node, error) {
			x, ints := c.array("a"), c.ints(trimStar(param))
			if c.err != nil {
				return nil, c.err
			}
			return f(x, ints)
		}}
	}
	byKind := func(kind ViewKind) func(n *Node, ints []int) (*Node, error) {
		return func(n *Node, ints []int) (*Node, error) { return NewView(n, View{Kind: kind, Ints: ints}) }
	}
	functions = map[string]function{
		"sum":           reduce(Sum, "dtype", "initial", "where"),
		"prod":          reduce(Prod, "dtype", "initial", "where"),
		"mean":          reduce(Mean, "dtype", "where"),
		"var":           reduce(Var, "dtype", "ddof", "where"),
		"std":           reduce(Std, "dtype", "ddof", "where"),
		"min":           reduce(Min, "initial", "where"),
		"max":           reduce(Max, "initial", "where"),
		"amin":          reduce(Min, "initial", "where"),
		"amax":          reduce(Max, "initial", "where"),
		"any":           reduce(Any, "where"),
		"all":           reduce(All, "where"),
		"argmin":        reduce(ArgMin),
		"argmax":        reduce(ArgMax),
		"count_nonzero": reduce(CountNonzero),
		"reshape":       view("*shape", byKind(ViewReshape)),
		"broadcast_to":  view("shape", byKind(ViewBroadcast)),
		"transpose":     view("*axes", byKind(ViewTranspose)),
		"flip":          view("axis", byKind(ViewFlip)),
		"squeeze":       view("axis", func(n *Node, axes []int) (*Node, error) { return Squeeze(n, axes...) }),
		"expand_dims":   view("axis", func(n *Node, axes []int) (*Node, error) { return ExpandDims(n, axes...) }),
		"ravel":         {[]string{"a"}, func(c *invocation) (*Node, error) { return Reshape(c.array("a"), -1) }},
		"astype":        {[]string{"a", "dtype"}, func(c *invocation) (*Node, error) { return CastTo(c.array("a"), c.dtype("dtype")), nil }},
		"matmul": {[]string{"x1", "x2"}, func(c *invocation) (*Node, error) {
			a, b := c.array("x1"), c.array("x2")
			if c.err != nil {
				return nil, c.err
			}
			return MatrixProduct(a, b)
		}},
		"getitem": {[]string{"a", "index"}, func(c *invocation) (*Node, error) {
			return NewView(c.array("a"), View{Kind: ViewIndex, Index: c.args["index"].Index})
		}},
	}
}

func trimStar(s string) string {
	if s[0] == '*' {
		return s[1:]
	}
	return s
}
