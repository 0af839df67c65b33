package npy

import (
	"fmt"
	"os"

	"github.com/tare-go/tare/dtype"
)

// Mapping is a .npy file in memory, of which the operating system reads a page when it is first
// used, and gives it back when memory is short. Where there is no mmap the file is read instead.
//
// The file must not be made shorter while it is mapped: to use a page that is gone ends the
// process. Replacing it by renaming another over it, as [Save] does, is safe.
type Mapping struct {
	Header Header
	Data   []byte // the elements, in the order of the header; writing to them ends the process

	pages []byte // what was mapped; nil after Close, and where the file was read
}

// Map maps the .npy file at path. The error is a *[FormatError] or *[DTypeError] for a file that
// cannot be read, a *[MapError] for one that [Load] can read but whose bytes cannot serve as they
// lie (another byte order, elements at odd addresses, bools other than 0 and 1), or one of the
// operating system. Only the header is read, and, if the elements are bools, these.
func Map(path string) (*Mapping, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	h, err := statHeader(f)
	if err != nil {
		return nil, err
	}
	if reason := h.unmappable(); reason != "" {
		return nil, &MapError{Path: path, Reason: reason}
	}
	m := &Mapping{Header: h, Data: []byte{}}
	if h.NBytes() > 0 {
		if err := m.mapPages(f); err != nil {
			return nil, fmt.Errorf("map %s: %w", path, err)
		}
	}
	if h.DType == dtype.Bool {
		if i := notBoolean(m.Data); i >= 0 {
			b := m.Data[i]
			m.Close()
			return nil, &MapError{Path: path, Reason: fmt.Sprintf(
				"the bool at byte %d is %d, not 0 or 1", h.DataOffset+int64(i), b)}
		}
	}
	return m, nil
}

// statHeader reads the header of a regular file.
func statHeader(f *os.File) (Header, error) {
	info, err := f.Stat()
	if err != nil {
		return Header{}, err
	}
	if !info.Mode().IsRegular() {
		return Header{}, &MapError{Path: f.Name(), Reason: "it is not a regular file"}
	}
	h, err := ReadHeader(f, info.Size())
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

// Close unmaps the file; Data must not be used any more. A second Close does nothing.
func (m *Mapping) Close() error {
	pages := m.pages
	m.pages, m.Data = nil, nil
	if pages == nil {
		return nil
	}
	return unmap(pages)
}
