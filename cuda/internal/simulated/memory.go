package simulated

import (
	"errors"
	"unsafe"

	"github.com/tare-go/tare/cuda/internal/driver"
)

// Alloc reserves memory without a value: a kernel that reads it before something is written there faults.
func (t *Table) Alloc(c driver.Context, bytes int) (driver.Address, error) {
	const call = "cuMemAlloc"
	p, err := t.in(call, c)
	if err != nil {
		return 0, err
	}
	defer t.mu.Unlock()
	if bytes <= 0 {
		return 0, failed(call, driver.InvalidValue, "")
	}
	if bytes > available(t.options.Memory) {
		return 0, failed(call, driver.OutOfMemory, "")
	}
	at, err := p.machine.Alloc(bytes)
	if err != nil {
		return 0, failed(call, driver.OutOfMemory, err.Error())
	}
	p.memory[driver.Address(at)] = bytes
	return driver.Address(at), nil
}

// Free gives memory back at once, whatever is in the streams.
func (t *Table) Free(c driver.Context, a driver.Address) error {
	const call = "cuMemFree"
	p, err := t.in(call, c)
	if err != nil {
		return err
	}
	defer t.mu.Unlock()
	if _, ok := p.memory[a]; !ok {
		return failed(call, driver.InvalidValue, "")
	}
	delete(p.memory, a)
	if err := p.machine.Free(uint64(a)); err != nil {
		panic("BUG: simulated: " + err.Error())
	}
	return nil
}

// MemoryInfo counts bytes as they were asked for.
func (t *Table) MemoryInfo(c driver.Context) (free, total int, err error) {
	p, err := t.in("cuMemGetInfo", c)
	if err != nil {
		return 0, 0, err
	}
	defer t.mu.Unlock()
	free, total = t.options.Memory, t.options.Memory
	for _, n := range p.memory {
		free -= n
	}
	return available(free), total, nil
}

// AllocHost is memory of the process.
func (t *Table) AllocHost(c driver.Context, bytes int) (unsafe.Pointer, error) {
	const call = "cuMemHostAlloc"
	p, err := t.in(call, c)
	if err != nil {
		return nil, err
	}
	defer t.mu.Unlock()
	if bytes <= 0 {
		return nil, failed(call, driver.InvalidValue, "")
	}
	b := make([]byte, bytes)
	at := unsafe.Pointer(unsafe.SliceData(b))
	p.host[uintptr(at)] = b
	return at, nil
}

// FreeHost forgets the memory.
func (t *Table) FreeHost(c driver.Context, at unsafe.Pointer) error {
	const call = "cuMemFreeHost"
	p, err := t.in(call, c)
	if err != nil {
		return err
	}
	defer t.mu.Unlock()
	if p.host[uintptr(at)] == nil {
		return failed(call, driver.InvalidValue, "")
	}
	delete(p.host, uintptr(at))
	return nil
}

// CopyToDevice reads the host's memory when the stream comes to it.
func (t *Table) CopyToDevice(c driver.Context, dst driver.Address, src unsafe.Pointer, bytes int, s driver.Stream) error {
	return t.enqueue("cuMemcpyHtoDAsync", c, s, func(p *primary) error {
		return p.machine.Write(uint64(dst), unsafe.Slice((*byte)(src), bytes))
	})
}

// CopyToHost writes the host's memory when the stream comes to it. What has no value on the device is copied too.
func (t *Table) CopyToHost(c driver.Context, dst unsafe.Pointer, src driver.Address, bytes int, s driver.Stream) error {
	return t.enqueue("cuMemcpyDtoHAsync", c, s, func(p *primary) error {
		return p.machine.Peek(uint64(src), unsafe.Slice((*byte)(dst), bytes))
	})
}

// CopyOnDevice copies values, and that there are none.
func (t *Table) CopyOnDevice(c driver.Context, dst, src driver.Address, bytes int, s driver.Stream) error {
	return t.enqueue("cuMemcpyDtoDAsync", c, s, func(p *primary) error {
		return p.machine.Copy(uint64(dst), uint64(src), bytes)
	})
}

// CopyPeer goes through memory of the process.
func (t *Table) CopyPeer(c driver.Context, dst driver.Address, dstContext driver.Context, src driver.Address, srcContext driver.Context, bytes int, s driver.Stream) error {
	return t.enqueue("cuMemcpyPeerAsync", c, s, func(*primary) error {
		to, from := t.contexts[dstContext], t.contexts[srcContext]
		if to == nil || from == nil {
			return errors.New("a context was released")
		}
		b := make([]byte, bytes)
		if err := from.machine.Peek(uint64(src), b); err != nil {
			return err
		}
		return to.machine.Write(uint64(dst), b)
	})
}
