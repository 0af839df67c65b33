package npy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/dtype"
)

// fileOf is a file of version 1.0 with the given header text and bytes of zeros.
func fileOf(text string, bytesOfData int) []byte {
	b := append([]byte(magic), 1, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(text)))
	return append(append(b, text...), make([]byte, bytesOfData)...)
}

func readBytes(file []byte) (Header, error) {
	return ReadHeader(bytes.NewReader(file), int64(len(file)))
}

func TestHeadersThatAreRefused(t *testing.T) {
	head := func(shape string) string { return "{'descr': '<f8', 'fortran_order': False, 'shape': " + shape + "}" }
	// Byte 10 is where the text begins.
	for _, c := range []struct {
		text string
		want string
	}{
		{head("(-3,)"), "npy: byte 61: shape has the negative extent -3"},
		{head("(2, -3)"), "npy: byte 64: shape has the negative extent -3"},
		{head("(True,)"), `npy: byte 61: "True" in shape where an integer should be`},
		{head("(2.,)"), `npy: byte 62: "." in shape where ',' or ')' should be`},
		{head("(1e3,)"), `npy: byte 62: "e3" in shape where ',' or ')' should be`},
		{head("(0x10,)"), `npy: byte 62: "x10" in shape where ',' or ')' should be`},
		{head("(007,)"), `npy: byte 61: "007" in shape where an integer should be`},
		{head("(,)"), `npy: byte 61: "," in shape where an integer should be`},
		{head("(2 3)"), `npy: byte 63: "3" in shape where ',' or ')' should be`},
		{head("(2)"), "npy: byte 60: shape (2) is a number in parentheses; a tuple is (2,)"},
		{head("[2]"), `npy: byte 60: shape is "[2]"; it should be a tuple of integers, as (3,) or (2, 3)`},
		{head("(2"), `npy: byte 62: "}" in shape where ',' or ')' should be`},
		{head("(99999999999999999999,)"), "npy: byte 61: shape has the extent 99999999999999999999; the largest is 9223372036854775807"},
		{head("(1,)") + "x", `npy: byte 65: "x" follows the header's dict; only spaces and a newline may`},
		{head("(1,), 'extra': 1"), `npy: byte 66: the header has the key "extra"; its keys are descr, fortran_order and shape`},
		{head("(1,), 'shape': (1,)"), `npy: byte 66: the header has the key "shape" twice`},
		{"{'descr': '<f8', 'shape': ()}", "npy: byte 10: the header has no key 'fortran_order'"},
		{"{}", "npy: byte 10: the header has no key 'descr'"},
		{"", "npy: byte 10: the header is the end of the header; it should be a Python dict, {'descr': ...}"},
		{"__import__('os')", `npy: byte 10: the header is "__import__"; it should be a Python dict, {'descr': ...}`},
		{"{'descr': __import__('os')}", `npy: byte 20: "__import__" where descr should be, a string in quotes`},
		{"{descr: '<f8'}", `npy: byte 11: "descr" where a key should be, a string in quotes`},
		{"{'descr' '<f8'}", `npy: byte 19: "'<f8'" where ':' should follow the key "descr"`},
		{"{'descr': '<f8' 'shape': ()}", `npy: byte 26: "'shape'" where ',' or '}' should be`},
		{"{'de\\x73cr': '<f8'}", `npy: byte 14: the character '\\' within a string`},
		{"{'descr", "npy: byte 11: the string that starts here does not end"},
		{"{'fortran_order': 1}", `npy: byte 28: fortran_order is "1"; it should be True or False`},
		{"{'fortran_order': Truee}", `npy: byte 28: fortran_order is "Truee"; it should be True or False`},
		{"{'descr': '<q9'}", `npy: byte 20: descr "<q9" is no type string; one is a byte order (< > |), a kind (b i u f) and a size in bytes, as '<f8'`},
		{"{'descr': ''}", `npy: byte 20: descr "" is no type string; one is a byte order (< > |), a kind (b i u f) and a size in bytes, as '<f8'`},
	} {
		_, err := readBytes(fileOf(c.text, 8))
		var format *FormatError
		if assert.ErrorAs(t, err, &format, c.text) {
			assert.Equal(t, c.want, err.Error(), c.text)
		}
	}
}

