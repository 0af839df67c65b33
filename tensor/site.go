package tensor

import (
	"runtime"
	"sync/atomic"
)

// caller is the program counter of the user's call: skip functions of this package are above it.
func caller(skip int) uintptr {
	var pc [1]uintptr
	runtime.Callers(skip+2, pc[:])
	return pc[0]
}

// known are program counters that frame pointers led to, and runtime.Callers too. Whether the two agree depends on the
// program counter alone: not where there are wrappers or inlined functions between.
var known [1024]atomic.Uintptr

// siteOf is what caller finds, without a walk of the stack, which takes 190 ns, where it is known: pc is what returnPC found,
// and skip is for caller.
func siteOf(pc uintptr, skip int) uintptr {
	if pc != 0 && known[pc%uintptr(len(known))].Load() == pc {
		return pc
	}
	return walked(pc, skip+1)
}

// walked is the program counter that caller finds, and is known from then on if pc is the same.
func walked(pc uintptr, skip int) uintptr {
	found := caller(skip + 1)
	if found == pc {
		known[pc%uintptr(len(known))].Store(pc)
	}
	return found
}
