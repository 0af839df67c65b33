package cuda

import (
	"errors"
	"fmt"

	"github.com/tare-go/tare/cuda/internal/driver"
	"github.com/tare-go/tare/device"
)

// minCapability is that of the oldest GPUs whose kernels are written, ten times.
const minCapability = 70

// properties is what the driver tells of a GPU.
type properties struct {
	model      string
	memory     int
	capability int // 90 for sm_90
	sms        int
	version    int // of CUDA, as the driver has it
	attributes map[driver.Attribute]int
}

// asked are the attributes in properties.
var asked = []driver.Attribute{
	driver.ClockRate, driver.MultiprocessorCount, driver.ComputeMode, driver.L2CacheSize, driver.MemoryClockRate,
	driver.MemoryBusWidth, driver.CapabilityMajor, driver.CapabilityMinor, driver.PCIBusID, driver.PCIDeviceID,
}

// probe asks for the properties of a GPU, without making a context on it. The error is a *device.OpenError if it cannot be
// read, or used.
func probe(t driver.Table, d driver.Device, name string) (*properties, error) {
	p, err := read(t, d)
	if err != nil {
		return nil, notOpened(name, err)
	}
	if p.capability < minCapability {
		why := fmt.Errorf("%s has compute capability %d.%d", p.model, p.capability/10, p.capability%10)
		return nil, &device.OpenError{Name: name, Err: why, Do: "7.0 (Volta, 2017) is the least: use another GPU, or the CPU"}
	}
	if p.attributes[driver.ComputeMode] == driver.ComputeModeProhibited {
		return nil, &device.OpenError{Name: name, Err: errors.New(p.model + " is in compute mode prohibited"),
			Do: "allow it with nvidia-smi -c DEFAULT"}
	}
	return p, nil
}

func read(t driver.Table, d driver.Device) (*properties, error) {
	p := &properties{attributes: map[driver.Attribute]int{}}
	var err error
	if p.model, err = t.DeviceName(d); err != nil {
		return nil, err
	}
	if p.memory, err = t.DeviceMemory(d); err != nil {
		return nil, err
	}
	if p.version, err = t.Version(); err != nil {
		return nil, err
	}
	for _, a := range asked {
		if p.attributes[a], err = t.DeviceAttribute(d, a); err != nil {
			return nil, err
		}
	}
	p.capability = 10*p.attributes[driver.CapabilityMajor] + p.attributes[driver.CapabilityMinor]
	p.sms = p.attributes[driver.MultiprocessorCount]
	return p, nil
}

// info is the description of the device.
func (p *properties) info(name, kind string) device.Info {
	features := []string{fmt.Sprintf("sm_%d", p.capability), fmt.Sprintf("CUDA %d.%d", p.version/1000, p.version%1000/10)}
	if kind != simKind {
		features = append(features, p.hardware()...)
	}
	return device.Info{Name: name, Kind: kind, Model: p.model, Memory: p.memory, Workers: max(p.sms, 1), Features: features}
}

// hardware is what the driver knows of the clocks, the memory and the place of a GPU.
func (p *properties) hardware() (features []string) {
	for _, f := range []struct {
		format string
		of     driver.Attribute
		unit   int
	}{
		{"%d MHz", driver.ClockRate, 1000},
		{"memory at %d MHz", driver.MemoryClockRate, 1000},
		{"memory bus of %d bits", driver.MemoryBusWidth, 1},
		{"L2 cache of %d MiB", driver.L2CacheSize, 1 << 20},
	} {
		if v := p.attributes[f.of]; v > 0 {
			features = append(features, fmt.Sprintf(f.format, v/f.unit))
		}
	}
	return append(features, fmt.Sprintf("PCI %02x:%02x", p.attributes[driver.PCIBusID], p.attributes[driver.PCIDeviceID]))
}

// notOpened is the error for a GPU that the driver does not give.
func notOpened(name string, err error) error {
	e := &device.OpenError{Name: name, Err: err, Do: "see whether nvidia-smi lists it and finds nothing wrong"}
	switch {
	case errors.Is(err, driver.DeviceUnavailable):
		e.Do = "another process has it for itself: end that, or leave the exclusive mode with nvidia-smi -c DEFAULT"
	case errors.Is(err, driver.OutOfMemory):
		e.Do = "its memory is taken: see with nvidia-smi which processes have it"
	case driver.Faulted(err):
		e.Do = "an earlier kernel in this process broke it: restart the process"
	}
	return e
}
