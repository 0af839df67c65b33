package tensor_test

import (
	"fmt"
	"math"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/cpu"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/internal/golden"
	np "github.com/tare-go/tare/tensor"
)

// workload is expressions of every kind of kernel over arrays that several blocks are needed for.
func workload(t testing.TB, on device.Device) map[string]*np.Expr {
	x, err := np.FromFunc([]int{37, 3001}, func(ix []int) float64 { return math.Sin(float64(ix[0]*3001 + ix[1])) }, np.On(on))
	require.NoError(t, err)
	f, err := np.AsType(x, np.Float32).Eval(t.Context())
	require.NoError(t, err)
	flipped, err := f.Transpose()
	require.NoError(t, err)
	return map[string]*np.Expr{
		"chain":    np.Sqrt(np.Add(np.Multiply(x, x), 1)),
		"sum":      np.Sum(f),
		"rows":     np.Sum(x, np.Axis(1)),
		"columns":  np.Sum(flipped, np.Axis(1)),
		"centred":  np.Divide(np.Subtract(x, np.Mean(x, np.Axis(1), np.KeepDims)), np.Std(x, np.Axis(1), np.KeepDims)),
		"softmax":  softmax(f),
		"product":  np.MatMul(f, flipped),
		"running":  np.CumSum(f, np.Axis(1)),
		"downward": np.CumProd(flipped, np.Axis(0)),
		"inner":    np.MatMul(np.Reshape(np.Where(true, f, f), -1), np.Reshape(np.Where(true, f, f), -1)),
		"argmax":   np.ArgMax(x, np.Axis(0)),
		"masked":   np.Sum(f, np.WhereMask(np.Greater(f, 0))),
		"variance": np.Var(flipped, np.DDof(1)),
	}
}

func softmax(x np.Array) *np.Expr {
	e := np.Exp(np.Subtract(np.E(x), np.Max(x, np.Axis(-1), np.KeepDims)))
	return np.Divide(e, np.Sum(e, np.Axis(-1), np.KeepDims))
}

// Many goroutines evaluate the same expressions and the same plan at once.
func TestConcurrentEvaluation(t *testing.T) {
	for name, e := range workload(t, nil) {
		want, err := computed(e)
		require.NoError(t, err, name)
		ready, err := np.Prepare(e)
		require.NoError(t, err, name)
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() { same(t, name, want, func() (*np.Tensor, error) { return e.Eval(t.Context()) }) })
			wg.Go(func() { same(t, name, want, func() (*np.Tensor, error) { return e.Eval(t.Context(), np.Stepwise) }) })
			wg.Go(func() { same(t, name, want, func() (*np.Tensor, error) { return ready.Eval(t.Context()) }) })
			wg.Go(func() { _ = fmt.Sprint(e, ready.Plan()) })
		}
		wg.Wait()
		require.NoError(t, ready.Close())
	}
}

func same(t *testing.T, name string, want golden.Array, eval func() (*np.Tensor, error)) {
	x, err := eval()
	if !assert.NoError(t, err, name) {
		return
	}
	defer x.Free()
	got, err := taken(x)
	assert.NoError(t, err, name)
	assert.Equal(t, -1, firstDifference(want, got), name)
}

// Different scalars and operands for one plan, at once.
func TestConcurrentBindings(t *testing.T) {
	x := ones(t, np.Float64, 10_000)
	s := np.Scalar(0.0)
	ready, err := np.Prepare(np.Sum(np.Multiply(x, s)))
	require.NoError(t, err)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			other, err := np.FullLike(x, float64(i))
			require.NoError(t, err)
			y, err := ready.Eval(t.Context(), np.Set(s, 2.0), np.Bind(x, other))
			if !assert.NoError(t, err) {
				return
			}
			got, err := np.Item[float64](y)
			assert.NoError(t, err)
			assert.Equal(t, float64(i)*20_000, got)
		})
	}
	wg.Wait()
}

// Free during evaluations is an error of those that come after it, and a crash of none.
func TestConcurrentFree(t *testing.T) {
	for range 20 {
		x := ones(t, np.Float64, 1000)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if _, err := np.ToSlice[float64](x); err != nil {
					assert.ErrorIs(t, err, device.ErrFreed)
				}
			})
			wg.Go(func() { _ = x.String() })
		}
		wg.Go(x.Free)
		wg.Wait()
	}
}

// The same bits for any number of threads.
func TestSameBitsOnAnyNumberOfThreads(t *testing.T) {
	want := map[string]golden.Array{}
	for _, procs := range []int{1, 2, 8} {
		before := runtime.GOMAXPROCS(procs)
		dev := device.Ledger(device.Pool(cpu.New(procs)))
		for name, e := range workload(t, dev) {
			got, err := computed(e)
			require.NoError(t, err, name)
			if procs == 1 {
				want[name] = got
				continue
			}
			assert.Equal(t, -1, firstDifference(want[name], got), "%s with %d threads", name, procs)
		}
		runtime.GOMAXPROCS(before)
		settle(t, "arrays are left", func() bool { return dev.Stats().Buffers == 0 })
		require.NoError(t, dev.Close())
	}
}
