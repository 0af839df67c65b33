// Package suite is what devbench measures: workloads as Python text, with inputs that are the same
// in every run, so that the same text on the same numbers runs in Python too.
package suite

import (
	"fmt"
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
	// exp, counts as one. For products it is that for each element of the first input.
	Flops int
	// Sums says that elements of the result are sums of many: their rounding depends on the order.
	Sums bool
	// Product says that the work is multiply-adds in registers, and not the memory's.
	Product bool
	// Call is what a run is.
	Call Call
	// Into is Text as NumPy's users write it with out=, for workloads that are called so; besides the
	// inputs there are the arrays out, t and u.
	Into string

	inputs []input
	fixed  int // elements of the inputs, for workloads that have their size in their name
}

// Call is how a workload is run.
type Call uint8

// The ways to run a workload.
const (
	Prepared    Call = iota // compiled once where the implementation can, with a new result each time
	Written                 // as it is written, with nothing prepared and a new result each time
	Reused                  // compiled once where the implementation can, into the same array each time
	Transferred             // from the processor's memory to a GPU's and back, with nothing computed
)

type input struct {
	name   string
	extent extent
	values values
}

// quick are the workloads of the quick suite, in the order in which they run.
var quick = []Workload{
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
	chain(),
	summing("center_rows", "x - x.mean(axis=1, keepdims=True)", 2, uniform(0, 1)),
	summing("zscore_cols", "(x - x.mean(axis=0)) / x.std(axis=0)", 7, uniform(0, 1)),
	summing("softmax_rows", "e = np.exp(x - x.max(axis=1, keepdims=True))\ne / e.sum(axis=1, keepdims=True)", 5, uniform(-5, 5)),
	{Name: "outer_add", Text: "a + b", Flops: 1, inputs: []input{{"a", column, uniform(-1, 1)}, {"b", row, uniform(-1, 1)}}},
	gemm(64), gemm(128), gemm(256), gemm(512),
}

// chain is several operations over the same elements.
func chain() Workload {
	return Workload{Name: "chain", Text: "np.sqrt(a*a + b*b) * np.exp(-a)", Flops: 7,
		inputs: []input{{"a", grid, uniform(-1, 1)}, {"b", grid, uniform(-1, 1)}}}
}

// full are those that follow the quick suite when all is measured.
var full = slices.Concat([]Workload{
	gemm(1024), gemm(2048),
	product("gemm_skinny", "a @ b", 2*32, input{"a", tall, uniform(-1, 1)}, input{"b", matrix(32, 32), uniform(-1, 1)}),
	product("gemv", "a @ x", 2, input{"a", grid, uniform(-1, 1)}, input{"x", across, uniform(-1, 1)}),
	product("batched_gemm", "a @ b", 2*32, input{"a", batch, uniform(-1, 1)}, input{"b", batch, uniform(-1, 1)}),
	product("dot", "x @ y", 2, input{"x", line, uniform(-1, 1)}, input{"y", line, uniform(-1, 1)}),
	summing("cumsum", "np.cumsum(x)", 1, uniform(0, 1)),
	summing("cumsum0", "np.cumsum(x, axis=0)", 1, uniform(0, 1)),
	summing("cumsum1", "np.cumsum(x, axis=1)", 1, uniform(0, 1)),
	small("launch", 100, Reused, elementwise("", "x + y", 1, uniform(-1, 1), uniform(-1, 1)), "np.add(x, y, out=out)"),
	small("add_100", 100, Written, elementwise("", "x + y", 1, uniform(-1, 1), uniform(-1, 1)), ""),
	small("add_1000", 1000, Reused, elementwise("", "x + y", 1, uniform(-1, 1), uniform(-1, 1)), "np.add(x, y, out=out)"),
	small("chain_1000", 1000, Reused, chain(), "np.multiply(a, a, out=t); np.multiply(b, b, out=u); np.add(t, u, out=t); np.sqrt(t, out=t)\n"+
		"np.negative(a, out=u); np.exp(u, out=u); np.multiply(t, u, out=out)"),
}, bySize("add", "x + y", uniform(-1, 1), uniform(-1, 1)), bySize("exp", "np.exp(x)", uniform(-10, 10)))

