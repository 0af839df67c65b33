package simd

import (
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/op"
)

// TestFloat32OfLevels compares the unary functions of float32 at the best level with the generic ones:
// on 2^22 operands spread over all bits, and with the tag exhaustive on all 2^32.
func TestFloat32OfLevels(t *testing.T) {
	best := Levels()[len(Levels())-1]
	if best == "generic" {
		t.Skip("this machine has no other level")
	}
	defer func(name string) { require.NoError(t, SetLevel(name)) }(Level())
	require.NoError(t, SetLevel(best))
	for c := range op.Code(op.Count) {
		row := c.Row()
		loop := []dtype.DType{dtype.Float32}
		if f := Kernel(c, loop); row.Arity == 1 && f != nil {
			samples := uint64(operands)
			if row.Big == nil { // one or two instructions
				samples >>= 4
			}
			if testing.Short() {
				samples = min(samples, 1<<20)
			}
			compareFloat32(t, fmt.Sprint(c), c.Program(loop).Type(), f, genericKernels[c][dtype.Float32], samples)
		}
	}
}

// compareFloat32 shares the operands out among the processors.
func compareFloat32(t *testing.T, name string, to dtype.DType, f, generic Func, samples uint64) {
	const batch = 4096
	var next, failures atomic.Uint64
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			x, want, got := make([]uint32, batch), make([]float32, batch), make([]float32, batch)
			for i := next.Add(batch) - batch; i < samples; i = next.Add(batch) - batch {
				for k := range x {
					x[k] = uint32(i+uint64(k)) * 257
				}
				generic(unsafe.Pointer(&want[0]), unsafe.Pointer(&x[0]), nil, nil, batch)
				f(unsafe.Pointer(&got[0]), unsafe.Pointer(&x[0]), nil, nil, batch)
				if k := differs(to, want, got); k >= 0 {
					if failures.Add(1) == 1 {
						assert.Failf(t, "differs from generic", "%s of %x: got %x, want %x", name, math.Float32frombits(x[k]), got[k], want[k])
					}
				}
			}
		})
	}
	wg.Wait()
}

// differs is the first element that differs, or -1; bools are in the first bytes of the memory.
func differs(t dtype.DType, want, got []float32) int {
	if t == dtype.Bool {
		for i := range want {
			if *(*byte)(unsafe.Add(unsafe.Pointer(&want[0]), i)) != *(*byte)(unsafe.Add(unsafe.Pointer(&got[0]), i)) {
				return i
			}
		}
		return -1
	}
	for i, w := range want {
		if math.Float32bits(w) != math.Float32bits(got[i]) && (w == w || got[i] == got[i]) {
			return i
		}
	}
	return -1
}
