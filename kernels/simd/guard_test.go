//go:build linux

package simd

import (
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// guarded is memory between two pages that cannot be touched.
type guarded struct{ bytes []byte }

// newGuarded has at least n bytes, in whole pages.
func newGuarded(t *testing.T, n int) guarded {
	page := syscall.Getpagesize()
	n = (n + page - 1) / page * page
	all, err := syscall.Mmap(-1, 0, n+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, syscall.Munmap(all)) })
	require.NoError(t, syscall.Mprotect(all[:page], syscall.PROT_NONE))
	require.NoError(t, syscall.Mprotect(all[page+n:], syscall.PROT_NONE))
	return guarded{all[page : page+n]}
}

// low is the first n bytes from the given one on.
func (g guarded) low(from, n int) []byte { return g.bytes[from : from+n : from+n] }

// high is n bytes that end so many before the end.
func (g guarded) high(before, n int) []byte {
	end := len(g.bytes) - before
	return g.bytes[end-n : end : end]
}

func pointerTo(b []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(b)) }