func TestShapesBeyondMemoryAreRefused(t *testing.T) {
	for _, shape := range []string{
		"(4611686018427387904, 4)", "(9223372036854775807,)", "(0, 4611686018427387904, 4)",
		"(4294967296, 4294967296)", "(" + strings.Repeat("1, ", broadcast.MaxDims+1) + ")",
	} {
		_, err := readBytes(fileOf("{'descr': '<f8', 'fortran_order': False, 'shape': "+shape+"}", 8))
		var format *FormatError
		require.ErrorAs(t, err, &format, shape)
		assert.EqualValues(t, 60, format.Offset, shape)
	}
}

func TestTypesThatAreRefusedByName(t *testing.T) {
	for _, c := range []struct{ value, kind, descr, remedy string }{
		{"'|O'", "object", "'|O'", "astype"},
		{"'|O8'", "object", "'|O8'", "astype"},
		{"'<f2'", "half or extended precision", "'<f2'", "astype(np.float32)"},
		{"'<f16'", "half or extended precision", "'<f16'", "astype(np.float64)"},
		{"'>c16'", "complex", "'>c16'", "a.real"},
		{"'<M8[ns]'", "datetime64", "'<M8[ns]'", "astype(np.int64)"},
		{"'<m8[25s]'", "timedelta64", "'<m8[25s]'", "astype(np.int64)"},
		{"'|S5'", "bytes", "'|S5'", "numbers"},
		{"'<U12'", "string", "'<U12'", "numbers"},
		{"'|V2'", "void", "'|V2'", "view(np.uint8)"},
		{"[('a', '<f8'), ('b', '<i4', (2, 3))]", "structured", "[('a', '<f8'), ('b', '<i4', (2, 3))]", "each field"},
		{"('<f8', (2,))", "structured", "('<f8', (2,))", "each field"},
		{"[('a'", "structured", "[('a'", "each field"},
	} {
		text := "{'descr': " + c.value
		_, err := readBytes(fileOf(text+", 'fortran_order': False, 'shape': (1,)}", 8))
		var foreign *DTypeError
		if assert.ErrorAs(t, err, &foreign, c.value) {
			assert.Equal(t, c.kind, foreign.Kind, c.value)
			assert.Contains(t, foreign.Descr, c.descr)
			assert.EqualValues(t, 20, foreign.Offset, c.value)
			assert.Contains(t, foreign.Remedy, c.remedy)
			assert.Contains(t, err.Error(), "npy: byte 20: elements of dtype "+foreign.Descr+" ("+c.kind+") are not supported: ")
		}
	}
}

func TestHeadersWithFreedomsThatPythonAllows(t *testing.T) {
	for _, text := range []string{
		`{"shape": (2, 3,), "descr": "<i4", "fortran_order": True,}`,
		"{'descr':'<i4','fortran_order':True,'shape':(2,3)}",
		" \n{ u'descr' : u'<i4' ,\n\t'fortran_order' : True , 'shape' : ( 2L , 3L ) } \n",
	} {
		h, err := readBytes(fileOf(text, 24))
		require.NoError(t, err, text)
		assert.Equal(t, Header{DType: dtype.Int32, Fortran: true, Shape: []int{2, 3},
			DataOffset: int64(10 + len(text)), Version: [2]byte{1, 0}}, h, text)
	}
}

func TestByteOrders(t *testing.T) {
	for _, c := range []struct {
		descr string
		big   bool
	}{{"<u2", false}, {">u2", true}, {"=u2", hostBig}, {"|u2", hostBig}, {"u2", hostBig}} {
		h, err := readBytes(fileOf("{'descr': '"+c.descr+"', 'fortran_order': False, 'shape': ()}", 2))
		require.NoError(t, err, c.descr)
		assert.Equal(t, dtype.Uint16, h.DType, c.descr)
		assert.Equal(t, c.big, h.BigEndian, c.descr)
	}
	h, err := readBytes(fileOf("{'descr': '>u1', 'fortran_order': False, 'shape': ()}", 2))
	require.NoError(t, err)
	assert.False(t, h.BigEndian, "one byte has no order")
}

