package tensor_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/device/devicetest"
	np "github.com/tare-go/tare/tensor"
)

// TestFoldedAwayStaysAtHome evaluates reductions that need no element of their operand: the result is
// where the operand is all the same, and does not meet one from elsewhere.
func TestFoldedAwayStaysAtHome(t *testing.T) {
	ctx := context.Background()
	dev := device.Ledger(devicetest.Strict())
	far, err := np.Empty([]int{3, 0}, np.On(dev))
	require.NoError(t, err)
	one, err := np.Empty([]int{3, 1}, np.On(dev))
	require.NoError(t, err)
	for _, e := range []*np.Expr{np.Sum(far, np.Axis(1)), np.Prod(far), np.ArgMax(one, np.Axis(1))} {
		y, err := e.Eval(ctx)
		require.NoError(t, err)
		require.Equal(t, device.Device(dev), y.Device())
	}
	near, err := np.Ones([]int{3})
	require.NoError(t, err)
	_, err = np.Add(near, np.Sum(far, np.Axis(1))).Eval(ctx)
	var mismatch *device.MismatchError
	require.True(t, errors.As(err, &mismatch), "%v", err)
}
