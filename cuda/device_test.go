package cuda

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/cuda/internal/simulated"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/device/devicetest"
)

// simulate is a simulated device for a test, and its driver.
func simulate(t testing.TB, so simulated.Options, o options) (*gpu, *simulated.Table) {
	t.Helper()
	table := simulated.New(so)
	o.name, o.kind = Simulated, simKind
	g, err := open(table, 0, o)
	require.NoError(t, err)
	return g, table
}

// The suite of devices, with small buffers in slabs and, unless in short mode, each an allocation. Nothing is left of it in
// the driver.
func TestConformance(t *testing.T) {
	for name, o := range map[string]options{"plain": {}, "slabs": {slabs: true}} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && !o.slabs {
				t.Skip("long")
			}
			t.Parallel()
			g, table := simulate(t, simulated.Options{}, o)
			devicetest.Run(t, g)
			assert.Zero(t, table.Live())
		})
	}
}

func TestOpenSimulated(t *testing.T) {
	dev, err := device.Open("cuda:sim")
	require.NoError(t, err)
	info := dev.Info()
	assert.Equal(t, "cuda:sim", info.Name)
	assert.Equal(t, "sim", info.Kind)
	assert.Equal(t, []string{"sm_90", "CUDA 12.4"}, info.Features)
	same, err := device.Open("cuda:sim")
	require.NoError(t, err)
	assert.Same(t, dev, same)
}
