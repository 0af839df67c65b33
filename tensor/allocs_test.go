package tensor_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	np "github.com/tare-go/tare/tensor"
)

// raceDetector says that the race detector is on.
var raceDetector bool

// Small evaluations that come again take little memory of their own.
func TestAllocationsOfSmallEvaluations(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector takes what is kept away now and then")
	}
	ctx := context.Background()
	x, out, m := someOnes(t, 100), someOnes(t, 100), someOnes(t, 8, 8)
	into, err := np.Prepare(np.Add(x, x), np.Out(out))
	require.NoError(t, err)
	fresh, err := np.Prepare(np.Add(x, x))
	require.NoError(t, err)
	product := np.MatMul(m, m)
	for _, c := range []struct {
		name string
		most float64
		eval func() (*np.Tensor, error)
	}{
		{"prepared, with Out", 0, func() (*np.Tensor, error) { return into.Eval(ctx) }},
		{"prepared", 3, func() (*np.Tensor, error) { return fresh.Eval(ctx) }},
		{"written out, with Out", 3, func() (*np.Tensor, error) { return np.Add(x, x).Eval(ctx, np.Out(out)) }},
		{"written out", 6, func() (*np.Tensor, error) { return np.Add(x, x).Eval(ctx) }},
		{"with a number, which needs a workspace", 10, func() (*np.Tensor, error) { return np.Multiply(x, 2.0).Eval(ctx) }},
		{"made once", 5, func() (*np.Tensor, error) { return product.Eval(ctx) }},
	} {
		allocs := testing.AllocsPerRun(200, func() {
			y, err := c.eval()
			if err != nil {
				t.Fatal(err)
			}
			if y != out {
				y.Free()
			}
		})
		assert.LessOrEqual(t, allocs, c.most, c.name)
	}
}

// Large ones, for which there is a budget, take little more.
func TestAllocationsOfLargeEvaluations(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector takes what is kept away now and then")
	}
	x := must[*np.Tensor](t)(np.Ones([]int{300, 1000}))
	out := must[*np.Tensor](t)(np.Empty([]int{300, 1000}))
	a, b := must[*np.Tensor](t)(np.Ones([]int{300, 20})), must[*np.Tensor](t)(np.Ones([]int{20, 1000}))
	for name, e := range map[string]*np.Expr{
		"add":       np.Add(x, x),
		"chain":     np.Multiply(np.Sqrt(np.Add(np.Multiply(x, x), np.Multiply(x, x))), np.Exp(np.Negative(x))),
		"centred":   np.Subtract(x, np.Mean(x, np.Axis(1), np.KeepDims)),
		"activated": np.Tanh(np.Add(np.Multiply(np.MatMul(a, b), 0.01), x)),
	} {
		p, err := np.Prepare(e)
		require.NoError(t, err)
		into, err := np.Prepare(e, np.Out(out))
		require.NoError(t, err)
		eval := func() {
			y, err := p.Eval(t.Context())
			assert.NoError(t, err)
			y.Free()
		}
		assert.LessOrEqual(t, testing.AllocsPerRun(20, eval), 8.0, name)
		assert.LessOrEqual(t, testing.AllocsPerRun(20, func() { _, err := into.Eval(t.Context()); assert.NoError(t, err) }), 8.0, name)
		require.NoError(t, p.Close())
		require.NoError(t, into.Close())
	}
	x.Free()
	a.Free()
	b.Free()
	out.Free()
}
