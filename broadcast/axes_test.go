package broadcast

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestNormalizeAxes(t *testing.T) {
	got, err := NormalizeAxes([]int{-1, 0}, 3)
	assert.NoError(t, err)
	assert.Equal(t, []int{2, 0}, got)
	got, err = NormalizeAxes(nil, 0)
	assert.NoError(t, err)
	assert.Empty(t, got)
}

func TestAxisErrors(t *testing.T) {
	v := Contiguous([]int{2, 1, 3}, 8)
	tests := []struct {
		name string
		call func() (View, error)
		want string
	}{
		{"too far", func() (View, error) { return v.Flip(3) }, "axis 3 does not exist: with 3 dimensions it is from -3 to 2"},
		{"too far back", func() (View, error) { return v.SwapAxes(0, -4) }, "axis -4 does not exist: with 3 dimensions it is from -3 to 2"},
		{"first of two", func() (View, error) { return v.SwapAxes(5, 0) }, "axis 5 does not exist: with 3 dimensions it is from -3 to 2"},
		{"no axes", func() (View, error) { return Contiguous(nil, 8).Flip(0) }, "axis 0 does not exist: the array has no axes"},
		{"twice", func() (View, error) { return v.Transpose(0, 1, -2) }, "axis -2 is named twice"},
		{"few", func() (View, error) { return v.Transpose(0, 1) }, "2 axes are named where 3 are needed"},
		{"unequal", func() (View, error) { return v.MoveAxis([]int{0, 1}, []int{2}) }, "1 axes are named where 2 are needed"},
		{"source", func() (View, error) { return v.MoveAxis([]int{3}, []int{2}) }, "axis 3 does not exist: with 3 dimensions it is from -3 to 2"},
		{"destination", func() (View, error) { return v.MoveAxis([]int{1, 2}, []int{2, 2}) }, "axis 2 is named twice"},
		{"not one", func() (View, error) { return v.Squeeze(1, -1) }, "axis -1 cannot be squeezed: its extent is 3, not 1"},
		{"no such", func() (View, error) { return v.Squeeze(3) }, "axis 3 does not exist: with 3 dimensions it is from -3 to 2"},
		{"of the result", func() (View, error) { return v.ExpandDims(4) }, "axis 4 does not exist: with 4 dimensions it is from -4 to 3"},
		{"vector", func() (View, error) { return Contiguous([]int{3}, 8).Diagonal(0, 0, 1) }, "1 axes are named where 2 are needed"},
		{"line", func() (View, error) { return v.Diagonal(0, 1, -2) }, "axis -2 is named twice"},
	}
	for _, tt := range tests {
		_, err := tt.call()
		var e *AxisError
		assert.ErrorAs(t, err, &e, tt.name)
		assert.EqualError(t, err, tt.want, tt.name)
	}
}

func TestExpandDimsBeyondMaxDims(t *testing.T) {
	_, err := Contiguous(slices.Repeat([]int{1}, MaxDims), 8).ExpandDims(0)
	var e *ShapeError
	require.ErrorAs(t, err, &e)
	assert.Equal(t, TooManyDims, e.Problem)
	v, err := Contiguous(slices.Repeat([]int{1}, MaxDims-1), 8).ExpandDims(0)
	require.NoError(t, err)
	assert.Equal(t, MaxDims, v.NDim())
}

func TestTransposeAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v, _ := drawView(t)
		perm := drawPermutation(t, v.NDim())
		want := modelOf(v).transposed(perm)
		axes := slices.Clone(perm)
		for i := range axes {
			if rapid.Bool().Draw(t, "negative") {
				axes[i] -= v.NDim()
			}
		}
		require.Equal(t, want, modelOf(must(v.Transpose(axes...))))
		slices.Sort(perm)
		slices.Reverse(perm)
		require.Equal(t, modelOf(v).transposed(perm), modelOf(must(v.Transpose())))
	})
}

func TestSwapAxesAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v, _ := drawView(t)
		if v.NDim() == 0 {
			return
		}
		a, b := rapid.IntRange(0, v.NDim()-1).Draw(t, "a"), rapid.IntRange(0, v.NDim()-1).Draw(t, "b")
		perm := make([]int, v.NDim())
		for i := range perm {
			perm[i] = i
		}
		perm[a], perm[b] = b, a
		require.Equal(t, modelOf(v).transposed(perm), modelOf(must(v.SwapAxes(a-v.NDim(), b))))
	})
}

// MoveAxis takes the source axes out and puts them in at their destinations, the smallest first.
func TestMoveAxisAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v, _ := drawView(t)
		n := rapid.IntRange(0, v.NDim()).Draw(t, "n")
		source, destination := drawPermutation(t, v.NDim())[:n], drawPermutation(t, v.NDim())[:n]
		var order []int
		for i := range v.NDim() {
			if !slices.Contains(source, i) {
				order = append(order, i)
			}
		}
		for place := range v.NDim() {
			if i := slices.Index(destination, place); i >= 0 {
				order = slices.Insert(order, place, source[i])
			}
		}
		require.Equal(t, modelOf(v).transposed(order), modelOf(must(v.MoveAxis(source, destination))))
	})
}

func TestFlipAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v, _ := drawView(t)
		n := rapid.IntRange(0, v.NDim()).Draw(t, "n")
		axes := drawPermutation(t, v.NDim())[:n]
		want := modelOf(v).pick(v.Shape, func(ix []int) []int {
			from := slices.Clone(ix)
			for i, d := range v.Shape {
				if n == 0 || slices.Contains(axes, i) {
					from[i] = d - 1 - ix[i]
				}
			}
			return from
		})
		got := must(v.Flip(axes...))
		require.Equal(t, want, modelOf(got))
		if v.Size() == 0 {
			require.Equal(t, v.Offset, got.Offset)
		}
	})
}

func TestSqueezeAndExpandDims(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v, _ := drawView(t)
		n := rapid.IntRange(0, 3).Draw(t, "n")
		axes := drawPermutation(t, v.NDim()+n)[:n]
		wide := must(v.ExpandDims(axes...))
		require.Equal(t, modelOf(v).at, modelOf(wide).at)
		for _, a := range axes {
			require.Equal(t, 1, wide.Shape[a])
		}
		if n > 0 {
			require.Equal(t, v, must(wide.Squeeze(axes...)))
		}
		narrow := must(wide.Squeeze())
		require.NotContains(t, narrow.Shape, 1)
		require.Equal(t, modelOf(v).at, modelOf(narrow).at)
	})
}

func TestDiagonalAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v, _ := drawView(t)
		if v.NDim() < 2 {
			return
		}
		axes := drawPermutation(t, v.NDim())[:2]
		offset := rapid.OneOf(rapid.IntRange(-5, 5), rapid.SampledFrom([]int{math.MinInt, math.MaxInt})).Draw(t, "offset")
		got := must(v.Diagonal(offset, axes[0], axes[1]-v.NDim()))
		var rest []int
		for i := range v.NDim() {
			if !slices.Contains(axes, i) {
				rest = append(rest, i)
			}
		}
		// The diagonal is what stays of the matrix axes, moved to the end, where column - row = offset.
		m := modelOf(v).transposed(append(rest, axes...))
		var want []int
		for ix := range indices(m.shape) {
			if k := len(ix); ix[k-1]-ix[k-2] == offset {
				want = append(want, m.get(ix))
			}
		}
		require.Equal(t, want, modelOf(got).at)
	})
}
