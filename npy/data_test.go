package npy

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tare-go/tare/dtype"
)

// drawFile is a file of any header, and its elements as this machine has them.
func drawFile(t *rapid.T) (h Header, file, data []byte) {
	h = drawHeader(t)
	file = h.Append(nil)
	h.DataOffset = int64(len(file))
	data = rapid.SliceOfN(rapid.Byte(), h.NBytes(), h.NBytes()).Draw(t, "data")
	file = append(file, data...)
	if h.BigEndian != hostBig {
		reverseElements(data, h.DType.Size())
	}
	if h.DType == dtype.Bool {
		for i := range data {
			data[i] = min(data[i], 1)
		}
	}
	return h, file, data
}

// reverseElements reverses the bytes of each element: swapBytes, slowly.
func reverseElements(data []byte, size int) {
	for e := range slices.Chunk(data, size) {
		slices.Reverse(e)
	}
}

// readSlice is readStream into a Go slice.
func readSlice(r io.Reader, h Header) (data []byte, err error) {
	err = readStream(r, h, func(n int) ([]byte, error) {
		data = append(make([]byte, 0, n), data...)[:n]
		return data, nil
	})
	return data, err
}

func TestDataRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, file, want := drawFile(t)
		r := bytes.NewReader(append(file, "tail"...))

		got := make([]byte, h.NBytes())
		require.NoError(t, readAt(r, got, h))
		assert.Equal(t, want, got)

		read, err := readHeader(iotest.OneByteReader(r))
		require.NoError(t, err)
		got, err = readSlice(iotest.HalfReader(r), read)
		require.NoError(t, err)
		assert.Equal(t, want, got)
		tail, err := io.ReadAll(r)
		require.NoError(t, err)
		assert.Equal(t, "tail", string(tail), "a stream is read to the end of the array")
	})
}

func TestLongStreams(t *testing.T) {
	for _, n := range []int{firstRead - 1, firstRead, firstRead + 1, 3*firstRead + 5, 8 * firstRead} {
		h := Header{DType: dtype.Uint8, Shape: []int{n}}
		data := bytes.Repeat([]byte("0123456789a"), n/11+1)[:n]
		got, err := readSlice(bytes.NewReader(append(data, "tail"...)), h)
		require.NoError(t, err)
		assert.True(t, bytes.Equal(data, got), n)

		_, err = readSlice(bytes.NewReader(data[:n-1]), h)
		var format *FormatError
		require.ErrorAs(t, err, &format)
		assert.EqualValues(t, n-1, format.Offset)
	}
}

func TestErrorsOfTheStreamPass(t *testing.T) {
	broken := errors.New("connection reset")
	h := Header{DType: dtype.Uint8, Shape: []int{10}}
	_, err := readSlice(iotest.ErrReader(broken), h)
	assert.ErrorIs(t, err, broken)
	assert.ErrorIs(t, readFull(iotest.ErrReader(broken), make([]byte, 10), h), broken)
}

func TestSwapBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.SampledFrom([]int{1, 2, 4, 8}).Draw(t, "size")
		n := size * rapid.IntRange(0, 20).Draw(t, "elements")
		got := rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, "data")
		want := bytes.Clone(got)
		reverseElements(want, size)
		swapBytes(got, size)
		assert.Equal(t, want, got)
	})
}