func TestBeginningsThatAreRefused(t *testing.T) {
	good := AppendHeader(nil, dtype.Uint8, false, []int{})
	for _, c := range []struct {
		file []byte
		want string
	}{
		{nil, "npy: byte 0: the file ends within \"\\x93NUMPY\" and a version, with which a .npy file begins"},
		{good[:7], "npy: byte 7: the file ends within \"\\x93NUMPY\" and a version, with which a .npy file begins"},
		{good[:9], "npy: byte 9: the file ends within the length of the header"},
		{good[:40], "npy: byte 40: the file ends within the header, which has 118 bytes"},
		{good, "npy: byte 128: the file ends after 0 bytes of data; shape () of uint8 needs 1"},
		{[]byte("x,y\n1,2\n"), `npy: byte 0: not a .npy file: it begins with "x,y\n1,", not "\x93NUMPY"`},
		{[]byte("PK\x03\x04...."), "npy: byte 0: not a .npy file but a zip archive, as .npz files are: OpenZ reads it"},
		{[]byte("\x93NUMPY\x01\x01  "), "npy: byte 6: version 1.1 of the format is unknown: the versions are 1.0, 2.0 and 3.0"},
		{[]byte("\x93NUMPY\x04\x00  "), "npy: byte 6: version 4.0 of the format is unknown: the versions are 1.0, 2.0 and 3.0"},
		{[]byte("\x93NUMPY\x02\x00\xff\xff\xff\xff"), "npy: byte 8: the header is said to have 4294967295 bytes; at most 10000 are read"},
	} {
		_, err := readBytes(c.file)
		var format *FormatError
		if assert.ErrorAs(t, err, &format, "%q", c.file) {
			assert.Equal(t, c.want, err.Error())
		}
	}
}

func TestPythonTwoLongsEndWithVersionTwo(t *testing.T) {
	text := "{'descr': '<u1', 'fortran_order': False, 'shape': (2L,)}"
	for major := byte(2); major <= 3; major++ {
		file := append([]byte(magic), major, 0, byte(len(text)), 0, 0, 0)
		_, err := readBytes(append(append(file, text...), 0, 0))
		if major == 2 {
			assert.NoError(t, err)
		} else {
			assert.ErrorContains(t, err, `byte 64: "L" in shape where ',' or ')' should be`)
		}
	}
}

func TestErrorsOfTheReaderPass(t *testing.T) {
	broken := errors.New("disk on fire")
	_, err := ReadHeader(failingReader{broken}, 1000)
	assert.ErrorIs(t, err, broken)
}

type failingReader struct{ err error }

func (r failingReader) ReadAt([]byte, int64) (int, error) { return 0, r.err }

// drawHeader is any header that Append can write.
func drawHeader(t *rapid.T) Header {
	h := Header{
		DType:   rapid.SampledFrom(dtype.All()).Draw(t, "dtype"),
		Fortran: rapid.Bool().Draw(t, "fortran"),
		Shape:   rapid.SliceOfN(rapid.IntRange(0, 5), 0, 5).Draw(t, "shape"),
		Version: rapid.SampledFrom([][2]byte{{}, {1, 0}, {2, 0}, {3, 0}}).Draw(t, "version"),
	}
	h.BigEndian = h.DType.Size() > 1 && rapid.Bool().Draw(t, "big-endian")
	return h
}

func TestHeaderRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := drawHeader(t)
		prefix := []byte("kept")
		file := h.Append(prefix)[len(prefix):]
		if h.DataOffset = int64(len(file)); h.Version == [2]byte{} {
			h.Version = [2]byte{1, 0}
		}
		tail := rapid.IntRange(0, 9).Draw(t, "bytes after the data")
		got, err := readBytes(append(file, make([]byte, h.NBytes()+tail)...))
		require.NoError(t, err)
		assert.Equal(t, h, got)
		assert.Zero(t, h.DataOffset%alignment)
		assert.Equal(t, byte('\n'), file[len(file)-1])
	})
}

