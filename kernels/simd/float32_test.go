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

// TestFloat32OfLevels compares the unary functions of float32 at every level with the generic ones: on 2^22
// operands spread over all bits, and with the tag exhaustive on all 2^32.
func TestFloat32OfLevels(t *testing.T) {
	if len(Levels()) == 1 {
		t.Skip("this machine has no other level")
	}
	loop := []dtype.DType{dtype.Float32}
	for c := range op.Code(op.Count) {
		if c.Row().Arity != 1 || Kernel(c, loop) == nil {
			continue
		}
		samples := uint64(operands)
		if testing.Short() {
			samples = min(samples, 1<<20)
		}
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			compareFloat32(t, c.Program(loop).Type(), genericKernels[c][dtype.Float32], ofLevels(t, c, loop), samples)
		})
	}
}

// ofLevels is an operator's function at each level but the generic one.
func ofLevels(t *testing.T, c op.Code, loop []dtype.DType) map[string]Func {
	defer func(name string) { require.NoError(t, SetLevel(name)) }(Level())
	fs := map[string]Func{}
	for _, level := range Levels()[1:] {
		require.NoError(t, SetLevel(level))
		fs[level] = Kernel(c, loop)
	}
	return fs
}

// compareFloat32 shares the operands out among the processors.
func compareFloat32(t *testing.T, to dtype.DType, generic Func, fs map[string]Func, samples uint64) {
	const batch = 4096
	var next atomic.Uint64
	var failed atomic.Bool
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			x, want, got := make([]uint32, batch), make([]float32, batch), make([]float32, batch)
			for i := next.Add(batch) - batch; i < samples && !failed.Load(); i = next.Add(batch) - batch {
				for k := range x {
					x[k] = uint32(i+uint64(k)) * 257
				}
				generic(unsafe.Pointer(&want[0]), unsafe.Pointer(&x[0]), nil, nil, batch)
				for level, f := range fs {
					f(unsafe.Pointer(&got[0]), unsafe.Pointer(&x[0]), nil, nil, batch)
					if k := differs(to, want, got); k >= 0 && failed.CompareAndSwap(false, true) {
						assert.Failf(t, "differs from generic", "%s of %x: got %x, want %x", level, math.Float32frombits(x[k]), got[k], want[k])
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
