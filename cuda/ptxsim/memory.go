package ptxsim

import (
	"bytes"
	"fmt"
	"sync"
	"sync/atomic"
)

// windowBits: each allocation has 4 GiB of addresses, the first ones for generic windows of other spaces.
const windowBits = 32

// allocation is a piece of global memory.
type allocation struct {
	base    uint64
	data    []byte
	written []byte // 1 for each byte that has a value
	freed   bool

	generation       atomic.Uint32 // of the launch that the stamps are of
	readers, writers []uint64      // stamps by granule, read and written atomically
	once             []span        // ranges that the next launch must write once
}

// span is a range of bytes.
type span struct{ from, to int }

// OutOfMemory is an allocation that the device has no memory for. All figures are bytes.
type OutOfMemory struct{ Need, Free int64 }

// Error says what was needed and what is there.
func (e *OutOfMemory) Error() string {
	return fmt.Sprintf("ptxsim: out of memory: need %d bytes, %d are free", e.Need, e.Free)
}

// memory is the allocations of a machine.
type memory struct {
	sync.Mutex
	all   allocations
	live  int
	bytes int64
	once  bool // some allocation has write-once ranges
}

// allocations are by address >> windowBits, from 1 on.
type allocations []*allocation

// Alloc reserves bytes of global memory, without a value, and returns their address, a multiple of 4 GiB.
func (m *Machine) Alloc(n int) (uint64, error) {
	m.memory.Lock()
	defer m.memory.Unlock()
	free := m.memoryLimit() - m.memory.bytes
	if n <= 0 || n >= 1<<windowBits-1<<20 {
		return 0, &Fault{Kind: OutOfBounds, Detail: fmt.Sprintf("an allocation of %d bytes", n)}
	}
	if int64(n) > free {
		return 0, &OutOfMemory{int64(n), free}
	}
	return m.memory.add(n).base, nil
}

func (m *memory) add(n int) *allocation {
	a := &allocation{base: uint64(len(m.all)+1) << windowBits, data: make([]byte, n), written: make([]byte, n)}
	m.all = append(m.all, a)
	m.live++
	m.bytes += int64(n)
	return a
}

// Free gives memory back. Its address is not used again.
func (m *Machine) Free(address uint64) error {
	m.launching.Lock()
	defer m.launching.Unlock()
	return m.free(address)
}

func (m *Machine) free(address uint64) error {
	m.memory.Lock()
	defer m.memory.Unlock()
	a, f := m.memory.all.find(address, 0)
	if f == nil && a.base != address || f != nil {
		return &Fault{Kind: BadFree, Space: globalSpace.String(), Address: address}
	}
	m.memory.live--
	m.memory.bytes -= int64(len(a.data))
	a.freed, a.data, a.written, a.readers, a.writers, a.once = true, nil, nil, nil, nil, nil
	return nil
}

// Live is the number of allocations and their bytes. Global variables of modules count once they are loaded.
func (m *Machine) Live() (count int, bytes int64) {
	m.memory.Lock()
	defer m.memory.Unlock()
	return m.memory.live, m.memory.bytes
}

// Close unloads the modules. It fails with a Leak if memory is still allocated.
func (m *Machine) Close() error {
	m.launching.Lock()
	defer m.launching.Unlock()
	for module, a := range m.globals {
		delete(m.globals, module)
		if err := m.free(a.base); err != nil {
			panic("BUG: " + err.Error())
		}
	}
	if count, bytes := m.Live(); count > 0 {
		return &Fault{Kind: Leak, Detail: fmt.Sprintf("%d allocations, %d bytes", count, bytes)}
	}
	return nil
}

// Unload gives back the memory of a module's global variables. If the module is launched again, they start afresh.
func (m *Machine) Unload(module *Module) {
	m.launching.Lock()
	defer m.launching.Unlock()
	a := m.globals[module]
	if a == nil {
		return
	}
	delete(m.globals, module)
	if err := m.free(a.base); err != nil {
		panic("BUG: " + err.Error())
	}
}

