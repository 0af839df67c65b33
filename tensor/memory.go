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

// holding frees a buffer once, by whoever comes first: Free or the collector.
type holding struct {
	mu     sync.Mutex
	buffer device.Buffer
}

func (h *holding) free() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.buffer != nil {
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

// Buffer is the memory, or an error after Free.
func (m *memory) Buffer() (device.Buffer, error) {
	m.held.mu.Lock()
	defer m.held.mu.Unlock()
	if m.held.buffer == nil {
		return nil, &device.FreedError{Op: "use of " + m.SourceName(), Site: m.site}
	}
	return m.held.buffer, nil
}

// Bytes is the size of the memory, 0 after Free.
func (m *memory) Bytes() int {
	m.held.mu.Lock()
	defer m.held.mu.Unlock()
	if m.held.buffer == nil {
		return 0
	}
	return m.held.buffer.Size()
}
