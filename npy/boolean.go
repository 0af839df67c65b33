package npy

import "encoding/binary"

// notBoolean is the index of the first byte that is neither 0 nor 1, or -1. NumPy can save such
// bytes, from views of other types, and takes them for true.
func notBoolean(data []byte) int {
	const rest = 0xfefefefefefefefe
	i := 0
	for i+8 <= len(data) && binary.NativeEndian.Uint64(data[i:])&rest == 0 {
		i += 8
	}
	for ; i < len(data); i++ {
		if data[i] > 1 {
			return i
		}
	}
	return -1
}

// makeBoolean turns bytes that stand for true into 1, in place.
func makeBoolean(data []byte) {
	for i, b := range data {
		if b > 1 {
			data[i] = 1
		}
	}
}
