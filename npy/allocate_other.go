//go:build !linux

package npy

import "os"

// allocate makes a file of at least so many bytes, for all of which there is room on the storage. What
// is in the file stays, and what is new is zero.
func allocate(f *os.File, bytes int64) error {
	info, err := f.Stat()
	if err != nil || info.Size() >= bytes {
		return err
	}
	return zeros(f, info.Size(), bytes)
}
