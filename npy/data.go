package npy

import (
	"errors"
	"io"

	"github.com/tare-go/tare/dtype"
)

// firstRead is what is allocated for the data of a stream before any of it has come.
const firstRead = 1 << 16

// readAt reads the data of a file with the header h into data, as elements of this machine.
func readAt(r io.ReaderAt, data []byte, h Header) error {
	return readFull(io.NewSectionReader(r, h.DataOffset, int64(len(data))), data, h)
}

// readFull reads the data that follows the header h in r into data, as elements of this machine.
func readFull(r io.Reader, data []byte, h Header) error {
	if n, err := io.ReadFull(r, data); err != nil {
		return h.cut(err, n)
	}
	h.adopt(data)
	return nil
}

// readStream reads the data that follows the header h in r into memory that resize gives: n bytes
// that begin with those it gave before. What it asks for is at most firstRead and twice the bytes
// that come, however large the array is said to be.
func readStream(r io.Reader, h Header, resize func(n int) ([]byte, error)) error {
	need, n := h.NBytes(), 0
	for size := min(need, firstRead); ; size = n + min(n, need-n) {
		data, err := resize(size)
		if err != nil {
			return err
		}
		k, err := io.ReadFull(r, data[n:])
		if n += k; err != nil {
			return h.cut(err, n)
		}
		if n == need {
			h.adopt(data)
			return nil
		}
	}
}

// cut is the error of data that ends after n bytes; other errors pass as they are.
func (h Header) cut(err error, n int) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return h.shortData(int64(n))
	}
	return err
}

// adopt turns elements as the file has them into this machine's, in place.
func (h Header) adopt(data []byte) {
	if h.swapped() {
		swapBytes(data, h.DType.Size())
	}
	if h.DType == dtype.Bool {
		makeBoolean(data)
	}
}
