package npy

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// drop takes resident pages of a file out of the process. A failure leaves them, which is no harm.
func drop(pages []byte) { _ = syscall.Madvise(pages, syscall.MADV_DONTNEED) }

// usedInOrder tells the system that a file is used from its start to its end, as evaluations do: it then reads twice
// as far ahead. A failure is no harm.
func usedInOrder(f *os.File) { _ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_SEQUENTIAL) }
