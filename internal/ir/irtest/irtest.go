// Package irtest draws random expressions over arrays of every type and layout, for property tests
// of whatever evaluates expressions.
package irtest

import (
	"fmt"
	"math"

	"pgregory.net/rapid"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/op"
)

// Array is the memory of a leaf: Data holds all elements of its base, which views of it see.
type Array struct {
	Name string
	Type dtype.DType
	Data []byte
}

// SourceName is how plans print the array.
func (a *Array) SourceName() string { return a.Name }

// Read is the element of a leaf that is off bytes into its array: what ir.Evaluate asks for.
func Read(leaf *ir.Node, off int) uint64 {
	return ir.ReadBits(leaf.Array.(*Array).Data[off : off+leaf.Type.Size()])
}

// Case is what was drawn.
type Case struct {
	Arrays []*Array
	Leaves []*ir.Node
	Outs   []*ir.Node
}

// String lists the outputs.
func (c *Case) String() string {
	s := ""
	for _, n := range c.Outs {
		s += Text(n) + "\n"
	}
	return s
}

// Text is an expression as nested calls, with the shapes and layouts of its leaves.
func Text(n *ir.Node) string {
	if n.Kind == ir.Leaf {
		return fmt.Sprintf("%s:%v%v/%v+%d", n.Name(), n.Type, n.At.Shape, n.At.Strides, n.At.Offset)
	}
	if n.Kind == ir.Scalar {
		return fmt.Sprintf("%v(%#x)", n.Type, n.Bits)
	}
	s := n.Name()
	if n.View != nil {
		s += fmt.Sprint(n.View.Ints, n.View.Index)
	}
	if n.Axes != nil {
		s += fmt.Sprint(n.Axes)
	}
	s += "("
	for i, a := range n.Args {
		if i > 0 {
			s += ", "
		}
		s += Text(a)
	}
	return s + ")"
}

// Bits draws the bits of an element: small numbers mostly, and special ones.
func Bits(t *rapid.T, d dtype.DType) uint64 {
	if d == dtype.Bool {
		return rapid.Uint64Range(0, 1).Draw(t, "bool")
	}
	if d.IsInteger() {
		v := rapid.OneOf(rapid.Int64Range(-9, 9), rapid.Int64()).Draw(t, "int")
		return uint64(v) & (math.MaxUint64 >> (64 - 8*d.Size()))
	}
	v := rapid.OneOf(rapid.Float64Range(-4, 4), rapid.Float64(), rapid.SampledFrom(special)).Draw(t, "float")
	return ir.Number(d, v).Bits
}

var special = []float64{0, math.Copysign(0, -1), 1, -1, math.Inf(1), math.Inf(-1), math.NaN(), 5e-324, 1e-40, math.MaxFloat64}

// extents are mostly small, with some around the widths and rules of the canonical orders.
var extents = []int{1, 2, 3, 4, 5, 1, 2, 3, 7, 16, 0, 33, 40, 70, 130, 300, 600}

// maxElements bounds the arrays, and with them the time of the oracle.
const maxElements = 9000

type drawer struct {
	t    *rapid.T
	c    *Case
	pool []*ir.Node
	base []int
}

// Draw makes arrays and an expression or two of up to steps operations on them.
func Draw(t *rapid.T, steps int) *Case {
	d := &drawer{t: t, c: &Case{}}
	d.base = d.shape()
	for range rapid.IntRange(1, 3).Draw(t, "leaves") {
		d.leaf()
	}
	for range rapid.IntRange(1, steps).Draw(t, "steps") {
		d.step()
	}
	d.c.Outs = []*ir.Node{d.pool[len(d.pool)-1]}
	if rapid.Bool().Draw(t, "two outputs") {
		d.c.Outs = append(d.c.Outs, d.pick())
	}
	for i, n := range d.c.Outs {
		if n.Weak {
			d.c.Outs[i] = ir.CastTo(n, n.Type)
		}
	}
	return d.c
}

func (d *drawer) shape() []int {
	var shape []int
	n := 1
	for range rapid.IntRange(0, 4).Draw(d.t, "dims") {
		e := rapid.SampledFrom(extents).Draw(d.t, "extent")
		if n*e > maxElements {
			e = 1
		}
		n *= max(e, 1)
		shape = append(shape, e)
	}
	return shape
}