// find is the allocation that has n bytes from an address on. The fault has kind, space and address only.
func (m allocations) find(address uint64, n int) (*allocation, *Fault) {
	i := address>>windowBits - 1
	if i >= uint64(len(m)) {
		return nil, &Fault{Kind: OutOfBounds, Space: globalSpace.String(), Address: address, Detail: "no allocation is near"}
	}
	a := m[i]
	if a.freed {
		return nil, &Fault{Kind: UseAfterFree, Space: globalSpace.String(), Address: address}
	}
	if off := int(address - a.base); off+n > len(a.data) {
		return nil, &Fault{Kind: OutOfBounds, Space: globalSpace.String(), Address: address,
			Detail: fmt.Sprintf("%d bytes at %d of an allocation of %d", n, off, len(a.data))}
	}
	return a, nil
}

// host finds memory for a call of the host.
func (m *Machine) host(address uint64, n int) (*allocation, int, error) {
	m.memory.Lock()
	defer m.memory.Unlock()
	a, f := m.memory.all.find(address, n)
	if f != nil {
		return nil, 0, f
	}
	return a, int(address - a.base), nil
}

// Write copies bytes from the host to global memory.
func (m *Machine) Write(address uint64, src []byte) error {
	m.launching.Lock()
	defer m.launching.Unlock()
	a, off, err := m.host(address, len(src))
	if err == nil {
		copy(a.data[off:], src)
		fill(a.written[off:off+len(src)], 1)
	}
	return err
}

// Read copies bytes from global memory to the host. All must have been written.
func (m *Machine) Read(address uint64, dst []byte) error {
	m.launching.Lock()
	defer m.launching.Unlock()
	a, off, err := m.host(address, len(dst))
	if err != nil {
		return err
	}
	if i := bytes.IndexByte(a.written[off:off+len(dst)], 0); i >= 0 {
		return &Fault{Kind: UninitGlobal, Space: globalSpace.String(), Address: address + uint64(i)}
	}
	copy(dst, a.data[off:])
	return nil
}

// Peek is Read of bytes that need not have been written: those that were not are anything.
func (m *Machine) Peek(address uint64, dst []byte) error {
	m.launching.Lock()
	defer m.launching.Unlock()
	a, off, err := m.host(address, len(dst))
	if err == nil {
		copy(dst, a.data[off:])
	}
	return err
}

// Copy copies n bytes within global memory, with or without a value.
func (m *Machine) Copy(dst, src uint64, n int) error {
	m.launching.Lock()
	defer m.launching.Unlock()
	to, at, err := m.host(dst, n)
	if err != nil {
		return err
	}
	from, off, err := m.host(src, n)
	if err == nil {
		copy(to.data[at:at+n], from.data[off:])
		copy(to.written[at:at+n], from.written[off:])
	}
	return err
}

// Fill sets n bytes of global memory to a value.
func (m *Machine) Fill(address uint64, value byte, n int) error {
	m.launching.Lock()
	defer m.launching.Unlock()
	a, off, err := m.host(address, n)
	if err == nil {
		fill(a.data[off:off+n], value)
		fill(a.written[off:off+n], 1)
	}
	return err
}

// WriteOnce declares that the next launch has to write each of n bytes exactly once.
func (m *Machine) WriteOnce(address uint64, n int) error {
	m.launching.Lock()
	defer m.launching.Unlock()
	a, off, err := m.host(address, n)
	if err == nil {
		a.once = append(a.once, span{off, off + n})
		m.memory.once = true
	}
	return err
}

func fill(b []byte, v byte) {
	for i := range b {
		b[i] = v
	}
}

// prepare makes the stamps of an allocation those of a new launch. Blocks may call it at the same time.
func (a *allocation) prepare(m *memory, generation uint32, granules int) {
	m.Lock()
	defer m.Unlock()
	if a.generation.Load() == generation {
		return
	}
	if len(a.readers) == granules {
		clear(a.readers)
		clear(a.writers)
	} else {
		a.readers, a.writers = make([]uint64, granules), make([]uint64, granules)
	}
	a.generation.Store(generation)
}
