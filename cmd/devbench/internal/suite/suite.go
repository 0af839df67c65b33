// Package suite is what devbench measures: workloads as Python text, with inputs that are the same
// in every run, so that the same text on the same numbers runs in Python too.
package suite

import (
	"fmt"
	"math"
	"path"
	"slices"
	"strings"

	"github.com/tare-go/tare/cmd/devbench/internal/nearest"
)

// Workload is an expression and the inputs that it is measured on.
type Workload struct {
	Name string
	// Text is the program, in the grammar of package pyexpr.
	Text string
	// Flops is the number of operations for each element of the largest input; a function, such as
	// exp, counts as one.
	Flops int
	// Sums says that elements of the result are sums of many: their rounding depends on the order.
	Sums bool

	inputs []input
	square int // the order of square matrices, for workloads that have their size in their name
}

// extent is how a shape follows from rows and columns.
type extent uint8

const (
	grid   extent = iota // rows × columns
	column               // rows × 1
	row                  // 1 × columns
)

type input struct {
	name   string
	extent extent
	values values
}

// workloads is the suite, in the order in which it runs.
var workloads = []Workload{
	elementwise("add", "x + y", 1, uniform(-1, 1), uniform(-1, 1)),
	elementwise("scale", "x * 2.5", 1, uniform(-1, 1)),
	elementwise("sqrt", "np.sqrt(x)", 1, uniform(0, 100)),
	elementwise("exp", "np.exp(x)", 1, uniform(-10, 10)),
	elementwise("log", "np.log(x)", 1, uniform(1e-6, 100)),
	elementwise("sin", "np.sin(x)", 1, uniform(-100, 100)),
	elementwise("tanh", "np.tanh(x)", 1, uniform(-4, 4)),
	elementwise("pow", "x ** y", 1, uniform(0.01, 10), uniform(-3, 3)),
	elementwise("compare", "x > y", 1, uniform(-1, 1), uniform(-1, 1)),
	elementwise("where_nan", "np.where(np.isnan(x), 0.0, x)", 2, sometimesNaN(0.1, uniform(-1, 1))),
	summing("sum", "x.sum()", 1, uniform(0, 1)),
	summing("sum0", "x.sum(axis=0)", 1, uniform(0, 1)),
	summing("sum1", "x.sum(axis=1)", 1, uniform(0, 1)),
	elementwise("max", "x.max()", 1, uniform(-1, 1)),
	elementwise("argmax", "x.argmax()", 1, uniform(-1, 1)),
	summing("std", "x.std()", 4, uniform(0, 1)),
	{Name: "chain", Text: "np.sqrt(a*a + b*b) * np.exp(-a)", Flops: 7,
		inputs: []input{{"a", grid, uniform(-1, 1)}, {"b", grid, uniform(-1, 1)}}},
	summing("center_rows", "x - x.mean(axis=1, keepdims=True)", 2, uniform(0, 1)),
	summing("zscore_cols", "(x - x.mean(axis=0)) / x.std(axis=0)", 7, uniform(0, 1)),
	summing("softmax_rows", "e = np.exp(x - x.max(axis=1, keepdims=True))\ne / e.sum(axis=1, keepdims=True)", 5, uniform(-5, 5)),
	{Name: "outer_add", Text: "a + b", Flops: 1,
		inputs: []input{{"a", column, uniform(-1, 1)}, {"b", row, uniform(-1, 1)}}},
	gemm(64), gemm(128), gemm(256), gemm(512),
}

// elementwise is a workload on x, or on x and y, of the same shape.
func elementwise(name, text string, flops int, fill ...values) Workload {
	w := Workload{Name: name, Text: text, Flops: flops}
	for i, v := range fill {
		w.inputs = append(w.inputs, input{string(rune('x' + i)), grid, v})
	}
	return w
}

// summing is like elementwise, and adds elements up.
func summing(name, text string, flops int, fill ...values) Workload {
	w := elementwise(name, text, flops, fill...)
	w.Sums = true
	return w
}

// gemm is the product of two square matrices.
func gemm(n int) Workload {
	return Workload{Name: fmt.Sprintf("gemm_%d", n), Text: "a @ b", Flops: 2 * n, Sums: true, square: n,
		inputs: []input{{"a", grid, uniform(-1, 1)}, {"b", grid, uniform(-1, 1)}}}
}

// All is the suite.
func All() []Workload { return slices.Clone(workloads) }

// Names are those of the suite.
func Names() []string {
	names := make([]string, len(workloads))
	for i, w := range workloads {
		names[i] = w.Name
	}
	return names
}

// Select is the workloads whose names match one of the patterns, in the order of the suite; in a
// pattern * stands for any letters, as in gemm_*. A pattern that matches none is an error.
func Select(patterns []string) ([]Workload, error) {
	chosen := map[string]bool{}
	for _, p := range patterns {
		found := false
		for _, name := range Names() {
			if ok, _ := path.Match(p, name); ok {
				chosen[name], found = true, true
			}
		}
		if !found {
			return nil, fmt.Errorf("there is no workload %q%s\nthe workloads are %s", p,
				nearest.DidYouMean(p, Names()), strings.Join(Names(), ", "))
		}
	}
	return slices.DeleteFunc(All(), func(w Workload) bool { return !chosen[w.Name] }), nil
}

// Input is an array of a workload.
type Input struct {
	Name  string
	Shape []int

	seed   string
	values values
}

// Inputs are the arrays of the workload, in order of their names. The largest has about size
// elements, as square as can be; matrix products have the size that their name says.
func (w Workload) Inputs(size int) []Input {
	cols := max(1, int(math.Sqrt(float64(size))))
	rows := max(1, size/cols)
	if w.square > 0 {
		rows, cols = w.square, w.square
	}
	shapes := map[extent][]int{grid: {rows, cols}, column: {rows, 1}, row: {1, cols}}
	inputs := make([]Input, len(w.inputs))
	for i, in := range w.inputs {
		inputs[i] = Input{in.name, shapes[in.extent], w.Name + "/" + in.name, in.values}
	}
	return inputs
}

// Operations is the number of floating-point operations of one run on inputs of the size.
func (w Workload) Operations(size int) int {
	inputs := w.Inputs(size)
	rows, cols := inputs[0].Shape[0], inputs[len(inputs)-1].Shape[1]
	return w.Flops * rows * cols
}
