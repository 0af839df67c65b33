package ir

import (
	"math"
	"slices"
	"strings"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/op"
)

// Reduction holds the arguments of NumPy's reductions. The zero value reduces all axes.
type Reduction struct {
	Axes     []int // nil for all; negative ones count from the end
	KeepDims bool
	Type     dtype.DType // of the accumulator and the result; Invalid for NumPy's choice
	Initial  *Node       // a scalar, joined last
	Where    *Node       // bool; elements where it is false are absent
	DDof     float64     // Var, Std: the divisor is the number of elements less DDof
}

// reduction is a Reduction bound to its operand.
type reduction struct {
	Reduction
	name string
	x    *Node
	axes []int // normalised, ascending
}

// takes lists what the reductions take besides axes and KeepDims: the options that NumPy's have.
var takes = map[string]string{
	"sum": "DType Initial Where", "prod": "DType Initial Where",
	"mean": "DType Where", "var": "DType DDof Where", "std": "DType DDof Where",
	"min": "DType Initial Where", "max": "DType Initial Where",
	"any": "Where", "all": "Where", "count_nonzero": "Where",
}

// refused is an error for an option that the reduction would not heed.
func (r *Reduction) refused(name string) error {
	given := []struct {
		option string
		given  bool
	}{{"DType", r.Type != dtype.Invalid}, {"Initial", r.Initial != nil}, {"Where", r.Where != nil}, {"DDof", r.DDof != 0}}
	known := strings.Fields(takes[name])
	for _, o := range given {
		if o.given && !slices.Contains(known, o.option) {
			return &OptionError{Name: name, Option: o.option, Why: name + " has no such option; it takes " + strings.Join(append([]string{"Axis", "KeepDims"}, known...), ", ")}
		}
	}
	return nil
}

func newReduction(name string, x *Node, r Reduction) (*reduction, error) {
	if err := r.refused(name); err != nil {
		return nil, err
	}
	axes := r.Axes
	if axes == nil || firstOfScalar(name, x, axes) {
		axes = all(len(x.Shape))
	}
	axes, err := broadcast.NormalizeAxes(axes, len(x.Shape))
	if err != nil {
		return nil, err
	}
	axes = slices.Sorted(slices.Values(axes))
	if r.Where != nil {
		if _, err := broadcast.Shapes(r.Where.Shape, x.Shape); err != nil {
			return nil, err
		}
		if r.Where.Type != dtype.Bool {
			return nil, &OptionError{Name: name, Option: "Where", Why: "the mask is " + r.Where.Type.String() + ", and has to be bool"}
		}
		mask, err := BroadcastTo(r.Where, x.Shape)
		if err != nil {
			return nil, err
		}
		r.Where = mask
	}
	return &reduction{Reduction: r, name: name, x: x, axes: axes}, nil
}

// firstOfScalar reports whether axes name the first axis of an array without any, which NumPy lets
// pass but for what is divided by a number of elements.
func firstOfScalar(name string, x *Node, axes []int) bool {
	return len(x.Shape) == 0 && len(axes) == 1 && (axes[0] == 0 || axes[0] == -1) &&
		name != "mean" && name != "var" && name != "std"
}

func all(n int) []int {
	axes := make([]int, n)
	for i := range axes {
		axes[i] = i
	}
	return axes
}

// count is the number of elements that are folded into each result.
func (r *reduction) count() int {
	n := 1
	for _, a := range r.axes {
		n *= r.x.Shape[a]
	}
	return n
}

// flat is the shape of the result before kept dimensions are put back.
func (r *reduction) flat() []int { return broadcast.Reduced(r.x.Shape, r.axes, false) }

// finish puts kept dimensions back and names the result.
func (r *reduction) finish(y *Node) *Node {
	return labelled(must(Reshape(y, broadcast.Reduced(r.x.Shape, r.axes, r.KeepDims)...)), r.name)
}

// fold reduces x, of r.x's shape, by an operator in canonical order: a chain of folds, one for each
// group, the innermost first. absent stands where the mask is false.
func (r *reduction) fold(code op.Code, x *Node, empty, absent *Node) *Node {
	if r.Where != nil && absent != nil {
		x = must(Elementwise(op.Where, r.Where, x, CastTo(absent, x.Type)))
	}
	y := x
	if r.count() == 0 {
		return must(BroadcastTo(standingFor(x, CastTo(empty, x.Type)), r.flat()))
	}
	gone := make([]bool, len(x.Shape))
	for _, g := range canon.Groups(x.Shape, r.axes) {
		y = r.group(Reduce, code, y, remaining(g.Axes, gone), g.Rule)
		for _, a := range g.Axes {
			gone[a] = true
		}
	}
	return must(Reshape(y, r.flat()...))
}

