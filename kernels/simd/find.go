package simd

import (
	"unsafe"

	"github.com/tare-go/tare/dtype"
)

// FindOf is the function of the level in use that searches n elements of type t, which is Float32 or Float64,
// for the first that equals *v. n is a multiple of FindStep above 0. It returns an index from which the element
// is less than FindStep away, or n if there is none.
func FindOf(t dtype.DType) func(x, v unsafe.Pointer, n int) int { return active.Load().finds[t] }

// FindStep is what the numbers of elements of a search are a multiple of.
const FindStep = 64

var genericFinds = [dtype.Count]func(x, v unsafe.Pointer, n int) int{
	dtype.Float32: find[float32], dtype.Float64: find[float64],
}

func find[T float](x, v unsafe.Pointer, n int) int {
	all, want := unsafe.Slice((*T)(x), n), *(*T)(v)
	for i, w := range all {
		if w == want {
			return i - i%FindStep
		}
	}
	return n
}
