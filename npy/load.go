package npy

import (
	"io"
	"os"
	"sync"
	"unsafe"

	"github.com/tare-go/tare/device"
	np "github.com/tare-go/tare/tensor"
)

// Open is the array in the .npy file at path: mapped, not read, and read-only. Opening takes the
// same time whatever the size; pages are read as they are used, take no room in the budget, and are
// given back when memory is short. Writing to the array, with Out or Assign, is an error. A file in
// Fortran order gives an array with Fortran strides.
//
// The errors and the precautions are those of [Map]: a sound file whose bytes cannot serve as they
// lie is a *[MapError], and [Load] reads it. The array's Free unmaps the file, as does the garbage
// collector once the array and its views are forgotten.
func Open(path string) (*np.Tensor, error) {
	m, err := Map(path)
	if err != nil {
		return nil, err
	}
	dev, err := device.Open("cpu")
	if err != nil {
		m.Close()
		return nil, err
	}
	t, err := np.FromMemory(dev, newPages(m), m.Header.DType, m.Header.View(), np.Mapped(path))
	if err != nil {
		m.Close()
		return nil, err
	}
	return t, nil
}

// Load reads the array in the .npy file at path into memory, as an array of the CPU in this machine's
// byte order. A file in Fortran order gives an array with Fortran strides, and bools other than 0
// and 1 become 1. The error is a *[FormatError], a *[DTypeError], a *[device.BudgetError] before
// anything is allocated, or one of the operating system.
func Load(path string) (*np.Tensor, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	site := caller()
	if !info.Mode().IsRegular() {
		t, err := read("load "+path, site, f)
		return t, inFile(err, path)
	}
	h, err := ReadHeader(f, info.Size())
	if err != nil {
		return nil, inFile(err, path)
	}
	m, err := newRoom("load "+path, site, h)
	if err != nil {
		return nil, err
	}
	data, err := m.resize(h.NBytes())
	if err == nil {
		err = inFile(readAt(f, data, h), path)
	}
	return m.tensor(h, err)
}

// Read reads an array from r as [Load] does from a file, and nothing beyond it: what follows in r is
// the caller's, and may be another array. Memory is taken as the elements come.
func Read(r io.Reader) (*np.Tensor, error) { return read("read", caller(), r) }

func read(op string, site uintptr, r io.Reader) (*np.Tensor, error) {
	h, err := readHeader(r)
	if err != nil {
		return nil, err
	}
	m, err := newRoom(op, site, h)
	if err != nil {
		return nil, err
	}
	return m.tensor(h, readStream(r, h, m.resize))
}

// pages is a Mapping as memory of the CPU.
type pages struct {
	device.Buffer
	mu      sync.Mutex
	mapping *Mapping // nil once it is freed
}

func newPages(m *Mapping) *pages {
	return &pages{Buffer: device.HostBuffer(m.Data), mapping: m}
}

// Host is nil once the file is unmapped.
func (p *pages) Host() unsafe.Pointer {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mapping == nil {
		return nil
	}
	return p.Buffer.Host()
}

// Drop takes resident pages out of the process.
func (p *pages) Drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mapping != nil && p.mapping.pages != nil {
		drop(p.mapping.pages)
	}
}

// Free unmaps the file.
func (p *pages) Free() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mapping != nil {
		p.mapping.Close()
		p.mapping = nil
	}
}
