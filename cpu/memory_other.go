//go:build !unix || aix || solaris || illumos

package cpu

// canMap says that all buffers are Go memory.
const canMap = false

func mapPages(int) ([]byte, error) { panic("BUG: cpu: pages on a system without mmap") }

func unmapPages([]byte) { panic("BUG: cpu: pages on a system without mmap") }
