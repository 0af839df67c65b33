//go:build unix && !aix && !solaris && !illumos

package npy

import (
	"os"
	"syscall"
	"unsafe"

	"github.com/tare-go/tare/cpu"
)

// backing is a file's pages.
type backing struct {
	pages  []byte
	file   *os.File // of which the size is asked
	forget func()
}

// open maps f up to the end of its data, and keeps it.
func (m *Mapping) open(f *os.File) error {
	end := m.Header.end()
	if int64(int(end)) != end {
		return syscall.ENOMEM
	}
	prot, flags := syscall.PROT_READ, syscall.MAP_SHARED
	if m.mode.writes() {
		prot |= syscall.PROT_WRITE
	}
	if m.mode == CopyOnWrite {
		flags = syscall.MAP_PRIVATE
	}
	pages, err := syscall.Mmap(int(f.Fd()), 0, int(end), prot, flags)
	if err != nil {
		return os.NewSyscallError("mmap", err)
	}
	usedInOrder(f)
	m.Data = pages[m.Header.DataOffset:]
	m.backing = backing{pages: pages, file: f, forget: cpu.Watch(pages, m.lost)}
	return nil
}

// size is the number of bytes that the file has now.
func (m *Mapping) size() (int64, error) {
	info, err := m.file.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// sync waits until the pages are stored.
func (m *Mapping) sync() error {
	at, n := uintptr(unsafe.Pointer(unsafe.SliceData(m.pages))), uintptr(len(m.pages))
	if _, _, errno := syscall.Syscall(syscall.SYS_MSYNC, at, n, syscall.MS_SYNC); errno != 0 {
		return os.NewSyscallError("msync", errno)
	}
	return nil
}

// close gives the pages back.
func (m *Mapping) close() error {
	m.forget()
	err := os.NewSyscallError("munmap", syscall.Munmap(m.pages))
	if closed := m.file.Close(); err == nil {
		err = closed
	}
	return err
}

// drop takes resident pages out of the process, which does not change what is in the file. Pages that
// were copied when they were written are not a file's, and stay.
func (m *Mapping) drop() {
	if m.mode != CopyOnWrite && len(m.Data) > 0 {
		drop(m.pages)
	}
}

// arrive has nothing to do: what is in the pages is in the file.
func (m *Mapping) arrive() error { return nil }

// again is a second handle of a file.
func again(f *os.File) (*os.File, error) {
	fd, err := syscall.Dup(int(f.Fd()))
	if err != nil {
		return nil, os.NewSyscallError("dup", err)
	}
	syscall.CloseOnExec(fd)
	return os.NewFile(uintptr(fd), f.Name()), nil
}
