package suite

import "math"

// sizes are what the shapes of a workload's inputs follow from.
type sizes struct{ elements, rows, cols int }

// sizesOf is for a number of elements: rows and columns in the proportion of 2 to 5 where that comes out even,
// as 2000 × 5000, and otherwise as square as can be.
func sizesOf(elements int) sizes {
	cols := int(math.Sqrt(float64(elements) * 5 / 2))
	if cols == 0 || elements%cols != 0 {
		cols = max(1, int(math.Sqrt(float64(elements))))
	}
	return sizes{elements, max(1, elements/cols), cols}
}

// extent is a shape that follows from sizes.
type extent func(s sizes) []int

func grid(s sizes) []int   { return []int{s.rows, s.cols} }
func column(s sizes) []int { return []int{s.rows, 1} }
func row(s sizes) []int    { return []int{1, s.cols} }
func across(s sizes) []int { return []int{s.cols} }
func line(s sizes) []int   { return []int{s.elements} }

// tall is 1,000,000 × 32 for 10 million elements.
func tall(s sizes) []int { return []int{max(1, s.elements/10), 32} }

// batch is 1000 matrices of 32 × 32 for 10 million elements.
func batch(s sizes) []int { return []int{max(1, s.elements/10_000), 32, 32} }

func matrix(rows, cols int) extent { return func(sizes) []int { return []int{rows, cols} } }

// Input is an array of a workload.
type Input struct {
	Name  string
	Shape []int

	seed   string
	values values
}

// Len is the number of its elements.
func (in Input) Len() int {
	n := 1
	for _, extent := range in.Shape {
		n *= extent
	}
	return n
}

// Inputs are the arrays of the workload, in order of their names. The largest has about size
// elements, unless the workload has its size in its name.
func (w Workload) Inputs(size int) []Input {
	if w.fixed > 0 {
		size = w.fixed
	}
	s := sizesOf(size)
	inputs := make([]Input, len(w.inputs))
	for i, in := range w.inputs {
		inputs[i] = Input{in.name, in.extent(s), w.Name + "/" + in.name, in.values}
	}
	return inputs
}

// Operations is the number of floating-point operations of one run on inputs of the size.
func (w Workload) Operations(size int) int {
	inputs := w.Inputs(size)
	if w.Product {
		return w.Flops * inputs[0].Len()
	}
	elements := 1
	for axis := range inputs[0].Shape {
		longest := 0
		for _, in := range inputs {
			longest = max(longest, in.Shape[axis])
		}
		elements *= longest
	}
	return w.Flops * elements
}
