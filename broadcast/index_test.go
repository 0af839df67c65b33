package broadcast

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestIndexString(t *testing.T) {
	one, two := 1, 2
	tests := map[string]Index{
		"-3": At(-3), ":": All(), "1:2": Range(1, 2), "1:2:-1": RangeStep(1, 2, -1), "1:": From(1), ":2": To(2),
		"::2": Step(2), "newaxis": NewAxis, "...": Ellipsis, ":2:1": SliceOf(nil, &two, &one),
	}
	for want, x := range tests {
		assert.Equal(t, want, x.String())
	}
	assert.Equal(t, All(), Index{})
	assert.Equal(t, All(), SliceOf(nil, nil, nil))
	assert.Equal(t, Range(1, 2), SliceOf(&one, &two, nil))
}

func TestIndexErrors(t *testing.T) {
	full := Contiguous(slices.Repeat([]int{1}, MaxDims), 8)
	tests := []struct {
		v       View
		ix      []Index
		problem IndexProblem
		message string
	}{
		{Contiguous([]int{2, 3}, 8), []Index{All(), At(3)}, OutOfBounds,
			"index [:, 3] of shape (2,3): axis 1 has no place 3: it has 0 to 2, or -3 to -1 from the end"},
		{Contiguous([]int{2, 3}, 8), []Index{Ellipsis, NewAxis, At(-4)}, OutOfBounds,
			"index [..., newaxis, -4] of shape (2,3): axis 1 has no place -4: it has 0 to 2, or -3 to -1 from the end"},
		{Contiguous([]int{0}, 8), []Index{At(0)}, OutOfBounds, "index [0] of shape (0,): axis 0 has no place 0: it is empty"},
		{Contiguous([]int{2}, 8), []Index{All(), At(0)}, TooManyIndices,
			"index [:, 0] of shape (2,): it names more axes than the 1 that there are"},
		{Contiguous([]int{2}, 8), []Index{Ellipsis, Ellipsis}, TwoEllipses,
			"index [..., ...] of shape (2,): it has more than one Ellipsis"},
		{Contiguous([]int{2}, 8), []Index{Step(0)}, ZeroStep, "index [::0] of shape (2,): the step along axis 0 is 0"},
		{full, []Index{NewAxis}, TooManyAxes, "the result has more than 32 axes"},
	}
	for _, tt := range tests {
		_, err := tt.v.Index(tt.ix...)
		var e *IndexError
		require.ErrorAs(t, err, &e)
		assert.Equal(t, tt.problem, e.Problem)
		assert.ErrorContains(t, err, tt.message)
	}
	_, err := tests[1].v.Index(tests[1].ix...)
	assert.Equal(t, &IndexError{Problem: OutOfBounds, Shape: []int{2, 3}, Index: tests[1].ix, Entry: 2, Axis: 1}, err)
	_, err = full.Index(NewAxis)
	assert.Equal(t, &IndexError{Problem: TooManyAxes, Shape: full.Shape, Index: []Index{NewAxis}, Entry: -1, Axis: -1}, err)
	v, err := full.Index(NewAxis, At(0))
	assert.NoError(t, err)
	assert.Equal(t, MaxDims, v.NDim())
}

// Steps, bounds and extents at the ends of what an int holds.
func TestIndexExtremes(t *testing.T) {
	v := Contiguous([]int{5}, 8)
	tests := []struct {
		x    Index
		want []int
	}{
		{RangeStep(4, math.MinInt, math.MinInt), []int{32}},
		{RangeStep(0, math.MaxInt, math.MaxInt), []int{0}},
		{Range(math.MinInt, math.MaxInt), []int{0, 8, 16, 24, 32}},
		{RangeStep(math.MaxInt, math.MinInt, -2), []int{32, 16, 0}},
		{Range(math.MaxInt, math.MinInt), nil},
	}
	for _, tt := range tests {
		got, err := v.Index(tt.x)
		assert.NoError(t, err)
		assert.Equal(t, tt.want, modelOf(got).at, tt.x.String())
	}
	wide, err := View{Shape: []int{math.MaxInt}, Strides: []int{0}}.Index(RangeStep(-1, 0, -1))
	assert.NoError(t, err)
	assert.Equal(t, []int{math.MaxInt - 1}, wide.Shape)
}

// entry is an Index beside what it is made of, for a model that knows nothing of the package.
type entry struct {
	x                 Index
	kind              byte // 'p'oint, 's'lice, 'n'ewaxis, 'e'llipsis
	at                int
	start, stop, step *int
}

