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
	for _, w := range Every() {
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

	const large = 10_000_000
	assert.Equal(t, [][]int{{2000, 5000}, {2000, 5000}}, shapes("add", large))
	assert.Equal(t, [][]int{{1_000_000, 32}, {32, 32}}, shapes("gemm_skinny", large))
	assert.Equal(t, [][]int{{2000, 5000}, {5000}}, shapes("gemv", large))
	assert.Equal(t, [][]int{{1000, 32, 32}, {1000, 32, 32}}, shapes("batched_gemm", large))
	assert.Equal(t, [][]int{{large}, {large}}, shapes("dot", large))
	assert.Equal(t, [][]int{{1000}, {1000}}, shapes("chain_1000", large))
}

func TestOperations(t *testing.T) {
	for name, want := range map[string]int{
		"add": 10000, "chain": 70000, "outer_add": 10000, "gemm_128": 2 * 128 * 128 * 128, "gemv": 20000, "dot": 20000,
		"gemm_skinny": 2 * 1000 * 32 * 32, "gemm_4096": 2 * 4096 * 4096 * 4096, "launch": 100, "batched_gemm": 2 * 32 * 32 * 32, "add_1000": 1000, "exp_1e7": 10_000_000,
	} {
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
	assert.Equal(t, []string{"add", "gemm_64", "gemm_128", "gemm_256", "gemm_512", "gemm_1024", "gemm_2048", "gemm_skinny"}, names)

	ws, err = Select([]string{"transfer", "gemm_40*", "gemm_8192"})
	assert.ErrorContains(t, err, `no workload "gemm_40*"`, "large products are asked for by name")
	assert.Nil(t, ws)
	ws, err = Select([]string{"transfer", "gemm_8192", "launch"})
	require.NoError(t, err)
	assert.Equal(t, []string{"launch", "gemm_8192", "transfer"}, []string{ws[0].Name, ws[1].Name, ws[2].Name})
	assert.True(t, IsProduct("gemm_8192"))

	_, err = Select([]string{"softmax_row"})
	assert.ErrorContains(t, err, "did you mean softmax_rows?")
	_, err = Select([]string{"fft*"})
	assert.ErrorContains(t, err, "the workloads are add, scale")
}

func TestValuesAreTheSameEachTime(t *testing.T) {
	for _, w := range Quick() {
		for _, in := range w.Inputs(400) {
			a, b := Values[float64](in), Values[float32](in)
			require.Len(t, a, in.Len())
			for i, v := range Values[float64](in) {
				assert.True(t, v == a[i] || math.IsNaN(v) && math.IsNaN(a[i]), w.Name)
				assert.True(t, float32(v) == b[i] || math.IsNaN(v), w.Name)
			}
		}
	}
}

func TestBlocksOfValuesDiffer(t *testing.T) {
	w, err := Select([]string{"dot"})
	require.NoError(t, err)
	x := Values[float32](w[0].Inputs(2*block + 5)[0])
	require.Len(t, x, 2*block+5)
	assert.NotEqual(t, x[:5], x[block:block+5])
	assert.NotEqual(t, x[:5], x[2*block:])
	assert.Equal(t, x[:100], Values[float32](w[0].Inputs(100)[0]), "a shorter array begins with the same numbers")
}

func TestInputsOfAWorkloadDiffer(t *testing.T) {
	ins := All()[0].Inputs(16)
	assert.NotEqual(t, Values[float64](ins[0]), Values[float64](ins[1]))
}

func TestBySize(t *testing.T) {
	family, n, ok := BySize("exp_1e5")
	assert.True(t, ok)
	assert.Equal(t, "exp", family)
	assert.Equal(t, 100_000, n)
	for _, name := range []string{"add", "add_1000", "sub_1e3"} {
		_, _, ok = BySize(name)
		assert.False(t, ok, name)
	}
}

func TestTheQuickSuiteComesFirst(t *testing.T) {
	assert.Len(t, Quick(), 25)
	assert.Equal(t, Quick()[24].Name, All()[24].Name)
	assert.Equal(t, "gemm_512", All()[24].Name)
}