// leaf adds an array whose shape broadcasts with the base shape, in some layout.
func (d *drawer) leaf() {
	shape := append([]int(nil), d.base...)
	if len(shape) > 0 && rapid.IntRange(0, 3).Draw(d.t, "narrow") == 0 {
		shape[rapid.IntRange(0, len(shape)-1).Draw(d.t, "axis")] = 1
	}
	if len(shape) > 0 && rapid.IntRange(0, 4).Draw(d.t, "drop") == 0 {
		shape = shape[1:]
	}
	typ := rapid.SampledFrom(dtype.All()).Draw(d.t, "dtype")
	if rapid.IntRange(0, 2).Draw(d.t, "float") > 0 {
		typ = rapid.SampledFrom([]dtype.DType{dtype.Float32, dtype.Float64}).Draw(d.t, "dtype")
	}
	at, bytes := d.layout(shape, typ.Size())
	a := &Array{Name: string(rune('a' + len(d.c.Arrays))), Type: typ, Data: d.data(typ, bytes)}
	n := ir.NewLeaf(a, typ, at)
	d.c.Arrays = append(d.c.Arrays, a)
	d.c.Leaves = append(d.c.Leaves, n)
	d.pool = append(d.pool, n)
}

// data fills an array with a few drawn elements, repeated with variations: drawing each would make
// shrinking slow.
func (d *drawer) data(typ dtype.DType, bytes int) []byte {
	seeds := make([]uint64, 13)
	for i := range seeds {
		seeds[i] = Bits(d.t, typ)
	}
	data := make([]byte, bytes)
	size := typ.Size()
	state := uint64(1)
	for i := 0; i+size <= bytes; i += size {
		state = state*6364136223846793005 + 1442695040888963407
		v := seeds[(state>>33)%13]
		if (state>>40)%3 > 0 && typ != dtype.Bool {
			v = ir.Number(typ, float64(int64(state>>44)%1000-500)/64).Bits
		}
		ir.WriteBits(data[i:i+size], v)
	}
	return data
}

// layout is a view of the shape in memory of that many bytes.
func (d *drawer) layout(shape []int, size int) (broadcast.View, int) {
	switch rapid.IntRange(0, 4).Draw(d.t, "layout") {
	case 0: // Fortran order
		return broadcast.Fortran(shape, size), elements(shape) * size
	case 1: // every other element, from the end
		wide := make([]int, len(shape))
		ix := make([]broadcast.Index, len(shape))
		for i, e := range shape {
			wide[i], ix[i] = 2*e+1, broadcast.SliceOf(ref(2*e-1), nil, ref(-2))
			if e == 0 {
				ix[i] = broadcast.To(0)
			}
		}
		at, err := broadcast.Contiguous(wide, size).Index(ix...)
		if err == nil && elements(wide) <= 4*maxElements {
			return at, elements(wide) * size
		}
	case 2: // broadcast along the first axis
		if len(shape) > 0 {
			one := append([]int{1}, shape[1:]...)
			at, err := broadcast.Contiguous(one, size).BroadcastTo(shape)
			if err == nil {
				return at, elements(one) * size
			}
		}
	}
	return broadcast.Contiguous(shape, size), elements(shape) * size
}

// ref is the address of a number.
func ref(i int) *int { return &i }

func elements(shape []int) int {
	n := 1
	for _, e := range shape {
		n *= e
	}
	return n
}

func (d *drawer) pick() *ir.Node {
	return d.pool[rapid.IntRange(0, len(d.pool)-1).Draw(d.t, "operand")]
}

// step adds a node made by a random operation; one that does not fit its operands is passed over.
func (d *drawer) step() {
	var n *ir.Node
	var err error
	switch rapid.IntRange(0, 10).Draw(d.t, "operation") {
	case 0, 1, 2, 3:
		n, err = d.operator()
	case 4, 5, 6:
		n, err = d.reduction()
	case 7:
		n, err = d.view()
	case 8:
		n, err = d.centred()
	case 9:
		n, err = d.product()
	case 10:
		n, err = d.scan()
	}
	if err == nil && n.Len() <= 2*maxElements {
		d.pool = append(d.pool, n)
	}
}