var drawEntry = rapid.Custom(func(t *rapid.T) entry {
	bound := rapid.Ptr(rapid.OneOf(rapid.IntRange(-6, 6), rapid.Int()), true)
	switch e := (entry{kind: rapid.SampledFrom([]byte("ppsssssne")).Draw(t, "kind")}); e.kind {
	case 'p':
		e.at = rapid.IntRange(-4, 3).Draw(t, "at")
		e.x = At(e.at)
		return e
	case 'n':
		e.x = NewAxis
		return e
	case 'e':
		e.x = Ellipsis
		return e
	default:
		e.start, e.stop = bound.Draw(t, "start"), bound.Draw(t, "stop")
		e.step = rapid.Ptr(rapid.OneOf(rapid.IntRange(-3, 3), rapid.Int()), true).Draw(t, "step")
		e.x = SliceOf(e.start, e.stop, e.step)
		return e
	}
})

// places is the places that a slice takes of an axis of extent n: those of the walk 0, 1, … or,
// backwards, n-1, n-2, … that lie from start on and before stop, and of these every step-th.
func (e entry) places(n int) []int {
	step := 1
	if e.step != nil {
		step = *e.step
	}
	at := func(bound *int) int {
		if *bound < 0 {
			return *bound + n
		}
		return *bound
	}
	var walk []int
	for i := range n {
		if step < 0 {
			i = n - 1 - i
		}
		begun := e.start == nil || (step > 0 && i >= at(e.start)) || (step < 0 && i <= at(e.start))
		ended := e.stop != nil && ((step > 0 && i >= at(e.stop)) || (step < 0 && i <= at(e.stop)))
		if begun && !ended {
			walk = append(walk, i)
		}
	}
	var taken []int
	for k, i := range walk {
		if k%step == 0 {
			taken = append(taken, i)
		}
	}
	return taken
}

// index is the model's basic indexing; ok is false where NumPy has an error.
func (m model) index(entries []entry) (out model, ok bool) {
	named := 0
	for _, e := range entries {
		if e.kind == 'p' || e.kind == 's' {
			named++
		}
	}
	ellipses := slices.IndexFunc(entries, func(e entry) bool { return e.kind == 'e' })
	rest := slices.Repeat([]entry{{kind: 's'}}, max(0, len(m.shape)-named))
	if ellipses < 0 {
		entries = append(slices.Clone(entries), rest...)
	} else {
		entries = slices.Concat(entries[:ellipses], rest, entries[ellipses+1:])
	}
	if named > len(m.shape) || slices.ContainsFunc(entries, func(e entry) bool { return e.kind == 'e' }) {
		return model{}, false
	}
	return m.take(entries)
}

// take is index without an ellipsis, with an entry for every axis.
func (m model) take(entries []entry) (out model, ok bool) {
	var shape []int
	var from []func(ix []int) int // for each axis of m, its place by the index of the result
	for _, e := range entries {
		axis, place := len(from), len(shape)
		switch e.kind {
		case 'n':
			shape = append(shape, 1)
		case 'p':
			n := m.shape[axis]
			if e.at < -n || e.at >= n {
				return model{}, false
			}
			from = append(from, func([]int) int { return (e.at + n) % n })
		case 's':
			if e.step != nil && *e.step == 0 {
				return model{}, false
			}
			places := e.places(m.shape[axis])
			shape = append(shape, len(places))
			from = append(from, func(ix []int) int { return places[ix[place]] })
		}
	}
	return m.pick(shape, func(ix []int) []int {
		source := make([]int, len(from))
		for i, f := range from {
			source[i] = f(ix)
		}
		return source
	}), true
}

func checkIndex(t *rapid.T) {
	v, itemsize := drawView(t)
	entries := rapid.SliceOfN(drawEntry, 0, 5).Draw(t, "entries")
	ix := make([]Index, len(entries))
	for i, e := range entries {
		ix[i] = e.x
	}
	before := v.Clone()
	got, err := v.Index(ix...)
	require.Equal(t, before, v)
	want, ok := modelOf(v).index(entries)
	if !ok {
		var e *IndexError
		require.ErrorAs(t, err, &e)
		require.NotEmpty(t, e.Error())
		return
	}
	require.NoError(t, err)
	require.Equal(t, want.at, modelOf(got).at)
	require.True(t, slices.Equal(want.shape, got.Shape), "got %v, want %v", got.Shape, want.shape)
	lo, hi := v.Extent(itemsize)
	gotLo, gotHi := got.Extent(itemsize)
	require.True(t, lo <= gotLo && gotHi <= hi, "a view stays in the bytes of its base")
}

func TestIndexAgainstModel(t *testing.T) { rapid.Check(t, checkIndex) }

func FuzzIndex(f *testing.F) {
	seed(f)
	f.Fuzz(rapid.MakeFuzz(checkIndex))
}
