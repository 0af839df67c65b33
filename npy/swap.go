package npy

import (
	"encoding/binary"
	"math/bits"
)

// swapBytes turns every element of the given size around, in place.
func swapBytes(data []byte, size int) {
	order := binary.NativeEndian
	switch size {
	case 2:
		for i := 0; i+2 <= len(data); i += 2 {
			order.PutUint16(data[i:], bits.ReverseBytes16(order.Uint16(data[i:])))
		}
	case 4:
		for i := 0; i+4 <= len(data); i += 4 {
			order.PutUint32(data[i:], bits.ReverseBytes32(order.Uint32(data[i:])))
		}
	case 8:
		for i := 0; i+8 <= len(data); i += 8 {
			order.PutUint64(data[i:], bits.ReverseBytes64(order.Uint64(data[i:])))
		}
	}
}

// swapped says whether the elements of a file are in the other byte order than this machine's.
func (h Header) swapped() bool { return h.DType.Size() > 1 && h.BigEndian != hostBig }
