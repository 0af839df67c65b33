package broadcast

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestFormatShape(t *testing.T) {
	assert.Equal(t, "()", FormatShape(nil))
	assert.Equal(t, "(3,)", FormatShape([]int{3}))
	assert.Equal(t, "(2,3)", FormatShape([]int{2, 3}))
	assert.Equal(t, "(-1,0,5)", FormatShape([]int{-1, 0, 5}))
}

func TestSize(t *testing.T) {
	tests := []struct {
		shape []int
		want  int
	}{
		{nil, 1},
		{[]int{3}, 3},
		{[]int{2, 3, 4}, 24},
		{[]int{3, 0, 2}, 0},
		{[]int{math.MaxInt}, math.MaxInt},
		{[]int{0, math.MaxInt}, 0},
		{slices.Repeat([]int{1}, MaxDims), 1},
	}
	for _, tt := range tests {
		got, err := Size(tt.shape)
		assert.NoError(t, err)
		assert.Equal(t, tt.want, got, FormatShape(tt.shape))
	}
}

func TestSizeErrors(t *testing.T) {
	tests := []struct {
		shape   []int
		problem ShapeProblem
		message string
	}{
		{[]int{2, -1}, NegativeExtent, "shape (2,-1) has a negative extent"},
		{[]int{1 << 32, 1 << 31}, TooLarge, "shape (4294967296,2147483648) is too large: no memory address reaches its end"},
		{[]int{1 << 32, 0, 1 << 31}, TooLarge, "shape (4294967296,0,2147483648) is too large: no memory address reaches its end"},
		{slices.Repeat([]int{1}, MaxDims+1), TooManyDims, "has 33 axes: an array has at most 32"},
	}
	for _, tt := range tests {
		_, err := Size(tt.shape)
		var e *ShapeError
		require.ErrorAs(t, err, &e)
		assert.Equal(t, tt.problem, e.Problem)
		assert.Equal(t, [][]int{tt.shape}, e.Shapes)
		assert.ErrorContains(t, err, tt.message)
	}
}

func TestBytes(t *testing.T) {
	n, err := Bytes([]int{2, 3}, 8)
	assert.NoError(t, err)
	assert.Equal(t, 48, n)
	_, err = Bytes([]int{1 << 60}, 8)
	assert.ErrorContains(t, err, "too large")
	n, err = Bytes(nil, 8)
	assert.NoError(t, err)
	assert.Equal(t, 8, n)
}

func TestShapeMessages(t *testing.T) {
	tests := []struct {
		shapes [][]int
		want   string
	}{
		{[][]int{{50000, 5000}, {50000}},
			"shapes (50000,5000) and (50000,) do not broadcast: axis 1 is 5000 against 50000; " +
				"did you mean (50000,1), by KeepDims or ExpandDims, in place of (50000,)?"},
		{[][]int{{4}, {4, 1, 3}},
			"shapes (4,) and (4,1,3) do not broadcast: axis 2 is 4 against 3; " +
				"did you mean (4,1,1), by KeepDims or ExpandDims, in place of (4,)?"},
		{[][]int{{2, 3}, {4, 5}},
			"shapes (2,3) and (4,5) do not broadcast: axis 0 is 2 against 4, axis 1 is 3 against 5"},
		{[][]int{{1}, {3}, {2, 1}, {7}},
			"shapes (1,), (3,), (2,1) and (7,) do not broadcast: axis 1 is 3 against 7"},
		{[][]int{{0}, {2}}, "shapes (0,) and (2,) do not broadcast: axis 0 is 0 against 2"},
		{[][]int{{1 << 40, 1}, {1 << 40}}, "shape (1099511627776,1099511627776) is too large: no memory address reaches its end"},
	}
	for _, tt := range tests {
		_, err := Shapes(tt.shapes...)
		assert.EqualError(t, err, tt.want)
	}
}

func TestShapeErrorIsStructured(t *testing.T) {
	_, err := Shapes([]int{2, 3, 4}, []int{1}, []int{2, 3})
	var e *ShapeError
	require.ErrorAs(t, err, &e)
	assert.Equal(t, &ShapeError{
		Problem: Clashing,
		Shapes:  [][]int{{2, 3, 4}, {1}, {2, 3}},
		Clashes: []Clash{{Axis: 1, First: 0, Second: 2}, {Axis: 2, First: 0, Second: 2}},
		Fit:     []int{2, 3, 1},
		FitOf:   2,
	}, e)
}

// The extent of the result along each axis, from the last, is the one that is not 1.
func TestShapesAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shapes := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) []int {
			return rapid.SliceOfN(rapid.SampledFrom([]int{0, 1, 1, 1, 2, 2, 3}), 0, 4).Draw(t, "shape")
		}), 0, 4).Draw(t, "shapes")
		var want []int
		fits := true
		for back := 1; back <= 4; back++ {
			var extents []int
			there := false
			for _, s := range shapes {
				if back > len(s) {
					continue
				}
				there = true
				if d := s[len(s)-back]; d != 1 && !slices.Contains(extents, d) {
					extents = append(extents, d)
				}
			}
			fits = fits && len(extents) < 2
			if there {
				want = append([]int{append(extents, 1)[0]}, want...)
			}
		}
		got, err := Shapes(shapes...)
		require.Equal(t, fits, err == nil)
		if !fits {
			checkFit(t, err)
			return
		}
		require.True(t, slices.Equal(want, got), "%v: got %v, want %v", shapes, got, want)
	})
}

// checkFit verifies that the shape an error proposes differs from the one that it replaces only
// by axes of extent 1, and resolves the first clash.
func checkFit(t *rapid.T, err error) {
	var e *ShapeError
	require.ErrorAs(t, err, &e)
	require.NotEmpty(t, e.Clashes)
	if e.Fit == nil {
		return
	}
	first := e.Clashes[0]
	other := first.First + first.Second - e.FitOf
	_, err = Shapes(e.Shapes[other], e.Fit)
	require.NoError(t, err)
	require.Equal(t, must(Contiguous(e.Shapes[e.FitOf], 1).Squeeze()).Shape, must(Contiguous(e.Fit, 1).Squeeze()).Shape)
}

func TestReduced(t *testing.T) {
	shape := []int{2, 3, 4}
	assert.Equal(t, []int{2, 4}, Reduced(shape, []int{1}, false))
	assert.Equal(t, []int{2, 1, 4}, Reduced(shape, []int{1}, true))
	assert.Equal(t, []int{3}, Reduced(shape, []int{2, 0}, false))
	assert.Equal(t, []int{1, 1, 1}, Reduced(shape, []int{0, 1, 2}, true))
	assert.Equal(t, []int{}, Reduced(shape, []int{0, 1, 2}, false))
	assert.Equal(t, shape, Reduced(shape, nil, false))
}