// remaining renumbers axes after those that are gone have been dropped.
func remaining(axes []int, gone []bool) []int {
	out := make([]int, len(axes))
	for i, a := range axes {
		for b := range a {
			if !gone[b] {
				out[i]++
			}
		}
	}
	return out
}

func (r *reduction) group(kind NodeKind, code op.Code, x *Node, axes []int, rule canon.Rule) *Node {
	t := x.Type
	if kind == ArgReduce {
		t = dtype.Int64
	}
	return &Node{Kind: kind, Code: code, Type: t, Shape: broadcast.Reduced(x.Shape, axes, false), Args: []*Node{x}, Axes: axes, Rule: rule, Label: r.name}
}

// join adds Initial, last.
func (r *reduction) join(code op.Code, y *Node) (*Node, error) {
	if r.Initial == nil {
		return r.finish(y), nil
	}
	if len(r.Initial.Shape) != 0 {
		return nil, &OptionError{Name: r.name, Option: "Initial", Why: "it has to be a scalar"}
	}
	initial, err := castArg(r.Initial, y.Type, r.name)
	if err != nil {
		return nil, err
	}
	n, err := Elementwise(code, y, initial)
	if err != nil {
		return nil, err
	}
	return r.finish(n), nil
}

// sumType is NumPy's accumulator: the widest integer of the same sign, or the float type itself.
func sumType(t dtype.DType) dtype.DType {
	switch t.Kind() {
	case dtype.BoolKind, dtype.SignedKind:
		return dtype.Int64
	case dtype.UnsignedKind:
		return dtype.Uint64
	}
	return t
}

func meanType(t dtype.DType) dtype.DType {
	if t.IsFloat() {
		return t
	}
	return dtype.Float64
}

func (r *reduction) accumulator(natural dtype.DType) dtype.DType {
	if r.Type != dtype.Invalid {
		return r.Type
	}
	return natural
}

// Sum adds the elements over axes.
func Sum(x *Node, opt Reduction) (*Node, error) {
	return total("sum", op.Add, 0, negZero, x, opt)
}

// Prod multiplies the elements over axes.
func Prod(x *Node, opt Reduction) (*Node, error) {
	return total("prod", op.Multiply, 1, 1, x, opt)
}

func total(name string, code op.Code, empty, absent float64, x *Node, opt Reduction) (*Node, error) {
	r, err := newReduction(name, x, opt)
	if err != nil {
		return nil, err
	}
	t := r.accumulator(sumType(x.Type))
	switch {
	case t == dtype.Bool && code == op.Add:
		code = op.LogicalOr
	case t == dtype.Bool:
		code = op.LogicalAnd
	}
	return r.join(code, r.total(code, CastTo(x, t), empty, absent))
}

// total folds x, of the operand's shape, by addition or multiplication.
func (r *reduction) total(code op.Code, x *Node, empty, absent float64) *Node {
	t := x.Type
	y := r.fold(code, x, Number(t, empty), Number(t, absent))
	if r.Where != nil && t.IsFloat() && code == op.Add {
		y = must(Elementwise(op.Add, y, Number(t, 0))) // nothing but absent elements is +0
	}
	return y
}

func (r *reduction) sum(x *Node) *Node { return r.total(op.Add, x, 0, negZero) }

// over folds a bool or integer array of the operand's shape, mask included.
func (r *reduction) over(code op.Code, x *Node) *Node {
	bare := *r
	bare.Where = nil
	zero := Number(x.Type, 0)
	return bare.fold(code, x, zero, zero)
}

// Mean is Sum divided by the number of elements; integers are summed in float64.
func Mean(x *Node, opt Reduction) (*Node, error) {
	r, err := newReduction("mean", x, opt)
	if err != nil {
		return nil, err
	}
	return r.finish(r.mean(CastTo(x, r.accumulator(meanType(x.Type))))), nil
}

func (r *reduction) mean(x *Node) *Node {
	return must(Elementwise(op.Divide, r.sum(x), r.divisor(x.Type, 0)))
}

// divisor is the number of elements less ddof, at least 0, in type t (float64 for integers).
func (r *reduction) divisor(t dtype.DType, ddof float64) *Node {
	if !t.IsFloat() {
		t = dtype.Float64
	}
	if r.Where == nil {
		return Number(t, max(float64(r.count())-ddof, 0))
	}
	n := CastTo(r.over(op.Add, CastTo(r.Where, dtype.Int64)), dtype.Float64)
	n = must(Elementwise(op.Subtract, n, Number(dtype.Float64, ddof)))
	return CastTo(must(Elementwise(op.Maximum, n, Number(dtype.Float64, 0))), t)
}

