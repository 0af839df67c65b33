package tensor_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/cpu"
	"github.com/tare-go/tare/device"
	np "github.com/tare-go/tare/tensor"
)

// waves is an array of numbers between -1 and 1.
func waves(t *testing.T, dev device.Device, shape ...int) *np.Tensor {
	x, err := np.FromFunc(shape, func(ix []int) float64 {
		n := 0
		for _, i := range ix {
			n = 31*n + i
		}
		return math.Sin(float64(n))
	}, np.On(dev))
	require.NoError(t, err)
	return x
}

// TestProductsThatAreNotStored evaluates maps of products: the bits are those of operator by operator, no intermediate is
// stored, and the ledger is the plan's.
func TestProductsThatAreNotStored(t *testing.T) {
	dev := device.Ledger(device.Pool(cpu.New(2)))
	defer dev.Close()
	a, b, row := waves(t, dev, 300, 70), waves(t, dev, 70, 270), waves(t, dev, 270)
	column, full := waves(t, dev, 300, 1), waves(t, dev, 300, 270)
	batch, deep := waves(t, dev, 5, 300, 40), waves(t, dev, 5, 40, 100)
	p := np.MatMul(a, b)
	for name, e := range map[string]*np.Expr{
		"activated":  np.Tanh(np.Add(np.Multiply(p, 0.01), row)),
		"a column":   np.Multiply(p, column),
		"a matrix":   np.Maximum(p, full),
		"narrow":     np.AsType(np.Exp(p), np.Float32),
		"compared":   np.Greater(p, 0),
		"transposed": np.Exp(np.MatMul(np.Transpose(b), np.Transpose(a))),
		"a batch":    np.Add(np.MatMul(batch, deep), 1),
	} {
		plan, err := e.Plan(np.On(dev))
		require.NoError(t, err)
		ctx, rec := device.Record(t.Context())
		got, err := e.Eval(ctx, np.On(dev))
		require.NoError(t, err)
		s := rec.Stats()
		assert.Zero(t, plan.IntermediateBytes, name)
		assert.Equal(t, 1, plan.Launches(), name)
		assert.Equal(t, plan.ResultBytes+plan.WorkspaceBytes, plan.PeakBytes, name)
		assert.Equal(t, []int{plan.PeakBytes, 0, 1}, []int{s.PeakBytes, s.IntermediateBytes, s.Launches}, name)
		want, err := e.Eval(t.Context(), np.On(dev), np.Stepwise)
		require.NoError(t, err)
		assert.Equal(t, elements(t, want), elements(t, got), name)
		got.Free()
		want.Free()
	}
}

// A product is added to an array in place, and a part of it is computed in chunks.
func TestProductsAddedInPlace(t *testing.T) {
	dev := device.Ledger(device.Pool(cpu.New(2)))
	defer dev.Close()
	a, b, c := waves(t, dev, 300, 70), waves(t, dev, 70, 270), waves(t, dev, 300, 270)
	e := np.Add(np.MatMul(a, b), c)
	want, err := e.Eval(t.Context())
	require.NoError(t, err)
	plan, err := e.Plan(np.Out(c))
	require.NoError(t, err)
	assert.Zero(t, plan.IntermediateBytes+plan.ResultBytes, "%v", plan)
	_, err = e.Eval(t.Context(), np.Out(c))
	require.NoError(t, err)
	assert.Equal(t, elements(t, want), elements(t, c))
}
