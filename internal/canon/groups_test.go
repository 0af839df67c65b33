package canon

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

func TestGroups(t *testing.T) {
	for _, c := range []struct {
		name  string
		shape []int
		axes  []int
		want  []Group
	}{
		{"all of a vector", []int{7}, []int{0}, []Group{{Lo: 0, Hi: 1, Axes: []int{0}, N: 7, C: 1, Rule: Lane}}},
		{"all of a matrix is one group", []int{7, 9}, []int{1, 0}, []Group{{Lo: 0, Hi: 2, Axes: []int{0, 1}, N: 63, C: 1, Rule: Lane}}},
		{"rows", []int{7, 9}, []int{1}, []Group{{Lo: 1, Hi: 2, Axes: []int{1}, N: 9, C: 1, Rule: Lane}}},
		{"narrow columns", []int{7, 31}, []int{0}, []Group{{Lo: 0, Hi: 1, Axes: []int{0}, N: 7, C: 31, Rule: Lane}}},
		{"wide columns", []int{7, 32}, []int{0}, []Group{{Lo: 0, Hi: 1, Axes: []int{0}, N: 7, C: 32, Rule: Chunk}}},
		{"two groups, innermost first, kept extents only", []int{5, 40, 6}, []int{0, 2}, []Group{
			{Lo: 2, Hi: 3, Axes: []int{2}, N: 6, C: 1, Rule: Lane},
			{Lo: 0, Hi: 1, Axes: []int{0}, N: 5, C: 40, Rule: Chunk},
		}},
		{"a reduced axis after a group is not counted", []int{5, 8, 6, 4}, []int{0, 2}, []Group{
			{Lo: 2, Hi: 3, Axes: []int{2}, N: 6, C: 4, Rule: Lane},
			{Lo: 0, Hi: 1, Axes: []int{0}, N: 5, C: 32, Rule: Chunk},
		}},
		{"a kept axis of size 1 does not part a group", []int{4, 1, 5}, []int{0, 2}, []Group{{Lo: 0, Hi: 2, Axes: []int{0, 2}, N: 20, C: 1, Rule: Lane}}},
		{"a reduced axis of size 1 vanishes", []int{1, 4, 1, 5}, []int{0, 2, 3}, []Group{{Lo: 1, Hi: 2, Axes: []int{3}, N: 5, C: 1, Rule: Lane}}},
		{"only axes of size 1 reduced", []int{1, 4, 1}, []int{0, 2}, nil},
		{"no axes", []int{3, 4}, nil, nil},
		{"a scalar", nil, nil, nil},
		{"an empty reduced axis", []int{3, 0, 2}, []int{1}, []Group{{Lo: 1, Hi: 2, Axes: []int{1}, N: 0, C: 2, Rule: Lane}}},
		{"an empty kept axis", []int{3, 0}, []int{0}, []Group{{Lo: 0, Hi: 1, Axes: []int{0}, N: 3, C: 0, Rule: Lane}}},
	} {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.want, Groups(c.shape, c.axes)) })
	}
}

// Inserting axes of size 1, reduced or kept, changes nothing but the numbers of the axes.
func TestGroupsIgnoreOnes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shape := rapid.SliceOfN(rapid.IntRange(0, 50), 0, 5).Draw(t, "shape")
		var axes, wide, wideAxes []int
		for i, s := range shape {
			if rapid.Bool().Draw(t, "one") {
				if rapid.Bool().Draw(t, "reduced one") {
					wideAxes = append(wideAxes, len(wide))
				}
				wide = append(wide, 1)
			}
			if rapid.Bool().Draw(t, "reduced") {
				axes, wideAxes = append(axes, i), append(wideAxes, len(wide))
			}
			wide = append(wide, s)
		}
		a, b := Groups(shape, axes), Groups(wide, wideAxes)
		for _, groups := range [][]Group{a, b} {
			for i := range groups {
				groups[i].Axes = nil
			}
		}
		assert.Equal(t, a, b)
	})
}

func TestGroupsRefuseBadAxes(t *testing.T) {
	for _, axes := range [][]int{{2}, {-1}, {0, 0}} {
		assert.Panics(t, func() { Groups([]int{3, 4}, axes) }, "%v", axes)
	}
}

func TestRuleString(t *testing.T) {
	assert.Equal(t, "lane chunk Rule(9)", Lane.String()+" "+Chunk.String()+" "+Rule(9).String())
}