// Var is the mean of the squared deviations from the mean, with divisor n - DDof.
func Var(x *Node, opt Reduction) (*Node, error) {
	r, v, err := variance("var", x, opt)
	if err != nil {
		return nil, err
	}
	return r.finish(v), nil
}

// Std is the square root of Var.
func Std(x *Node, opt Reduction) (*Node, error) {
	r, v, err := variance("std", x, opt)
	if err != nil {
		return nil, err
	}
	return r.finish(must(Elementwise(op.Sqrt, v))), nil
}

func variance(name string, x *Node, opt Reduction) (*reduction, *Node, error) {
	r, err := newReduction(name, x, opt)
	if err != nil {
		return nil, nil, err
	}
	t := r.accumulator(meanType(x.Type))
	if !t.IsFloat() {
		return nil, nil, &OptionError{Name: name, Option: "DType", Why: "deviations from a mean need float32 or float64, not " + t.String()}
	}
	x = CastTo(x, t)
	mean := must(Reshape(r.mean(x), broadcast.Reduced(x.Shape, r.axes, true)...))
	d := must(Elementwise(op.Subtract, x, mean))
	s := r.sum(must(Elementwise(op.Multiply, d, d)))
	return r, must(Elementwise(op.Divide, s, r.divisor(t, r.DDof))), nil
}

// Min is the least element over axes; a NaN wins.
func Min(x *Node, opt Reduction) (*Node, error) { return extreme("min", op.Minimum, x, opt) }

// Max is the greatest element over axes; a NaN wins.
func Max(x *Node, opt Reduction) (*Node, error) { return extreme("max", op.Maximum, x, opt) }

func extreme(name string, code op.Code, x *Node, opt Reduction) (*Node, error) {
	r, err := newReduction(name, x, opt)
	if err != nil {
		return nil, err
	}
	x = CastTo(x, r.accumulator(x.Type))
	empty := r.Initial
	if empty == nil && r.count() == 0 {
		return nil, &EmptyError{Name: name, Shape: x.Shape}
	}
	if empty == nil && r.Where != nil {
		return nil, &OptionError{Name: name, Option: "Where", Why: "a masked " + name + " needs Initial, for there is no identity"}
	}
	return r.join(code, r.fold(code, x, empty, empty))
}

// Any says whether an element is not zero, over axes.
func Any(x *Node, opt Reduction) (*Node, error) { return logical("any", op.LogicalOr, 0, x, opt) }

// All says whether no element is zero, over axes.
func All(x *Node, opt Reduction) (*Node, error) { return logical("all", op.LogicalAnd, 1, x, opt) }

func logical(name string, code op.Code, identity float64, x *Node, opt Reduction) (*Node, error) {
	r, err := newReduction(name, x, opt)
	if err != nil {
		return nil, err
	}
	id := Number(dtype.Bool, identity)
	return r.join(code, r.fold(code, CastTo(x, dtype.Bool), id, id))
}

// CountNonzero is the number of elements that are not zero, over axes, as int64.
func CountNonzero(x *Node, opt Reduction) (*Node, error) {
	r, err := newReduction("count_nonzero", x, opt)
	if err != nil {
		return nil, err
	}
	zero := Number(dtype.Int64, 0)
	return r.finish(r.fold(op.Add, CastTo(CastTo(x, dtype.Bool), dtype.Int64), zero, zero)), nil
}

// ArgMin is the index of the first least element, or of the first NaN, along one axis, or in C order
// over all of them.
func ArgMin(x *Node, opt Reduction) (*Node, error) { return argExtreme("argmin", op.Minimum, x, opt) }

// ArgMax is the index of the first greatest element, or of the first NaN.
func ArgMax(x *Node, opt Reduction) (*Node, error) { return argExtreme("argmax", op.Maximum, x, opt) }

func argExtreme(name string, code op.Code, x *Node, opt Reduction) (*Node, error) {
	if opt.Axes != nil && len(opt.Axes) != 1 {
		return nil, &OptionError{Name: name, Option: "Axis", Why: "give one axis, or none for all of them"}
	}
	r, err := newReduction(name, x, opt)
	if err != nil {
		return nil, err
	}
	if r.count() == 0 {
		return nil, &EmptyError{Name: name, Shape: x.Shape}
	}
	groups := canon.Groups(x.Shape, r.axes)
	if len(groups) == 0 {
		return r.finish(must(BroadcastTo(standingFor(x, Number(dtype.Int64, 0)), r.flat()))), nil
	}
	y := r.group(ArgReduce, code, x, groups[0].Axes, groups[0].Rule)
	return r.finish(must(Reshape(y, r.flat()...))), nil
}

// negZero is the absent element of a sum.
var negZero = math.Copysign(0, -1)
