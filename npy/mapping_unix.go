//go:build unix && !aix && !solaris && !illumos

package npy

import (
	"os"
	"syscall"
)

// mapPages maps f up to the end of its data.
func (m *Mapping) mapPages(f *os.File) error {
	end := m.Header.DataOffset + int64(m.Header.NBytes())
	if int64(int(end)) != end {
		return syscall.ENOMEM
	}
	pages, err := syscall.Mmap(int(f.Fd()), 0, int(end), syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return os.NewSyscallError("mmap", err)
	}
	m.pages, m.Data = pages, pages[m.Header.DataOffset:]
	return nil
}

// unmap gives the pages back.
func unmap(pages []byte) error { return os.NewSyscallError("munmap", syscall.Munmap(pages)) }
