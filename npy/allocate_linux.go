package npy

import (
	"errors"
	"os"
	"syscall"
)

// allocate makes a file of at least so many bytes, for all of which there is room on the storage. What
// is in the file stays, and what is new is zero.
func allocate(f *os.File, bytes int64) error {
	info, err := f.Stat()
	if err != nil || info.Size() >= bytes {
		return err
	}
	for {
		err = syscall.Fallocate(int(f.Fd()), 0, 0, bytes)
		if err != syscall.EINTR {
			break
		}
	}
	if errors.Is(err, errors.ErrUnsupported) {
		return zeros(f, info.Size(), bytes)
	}
	return os.NewSyscallError("fallocate", err)
}
