package difference

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

var nan, inf = math.NaN(), math.Inf(1)

func TestCompareAccepts(t *testing.T) {
	for _, c := range []struct {
		got, want any
		ulp       float64
	}{
		{[]float64{1, nan, inf, 0}, []float64{1, nan, inf, math.Copysign(0, -1)}, 0},
		{[]float64{1, math.Nextafter(2, 3)}, []float64{1, 2}, 1},
		{[]float32{1 + 3*0x1p-23, 2}, []float32{1, 2}, 3},
		{[]int64{1, 2}, []int64{1, 2}, 0},
		{[]bool{true}, []bool{true}, 0},
		{[]float64{}, []float64{}, 0},
	} {
		ulp, err := Compare(c.got, c.want, Elementwise)
		assert.NoError(t, err, "%v %v", c.got, c.want)
		assert.Equal(t, c.ulp, ulp, "%v %v", c.got, c.want)
	}
}

func TestCompareRefuses(t *testing.T) {
	for _, c := range []struct {
		got, want any
		says      string
	}{
		{[]float64{1, 2}, []float64{1, 2.1}, "element 1 is 2 instead of 2.1"},
		{[]float64{1, nan}, []float64{1, 1}, "element 1 is NaN"},
		{[]float64{1, inf}, []float64{1, 1}, "element 1 is +Inf"},
		{[]float64{1, 1}, []float64{1, inf}, "element 1 is 1 instead of +Inf"},
		{[]float32{1.01}, []float32{1}, "element 0"},
		{[]int64{3}, []int64{1}, "element 0 is 3 instead of 1"},
		{[]bool{true, true}, []bool{true, false}, "element 1 is true"},
		{[]float64{1}, []float64{1, 2}, "1 elements instead of 2"},
		{[]bool{}, []bool{true}, "0 elements instead of 1"},
		{[]float32{1}, []float64{1}, "different types"},
	} {
		_, err := Compare(c.got, c.want, Summed)
		assert.ErrorContains(t, err, c.says)
	}
}

func TestSumsMayBeOffWhereTheyCancel(t *testing.T) {
	got, want := []float64{5e-324, 1}, []float64{-5e-324, 1}
	ulp, err := Compare(got, want, Summed)
	assert.NoError(t, err)
	assert.Equal(t, 2.0, ulp)
	_, err = Compare(got, want, Elementwise)
	assert.ErrorContains(t, err, "element 0")
}

func TestToleranceCountsEpsilons(t *testing.T) {
	_, err := Compare([]float32{1 + 64*0x1p-23}, []float32{1}, Elementwise)
	assert.NoError(t, err)
	_, err = Compare([]float32{1 + 65*0x1p-23}, []float32{1}, Elementwise)
	assert.Error(t, err)
}

func TestULPCountsSteps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.Float64().Draw(t, "a")
		n := rapid.IntRange(0, 20).Draw(t, "n")
		b := a
		for range n {
			b = math.Nextafter(b, inf)
		}
		if !math.IsInf(b, 0) {
			assert.Equal(t, float64(n), ulp64(a, b))
			assert.Equal(t, float64(n), ulp64(b, a))
		}
	})
}
