package suite

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/cmd/devbench/internal/pyexpr"
)

func TestWorkloadsParseAndNameTheirInputs(t *testing.T) {
	seen := map[string]bool{}
	for _, w := range All() {
		assert.False(t, seen[w.Name], "%s is there twice", w.Name)
		seen[w.Name] = true
		_, err := pyexpr.Parse(w.Text)
		assert.NoError(t, err, w.Name)
		assert.Positive(t, w.Flops, w.Name)
		for _, in := range w.Inputs(100) {
			assert.Contains(t, w.Text, in.Name, w.Name)
		}
	}
}

func TestInputsFollowTheSize(t *testing.T) {
	shapes := func(name string, size int) (out [][]int) {
		ws, err := Select([]string{name})
		require.NoError(t, err)
		for _, in := range ws[0].Inputs(size) {
			out = append(out, in.Shape)
		}
		return out
	}
	assert.Equal(t, [][]int{{1024, 1024}, {1024, 1024}}, shapes("add", 1<<20))
	assert.Equal(t, [][]int{{10, 10}}, shapes("scale", 101))
	assert.Equal(t, [][]int{{1, 1}}, shapes("scale", 1))
	assert.Equal(t, [][]int{{1024, 1}, {1, 1024}}, shapes("outer_add", 1<<20))
	assert.Equal(t, [][]int{{64, 64}, {64, 64}}, shapes("gemm_64", 1<<20))
}

func TestOperations(t *testing.T) {
	for name, want := range map[string]int{"add": 10000, "chain": 70000, "outer_add": 10000, "gemm_128": 2 * 128 * 128 * 128} {
		ws, err := Select([]string{name})
		require.NoError(t, err)
		assert.Equal(t, want, ws[0].Operations(10000), name)
	}
}

func TestSelect(t *testing.T) {
	ws, err := Select([]string{"gemm_*", "add"})
	require.NoError(t, err)
	var names []string
	for _, w := range ws {
		names = append(names, w.Name)
	}
	assert.Equal(t, []string{"add", "gemm_64", "gemm_128", "gemm_256", "gemm_512"}, names)

	_, err = Select([]string{"softmax_row"})
	assert.ErrorContains(t, err, "did you mean softmax_rows?")
	_, err = Select([]string{"fft*"})
	assert.ErrorContains(t, err, "the workloads are add, scale")
}

func TestValuesAreTheSameEachTime(t *testing.T) {
	for _, w := range All() {
		for _, in := range w.Inputs(400) {
			a, b := Values[float64](in), Values[float32](in)
			require.Len(t, a, in.Shape[0]*in.Shape[1])
			for i, v := range Values[float64](in) {
				assert.True(t, v == a[i] || math.IsNaN(v) && math.IsNaN(a[i]), w.Name)
				assert.True(t, float32(v) == b[i] || math.IsNaN(v), w.Name)
			}
		}
	}
}

func TestInputsOfAWorkloadDiffer(t *testing.T) {
	ins := All()[0].Inputs(16)
	assert.NotEqual(t, Values[float64](ins[0]), Values[float64](ins[1]))
}
