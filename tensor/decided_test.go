package tensor_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/cpu"
	"github.com/tare-go/tare/device"
	np "github.com/tare-go/tare/tensor"
)

// Any and all are right wherever the element is that decides them, along every axis, whichever worker finds it.
func TestWhatIsDecidedEarlyIsRight(t *testing.T) {
	for _, workers := range []int{1, 3} {
		dev := device.Ledger(device.Pool(cpu.New(workers)))
		for _, shape := range [][]int{{5, 70_000}, {70_000, 5}, {300, 1200}, {1, 350_000}} {
			for _, at := range []int{-1, 1, 4096, 349_999} {
				x, err := np.FromFunc(shape, func(i []int) float32 {
					if i[0]*shape[1]+i[1] == at {
						return 1
					}
					return 0
				}, np.On(dev))
				require.NoError(t, err)
				for axis := range 3 {
					opts := []np.ReduceOption{}
					if axis < 2 {
						opts = append(opts, np.Axis(axis))
					}
					any, all, count := bools(t, np.Any(x, opts...)), bools(t, np.All(np.Equal(x, 0), opts...)), ints(t, np.CountNonzero(x, opts...))
					for k := range any {
						require.Equal(t, count[k] > 0, any[k], "%v, at %d, axis %d, %d", shape, at, axis, k)
						require.Equal(t, count[k] == 0, all[k], "%v, at %d, axis %d, %d", shape, at, axis, k)
					}
				}
				x.Free()
			}
		}
		require.NoError(t, dev.Close())
	}
}

// The first element decides: what follows is not computed.
func TestAnyEndsEarly(t *testing.T) {
	x, err := np.Ones([]int{4 << 20})
	require.NoError(t, err)
	defer x.Free()
	costly := np.Sin(np.Sin(np.Sin(x)))
	least := func(e *np.Expr) time.Duration {
		best := time.Hour
		for range 5 {
			start := time.Now()
			y, err := e.Eval(t.Context())
			require.NoError(t, err)
			best = min(best, time.Since(start))
			y.Free()
		}
		return best
	}
	for name, pair := range map[string][2]*np.Expr{
		"any": {np.Any(np.Greater(costly, 0)), np.Any(np.Greater(costly, 1))},
		"all": {np.All(np.Greater(costly, 1)), np.All(np.Greater(costly, 0))},
	} {
		early, whole := least(pair[0]), least(pair[1])
		assert.Less(t, 4*early, whole, name)
	}
}

func bools(t *testing.T, e *np.Expr) []bool {
	t.Helper()
	y, err := e.Eval(t.Context())
	require.NoError(t, err)
	defer y.Free()
	list, err := np.ToSlice[bool](y)
	require.NoError(t, err)
	return list
}

func ints(t *testing.T, e *np.Expr) []int64 {
	t.Helper()
	y, err := e.Eval(t.Context())
	require.NoError(t, err)
	defer y.Free()
	list, err := np.ToSlice[int64](y)
	require.NoError(t, err)
	return list
}
