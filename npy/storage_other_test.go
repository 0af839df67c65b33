//go:build !linux

package npy

import "testing"

// smallStorage needs mounts that nobody else sees.
func smallStorage(t *testing.T, _ int) (dir string) {
	t.Skip("a small file system is made on Linux only")
	return ""
}
