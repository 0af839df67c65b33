package tensor

import (
	"runtime"
	"sync/atomic"

	"github.com/tare-go/tare/device"
)

// memory is what a tensor and its views share: a buffer on a device, which is freed once, by whoever comes first: Free or
// the collector. While evaluations use it, it stays: the last of them frees it.
type memory struct {
	dev      device.Device
	buffer   device.Buffer // nil for an array to plan with
	site     device.Site   // the call that made it
	name     string
	mapped   bool
	readOnly bool
	version  atomic.Uint64 // counts writes
	users    atomic.Int64  // who use the buffer; with marks that are more than all users
}

// The marks of memory.users.
const (
	gone  int64 = 1 << 62 // nobody may begin to use the buffer
	freed int64 = 1 << 61 // it has been given back
)

// newMemory takes over a buffer. Memory that is forgotten is released by the collector: by a finalizer, for which the memory
// is in no cycle, as a cleanup would take three allocations and half as much time again.
func newMemory(dev device.Device, buf device.Buffer, site uintptr) *memory {
	m := &memory{dev: dev, buffer: buf, site: device.Site(site)}
	runtime.SetFinalizer(m, (*memory).end)
	return m
}

func (m *memory) free() {
	runtime.SetFinalizer(m, nil)
	m.end()
}

// end lets nobody begin to use the buffer any more.
func (m *memory) end() {
	m.users.Or(gone)
	m.settle()
}

// settle gives the buffer back when it is gone and nobody uses it any more.
func (m *memory) settle() {
	if m.users.CompareAndSwap(gone, gone|freed) && m.buffer != nil {
		m.buffer.Free()
	}
}

// SourceName is how plans print the array.
func (m *memory) SourceName() string {
	if m.name == "" {
		return "array"
	}
	return m.name
}

// Device is where the memory is.
func (m *memory) Device() device.Device { return m.dev }

// Mapped reports whether the memory is a file's pages.
func (m *memory) Mapped() bool { return m.mapped }

// Hold is the memory, or an error after Free. Until Release it is not given back.
func (m *memory) Hold() (device.Buffer, error) {
	if m.users.Add(1) > gone || m.buffer == nil {
		m.Release()
		return nil, &device.FreedError{Op: "use of " + m.SourceName(), Site: m.site}
	}
	return m.buffer, nil
}

// Release ends a Hold.
func (m *memory) Release() {
	if m.users.Add(-1) == gone {
		m.settle()
	}
}

// Buffer is the memory, or an error after Free. Who uses it keeps the tensor alive.
func (m *memory) Buffer() (device.Buffer, error) {
	buf, err := m.Hold()
	if err == nil {
		m.Release()
	}
	return buf, err
}

// Bytes is the size of the memory, 0 after Free.
func (m *memory) Bytes() int {
	if m.users.Load() >= gone || m.buffer == nil {
		return 0
	}
	return m.buffer.Size()
}
