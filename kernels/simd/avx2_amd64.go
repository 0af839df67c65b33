//go:build amd64 && !purego

package simd

import (
	"sync"
	"unsafe"

	"github.com/klauspost/cpuid/v2"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/op"
)

//go:generate go run -C _asm . -folder ..

// archLevels is the level of AVX2 and FMA, where the machine and its operating system have both.
func archLevels() []level {
	if !cpuid.CPU.Supports(cpuid.AVX2, cpuid.FMA3) {
		return nil
	}
	l := level{
		"avx2", new([op.Count][dtype.Count]Func), new([op.Count][2]Func), new([dtype.Count][dtype.Count]Func),
		&avx2Folds,
	}
	for c := range l.kernels {
		serve(l.kernels[c][:], avx2Operators[c][:], genericKernels[c][:])
		serve(l.mixed[c][:], avx2Mixed[c][:], genericMixed[c][:])
	}
	for d := range l.casts {
		serve(l.casts[d][:], avx2Casts[d][:], genericCasts[d][:])
	}
	return []level{l}
}

// serve makes functions of assembly loops.
func serve(funcs []Func, loops []assembly, generic []Func) {
	for i := range loops {
		if k := &loops[i]; k.loop != nil {
			k.generic = generic[i]
			funcs[i] = k.run
		}
	}
}

// assembly is a loop in assembly, and what serves the elements that it cannot.
type assembly struct {
	// loop computes n elements, a multiple of step above 0, and returns how many it did: fewer if an
	// element of the next step is in a rare block. It stores a step at a time, after it has loaded it.
	loop    func(dst, a, b, c unsafe.Pointer, n int) int
	step    int
	sizes   [4]uint8 // of the elements of dst, a, b and c in bytes; 0 where there is none
	pad     bool     // a step costs less than a few elements one by one
	generic Func
}

// run is a Func.
func (k *assembly) run(dst, a, b, c unsafe.Pointer, n int) {
	whole := n - n%k.step
	done := 0
	if whole > 0 {
		done = k.loop(dst, a, b, c, whole)
		for done < whole {
			done = k.resume(dst, a, b, c, done, whole)
		}
	}
	if done < n {
		k.rest(dst, a, b, c, done, n)
	}
}

// resume does the step before which the loop stopped, and goes on. It returns how many elements are done.
func (k *assembly) resume(dst, a, b, c unsafe.Pointer, done, whole int) int {
	k.generic(k.at(0, dst, done), k.at(1, a, done), k.at(2, b, done), k.at(3, c, done), k.step)
	done += k.step
	if done < whole {
		done += k.loop(k.at(0, dst, done), k.at(1, a, done), k.at(2, b, done), k.at(3, c, done), whole-done)
	}
	return done
}

// at is the address of element i of an operand.
func (k *assembly) at(operand int, p unsafe.Pointer, i int) unsafe.Pointer {
	return unsafe.Add(p, i*int(k.sizes[operand]))
}

// rest does the elements from done to n, which are fewer than a step. Where the operands are still
// there, a step that ends at n does some of them again.
func (k *assembly) rest(dst, a, b, c unsafe.Pointer, done, n int) {
	i := n - k.step
	switch {
	case i >= 0 && dst != a && dst != b && dst != c:
		if k.loop(k.at(0, dst, i), k.at(1, a, i), k.at(2, b, i), k.at(3, c, i), k.step) == k.step {
			return
		}
	case k.pad && k.padded(dst, a, b, c, done, n-done):
		return
	}
	k.generic(k.at(0, dst, done), k.at(1, a, done), k.at(2, b, done), k.at(3, c, done), n-done)
}

// padding is memory for a step of each operand.
type padding [4][32]byte

var paddings = sync.Pool{New: func() any { return new(padding) }}

// padded does n elements from done on in a step of their own, over memory with zeros after them. It
// reports whether it did: not if one is in a rare block.
func (k *assembly) padded(dst, a, b, c unsafe.Pointer, done, n int) bool {
	p := paddings.Get().(*padding)
	defer paddings.Put(p)
	for i, operand := range [...]unsafe.Pointer{nil, a, b, c} {
		if operand != nil {
			clear(p[i][copy(p[i][:], k.bytes(i, operand, done, n)):])
		}
	}
	at := func(i int) unsafe.Pointer { return unsafe.Pointer(&p[i]) }
	if k.loop(at(0), at(1), at(2), at(3), k.step) < k.step {
		return false
	}
	copy(k.bytes(0, dst, done, n), p[0][:])
	return true
}

// bytes is the memory of n elements of an operand.
func (k *assembly) bytes(operand int, p unsafe.Pointer, from, n int) []byte {
	return unsafe.Slice((*byte)(k.at(operand, p, from)), n*int(k.sizes[operand]))
}
