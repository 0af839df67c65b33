package tensor_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/device"
	np "github.com/tare-go/tare/tensor"
)

func vector(t testing.TB, values ...float64) *np.Tensor {
	x, err := np.FromSlice(values)
	require.NoError(t, err)
	return x
}

func valuesOf(t testing.TB, x *np.Tensor, err error) []float64 {
	t.Helper()
	require.NoError(t, err)
	v, err := np.ToSlice[float64](x)
	require.NoError(t, err)
	return v
}

// One line that evaluates again and again, with other arrays and numbers, finds its plan again, and what it computes is
// what it is given.
func TestEvaluationsThatComeAgain(t *testing.T) {
	ctx, rec := device.Record(context.Background())
	line := func(a, b *np.Tensor, m, n float64) []float64 {
		y, err := np.Add(np.Multiply(a, m), np.Add(b, n)).Eval(ctx)
		return valuesOf(t, y, err)
	}
	x, y := vector(t, 1, 2), vector(t, 10, 20)
	assert.Equal(t, []float64{16, 28}, line(x, y, 2, 4))
	compiles := rec.Stats().Compiles
	assert.Equal(t, []float64{15, 26}, line(y, x, 1, 4)) // other arrays
	assert.Equal(t, []float64{20, 35}, line(vector(t, 3, 5), vector(t, 6, 13), 4, 2))
	assert.Equal(t, compiles, rec.Stats().Compiles)
	assert.Equal(t, []float64{15, 28}, line(x, y, 3, 2))
	assert.Equal(t, compiles, rec.Stats().Compiles)
	assert.Equal(t, []float64{14, 26}, line(x, y, 2, 2), "equal numbers are one")
	assert.Equal(t, []float64{6, 10}, line(x, x, 3, 2), "and so are equal arrays")
	assert.Greater(t, rec.Stats().Compiles, compiles)
	assert.Equal(t, []float64{9, 8, 7}, line(vector(t, 1, 1, 1), vector(t, 4, 3, 2), 2, 3), "another shape")
	part, err := vector(t, 1, 7, 2).Slice(np.RangeStep(0, 3, 2))
	require.NoError(t, err)
	assert.Equal(t, []float64{16, 28}, line(part, y, 2, 4), "another layout")
}

// Plans that are found again write where they are told, also in place.
func TestEvaluationsIntoOutThatComeAgain(t *testing.T) {
	ctx := context.Background()
	line := func(a, b, out *np.Tensor) []float64 {
		y, err := np.Subtract(a, b).Eval(ctx, np.Out(out))
		require.Same(t, out, y)
		return valuesOf(t, y, err)
	}
	for i := range 3 {
		x, y := vector(t, float64(i), 2), vector(t, 10, 20)
		version := y.Version()
		assert.Equal(t, []float64{float64(i) - 10, -18}, line(x, y, vector(t, 0, 0)))
		assert.Equal(t, []float64{float64(i) - 10, -18}, line(x, y, y), "in place")
		assert.Equal(t, version+1, y.Version())
	}
}

func TestEvaluationsThatComeAgainAfterFree(t *testing.T) {
	line := func(a *np.Tensor) (*np.Tensor, error) { return np.Exp(a).Eval(context.Background()) }
	x := vector(t, 0)
	y, err := line(x)
	assert.Equal(t, []float64{1}, valuesOf(t, y, err))
	x.Free()
	_, err = line(x)
	require.ErrorIs(t, err, device.ErrFreed)
	y, err = line(vector(t, 0))
	assert.Equal(t, []float64{1}, valuesOf(t, y, err))
}

// The budget is that of each evaluation.
func TestEvaluationsThatComeAgainInABudget(t *testing.T) {
	x, err := np.Ones([]int{1000, 100})
	require.NoError(t, err)
	w, err := np.Ones([]int{100, 1})
	require.NoError(t, err)
	line := func(opts ...np.EvalOption) (int, error) {
		ctx, rec := device.Record(context.Background())
		y, err := np.MatMul(np.Exp(x), w).Eval(ctx, opts...)
		if err == nil {
			y.Free()
		}
		return rec.Stats().PeakBytes, err
	}
	for range 2 {
		whole, err := line()
		require.NoError(t, err)
		part, err := line(np.Budget(whole / 4))
		require.NoError(t, err)
		assert.LessOrEqual(t, part, whole/4)
		_, err = line(np.Budget(100))
		var over *device.BudgetError
		require.ErrorAs(t, err, &over)
	}
}

// A plan that is kept for later does not keep the arrays that it was made with.
func TestPlansKeepNoArrays(t *testing.T) {
	opened, err := device.Open("cpu")
	require.NoError(t, err)
	dev := opened.(*device.Ledgered)
	runtime.GC()
	for k := range 3 {
		func() {
			x, err := np.Ones([]int{1<<22 + k})
			require.NoError(t, err)
			y, err := np.Multiply(np.Sqrt(x), 3).Eval(context.Background())
			require.NoError(t, err)
			_ = y // forgotten, like x
		}()
	}
	require.Eventually(t, func() bool {
		runtime.GC()
		return dev.Stats().LiveBytes < 1<<25
	}, 5*time.Second, 10*time.Millisecond, "an array is still there")
}

// Many structures come and go, on several goroutines at once.
func TestManyEvaluationsThatComeAgain(t *testing.T) {
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 600 {
				n := 1 + (i*7+g)%300
				x, err := np.Full([]int{n}, float64(g))
				if !assert.NoError(t, err) {
					return
				}
				y, err := np.Sum(np.Add(x, i)).Eval(context.Background())
				if !assert.NoError(t, err) {
					return
				}
				v, err := np.ToSlice[float64](y)
				assert.NoError(t, err)
				assert.Equal(t, []float64{float64(n * (g + i))}, v, fmt.Sprint(n, g, i))
				x.Free()
				y.Free()
			}
		})
	}
	wg.Wait()
}
