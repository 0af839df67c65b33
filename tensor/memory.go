package tensor

import (
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/tare-go/tare/device"
)

// memory is what a tensor and its views share: a buffer on a device.
type memory struct {
	dev      device.Device
	site     device.Site // the call that made it
	name     string
	mapped   bool
	readOnly bool
	version  atomic.Uint64 // counts writes
	held     *holding
	cleanup  runtime.Cleanup
}

// holding frees a buffer once, by whoever comes first: Free or the collector. While evaluations use
// it, it stays: the last of them frees it.
type holding struct {
	mu     sync.Mutex
	buffer device.Buffer
	users  int
	gone   bool
}

func (h *holding) free() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.gone = true
	h.settle()
}

// settle frees the buffer when it is gone and nobody uses it any more.
func (h *holding) settle() {
	if h.gone && h.users == 0 && h.buffer != nil {
		h.buffer.Free()
		h.buffer = nil
	}
}

// newMemory takes over a buffer. Memory that is forgotten is released by the collector.
func newMemory(dev device.Device, buf device.Buffer, site uintptr) *memory {
	m := &memory{dev: dev, site: device.Site(site), held: &holding{buffer: buf}}
	m.cleanup = runtime.AddCleanup(m, (*holding).free, m.held)
	return m
}

func (m *memory) free() {
	m.cleanup.Stop()
	m.held.free()
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
	m.held.mu.Lock()
	defer m.held.mu.Unlock()
	if m.held.gone || m.held.buffer == nil {
		return nil, &device.FreedError{Op: "use of " + m.SourceName(), Site: m.site}
	}
	m.held.users++
	return m.held.buffer, nil
}

// Release ends a Hold.
func (m *memory) Release() {
	m.held.mu.Lock()
	defer m.held.mu.Unlock()
	m.held.users--
	m.held.settle()
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
	m.held.mu.Lock()
	defer m.held.mu.Unlock()
	if m.held.gone || m.held.buffer == nil {
		return 0
	}
	return m.held.buffer.Size()
}
