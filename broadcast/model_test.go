package broadcast

import (
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// model is the slow, obvious meaning of a View: the byte at which each element starts, in C order.
type model struct {
	shape []int
	at    []int
}

// modelOf writes a view out.
func modelOf(v View) model {
	m := model{shape: slices.Clone(v.Shape)}
	for ix := range indices(v.Shape) {
		at := v.Offset
		for i, n := range ix {
			at += n * v.Strides[i]
		}
		m.at = append(m.at, at)
	}
	return m
}

// indices is every index of a shape, in C order. The slice is overwritten by the next one.
func indices(shape []int) func(yield func([]int) bool) {
	return func(yield func([]int) bool) {
		ix := make([]int, len(shape))
		var walk func(axis int) bool
		walk = func(axis int) bool {
			if axis == len(shape) {
				return yield(ix)
			}
			for ix[axis] = 0; ix[axis] < shape[axis]; ix[axis]++ {
				if !walk(axis + 1) {
					return false
				}
			}
			return true
		}
		walk(0)
	}
}

// get is the element at an index.
func (m model) get(ix []int) int {
	place := 0
	for i, n := range ix {
		place = place*m.shape[i] + n
	}
	return m.at[place]
}

// pick is the model of the given shape whose element ix is m's element from(ix).
func (m model) pick(shape []int, from func(ix []int) []int) model {
	out := model{shape: slices.Clone(shape)}
	for ix := range indices(shape) {
		out.at = append(out.at, m.get(from(ix)))
	}
	return out
}

// transposed orders the axes by perm.
func (m model) transposed(perm []int) model {
	shape := make([]int, len(perm))
	for i, p := range perm {
		shape[i] = m.shape[p]
	}
	return m.pick(shape, func(ix []int) []int {
		from := make([]int, len(perm))
		for i, p := range perm {
			from[p] = ix[i]
		}
		return from
	})
}

// strided reports whether one stride an axis finds all elements of m.
func (m model) strided() bool {
	if len(m.at) == 0 {
		return true
	}
	v := View{Shape: m.shape, Strides: make([]int, len(m.shape)), Offset: m.at[0]}
	for i, d := range m.shape {
		if d > 1 {
			unit := make([]int, len(m.shape))
			unit[i] = 1
			v.Strides[i] = m.get(unit) - m.at[0]
		}
	}
	return slices.Equal(modelOf(v).at, m.at)
}

// bytes is how many elements touch each byte.
func (m model) bytes(itemsize int) map[int]int {
	touched := map[int]int{}
	for _, at := range m.at {
		for b := range itemsize {
			touched[at+b]++
		}
	}
	return touched
}

// drawShape draws up to 4 axes of extents 0 to 4; a third of the extents are 1.
func drawShape(t *rapid.T, label string) []int {
	return rapid.SliceOfN(rapid.SampledFrom([]int{0, 1, 1, 2, 3, 4}), 0, 4).Draw(t, label)
}

func drawItemsize(t *rapid.T) int {
	return rapid.SampledFrom([]int{1, 2, 4, 8}).Draw(t, "itemsize")
}

// drawView draws what slicing, reordering and broadcasting make of a contiguous array.
func drawView(t *rapid.T) (v View, itemsize int) {
	itemsize = drawItemsize(t)
	v = Contiguous(drawShape(t, "shape"), itemsize)
	for i, d := range v.Shape {
		step := rapid.SampledFrom([]int{1, 1, 1, 2, 3, -1, -2}).Draw(t, "step")
		first := rapid.IntRange(0, max(0, d-1)).Draw(t, "first")
		v = must(v.Index(append(slices.Repeat([]Index{All()}, i), RangeStep(first, 9*step, step))...))
		if rapid.IntRange(0, 5).Draw(t, "broadcast") == 0 && v.Shape[i] == 1 {
			shape := slices.Clone(v.Shape)
			shape[i] = 3
			v = must(v.BroadcastTo(shape))
		}
	}
	if v.NDim() > 0 {
		v = must(v.Transpose(drawPermutation(t, v.NDim())...))
	}
	return v, itemsize
}

func drawPermutation(t *rapid.T, n int) []int {
	perm := make([]int, n)
	for i := range perm {
		perm[i] = i
	}
	if n == 0 {
		return perm
	}
	return rapid.Permutation(perm).Draw(t, "perm")
}

// seed gives a fuzz target inputs long enough for all that it draws from them.
func seed(f *testing.F) {
	for i := range 16 {
		input := make([]byte, 2048)
		source := rand.NewChaCha8([32]byte{byte(i)})
		if _, err := source.Read(input); err != nil {
			f.Fatal(err)
		}
		f.Add(input)
	}
}

func must(v View, err error) View {
	if err != nil {
		panic(err)
	}
	return v
}
