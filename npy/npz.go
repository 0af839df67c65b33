package npy

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	np "github.com/tare-go/tare/tensor"
)

// suffix ends the names of members, and is no part of the arrays' names.
const suffix = ".npy"

// Archive is a .npz file, of arrays by name: what numpy.savez writes.
type Archive struct {
	path    string
	file    *os.File
	names   []string
	members map[string]*zip.File
}

// OpenZ opens the .npz file at path and reads its directory. The error is a *[FormatError] for a file
// that is no zip archive, or one of the operating system. Close it; arrays stay.
func OpenZ(path string) (*Archive, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	z, err := directory(f)
	if err != nil {
		f.Close()
		return nil, err
	}
	a := &Archive{path: path, file: f, members: map[string]*zip.File{}}
	for _, m := range z.File {
		name := strings.TrimSuffix(m.Name, suffix)
		if a.members[name] == nil {
			a.names = append(a.names, name)
		}
		a.members[name] = m
	}
	return a, nil
}

// directory reads the directory of a zip archive.
func directory(f *os.File) (*zip.Reader, error) {
	size, err := regularSize(f)
	if err != nil {
		return nil, err
	}
	z, err := zip.NewReader(f, size)
	if err == nil || errors.Is(err, zip.ErrInsecurePath) { // names are not used as paths
		return z, nil
	}
	var start [len(magic)]byte
	if _, failed := f.ReadAt(start[:], 0); failed == nil && string(start[:]) == magic {
		return nil, &FormatError{Path: f.Name(), Msg: "not a .npz file but a .npy file: Open and Load read it"}
	}
	if errors.Is(err, zip.ErrFormat) {
		return nil, &FormatError{Path: f.Name(), Offset: size, Msg: "not a .npz file: it does not end as a zip archive does"}
	}
	return nil, fmt.Errorf("%s: %w", f.Name(), err)
}

// Names are the names of the arrays, in the order of the file.
func (a *Archive) Names() []string { return append([]string{}, a.names...) }

// Header reads the header of an array, which says its type and its shape. The errors are those of Load.
func (a *Archive) Header(name string) (Header, error) {
	m, err := a.member(name)
	if err != nil {
		return Header{}, err
	}
	r, err := m.Open()
	if err != nil {
		return Header{}, a.within(name, err)
	}
	defer r.Close()
	h, err := readHeader(r)
	return h, a.within(name, err)
}

// Open is an array of the archive: mapped, read-only, where it is not compressed and its bytes can serve
// as they lie; else it is read as by Load. SaveZ writes arrays so that they can be mapped; where
// NumPy puts them is left to chance. What is mapped is not compared with its check sum.
func (a *Archive) Open(name string) (*np.Tensor, error) {
	m, err := a.member(name)
	if err != nil {
		return nil, err
	}
	if m.Method != zip.Store {
		return a.load(m, name, caller())
	}
	mapping, err := a.mapped(m, name)
	var unmappable *MapError
	if errors.As(err, &unmappable) {
		return a.load(m, name, caller())
	}
	if err != nil {
		return nil, a.within(name, err)
	}
	return mapping.tensor()
}

// mapped maps a member that is not compressed.
func (a *Archive) mapped(m *zip.File, name string) (*Mapping, error) {
	start, err := m.DataOffset()
	if err != nil {
		return nil, err
	}
	size := int64(m.UncompressedSize64)
	if size < 0 || m.CompressedSize64 != m.UncompressedSize64 {
		return nil, zip.ErrFormat
	}
	h, err := ReadHeader(io.NewSectionReader(a.file, start, size), size)
	if err != nil {
		return nil, err
	}
	h.DataOffset += start
	if total, err := regularSize(a.file); err != nil || h.end() > total {
		return nil, errors.Join(err, zip.ErrFormat)
	}
	f, err := again(a.file)
	if err != nil {
		return nil, err
	}
	mapping, err := mapFile(f, h, ReadOnly)
	if err == nil {
		mapping.path = a.inside(name)
	}
	return mapping, err
}

// Load reads an array of the archive into memory, as [Load] does a .npy file, and compares it with its
// check sum. The error is a *[MemberError], a *[FormatError], a *[DTypeError], a *[device.BudgetError],
// one of package archive/zip, or one of the operating system.
func (a *Archive) Load(name string) (*np.Tensor, error) {
	m, err := a.member(name)
	if err != nil {
		return nil, err
	}
	return a.load(m, name, caller())
}

func (a *Archive) load(m *zip.File, name string, site uintptr) (*np.Tensor, error) {
	r, err := m.Open()
	if err != nil {
		return nil, a.within(name, err)
	}
	defer r.Close()
	t, err := read("load "+a.inside(name), site, r)
	if err != nil {
		return nil, a.within(name, err)
	}
	if _, err := io.Copy(io.Discard, r); err != nil { // the check sum is compared at the end
		t.Free()
		return nil, a.within(name, err)
	}
	return t, nil
}

// member finds an array.
func (a *Archive) member(name string) (*zip.File, error) {
	if m := a.members[name]; m != nil {
		return m, nil
	}
	return nil, &MemberError{Path: a.path, Name: name, Names: a.Names()}
}

// inside is what errors call an array of the archive.
func (a *Archive) inside(name string) string { return a.path + "[" + name + "]" }

// within names archive and array in an error.
func (a *Archive) within(name string, err error) error {
	var format *FormatError
	var element *DTypeError
	if err == nil || errors.As(err, &format) || errors.As(err, &element) {
		return inFile(err, a.inside(name))
	}
	return fmt.Errorf("%s: %w", a.inside(name), err)
}

// Close closes the file. Arrays that were opened stay as they are.
func (a *Archive) Close() error { return a.file.Close() }

// MemberError is an array that an archive does not have. It is an [fs.ErrNotExist].
type MemberError struct {
	Path  string
	Name  string
	Names []string // of the arrays that there are
}

func (e *MemberError) Error() string {
	return fmt.Sprintf("%s has no array %q; its arrays are %q", e.Path, e.Name, e.Names)
}

// Is makes it an fs.ErrNotExist.
func (e *MemberError) Is(target error) bool { return target == fs.ErrNotExist }
