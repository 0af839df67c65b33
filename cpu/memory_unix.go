//go:build unix && !aix && !solaris && !illumos

package cpu

import (
	"os"
	"syscall"
)

// canMap says that the system gives pages outside the Go heap.
const canMap = true

// mapPages takes fresh pages, which are zero.
func mapPages(bytes int) ([]byte, error) {
	pages, err := syscall.Mmap(-1, 0, bytes, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil, os.NewSyscallError("mmap", err)
	}
	adviseHuge(pages)
	return pages, nil
}

// unmapPages gives pages back.
func unmapPages(pages []byte) {
	if err := syscall.Munmap(pages); err != nil {
		panic("BUG: cpu: munmap: " + err.Error())
	}
}
