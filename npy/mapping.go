package npy

import (
	"fmt"
	"os"
	"sync"

	"github.com/tare-go/tare/cpu"
	"github.com/tare-go/tare/dtype"
)

// Mapping is a file of elements in memory, of which the operating system reads a page when it is first
// used, and gives it back when memory is short. Where there is no mmap the file is read instead, and
// what was written is written back by Sync and Close.
//
// A file that is made shorter while it is mapped loses pages. Arrays of a Mapping survive that:
// evaluations that meet such a page end with a *[LostError]. To use the page through Data ends the
// process. Replacing a file by renaming another over it, as [Save] does, is safe.
type Mapping struct {
	Header Header
	Data   []byte // the elements, in the order of the header; writing to read-only ones ends the process

	path    string
	mode    Mode
	backing // the part that depends on the operating system
	once    sync.Once
}

// Map maps the .npy file at path, read-only or in a [Mode]. The error is a *[FormatError] or
// *[DTypeError] for a file that cannot be read, a *[MapError] for one that [Load] can read but whose
// bytes cannot serve as they lie (another byte order, elements at odd addresses, bools other than 0 and
// 1), an *[OptionError], or one of the operating system. Only the header is read, and, if the elements
// are bools, these.
func Map(path string, opts ...MapOption) (*Mapping, error) {
	o, err := chosen(path, opts)
	if err == nil {
		err = o.npy(path)
	}
	if err != nil {
		return nil, err
	}
	f, err := openFile(path, o.mode)
	if err != nil {
		return nil, err
	}
	h, err := statHeader(f)
	if err != nil {
		f.Close()
		return nil, err
	}
	return mapFile(f, h, o.mode)
}

// openFile opens a file for what the mode does with it.
func openFile(path string, mode Mode) (*os.File, error) {
	if mode.reaches() {
		return os.OpenFile(path, os.O_RDWR, 0)
	}
	return os.Open(path)
}

// mapFile maps the elements that a header says to be in f, which it takes over, if they can serve.
func mapFile(f *os.File, h Header, mode Mode) (*Mapping, error) {
	if reason := h.unmappable(); reason != "" {
		f.Close()
		return nil, &MapError{Path: f.Name(), Reason: reason, load: h.loader()}
	}
	m, err := mapElements(f, h, mode)
	if err != nil {
		return nil, err
	}
	if err := m.checkBools(); err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}

// mapElements maps elements that can serve as they lie.
func mapElements(f *os.File, h Header, mode Mode) (*Mapping, error) {
	m := &Mapping{Header: h, Data: []byte{}, path: f.Name(), mode: mode}
	if h.NBytes() == 0 {
		return m, f.Close()
	}
	if err := m.open(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("map %s: %w", m.path, err)
	}
	return m, nil
}

// loader is the function that reads into memory what cannot be mapped, if it is not Load: headers of
// raw files have no version.
func (h Header) loader() string {
	if h.Version == [2]byte{} {
		return "LoadRaw"
	}
	return ""
}

// checkBools reads the elements if they are bools.
func (m *Mapping) checkBools() (err error) {
	if m.Header.DType != dtype.Bool {
		return nil
	}
	lost := cpu.Guard(func() {
		if i := notBoolean(m.Data); i >= 0 {
			err = &MapError{Path: m.path, load: m.Header.loader(), Reason: fmt.Sprintf(
				"the bool at byte %d is %d, not 0 or 1", m.Header.DataOffset+int64(i), m.Data[i])}
		}
	})
	if lost != nil {
		return lost
	}
	return err
}

// regularSize is the size of a regular file; others are a *[MapError].
func regularSize(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if !info.Mode().IsRegular() {
		return 0, &MapError{Path: f.Name(), Reason: "it is not a regular file"}
	}
	return info.Size(), nil
}

// statHeader reads the header of a regular file.
func statHeader(f *os.File) (Header, error) {
	size, err := regularSize(f)
	if err != nil {
		return Header{}, err
	}
	h, err := ReadHeader(f, size)
	return h, inFile(err, f.Name())
}

// unmappable says why the bytes of a file cannot serve as elements, or nothing if they can.
func (h Header) unmappable() string {
	switch size := h.DType.Size(); {
	case h.swapped():
		return fmt.Sprintf("its %s are in the other byte order (%s)", h.DType, descr(h.DType, h.BigEndian))
	case h.DataOffset%int64(size) != 0:
		return fmt.Sprintf("its data starts at byte %d, which is no multiple of the %d bytes of a %s",
			h.DataOffset, size, h.DType)
	}
	return ""
}

// end is the number of bytes of a file up to the last element.
func (h Header) end() int64 { return h.DataOffset + int64(h.NBytes()) }

// Mode is how the file is mapped.
func (m *Mapping) Mode() Mode { return m.mode }

// Sync returns when what was written is on the storage. Without a mode that writes to the file there is
// nothing to do.
func (m *Mapping) Sync() error {
	if !m.mode.reaches() || len(m.Data) == 0 {
		return nil
	}
	if err := m.sync(); err != nil {
		return fmt.Errorf("sync %s: %w", m.path, err)
	}
	return nil
}

// Intact is nil, or a *[LostError] if the file was made shorter since it was mapped: elements are gone,
// and those of the last page that is left may read as zeros. Evaluations find pages that are gone by
// themselves.
func (m *Mapping) Intact() error {
	if len(m.Data) == 0 {
		return nil
	}
	size, err := m.size()
	if err != nil {
		return &LostError{Path: m.path, Err: err}
	}
	if end := m.Header.end(); size < end {
		return &LostError{Path: m.path, Offset: size, Needs: end, Has: size}
	}
	return nil
}

// lost is the error of a page that could not be used, at an offset of the mapped bytes.
func (m *Mapping) lost(offset int) error {
	if err := m.Intact(); err != nil {
		return err
	}
	return &LostError{Path: m.path, Offset: int64(offset)}
}

// Close unmaps the file; Data must not be used any more. A second Close does nothing. What was written
// reaches the file in the system's own time: [Mapping.Sync] waits for it.
func (m *Mapping) Close() (err error) {
	m.once.Do(func() {
		if m.Data != nil && len(m.Data) > 0 {
			err = m.close()
		}
		m.Data = nil
	})
	return err
}

// LostError is a part of a mapped file that cannot be used any more, or not be written: the file was
// made shorter, or its storage failed or is full. Results of the evaluation that met it are worthless,
// and none are given.
type LostError struct {
	Path   string
	Offset int64 // bytes from the start of the file to what is gone
	Needs  int64 // bytes that the file had when it was mapped; 0 if it has them all
	Has    int64 // bytes that it has now
	Err    error // the operating system's reason, where it gives one
}

func (e *LostError) Error() string {
	switch {
	case e.Err != nil:
		return fmt.Sprintf("%s: mapped, and lost: %v", e.Path, e.Err)
	case e.Needs > 0:
		return fmt.Sprintf("%s: mapped, and then made shorter: its elements need %d bytes, and it has %d; restore the file and open it again, and replace files by renaming, as npy.Save does", e.Path, e.Needs, e.Has)
	}
	return fmt.Sprintf("%s: byte %d is mapped, and cannot be read or written: the storage failed or is full", e.Path, e.Offset)
}

// Unwrap is the operating system's reason.
func (e *LostError) Unwrap() error { return e.Err }
