package goloop

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/cmd/devbench/internal/suite"
)

func TestEveryWorkloadHasALoop(t *testing.T) {
	for _, name := range suite.Names() {
		_, ok := For[float32](name)
		assert.True(t, ok, name)
	}
	for name := range loops[float64]() {
		assert.Contains(t, suite.Names(), name)
	}
	_, ok := For[float64]("fft")
	assert.False(t, ok)
}

// matrices are small inputs whose results are known.
var (
	x = Matrix[float64]{2, 2, []float64{1, 4, 9, 16}}
	y = Matrix[float64]{2, 2, []float64{2, 0.5, 10, 1}}
)

func TestLoops(t *testing.T) {
	e := math.E
	for name, want := range map[string]any{
		"add":         []float64{3, 4.5, 19, 17},
		"scale":       []float64{2.5, 10, 22.5, 40},
		"sqrt":        []float64{1, 2, 3, 4},
		"pow":         []float64{1, 2, 3486784401, 16},
		"compare":     []bool{false, true, false, true},
		"sum":         []float64{30},
		"sum0":        []float64{10, 20},
		"sum1":        []float64{5, 25},
		"max":         []float64{16},
		"argmax":      []int64{3},
		"std":         []float64{math.Sqrt(32.25)},
		"center_rows": []float64{-1.5, 1.5, -3.5, 3.5},
		"zscore_cols": []float64{-1, -1, 1, 1},
		"outer_add":   []float64{3, 1.5, 11, 2, 6, 4.5, 14, 5, 11, 9.5, 19, 10, 18, 16.5, 26, 17},
		"gemm_64":     []float64{42, 4.5, 178, 20.5},
		"gemv":        []float64{4, 26},
		"dot":         []float64{110},
		"cumsum":      []float64{1, 5, 14, 30},
		"cumsum0":     []float64{1, 4, 10, 20},
		"cumsum1":     []float64{1, 5, 9, 25},
		"exp":         []float64{e, math.Exp(4), math.Exp(9), math.Exp(16)},
		"log":         []float64{0, math.Log(4), math.Log(9), math.Log(16)},
		"sin":         []float64{math.Sin(1), math.Sin(4), math.Sin(9), math.Sin(16)},
		"tanh":        []float64{math.Tanh(1), math.Tanh(4), math.Tanh(9), math.Tanh(16)},
		"where_nan":   []float64{1, 4, 9, 16},
		"chain": []float64{math.Sqrt(5) * math.Exp(-1), math.Sqrt(16.25) * math.Exp(-4),
			math.Sqrt(181) * math.Exp(-9), math.Sqrt(257) * math.Exp(-16)},
		"softmax_rows": []float64{math.Exp(-3) / (math.Exp(-3) + 1), 1 / (math.Exp(-3) + 1),
			math.Exp(-7) / (math.Exp(-7) + 1), 1 / (math.Exp(-7) + 1)},
	} {
		loop, ok := For[float64](name)
		require.True(t, ok, name)
		if got := loop([]Matrix[float64]{x, y}); assert.IsType(t, want, got, name) {
			if floats, ok := want.([]float64); ok {
				assert.InDeltaSlice(t, floats, got, 1e-12, name)
			} else {
				assert.Equal(t, want, got, name)
			}
		}
	}
}

func TestProductsOfABatch(t *testing.T) {
	a := Matrix[float64]{4, 2, []float64{1, 2, 3, 4, 1, 0, 0, 1}}
	b := Matrix[float64]{4, 2, []float64{1, 0, 0, 1, 5, 6, 7, 8}}
	loop, ok := For[float64]("batched_gemm")
	require.True(t, ok)
	assert.Equal(t, []float64{1, 2, 3, 4, 5, 6, 7, 8}, loop([]Matrix[float64]{a, b}))
}

func TestWhereNaNReplaces(t *testing.T) {
	loop, _ := For[float32]("where_nan")
	nan := float32(math.NaN())
	assert.Equal(t, []float32{0, 2}, loop([]Matrix[float32]{{1, 2, []float32{nan, 2}}}))
}

func TestInputs(t *testing.T) {
	ws, err := suite.Select([]string{"outer_add"})
	require.NoError(t, err)
	in := Inputs[float32](ws[0], 100)
	require.Len(t, in, 2)
	assert.Equal(t, []int{10, 1, 1, 10}, []int{in[0].Rows, in[0].Cols, in[1].Rows, in[1].Cols})
	assert.Len(t, in[0].Data, 10)
}