func TestRoomToGrow(t *testing.T) {
	// The extent of the growing axis and the spaces for it always have 21 characters together.
	for _, fortran := range []bool{false, true} {
		shape := []int{123, 4, 56789}
		file := string(AppendHeader(nil, dtype.Int8, fortran, shape))
		text := file[strings.Index(file, "{") : strings.LastIndex(file, "}")+1]
		digits := 3
		if fortran {
			digits = 5
		}
		unpadded := len(magic) + 4 + len(text) + growthDigits - digits + 1
		assert.Len(t, file, (unpadded/alignment+1)*alignment)
	}
}

func TestOldestVersionThatFits(t *testing.T) {
	long := make([]int, 30000)
	file := Header{DType: dtype.Int8, Shape: long}.Append(nil)
	assert.Equal(t, magic+"\x02\x00", string(file[:8]))
	assert.EqualValues(t, len(file)-12, binary.LittleEndian.Uint32(file[8:]))
}

// allocated is the number of bytes that f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// slack is what a reading may allocate beside twice the bytes present: the header and errors.
const slack = 32 << 10

func TestHostileLengthsAllocateNothing(t *testing.T) {
	huge := AppendHeader(nil, dtype.Float64, false, []int{1 << 40})
	for _, file := range [][]byte{huge, []byte("\x93NUMPY\x02\x00\xff\xff\xff\x7f"), []byte("\x93NUMPY\x01\x00\x00\x27")} {
		assert.Less(t, allocated(func() { _, _ = readBytes(file) }), uint64(slack))
	}
	r := bytes.NewReader(append(huge, 1, 2, 3))
	var err error
	assert.Less(t, allocated(func() {
		var h Header
		h, err = readHeader(r)
		if err == nil {
			_, err = readSlice(r, h)
		}
	}), uint64(firstRead+slack))
	assert.EqualError(t, err, fmt.Sprintf(
		"npy: byte 131: the file ends after 3 bytes of data; shape (1099511627776,) of float64 needs %d", 8<<40))
}

func FuzzReadHeader(f *testing.F) {
	f.Add(AppendHeader(nil, dtype.Float64, true, []int{2, 0}))
	f.Add(fileOf("{'descr': [('a', '<f8')], 'fortran_order': 0, 'shape': (-1, 2L, 9223372036854775807)}", 0))
	f.Add(fileOf(`{"shape":(),"descr":u'>M8[ns]',"fortran_order":True,}`, 8))
	f.Add([]byte("\x93NUMPY\x03\x00\xff\xff\x00\x00{"))
	f.Fuzz(func(t *testing.T, file []byte) {
		var h Header
		var err error
		bytesUsed := allocated(func() { h, err = readBytes(file) })
		if bytesUsed > uint64(slack+4*len(file)) {
			t.Fatalf("%d bytes allocated for a file of %d", bytesUsed, len(file))
		}
		if err != nil {
			requireTyped(t, err, int64(len(file)))
			return
		}
		if h.DataOffset+int64(h.NBytes()) > int64(len(file)) {
			t.Fatalf("%+v of a file of %d bytes", h, len(file))
		}
		again, err := readBytes(append(h.Append(nil), make([]byte, h.NBytes())...))
		require.NoError(t, err)
		again.DataOffset = h.DataOffset
		require.Equal(t, h, again)
	})
}

// requireTyped fails unless err is about the file, and points into it.
func requireTyped(t *testing.T, err error, size int64) {
	var format *FormatError
	var foreign *DTypeError
	switch {
	case errors.As(err, &format):
		require.LessOrEqual(t, format.Offset, size)
		require.NotEmpty(t, format.Msg)
	case errors.As(err, &foreign):
		require.Less(t, foreign.Offset, size)
	default:
		t.Fatalf("untyped error %T: %v", err, err)
	}
}
