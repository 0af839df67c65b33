package npy

import (
	"io"
	"os"
	"sync"
	"unsafe"

	"github.com/tare-go/tare/device"
	np "github.com/tare-go/tare/tensor"
)

// Open is the array in the .npy file at path: mapped, not read, and read-only unless a [Mode] says
// otherwise. Opening takes the same time whatever the size; pages are read as they are used, take no
// room in the budget, and are given back when memory is short. Writing to a read-only array, with Out
// or Assign, is an error. A file in Fortran order gives an array with Fortran strides.
//
// The errors and the precautions are those of [Map]: a sound file whose bytes cannot serve as they
// lie is a *[MapError], and [Load] reads it. The array's Free unmaps the file when no evaluation uses
// it any more, as does the garbage collector once the array and its views are forgotten; views are no
// longer of use then.
func Open(path string, opts ...MapOption) (*np.Tensor, error) {
	m, err := Map(path, opts...)
	if err != nil {
		return nil, err
	}
	return m.tensor()
}

// Sync returns when what was written to a mapped array is on the storage: memmap.flush of NumPy. Other
// arrays have nothing to wait for.
func Sync(a *np.Tensor) error {
	return onMapping(a, (*Mapping).Sync)
}

// Intact is nil, or a *[LostError] if the array is mapped from a file that was made shorter since.
func Intact(a *np.Tensor) error {
	return onMapping(a, (*Mapping).Intact)
}

// onMapping calls f with the mapping of an array, if it is mapped.
func onMapping(a *np.Tensor, f func(*Mapping) error) error {
	src, err := layoutOf(a)
	if err != nil {
		return err
	}
	buf, err := src.mem.Hold()
	if err != nil {
		return err
	}
	defer src.mem.Release()
	if p, ok := buf.(*pages); ok {
		return f(p.mapping)
	}
	return nil
}

// tensor is the array of a mapping, which it takes over.
func (m *Mapping) tensor() (*np.Tensor, error) {
	dev, err := device.Open("cpu")
	if err != nil {
		m.Close()
		return nil, err
	}
	option := np.Mapped(m.path)
	if m.mode.writes() {
		option = np.MappedWritable(m.path)
	}
	t, err := np.FromMemory(dev, newPages(m), m.Header.DType, m.Header.View(), option)
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
	return loadAt("load "+path, site, f, h)
}

// loadAt reads the elements that a header says to be in f.
func loadAt(op string, site uintptr, f *os.File, h Header) (*np.Tensor, error) {
	m, err := newRoom(op, site, h)
	if err != nil {
		return nil, err
	}
	data, err := m.resize(h.NBytes())
	if err == nil {
		err = inFile(readAt(f, data, h), f.Name())
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
	mapping *Mapping
	mu      sync.Mutex
	freed   bool
}

func newPages(m *Mapping) *pages {
	return &pages{Buffer: device.HostBuffer(m.Data), mapping: m}
}

// Host is nil once the file is unmapped.
func (p *pages) Host() unsafe.Pointer {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.freed {
		return nil
	}
	return p.Buffer.Host()
}

// Drop takes resident pages out of the process.
func (p *pages) Drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.freed {
		p.mapping.drop()
	}
}

// Intact is nil, or a *[LostError] if the file was made shorter.
func (p *pages) Intact() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.freed {
		return nil
	}
	return p.mapping.Intact()
}

// Free unmaps the file.
func (p *pages) Free() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.freed = true
	p.mapping.Close()
}
