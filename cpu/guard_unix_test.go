//go:build unix && !aix && !solaris && !illumos

package cpu_test

import (
	"syscall"

	"github.com/stretchr/testify/require"
)

// guarded is a copy of a block that ends where a protected page begins: a program that reads or writes
// past its end dies.
func guarded(t require.TestingT, block []byte) (clone []byte, release func()) {
	page := syscall.Getpagesize()
	room := (len(block) + page - 1) / page * page
	pages, err := syscall.Mmap(-1, 0, room+page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	require.NoError(t, err)
	require.NoError(t, syscall.Mprotect(pages[room:], syscall.PROT_NONE))
	clone = pages[room-len(block) : room : room]
	copy(clone, block)
	return clone, func() { require.NoError(t, syscall.Munmap(pages)) }
}