// asked are measured only when they are asked for by name: they take long, or mean nothing on a processor.
var asked = []Workload{
	gemm(4096), gemm(8192),
	{Name: "transfer", Text: "x", Flops: 1, Call: Transferred, inputs: []input{{"x", line, uniform(-1, 1)}}},
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

// product is a matrix product; flops is for each element of its first input.
func product(name, text string, flops int, inputs ...input) Workload {
	return Workload{Name: name, Text: text, Flops: flops, Sums: true, Product: true, inputs: inputs}
}

// gemm is the product of two square matrices.
func gemm(n int) Workload {
	w := product(fmt.Sprintf("gemm_%d", n), "a @ b", 2*n, input{"a", matrix(n, n), uniform(-1, 1)}, input{"b", matrix(n, n), uniform(-1, 1)})
	w.fixed = n * n
	return w
}

// small is the workload on vectors of n elements.
func small(name string, n int, call Call, w Workload, into string) Workload {
	w.Name, w.Call, w.Into, w.fixed = name, call, into, n
	for i := range w.inputs {
		w.inputs[i].extent = line
	}
	return w
}

// bySize is the workload on vectors of 10³ to 10⁷ elements.
func bySize(name, text string, fill ...values) []Workload {
	var ws []Workload
	n := 100
	for power := 3; power <= 7; power++ {
		n *= 10
		ws = append(ws, small(fmt.Sprintf("%s_1e%d", name, power), n, Prepared, elementwise("", text, 1, fill...), ""))
	}
	return ws
}

// BySize splits the name of a workload that is measured at several sizes, as add_1e3, into what is
// measured and the number of elements.
func BySize(name string) (family string, elements int, ok bool) {
	i := slices.IndexFunc(full, func(w Workload) bool { return w.Name == name })
	family, _, ok = strings.Cut(name, "_1e")
	if i < 0 || !ok {
		return "", 0, false
	}
	return family, full[i].fixed, true
}

// IsProduct reports whether the workload of that name is a matrix product.
func IsProduct(name string) bool {
	return slices.ContainsFunc(Every(), func(w Workload) bool { return w.Product && w.Name == name })
}

// Quick is the quick suite.
func Quick() []Workload { return slices.Clone(quick) }

// All is all that is measured: the quick suite and what follows it.
func All() []Workload { return slices.Concat(quick, full) }

// Every is all workloads, also those that are measured only when they are asked for by name.
func Every() []Workload { return slices.Concat(quick, full, asked) }

// Names are those of All.
func Names() []string { return names(All()) }

func names(ws []Workload) []string {
	var names []string
	for _, w := range ws {
		names = append(names, w.Name)
	}
	return names
}

// Select is the workloads of All whose names match one of the patterns, and those of Every whose names are given in
// full, in the order of the suite; in a pattern * stands for any letters, as in gemm_*. A pattern that matches none is
// an error.
func Select(patterns []string) ([]Workload, error) {
	chosen := map[string]bool{}
	for _, p := range patterns {
		found := false
		for _, name := range Names() {
			if ok, _ := path.Match(p, name); ok {
				chosen[name], found = true, true
			}
		}
		if slices.Contains(names(asked), p) {
			chosen[p], found = true, true
		}
		if !found {
			return nil, fmt.Errorf("there is no workload %q%s\nthe workloads are %s", p,
				nearest.DidYouMean(p, names(Every())), strings.Join(names(Every()), ", "))
		}
	}
	return slices.DeleteFunc(Every(), func(w Workload) bool { return !chosen[w.Name] }), nil
}
