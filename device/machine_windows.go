package device

import (
	"syscall"
	"unsafe"
)

// memoryStatus is MEMORYSTATUSEX of the Windows API.
type memoryStatus struct {
	length, load                uint32
	totalPhys, availPhys        uint64
	totalPage, availPage        uint64
	totalVirtual, availVirtual  uint64
	availableExtendedVirtualMem uint64
}

var globalMemoryStatus = syscall.NewLazyDLL("kernel32.dll").NewProc("GlobalMemoryStatusEx")

// machineMemory is the memory that the machine has left.
func machineMemory() (left int, why string) {
	s := memoryStatus{length: uint32(unsafe.Sizeof(memoryStatus{}))}
	if globalMemoryStatus.Find() != nil {
		return unlimited, ""
	}
	if ok, _, _ := globalMemoryStatus.Call(uintptr(unsafe.Pointer(&s))); ok == 0 {
		return unlimited, ""
	}
	return int(s.availPhys), "available memory of the machine"
}
