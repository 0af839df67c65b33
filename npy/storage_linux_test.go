package npy

import (
	"runtime"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// smallStorage is a folder of a file system with room for so many bytes, which only this test sees:
// it has to be a child.
func smallStorage(t *testing.T, bytes int) (dir string) {
	dir = t.TempDir()
	runtime.LockOSThread() // the file system is this thread's alone, which the test keeps
	if err := syscall.Unshare(syscall.CLONE_NEWNS); err != nil {
		t.Skip("no file system of its own can be made here (unshare): ", err)
	}
	require.NoError(t, syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""))
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+strconv.Itoa(bytes)); err != nil {
		t.Skip("no file system of its own can be made here (mount): ", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}
