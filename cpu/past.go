package cpu

import (
	"slices"
	"unsafe"

	"github.com/klauspost/cpuid/v2"

	"github.com/tare-go/tare/internal/ir"
)

// pastFrom is the bytes of outputs from which they go past the caches: they would not stay in the last one, and
// a store that goes past it need not read what it overwrites. An addition of 80 MB each takes three quarters
// of the time on two cores of a Zen 5.
var pastFrom = lastCache()

// lastCache is the bytes of the last cache, or those of a large one where the system does not say.
func lastCache() int {
	if l3 := cpuid.CPU.Cache.L3; l3 > 0 {
		return l3
	}
	return 32 << 20
}

// outBytes is the bytes of a kernel's outputs.
func outBytes(k *ir.Kernel) int { return operandBytes(k, k.Out) }

// goesPast reports whether the outputs of this run go past the caches: not where they take the place of inputs,
// which have been brought to the caches.
func (r *kernelRun) goesPast() bool {
	return r.p.large && !slices.ContainsFunc(r.out, func(o unsafe.Pointer) bool { return slices.Contains(r.in, o) })
}
