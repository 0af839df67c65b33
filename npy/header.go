package npy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/dtype"
)

const (
	magic     = "\x93NUMPY"
	alignment = 64 // the data of a file written here starts at a multiple of it

	// maxHeader is the longest header that is read, as in NumPy. Any shape that an array can have
	// takes a tenth of it.
	maxHeader = 10000

	// growthDigits is the room that NumPy leaves for the first extent (the last in Fortran
	// order), so that a file can be appended to in place.
	growthDigits = 21
)

// Header is what the beginning of a .npy file says of the array that follows.
type Header struct {
	DType      dtype.DType
	BigEndian  bool    // the bytes of an element are swapped; false for one-byte types
	Fortran    bool    // the first axis varies fastest; false for C order
	Shape      []int   // no extents for a single number
	DataOffset int64   // bytes from the start of the file to the first element
	Version    [2]byte // of the format: 1.0, 2.0 or 3.0
}

// View is the layout of the elements within the data.
func (h Header) View() broadcast.View {
	if h.Fortran {
		return broadcast.Fortran(h.Shape, h.DType.Size())
	}
	return broadcast.Contiguous(h.Shape, h.DType.Size())
}

// NBytes is the number of bytes of the elements. The shape is one that was read, or that
// [Create] accepts: the count does not overflow.
func (h Header) NBytes() int {
	n := h.DType.Size()
	for _, extent := range h.Shape {
		n *= extent
	}
	return n
}

// ReadHeader reads the header of a .npy file of size bytes, and checks that the data it announces
// is there; bytes after the data are ignored, as in NumPy. The error is a *[FormatError], a
// *[DTypeError], or an error of r. Nothing larger than a header is allocated, whatever r holds.
func ReadHeader(r io.ReaderAt, size int64) (Header, error) {
	h, err := readHeader(io.NewSectionReader(r, 0, size))
	if err != nil {
		return Header{}, err
	}
	if have := size - h.DataOffset; have < int64(h.NBytes()) {
		return Header{}, h.shortData(have)
	}
	return h, nil
}

// shortData is the error of a file with too few bytes after its header.
func (h Header) shortData(have int64) error {
	return &FormatError{Offset: h.DataOffset + have, Msg: fmt.Sprintf(
		"the file ends after %d bytes of data; shape %s of %s needs %d",
		have, broadcast.FormatShape(h.Shape), h.DType, h.NBytes())}
}

// readHeader reads a header from r, and not a byte beyond it.
func readHeader(r io.Reader) (Header, error) {
	version, err := readMagic(r)
	if err != nil {
		return Header{}, err
	}
	length, start, err := readLength(r, version)
	if err != nil {
		return Header{}, err
	}
	text := make([]byte, length)
	if n, err := io.ReadFull(r, text); err != nil {
		return Header{}, ended(err, start+int64(n), fmt.Sprintf("the header, which has %d bytes", length))
	}
	h := Header{Version: version, DataOffset: start + int64(length)}
	p := literal{text: text, base: start, longs: version[0] < 3}
	if err := p.header(&h); err != nil {
		return Header{}, err
	}
	return h, nil
}

// readMagic reads what every .npy file begins with, and returns the version of the format.
func readMagic(r io.Reader) (version [2]byte, err error) {
	var b [len(magic) + 2]byte
	n, err := io.ReadFull(r, b[:])
	if got := b[:min(n, len(magic))]; string(got) != magic[:len(got)] {
		return version, notNPY(got)
	}
	if err != nil {
		return version, ended(err, int64(n), `"\x93NUMPY" and a version, with which a .npy file begins`)
	}
	version = [2]byte(b[len(magic):])
	switch version {
	case [2]byte{1, 0}, [2]byte{2, 0}, [2]byte{3, 0}:
		return version, nil
	}
	return version, &FormatError{Offset: int64(len(magic)), Msg: fmt.Sprintf(
		"version %d.%d of the format is unknown: the versions are 1.0, 2.0 and 3.0", version[0], version[1])}
}

