package cuda

import (
	"errors"
	"os"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/cuda/internal/driver"
	"github.com/tare-go/tare/cuda/internal/simulated"
	"github.com/tare-go/tare/device"
)

// having is a registry with that driver.
func having(o simulated.Options) (*registry, *simulated.Table) {
	table := simulated.New(o)
	return &registry{load: func() (driver.Table, error) { return table, nil }}, table
}

// openError is the error of opening a device.
func openError(t *testing.T, r *registry, name string) *device.OpenError {
	t.Helper()
	dev, err := r.Open(name)
	require.Nil(t, dev)
	var e *device.OpenError
	require.ErrorAs(t, err, &e)
	return e
}

func TestDevicesByName(t *testing.T) {
	r, table := having(simulated.Options{Devices: 3, SMs: 7, Capability: 80})
	for asked, name := range map[string]string{"cuda": "cuda:0", "cuda:0": "cuda:0", "cuda:2": "cuda:2"} {
		dev, err := r.Open(asked)
		require.NoError(t, err)
		info := dev.Info()
		assert.Equal(t, name, info.Name)
		assert.Equal(t, Kind, info.Kind)
		assert.Equal(t, 7, info.Workers)
		assert.Equal(t, 1<<30, info.Memory)
		assert.Equal(t, "sm_80", info.Features[0])
		assert.Contains(t, info.Features, "L2 cache of 32 MiB")
		require.NoError(t, dev.Close())
	}
	assert.Zero(t, table.Live())
	e := openError(t, r, "cuda:3")
	assert.ErrorIs(t, e, os.ErrNotExist)
	assert.Equal(t, "there are 3 GPUs: open cuda:0 to cuda:2", e.Do)
	for _, name := range []string{"cuda:", "cuda:-1", "cuda:01", "cuda:x", "cuda:1.5", "cuda:simulated"} {
		assert.Equal(t, "open cuda:0 or the like, or cuda:sim", openError(t, r, name).Do, name)
	}
	one, _ := having(simulated.Options{})
	assert.Equal(t, "there is one GPU: open cuda:0", openError(t, one, "cuda:1").Do)
}

func TestListOfGPUs(t *testing.T) {
	r, table := having(simulated.Options{Devices: 2})
	list := r.List()
	require.Len(t, list, 3)
	for i, name := range []string{"cuda:0", "cuda:1", "cuda:sim"} {
		assert.Equal(t, name, list[i].Name)
		assert.Equal(t, name, list[i].Info.Name)
		assert.NoError(t, list[i].Err)
	}
	assert.Equal(t, "sim", list[2].Info.Kind)
	assert.Zero(t, table.Live(), "a list makes no context")
}

// TestGPUsThatCannotBeUsed are listed with the reason, and open as little.
func TestGPUsThatCannotBeUsed(t *testing.T) {
	for _, c := range []struct {
		options simulated.Options
		why, do string
	}{
		{simulated.Options{Capability: 61}, "compute capability 6.1", "7.0 (Volta, 2017) is the least"},
		{simulated.Options{Mode: driver.ComputeModeProhibited}, "compute mode prohibited", "nvidia-smi -c DEFAULT"},
	} {
		r, table := having(c.options)
		e := openError(t, r, "cuda:0")
		assert.Contains(t, e.Err.Error(), c.why)
		assert.Contains(t, e.Do, c.do)
		list := r.List()
		require.Len(t, list, 2)
		assert.Equal(t, e.Error(), list[0].Err.Error())
		assert.NoError(t, list[1].Err, "the simulation is there all the same")
		assert.Zero(t, table.Live())
	}
}

// inUse is a driver whose GPU another process has for itself, or whose memory is full.
type inUse struct {
	*simulated.Table
	code driver.Code
}

func (d inUse) RetainContext(driver.Device) (driver.Context, error) {
	return 0, driver.NewError("cuDevicePrimaryCtxRetain", d.code)
}

func TestGPUsOfOthers(t *testing.T) {
	for code, do := range map[driver.Code]string{
		driver.DeviceUnavailable: "another process has it for itself",
		driver.OutOfMemory:       "its memory is taken",
		driver.LaunchFailed:      "restart the process",
		driver.Unknown:           "nvidia-smi",
	} {
		r := &registry{load: func() (driver.Table, error) { return inUse{simulated.New(simulated.Options{}), code}, nil }}
		e := openError(t, r, "cuda:0")
		assert.ErrorIs(t, e, code)
		assert.Contains(t, e.Do, do)
	}
}

// TestNoDriver asks for devices where there is no driver, again and again: it is looked for once.
func TestNoDriver(t *testing.T) {
	var loads atomic.Int64
	missing := &driver.NoLibraryError{Tried: []string{"libcuda.so.1"}, Why: []string{"libcuda.so.1: no such file"}}
	r := &registry{load: func() (driver.Table, error) { loads.Add(1); return nil, missing }}
	for range 3 {
		e := openError(t, r, "cuda:0")
		assert.ErrorIs(t, e, error(missing))
		assert.Contains(t, e.Error(), "install NVIDIA's driver")
		list := r.List()
		require.Len(t, list, 2)
		assert.Equal(t, "cuda:0", list[0].Name)
		assert.Equal(t, e.Error(), list[0].Err.Error())
		assert.NoError(t, list[1].Err)
	}
	assert.EqualValues(t, 1, loads.Load())
}

// TestThisMachine opens what there is, and has a reason where there is nothing.
func TestThisMachine(t *testing.T) {
	found := 0
	for _, s := range device.List() {
		if kind := s.Info.Kind; kind == "cpu" || s.Err == nil && kind == simKind {
			found++
		}
		var e *device.OpenError
		if s.Err != nil {
			require.True(t, errors.As(s.Err, &e), "%v", s.Err)
			t.Log(s.Err)
		}
	}
	assert.GreaterOrEqual(t, found, 1)
	auto, err := device.Open("auto")
	require.NoError(t, err)
	assert.NotEqual(t, simKind, auto.Info().Kind, "nobody waits for a simulation unasked")
}
