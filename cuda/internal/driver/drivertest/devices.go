package drivertest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/cuda/internal/driver"
)

func testVersion(t *testing.T, table driver.Table) {
	version, err := table.Version()
	require.NoError(t, err)
	assert.GreaterOrEqual(t, version, 10000, "PTX 6.3 came with CUDA 10.0")
	assert.NotEmpty(t, table.Binding())
}

func testDevices(t *testing.T, table driver.Table) {
	count, err := table.DeviceCount()
	require.NoError(t, err)
	require.Positive(t, count)
	for d := range driver.Device(count) {
		name, err := table.DeviceName(d)
		require.NoError(t, err)
		assert.NotEmpty(t, name)
		assert.NotContains(t, name, "\x00")
		memory, err := table.DeviceMemory(d)
		require.NoError(t, err)
		assert.Greater(t, memory, 1<<20)
	}
	for _, d := range []driver.Device{-1, driver.Device(count)} {
		_, err = table.DeviceName(d)
		assert.ErrorIs(t, err, driver.InvalidDevice, "name of device %d", d)
		_, err = table.DeviceMemory(d)
		assert.ErrorIs(t, err, driver.InvalidDevice, "memory of device %d", d)
		_, err = table.DeviceAttribute(d, driver.CapabilityMajor)
		assert.ErrorIs(t, err, driver.InvalidDevice, "attribute of device %d", d)
		_, err = table.RetainContext(d)
		assert.ErrorIs(t, err, driver.InvalidDevice, "context of device %d", d)
	}
}

// least is the smallest value that a device can have which tare can use.
var least = map[driver.Attribute]int{
	driver.ClockRate:            1,
	driver.MultiprocessorCount:  1,
	driver.ComputeMode:          0,
	driver.L2CacheSize:          1,
	driver.MemoryClockRate:      1,
	driver.MemoryBusWidth:       1,
	driver.UnifiedAddressing:    0,
	driver.CapabilityMajor:      7,
	driver.CapabilityMinor:      0,
	driver.SharedMemoryPerBlock: 48 << 10,
	driver.PCIBusID:             0,
	driver.PCIDeviceID:          0,
}

func testAttributes(t *testing.T, table driver.Table) {
	for attribute, want := range least {
		got, err := table.DeviceAttribute(0, attribute)
		require.NoError(t, err, "attribute %d", attribute)
		assert.GreaterOrEqual(t, got, want, "attribute %d", attribute)
	}
	_, err := table.DeviceAttribute(0, 1<<20)
	assert.ErrorIs(t, err, driver.InvalidValue)
}

func testContext(t *testing.T, table driver.Table) {
	first, err := table.RetainContext(0)
	require.NoError(t, err)
	second, err := table.RetainContext(0)
	require.NoError(t, err)
	assert.NotZero(t, first)
	assert.Equal(t, first, second, "everyone in the process has the same one")
	require.NoError(t, table.ReleaseContext(0))
	a, err := table.Alloc(first, 256)
	require.NoError(t, err, "it is kept once more")
	require.NoError(t, table.Free(first, a))
	require.NoError(t, table.ReleaseContext(0))
}
