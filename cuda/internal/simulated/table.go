// Package simulated is the driver over simulated GPUs: the calls of driver.Table, with package ptxsim behind them.
//
// It does as late as it may what the driver does asynchronously: launches and copies are put in streams, and run when
// a call has to wait for them, no sooner. An order that the caller did not ask for, with a stream, an event or a
// wait, is therefore an order that the simulation does not keep; memory freed too early is a fault of the kernel that
// uses it, and a staging buffer filled again too early sends the wrong bytes.
package simulated

import (
	"fmt"
	"sync"

	"github.com/tare-go/tare/cuda/internal/driver"
	"github.com/tare-go/tare/cuda/ptxsim"
	"github.com/tare-go/tare/device"
)

// Options say what is simulated. The zero value is one GPU of the newest generation whose kernels can be simulated.
type Options struct {
	Devices    int  // how many; 0 is 1
	Memory     int  // bytes of each; 0 is 1 GiB
	SMs        int  // multiprocessors; 0 is 16
	Capability int  // 90 for sm_90, which is what 0 means
	BothOrders bool // run each kernel in two orders, and fault if the memory differs
	Mode       int  // compute mode
}

// Table is the driver. It is safe for concurrent use, and does one thing at a time.
type Table struct {
	options Options

	mu       sync.Mutex
	gpus     []*gpu
	contexts map[driver.Context]*primary
	handle   uintptr // the last one given out
}

// gpu is a device, with its primary context while someone has it.
type gpu struct {
	ordinal driver.Device
	primary *primary
}

// primary is a primary context, and all that is in it.
type primary struct {
	gpu     *gpu
	handle  driver.Context
	holders int
	machine *ptxsim.Machine
	lost    *driver.Error // what every call is answered with once something broke

	memory    map[driver.Address]int
	host      map[uintptr][]byte
	modules   map[driver.Module]*module
	functions map[driver.Function]function
	streams   map[driver.Stream]*stream
	events    map[driver.Event]*event
	pending   int // operations in its streams
}

// New simulates a driver.
func New(o Options) *Table {
	o.Devices, o.SMs, o.Capability = orElse(o.Devices, 1), orElse(o.SMs, 16), orElse(o.Capability, 90)
	o.Memory = orElse(o.Memory, 1<<30)
	t := &Table{options: o, contexts: map[driver.Context]*primary{}}
	for i := range o.Devices {
		t.gpus = append(t.gpus, &gpu{ordinal: driver.Device(i)})
	}
	return t
}

func orElse(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}

// Live counts what was made and not given back.
type Live struct{ Contexts, Allocations, Bytes, Host, Modules, Streams, Events int }

// Live is what there is now, of all devices.
func (t *Table) Live() Live {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all Live
	for _, p := range t.contexts {
		all.Contexts += p.holders
		all.Allocations += len(p.memory)
		for _, n := range p.memory {
			all.Bytes += n
		}
		all.Host += len(p.host)
		all.Modules += len(p.modules)
		all.Streams += len(p.streams)
		all.Events += len(p.events)
	}
	return all
}

// Binding is "simulator".
func (t *Table) Binding() string { return "simulator" }

// Version is 12.4, the newest whose instructions are simulated.
func (t *Table) Version() (int, error) { return 12040, nil }

// DeviceCount is the number of simulated GPUs.
func (t *Table) DeviceCount() (int, error) { return len(t.gpus), nil }

// DeviceName says that it is none.
func (t *Table) DeviceName(d driver.Device) (string, error) {
	if err := t.device("cuDeviceGetName", d); err != nil {
		return "", err
	}
	return fmt.Sprintf("PTX simulator (sm_%d)", t.options.Capability), nil
}

// DeviceMemory is what the options say.
func (t *Table) DeviceMemory(d driver.Device) (int, error) {
	return t.options.Memory, t.device("cuDeviceTotalMem", d)
}

// device is an error unless there is such a device.
func (t *Table) device(call string, d driver.Device) error {
	if d < 0 || int(d) >= len(t.gpus) {
		return failed(call, driver.InvalidDevice, "")
	}
	return nil
}

// DeviceAttribute is what the options say, and plausible figures for what a simulation does not have.
func (t *Table) DeviceAttribute(d driver.Device, a driver.Attribute) (int, error) {
	const call = "cuDeviceGetAttribute"
	if err := t.device(call, d); err != nil {
		return 0, err
	}
	value, ok := map[driver.Attribute]int{
		driver.MultiprocessorCount:  t.options.SMs,
		driver.CapabilityMajor:      t.options.Capability / 10,
		driver.CapabilityMinor:      t.options.Capability % 10,
		driver.ComputeMode:          t.options.Mode,
		driver.SharedMemoryPerBlock: mostShared,
		driver.UnifiedAddressing:    1,
		driver.ClockRate:            1e6,
		driver.MemoryClockRate:      1e6,
		driver.MemoryBusWidth:       1024,
		driver.L2CacheSize:          32 << 20,
		driver.PCIBusID:             0,
		driver.PCIDeviceID:          int(d),
	}[a]
	if !ok {
		return 0, failed(call, driver.InvalidValue, "")
	}
	return value, nil
}

// RetainContext makes the context of a device, or counts one more who has it.
func (t *Table) RetainContext(d driver.Device) (driver.Context, error) {
	if err := t.device("cuDevicePrimaryCtxRetain", d); err != nil {
		return 0, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	g := t.gpus[d]
	if t.options.Mode == driver.ComputeModeProhibited {
		return 0, failed("cuDevicePrimaryCtxRetain", driver.DeviceUnavailable, "")
	}
	if g.primary == nil {
		g.primary = &primary{
			gpu: g, handle: driver.Context(t.next()),
			machine:   &ptxsim.Machine{Memory: int64(t.options.Memory), BothOrders: t.options.BothOrders},
			memory:    map[driver.Address]int{},
			host:      map[uintptr][]byte{},
			modules:   map[driver.Module]*module{},
			functions: map[driver.Function]function{},
			streams:   map[driver.Stream]*stream{},
			events:    map[driver.Event]*event{},
		}
		t.contexts[g.primary.handle] = g.primary
	}
	g.primary.holders++
	return g.primary.handle, nil
}

// ReleaseContext ends the context, and all that is in it, when nobody has it any more.
func (t *Table) ReleaseContext(d driver.Device) error {
	const call = "cuDevicePrimaryCtxRelease"
	if err := t.device(call, d); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	g := t.gpus[d]
	if g.primary == nil {
		return failed(call, driver.InvalidContext, "")
	}
	if g.primary.holders--; g.primary.holders == 0 {
		delete(t.contexts, g.primary.handle)
		g.primary = nil
	}
	return nil
}

// next is a handle that no call gave out before.
func (t *Table) next() uintptr {
	t.handle++
	return t.handle<<8 | 0x51
}

// in finds a context for a call, and locks the table if it can be used.
func (t *Table) in(call string, c driver.Context) (*primary, error) {
	t.mu.Lock()
	p := t.contexts[c]
	switch {
	case p == nil:
		t.mu.Unlock()
		return nil, failed(call, driver.InvalidContext, "")
	case p.lost != nil:
		t.mu.Unlock()
		return nil, again(p.lost, call)
	}
	return p, nil
}

// available is what may be allocated of so many bytes: the simulated memory is the process's, several times over, as
// the simulator notes for each element who wrote and read it.
func available(bytes int) int {
	left, _ := device.ProcessLimits().Available()
	return max(min(bytes, left/8), 0)
}
