package roof

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	_ "github.com/tare-go/tare/cpu"
	_ "github.com/tare-go/tare/cuda"
	"github.com/tare-go/tare/device"
)

func TestMeasureDevice(t *testing.T) {
	for _, name := range []string{"cpu", "cuda:sim"} {
		dev, err := device.OpenOwn(name)
		if name != "cpu" && err != nil {
			t.Skipf("%v", err)
		}
		require.NoError(t, err)
		rate, err := MeasureDevice(t.Context(), dev, DeviceOptions{Bytes: 1 << 18, Rounds: 1, Repeats: 2})
		require.NoError(t, err)
		assert.Greater(t, rate, 1e6, name)
		stats := dev.Stats()
		assert.Zero(t, stats.LiveBytes, name)
		copied := stats.D2D
		if name == "cpu" {
			copied = stats.Host
			copied.Count, copied.Bytes = copied.Count-2, copied.Bytes-2<<18 // the numbers
		}
		assert.Equal(t, device.Transfer{Count: 2, Bytes: 2 << 18}, copied, name)
		assert.NoError(t, dev.Close())
	}
}

func TestMeasureDeviceEndsWithItsContext(t *testing.T) {
	dev, err := device.OpenOwn("cpu")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = MeasureDevice(ctx, dev, DeviceOptions{Bytes: 1 << 10, Rounds: 1, Repeats: 1})
	assert.ErrorIs(t, err, context.Canceled)
	assert.Zero(t, dev.Stats().LiveBytes)
	assert.NoError(t, dev.Close())
}

func TestTheSizeOfACopyFollowsTheMemory(t *testing.T) {
	assert.Equal(t, 1<<30, OptionsFor(device.Info{Kind: "cuda", Memory: 80 << 30}).Bytes)
	assert.Equal(t, 1<<28, OptionsFor(device.Info{Kind: "cuda", Memory: 4 << 30}).Bytes)
	assert.Equal(t, 1<<20, OptionsFor(device.Info{Kind: "sim", Memory: 80 << 30}).Bytes)
	assert.Equal(t, 1<<30, OptionsFor(device.Info{Kind: "cuda"}).Bytes)
}