// notNPY is the error of a file that begins with other bytes than the magic.
func notNPY(got []byte) error {
	msg := fmt.Sprintf("not a .npy file: it begins with %q, not %q", got, magic)
	if bytes.HasPrefix(got, []byte("PK\x03\x04")) {
		msg = "not a .npy file but a zip archive, as .npz files are: OpenZ reads it"
	}
	return &FormatError{Msg: msg}
}

// readLength reads the length of the header's text, and returns where the text starts.
func readLength(r io.Reader, version [2]byte) (length int, start int64, err error) {
	b := make([]byte, lengthBytes(version))
	at := int64(len(magic) + len(version))
	if n, err := io.ReadFull(r, b); err != nil {
		return 0, 0, ended(err, at+int64(n), "the length of the header")
	}
	n := uint32(0)
	for i, v := range b {
		n |= uint32(v) << (8 * i)
	}
	if n > maxHeader {
		return 0, 0, &FormatError{Offset: at, Msg: fmt.Sprintf(
			"the header is said to have %d bytes; at most %d are read", n, maxHeader)}
	}
	return int(n), at + int64(len(b)), nil
}

// lengthBytes is how many bytes hold the length of a header.
func lengthBytes(version [2]byte) int {
	if version[0] == 1 {
		return 2
	}
	return 4
}

// ended is the error of a file that ends at offset, within what; other errors pass as they are.
func ended(err error, offset int64, what string) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &FormatError{Offset: offset, Msg: "the file ends within " + what}
	}
	return err
}

// AppendHeader appends to dst the header that np.save writes for an array of the given type and
// shape, in this machine's byte order: its length is a multiple of 64 bytes.
func AppendHeader(dst []byte, d dtype.DType, fortran bool, shape []int) []byte {
	return Header{DType: d, BigEndian: hostBig && d.Size() > 1, Fortran: fortran, Shape: shape}.Append(dst)
}

// Append appends the header to dst as NumPy writes it. Without a Version it is the oldest that
// fits; DataOffset is not read.
func (h Header) Append(dst []byte) []byte {
	text := fmt.Appendf(nil, "{'descr': '%s', 'fortran_order': %s, 'shape': %s, }",
		descr(h.DType, h.BigEndian), pythonBool(h.Fortran), shapeText(h.Shape))
	text = append(text, bytes.Repeat([]byte{' '}, h.growth())...)
	if h.Version == [2]byte{} {
		h.Version = oldestVersion(len(text))
	}
	prefix := len(magic) + len(h.Version) + lengthBytes(h.Version)
	padding := alignment - (prefix+len(text)+1)%alignment
	length := len(text) + padding + 1

	dst = append(dst, magic...)
	dst = append(dst, h.Version[:]...)
	if lengthBytes(h.Version) == 2 {
		dst = binary.LittleEndian.AppendUint16(dst, uint16(length))
	} else {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(length))
	}
	dst = append(dst, text...)
	dst = append(dst, bytes.Repeat([]byte{' '}, padding)...)
	return append(dst, '\n')
}

// growth is the number of spaces that leave room for the axis along which a file can grow.
func (h Header) growth() int {
	if len(h.Shape) == 0 {
		return 0
	}
	axis := 0
	if h.Fortran {
		axis = len(h.Shape) - 1
	}
	return max(0, growthDigits-len(strconv.Itoa(h.Shape[axis])))
}

// oldestVersion is the first version whose length field can hold a header of text bytes.
func oldestVersion(text int) [2]byte {
	if text+alignment+1 > math.MaxUint16 {
		return [2]byte{2, 0}
	}
	return [2]byte{1, 0}
}

// shapeText is a shape as a Python tuple.
func shapeText(shape []int) string {
	b := []byte{'('}
	for i, extent := range shape {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(strconv.AppendInt(b, int64(extent), 10), ',')
	}
	if len(shape) > 1 {
		b = b[:len(b)-1]
	}
	return string(append(b, ')'))
}

// pythonBool is a bool as Python spells it.
func pythonBool(b bool) string {
	if b {
		return "True"
	}
	return "False"
}
