package blas

import (
	"sync"
	"unsafe"
)

// scratch is memory for a while.
type scratch[T float] struct {
	data []T
	pool *sync.Pool
	kept *[]T
}

// pools keep memory of float32 and of float64.
var pools [2]sync.Pool

// borrow gives n elements, which hold anything.
func borrow[T float](n int) scratch[T] {
	pool := &pools[unsafe.Sizeof(T(0))/8]
	kept, _ := pool.Get().(*[]T)
	if kept == nil {
		kept = new([]T)
	}
	if cap(*kept) < n {
		*kept = make([]T, n)
	}
	return scratch[T]{(*kept)[:n], pool, kept}
}

// giveBack lets others use the memory.
func (s scratch[T]) giveBack() { s.pool.Put(s.kept) }
