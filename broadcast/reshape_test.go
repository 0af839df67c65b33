package broadcast

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestReshapeErrors(t *testing.T) {
	flat := Contiguous([]int{2, 3}, 8)
	turned := must(flat.Transpose())
	tests := []struct {
		v       View
		to      []int
		problem ReshapeProblem
		want    string
	}{
		{flat, []int{4}, SizeDiffers, "shape (2,3) cannot become (4,): it has 6 elements, not 4"},
		{flat, []int{-1, -1}, TwoUnknown, "shape (2,3) cannot become (-1,-1): only one extent can be -1"},
		{flat, []int{4, -1}, NoUnknown, "shape (2,3) cannot become (4,-1): no extent in place of -1 makes it 6 elements"},
		{flat, []int{0, -1}, NoUnknown, "shape (2,3) cannot become (0,-1): no extent in place of -1 makes it 6 elements"},
		{turned, []int{6}, MustCopy,
			"shape (3,2) cannot become (6,) without a copy, its strides being (8,24): Copy it first, and reshape the copy"},
	}
	for _, tt := range tests {
		_, err := tt.v.Reshape(8, tt.to...)
		var e *ReshapeError
		require.ErrorAs(t, err, &e)
		assert.Equal(t, tt.problem, e.Problem)
		assert.EqualError(t, err, tt.want)
	}
	_, err := flat.Reshape(8, 1<<40, 1<<40)
	assert.ErrorContains(t, err, "too large")
	_, err = flat.Reshape(8, slices.Repeat([]int{1}, MaxDims+1)...)
	assert.ErrorContains(t, err, "at most 32")
	_, err = flat.ReshapeFortran(8, -1, 2)
	assert.ErrorContains(t, err, "shape (2,3) cannot become (-1,2) without a copy, its strides being (24,8)")
	_, err = flat.ReshapeFortran(8, 2, -1, -1)
	assert.ErrorContains(t, err, "cannot become (2,-1,-1)")
}

func TestReshapeViews(t *testing.T) {
	v := Contiguous([]int{4, 6}, 8)
	columns := must(v.Index(All(), Range(0, 4))) // rows of 4 with 2 left out
	tests := []struct {
		v    View
		to   []int
		want View
	}{
		{v, []int{-1}, View{Shape: []int{24}, Strides: []int{8}}},
		{v, []int{2, 2, -1, 1, 3}, View{Shape: []int{2, 2, 2, 1, 3}, Strides: []int{96, 48, 24, 24, 8}}},
		{columns, []int{2, 2, 2, 2}, View{Shape: []int{2, 2, 2, 2}, Strides: []int{96, 48, 16, 8}}},
		{Contiguous(nil, 8), []int{1, 1}, View{Shape: []int{1, 1}, Strides: []int{8, 8}}},
		{Contiguous([]int{0, 2}, 8), []int{3, -1}, View{Shape: []int{3, 0}, Strides: []int{8, 8}}},
		{View{Shape: []int{2, 3}, Strides: []int{0, 0}, Offset: 8}, []int{6}, View{Shape: []int{6}, Strides: []int{0}, Offset: 8}},
	}
	for _, tt := range tests {
		got, err := tt.v.Reshape(8, tt.to...)
		assert.NoError(t, err)
		assert.Equal(t, tt.want, got)
	}
}

// drawFactors draws a shape of n elements, or now and then of another number.
func drawFactors(t *rapid.T, n int) []int {
	var shape []int
	for n > 1 {
		var divisors []int
		for d := 2; d <= n; d++ {
			if n%d == 0 {
				divisors = append(divisors, d)
			}
		}
		d := rapid.SampledFrom(divisors).Draw(t, "divisor")
		shape = append(shape, d)
		n /= d
	}
	if n == 0 {
		shape = append(shape, 0)
	}
	for range rapid.IntRange(0, 2).Draw(t, "ones") {
		shape = slices.Insert(shape, rapid.IntRange(0, len(shape)).Draw(t, "place"), 1)
	}
	if len(shape) > 0 && rapid.Bool().Draw(t, "change") {
		shape[rapid.IntRange(0, len(shape)-1).Draw(t, "which")] = rapid.IntRange(-1, 4).Draw(t, "to")
	}
	return shape
}

// reshaped is m with another shape, one extent of which may be -1; ok is false if there is none.
func (m model) reshaped(shape []int) (out model, ok bool) {
	for d := 0; d <= len(m.at); d++ {
		full := slices.Clone(shape)
		if i := slices.Index(shape, -1); i >= 0 {
			full[i] = d
		}
		n := 1
		for _, e := range full {
			n *= e
		}
		if n == len(m.at) && (slices.Index(shape, -1) < 0 || n > 0 || !slices.Contains(shape, 0)) {
			return model{shape: full, at: m.at}, true
		}
	}
	return model{}, false
}

func checkReshape(t *rapid.T) {
	v, itemsize := drawView(t)
	shape := drawFactors(t, v.Size())
	got, err := v.Reshape(itemsize, shape...)
	want, ok := modelOf(v).reshaped(shape)
	if !ok || !want.strided() {
		var e *ReshapeError
		require.ErrorAs(t, err, &e)
		require.Equal(t, ok, e.Problem == MustCopy, e.Error())
	} else {
		require.NoError(t, err)
		require.Equal(t, want.at, modelOf(got).at)
		require.True(t, slices.Equal(want.shape, got.Shape))
		require.True(t, v.Size() > 0 || got.Offset == v.Offset)
	}
	mirror := slices.Clone(shape)
	slices.Reverse(mirror)
	turned, turnedErr := must(v.Transpose()).ReshapeFortran(itemsize, mirror...)
	require.Equal(t, err == nil, turnedErr == nil)
	if err == nil {
		require.True(t, Same(got, must(turned.Transpose())))
	}
}

func TestReshapeAgainstModel(t *testing.T) { rapid.Check(t, checkReshape) }

func FuzzReshape(f *testing.F) {
	seed(f)
	f.Fuzz(rapid.MakeFuzz(checkReshape))
}
