package cuda

import (
	"strings"
	"sync"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/cuda/internal/driver"
	"github.com/tare-go/tare/cuda/internal/simulated"
	"github.com/tare-go/tare/device"
	np "github.com/tare-go/tare/tensor"
)

// cores is a driver with doubtful tensor cores.
type cores struct {
	*simulated.Table
	refuse bool // the driver does not know them
	spoil  bool // what goes to the device next gets there with another bit in each element

	mu    sync.Mutex
	texts []string
}

func (c *cores) LoadModule(ctx driver.Context, ptx string) (driver.Module, error) {
	c.mu.Lock()
	c.texts = append(c.texts, ptx)
	c.mu.Unlock()
	if c.refuse && strings.Contains(ptx, "mma.sync") {
		return 0, driver.NewError("cuModuleLoadDataEx", driver.UnsupportedPTXVersion)
	}
	return c.Table.LoadModule(ctx, ptx)
}

func (c *cores) CopyToDevice(ctx driver.Context, dst driver.Address, src unsafe.Pointer, n int, s driver.Stream) error {
	c.mu.Lock()
	if c.spoil {
		c.spoil = false
		for i := 0; i < n; i += 8 {
			unsafe.Slice((*byte)(src), n)[i] ^= 1
		}
	}
	c.mu.Unlock()
	return c.Table.CopyToDevice(ctx, dst, src, n, s)
}

// TestTensorCores multiplies in float64 where tensor cores are right, where they are not, where the driver does not
// know them, and where there are none. The product is the CPU's each time.
func TestTensorCores(t *testing.T) {
	a, b := matrix(t, 40, 70), matrix(t, 70, 50)
	want, err := np.ToSlice[float64](must(t)(np.MatMul(a, b).Eval(background)))
	require.NoError(t, err)
	for name, c := range map[string]struct {
		table      *cores
		capability int
		wrong      bool // the check's operand is spoilt
		tried      int  // texts with tensor cores that the driver is given, at least
		agree      bool
	}{
		"right":   {table: &cores{}, capability: 90, tried: 1, agree: true},
		"wrong":   {table: &cores{}, capability: 90, tried: 1, wrong: true},
		"unknown": {table: &cores{refuse: true}, capability: 90, tried: 1},
		"none":    {table: &cores{}, capability: 70},
	} {
		t.Run(name, func(t *testing.T) {
			c.table.Table = simulated.New(simulated.Options{Capability: c.capability})
			g, err := open(c.table, 0, options{name: Simulated, kind: simKind})
			require.NoError(t, err)
			_, err = g.targetFor(doubling(3))
			require.NoError(t, err)
			assert.Empty(t, c.table.texts, "only a product asks")
			dev := device.Ledger(device.Pool(g))
			x, y := must(t)(a.To(background, dev)), must(t)(b.To(background, dev))
			c.table.spoil = c.wrong
			for range 2 {
				z := must(t)(np.MatMul(x, y).Eval(background))
				got, err := np.ToSlice[float64](must(t)(z.To(background, a.Device())))
				require.NoError(t, err)
				assert.Equal(t, want, got)
				z.Free()
			}
			x.Free()
			y.Free()
			with := 0
			for _, text := range c.table.texts {
				if strings.Contains(text, "mma.sync") {
					with++
				}
			}
			if c.agree {
				assert.GreaterOrEqual(t, with, c.tried)
			} else {
				assert.Equal(t, c.tried, with, "the check's is the only one")
			}
			assert.Equal(t, c.agree, g.tensor.agree)
			require.NoError(t, dev.Close())
			assert.Zero(t, c.table.Live())
		})
	}
}
