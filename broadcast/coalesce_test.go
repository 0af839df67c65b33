package broadcast

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestCoalesce(t *testing.T) {
	tests := []struct {
		name        string
		shape       []int
		strides     [][]int
		wantShape   []int
		wantStrides [][]int
	}{
		{"contiguous", []int{2, 3, 4}, [][]int{{96, 32, 8}}, []int{24}, [][]int{{8}}},
		{"one operand broken", []int{2, 3, 4}, [][]int{{96, 32, 8}, {120, 40, 8}}, []int{6, 4}, [][]int{{32, 8}, {40, 8}}},
		{"a row to a matrix", []int{2, 3}, [][]int{{24, 8}, {0, 8}}, []int{2, 3}, [][]int{{24, 8}, {0, 8}}},
		{"a scalar to a matrix", []int{2, 3}, [][]int{{24, 8}, {0, 0}}, []int{6}, [][]int{{8}, {0}}},
		{"ones between", []int{1, 2, 1, 3, 1}, [][]int{{7, 24, 7, 8, 7}}, []int{6}, [][]int{{8}}},
		{"backwards", []int{2, 3}, [][]int{{-24, -8}}, []int{6}, [][]int{{-8}}},
		{"one element", []int{1, 1}, [][]int{{8, 8}, {0, 0}}, []int{}, [][]int{{}, {}}},
		{"no element", []int{3, 0}, [][]int{{8, 8}}, []int{0}, [][]int{{0}}},
		{"no operand", []int{2, 3}, nil, []int{6}, [][]int{}},
	}
	for _, tt := range tests {
		shape, strides := Coalesce(tt.shape, tt.strides)
		assert.Equal(t, tt.wantShape, shape, tt.name)
		assert.Equal(t, tt.wantStrides, strides, tt.name)
	}
}

// Each operand's elements come in the same order as before, and no two axes left would merge.
func TestCoalesceAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shape := drawShape(t, "shape")
		strides := make([][]int, rapid.IntRange(1, 3).Draw(t, "operands"))
		for k := range strides {
			v := Contiguous(shape, 4)
			for i, d := range shape {
				v.Shape[i] = rapid.SampledFrom([]int{1, d, d, d}).Draw(t, "extent")
			}
			v = Contiguous(v.Shape, 4)
			strides[k] = must(v.BroadcastTo(shape)).Strides
		}
		newShape, newStrides := Coalesce(shape, strides)
		for k := range strides {
			before := modelOf(View{Shape: shape, Strides: strides[k]})
			after := modelOf(View{Shape: newShape, Strides: newStrides[k]})
			require.Equal(t, before.at, after.at)
		}
		require.NotContains(t, newShape, 1)
		for i := 1; i < len(newShape); i++ {
			require.True(t, slices.ContainsFunc(newStrides, func(s []int) bool { return s[i-1] != s[i]*newShape[i] }))
		}
	})
}
