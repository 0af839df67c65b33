package broadcast

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestContiguous(t *testing.T) {
	assert.Equal(t, View{Shape: []int{2, 3, 4}, Strides: []int{96, 32, 8}}, Contiguous([]int{2, 3, 4}, 8))
	assert.Equal(t, View{Shape: []int{2, 3, 4}, Strides: []int{8, 16, 48}}, Fortran([]int{2, 3, 4}, 8))
	assert.Equal(t, []int{8, 8, 4}, Contiguous([]int{3, 0, 2}, 4).Strides)
	assert.Equal(t, []int{4, 12, 12}, Fortran([]int{3, 0, 2}, 4).Strides)
	assert.Equal(t, View{Shape: []int{}, Strides: []int{}}, Contiguous([]int{}, 8))
}

// In C order the elements lie one after the other; in Fortran order those of the transpose do.
func TestOrdersAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shape, item := drawShape(t, "shape"), drawItemsize(t)
		c, f := Contiguous(shape, item), Fortran(shape, item)
		for i, at := range modelOf(c).at {
			require.Equal(t, i*item, at)
		}
		for i, at := range modelOf(must(f.Transpose())).at {
			require.Equal(t, i*item, at)
		}
		require.True(t, c.IsContiguous(item))
		require.True(t, f.IsFortran(item))
	})
}

func TestFlagsAgainstModel(t *testing.T) {
	inOrder := func(m model, item int) bool {
		for i, at := range m.at {
			if at != m.at[0]+i*item {
				return false
			}
		}
		return true
	}
	rapid.Check(t, func(t *rapid.T) {
		v, item := drawView(t)
		require.Equal(t, inOrder(modelOf(v), item), v.IsContiguous(item))
		require.Equal(t, inOrder(modelOf(must(v.Transpose())), item), v.IsFortran(item))
		require.Equal(t, len(modelOf(v).at), v.Size())
	})
}

func TestBroadcastToAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v, _ := drawView(t)
		to := drawShape(t, "to")
		if rapid.Bool().Draw(t, "fits") {
			to = append(to[:min(2, len(to)):2], v.Shape...)
		}
		got, err := v.BroadcastTo(to)
		joint, clash := Shapes(v.Shape, to)
		if clash != nil || !slices.Equal(joint, to) {
			var e *ShapeError
			require.ErrorAs(t, err, &e)
			require.NotEmpty(t, e.Error())
			return
		}
		require.NoError(t, err)
		lead := len(to) - v.NDim()
		want := modelOf(v).pick(to, func(ix []int) []int {
			from := slices.Clone(ix[lead:])
			for i, d := range v.Shape {
				if d == 1 {
					from[i] = 0
				}
			}
			return from
		})
		require.Equal(t, want, modelOf(got))
		for i := range lead {
			require.Zero(t, got.Strides[i])
		}
	})
}

func TestBroadcastToErrors(t *testing.T) {
	tests := []struct {
		shape, to []int
		want      string
	}{
		{[]int{3}, []int{2, 4}, "shape (3,) does not broadcast to (2,4): axis 1 is 3 against 4"},
		{[]int{2}, []int{2, 4}, "shape (2,) does not broadcast to (2,4): axis 1 is 2 against 4; " +
			"did you mean (2,1), by KeepDims or ExpandDims, in place of (2,)?"},
		{[]int{4}, []int{1}, "shape (4,) does not broadcast to (1,): axis 0 is 4 against 1"},
		{[]int{1, 2}, []int{2}, "shape (1,2) does not broadcast to (2,): it has more axes"},
		{[]int{1}, []int{-1}, "shape (-1,) has a negative extent"},
		{[]int{1}, []int{math.MaxInt, 2}, "shape (9223372036854775807,2) is too large: no memory address reaches its end"},
	}
	for _, tt := range tests {
		_, err := Contiguous(tt.shape, 4).BroadcastTo(tt.to)
		assert.EqualError(t, err, tt.want)
	}
}

func TestSame(t *testing.T) {
	a := View{Shape: []int{2, 1, 3}, Strides: []int{24, 5, 8}, Offset: 16}
	b := a.Clone()
	b.Strides[1] = 99
	assert.True(t, Same(a, b), "the stride of an extent of 1 does not matter")
	b.Strides[2] = 4
	assert.False(t, Same(a, b))
	b = a.Clone()
	b.Offset = 0
	assert.False(t, Same(a, b))
	assert.False(t, Same(a, must(a.Squeeze())))
	assert.True(t, Same(View{Shape: []int{0}, Strides: []int{8}}, View{Shape: []int{0}, Strides: []int{4}, Offset: 8}))
}

func TestCloneSharesNothing(t *testing.T) {
	a := Contiguous([]int{2, 3}, 8)
	b := a.Clone()
	b.Shape[0], b.Strides[0] = 7, 7
	assert.Equal(t, Contiguous([]int{2, 3}, 8), a)
}
