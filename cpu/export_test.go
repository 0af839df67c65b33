package cpu

import "github.com/tare-go/tare/device"

// NewEager is New, but helpers are woken for all that is shared out, however short it is.
func NewEager(workers int) device.Device {
	d := New(workers).(*cpu)
	d.pool.eager = true
	return d
}
