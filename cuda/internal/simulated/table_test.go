package simulated_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tare-go/tare/cuda/internal/driver"
	"github.com/tare-go/tare/cuda/internal/driver/drivertest"
	"github.com/tare-go/tare/cuda/internal/simulated"
)

var _ driver.Table = (*simulated.Table)(nil)

// The suite of drivers, with one device and with two.
func TestDriver(t *testing.T) {
	for name, devices := range map[string]int{"one device": 1, "two devices": 2} {
		t.Run(name, func(t *testing.T) {
			table := simulated.New(simulated.Options{Devices: devices})
			drivertest.Run(t, table)
			assert.Zero(t, table.Live())
		})
	}
}

// A kernel that writes where it must not takes its context with it; a new one is as good as any.
func TestFault(t *testing.T) {
	table := simulated.New(simulated.Options{})
	t.Run("fault", func(t *testing.T) { drivertest.RunFault(t, table) })
	assert.Zero(t, table.Live())
	t.Run("afterwards", func(t *testing.T) { drivertest.Run(t, table) })
}
