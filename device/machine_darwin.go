package device

import (
	"encoding/binary"
	"syscall"
)

// machineMemory is all memory of the machine: the system tells how much there is, but not in one
// number how much of it is left.
func machineMemory() (left int, why string) {
	text, err := syscall.Sysctl("hw.memsize")
	if err != nil {
		return unlimited, ""
	}
	var bytes [8]byte // Sysctl takes the number for text and cuts the zero byte at its end
	copy(bytes[:], text)
	return int(binary.LittleEndian.Uint64(bytes[:])), "memory of the machine (hw.memsize)"
}
