package tensor_test

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	np "github.com/tare-go/tare/tensor"
)

// TestSumOfManyFloat32 sums 10⁸ multiples of 2⁻²⁴, whose exact sum an integer holds.
func TestSumOfManyFloat32(t *testing.T) {
	if testing.Short() {
		t.Skip("400 MB of operand")
	}
	const n = 100_000_000
	x, err := np.Empty([]int{n}, np.DType(np.Float32))
	require.NoError(t, err)
	defer x.Free()
	data, err := np.Data[float32](x)
	require.NoError(t, err)
	r := rand.New(rand.NewPCG(1, 2))
	exact := uint64(0)
	for i := range data {
		k := r.Uint32() >> 8
		exact += uint64(k)
		data[i] = float32(k) / (1 << 24)
	}
	s, err := np.Sum(x).Eval(context.Background())
	require.NoError(t, err)
	got, err := np.Item[float32](s)
	require.NoError(t, err)
	want := float64(exact) / (1 << 24)
	rel := math.Abs(float64(got)-want) / want
	t.Logf("sum of 1e8 float32: relative error %.2g", rel)
	require.Less(t, rel, 1e-6)
}

// TestLongProductFloat32 multiplies matrices along a million elements: the chunks of k keep the error
// near that of a sum of a thousand.
func TestLongProductFloat32(t *testing.T) {
	const m, k = 4, 1_000_000
	r := rand.New(rand.NewPCG(3, 4))
	a, b := make([]float32, m*k), make([]float32, k*m)
	for i := range a {
		a[i], b[i] = r.Float32(), r.Float32()
	}
	x, err := np.FromSlice(a, m, k)
	require.NoError(t, err)
	y, err := np.FromSlice(b, k, m)
	require.NoError(t, err)
	p, err := np.MatMul(x, y).Eval(context.Background())
	require.NoError(t, err)
	got, err := np.ToSlice[float32](p)
	require.NoError(t, err)
	worst := 0.0
	for i := range m {
		for j := range m {
			sum, rest := 0.0, 0.0 // products are exact in float64; the sum is compensated
			for l := range k {
				v := float64(a[i*k+l]) * float64(b[l*m+j])
				s := sum + v
				rest += v - (s - sum)
				sum = s
			}
			want := sum + rest
			worst = max(worst, math.Abs(float64(got[i*m+j])-want)/want)
		}
	}
	t.Logf("product along 1e6 float32: relative error %.2g", worst)
	require.Less(t, worst, 2e-6)
}
