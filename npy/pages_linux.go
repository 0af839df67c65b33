package npy

import "syscall"

// drop takes resident pages of a file out of the process. A failure leaves them, which is no harm.
func drop(pages []byte) { _ = syscall.Madvise(pages, syscall.MADV_DONTNEED) }
