package npy

import (
	"fmt"
	"os"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/dtype"
	np "github.com/tare-go/tare/tensor"
)

// OpenRaw is the array of elements of type d and the given shape in a file that has nothing to say
// of them: mapped, as [Open] does with .npy files, and as numpy.memmap. The options say where the
// elements start, how they lie and what writing does:
//
//	x, err := npy.OpenRaw("grid.bin", dtype.Float32, []int{1000, 50}, npy.Offset(128), npy.ReadWrite)
//
// A nil shape is one axis, as long as the file. The error is a *[SizeError] for a file with too few
// bytes, a *[MapError] for one that [LoadRaw] can read but whose bytes cannot serve as they lie, an
// *[OptionError], a *[broadcast.ShapeError], or one of the operating system. Bytes after the elements
// are left alone. Unlike NumPy, ReadWrite never makes a file longer: Overwrite does.
func OpenRaw(path string, d dtype.DType, shape []int, opts ...MapOption) (*np.Tensor, error) {
	m, err := MapRaw(path, d, shape, opts...)
	if err != nil {
		return nil, err
	}
	return m.tensor()
}

// MapRaw maps the elements in a raw file, as [OpenRaw] does, and makes no array of them.
func MapRaw(path string, d dtype.DType, shape []int, opts ...MapOption) (*Mapping, error) {
	o, err := chosen(path, opts)
	if err != nil {
		return nil, err
	}
	if o.mode == Overwrite {
		return overwritten(path, d, shape, o)
	}
	f, err := openFile(path, o.mode)
	if err != nil {
		return nil, err
	}
	h, err := o.header(f, d, shape)
	if err == nil {
		return mapFile(f, h, o.mode)
	}
	f.Close()
	return nil, err
}

// LoadRaw reads the elements in a raw file into memory, as [Load] does those of a .npy file. Of the
// options, Offset, FortranOrder and BigEndian count.
func LoadRaw(path string, d dtype.DType, shape []int, opts ...MapOption) (*np.Tensor, error) {
	o, err := chosen(path, opts)
	if err != nil {
		return nil, err
	}
	site := caller()
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	h, err := o.header(f, d, shape)
	if err != nil {
		return nil, err
	}
	return loadAt("load "+path, site, f, h)
}

// RawHeader is what the options say of a raw file, with the shape that a nil one stands for: a header
// as that of a .npy file, though without a Version. The errors are those of [OpenRaw].
func RawHeader(path string, d dtype.DType, shape []int, opts ...MapOption) (Header, error) {
	o, err := chosen(path, opts)
	if err != nil {
		return Header{}, err
	}
	f, err := os.Open(path)
	if err != nil {
		return Header{}, err
	}
	defer f.Close()
	return o.header(f, d, shape)
}

// header is the layout of a raw file, which has to have enough bytes.
func (o mapOptions) header(f *os.File, d dtype.DType, shape []int) (Header, error) {
	size, err := regularSize(f)
	if err != nil {
		return Header{}, err
	}
	if shape == nil && d.Size() > 0 && o.offset >= 0 {
		rest := max(size-o.offset, 0)
		if rest%int64(d.Size()) != 0 {
			return Header{}, &SizeError{Path: f.Name(), Has: size, Needs: size + int64(d.Size()) - rest%int64(d.Size()),
				For: fmt.Sprintf("a whole number of %s from byte %d on", d, o.offset)}
		}
		shape = []int{int(rest / int64(d.Size()))}
	}
	h, err := o.layout(f.Name(), d, shape)
	if err != nil {
		return Header{}, err
	}
	if end := h.end(); end > size {
		return Header{}, &SizeError{Path: f.Name(), Has: size, Needs: end,
			For: fmt.Sprintf("shape %s of %s from byte %d on", broadcast.FormatShape(shape), d, o.offset)}
	}
	return h, nil
}

// layout is the header of elements in a raw file, whatever is in it.
func (o mapOptions) layout(path string, d dtype.DType, shape []int) (Header, error) {
	if d == dtype.Invalid || d >= dtype.Count {
		return Header{}, fmt.Errorf("%s: the element type is %s", path, d)
	}
	n, err := broadcast.Bytes(shape, d.Size())
	if err != nil {
		return Header{}, fmt.Errorf("%s: %w", path, err)
	}
	if o.offset < 0 || o.offset+int64(n) < 0 {
		return Header{}, &OptionError{path, "Offset", fmt.Sprintf("%d bytes from byte %d on: both count from the start of a file", n, o.offset)}
	}
	big := hostBig
	if o.big {
		big = true
	}
	return Header{DType: d, BigEndian: big && d.Size() > 1, Fortran: o.fortran, Shape: append([]int{}, shape...), DataOffset: o.offset}, nil
}

// overwritten makes a raw file of zeros beside the path, maps it and gives it its name: until all of
// its bytes are there, what had the name before keeps it.
func overwritten(path string, d dtype.DType, shape []int, o mapOptions) (*Mapping, error) {
	if shape == nil {
		shape = []int{0}
	}
	h, err := o.layout(path, d, shape)
	if err != nil {
		return nil, err
	}
	w := &Writer{newFile: newFile{path: path}, header: h, left: h.NBytes()}
	if err := w.open(); err != nil {
		return nil, fmt.Errorf("overwrite %s: %w", path, cause(err))
	}
	defer w.Abort()
	m, err := w.mapping()
	if err != nil {
		return nil, err
	}
	if err := w.Commit(); err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}

// SizeError is a file with fewer bytes than its elements need.
type SizeError struct {
	Path  string
	Needs int64  // bytes
	Has   int64  // bytes
	For   string // the elements, and where they start
}

func (e *SizeError) Error() string {
	return fmt.Sprintf("%s: %s needs a file of %d bytes; it has %d", fileName(e.Path), e.For, e.Needs, e.Has)
}