func (d *drawer) operator() (*ir.Node, error) {
	code := op.Code(rapid.IntRange(0, len(op.Table)-1).Draw(d.t, "operator"))
	args := make([]*ir.Node, code.Row().Arity)
	for i := range args {
		args[i] = d.pick()
		if rapid.IntRange(0, 5).Draw(d.t, "number") == 0 {
			args[i] = ir.NewWeak(dtype.Float64, math.Float64bits(rapid.SampledFrom([]float64{0.5, 2, -3}).Draw(d.t, "number")))
		}
	}
	if code == op.Copysign && args[1].Kind != ir.Leaf {
		code = op.Add // the sign of a computed NaN is not promised
	}
	return ir.Elementwise(code, args...)
}

var reductions = []func(*ir.Node, ir.Reduction) (*ir.Node, error){
	ir.Sum, ir.Sum, ir.Prod, ir.Mean, ir.Mean, ir.Var, ir.Std, ir.Min, ir.Max, ir.Any, ir.All, ir.CountNonzero, ir.ArgMin, ir.ArgMax,
}

func (d *drawer) options(n *ir.Node) ir.Reduction {
	r := ir.Reduction{KeepDims: rapid.Bool().Draw(d.t, "keepdims")}
	if rapid.IntRange(0, 3).Draw(d.t, "all axes") == 0 {
		return r
	}
	r.Axes = []int{}
	for a := range n.Shape {
		if rapid.Bool().Draw(d.t, "reduce axis") {
			r.Axes = append(r.Axes, a)
		}
	}
	return r
}

func (d *drawer) reduction() (*ir.Node, error) {
	n := d.pick()
	return rapid.SampledFrom(reductions).Draw(d.t, "reduction")(n, d.options(n))
}

// centred is a map with a reduction of its own operand, kept aligned: what rows are fused for.
func (d *drawer) centred() (*ir.Node, error) {
	x := d.pick()
	r := d.options(x)
	r.KeepDims = true
	m, err := rapid.SampledFrom(reductions[:9]).Draw(d.t, "reduction")(x, r)
	if err != nil {
		return nil, err
	}
	return ir.Elementwise(rapid.SampledFrom([]op.Code{op.Subtract, op.Divide, op.Maximum}).Draw(d.t, "operator"), x, m)
}

func (d *drawer) scan() (*ir.Node, error) {
	n := d.pick()
	var axis *int
	if len(n.Shape) > 0 && rapid.Bool().Draw(d.t, "along an axis") {
		axis = ref(rapid.IntRange(0, len(n.Shape)-1).Draw(d.t, "axis"))
	}
	switch rapid.IntRange(0, 3).Draw(d.t, "scan") {
	case 0:
		return ir.CumProd(n, axis, dtype.Invalid)
	case 1:
		return ir.CumMax(n, axis, dtype.Invalid)
	}
	return ir.CumSum(n, axis, dtype.Invalid)
}

func (d *drawer) view() (*ir.Node, error) {
	n := d.pick()
	switch rapid.IntRange(0, 4).Draw(d.t, "view") {
	case 0:
		return ir.NewView(n, ir.View{Kind: ir.ViewTranspose})
	case 1:
		return ir.NewView(n, ir.View{Kind: ir.ViewFlip})
	case 2:
		return ir.Reshape(n, -1)
	case 3:
		return ir.ExpandDims(n, rapid.IntRange(0, len(n.Shape)).Draw(d.t, "axis"))
	}
	ix := make([]broadcast.Index, len(n.Shape))
	for i := range ix {
		if rapid.Bool().Draw(d.t, "step") {
			ix[i] = broadcast.Step(rapid.SampledFrom([]int{-1, 2, -2, 3}).Draw(d.t, "step"))
		}
	}
	return ir.NewView(n, ir.View{Kind: ir.ViewIndex, Index: ix})
}

func (d *drawer) product() (*ir.Node, error) {
	a, b := d.pick(), d.pick()
	if rapid.Bool().Draw(d.t, "transpose") {
		b = must(ir.NewView(b, ir.View{Kind: ir.ViewTranspose}))
	}
	if a.Len()*b.Len() > 1<<18 {
		return a, nil
	}
	return ir.MatrixProduct(a, b)
}

func must(n *ir.Node, err error) *ir.Node {
	if err != nil {
		panic(err)
	}
	return n
}
