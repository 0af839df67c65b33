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

// archLevels are the levels of AVX2 with FMA and of AVX-512, those that the machine and its operating
// system have.
func archLevels() []level {
	if !cpuid.CPU.Supports(cpuid.AVX2, cpuid.FMA3) {
		return nil
	}
	levels := []level{newLevel("avx2", &avx2Operators, &avx2Mixed, &avx2Casts, &avx2Pairs, &avx2Folds, &avx2Finds, genericLevel)}
	if hasAVX512 {
		levels = append(levels, newLevel("avx512", &avx512Operators, new([op.Count][2]Loop), &avx512Casts, &avx512Pairs, &avx512Folds, &avx512Finds, levels[0]))
		levels[1].scans = avx512Scans[:]
	}
	return levels
}

// hasAVX512 says that the machine has what kernels of level "avx512" need: the instructions that all servers
// with AVX-512 have had since the first.
var hasAVX512 = cpuid.CPU.Supports(cpuid.AVX512F, cpuid.AVX512DQ, cpuid.AVX512BW, cpuid.AVX512VL)

// newLevel makes a level of assembly loops. What a loop cannot do is left to the level below, or to the
// generic one where that has nothing.
func newLevel(name string, operators *[op.Count][dtype.Count]Loop, mixed *[op.Count][2]Loop,
	casts *[dtype.Count][dtype.Count]Loop, pairs *[op.PairCount][dtype.Count]Loop, folds *[op.Count][dtype.Count]Fold,
	finds *[dtype.Count]func(x, v unsafe.Pointer, n int) int, below level) level {
	l := level{
		name: name, kernels: new([op.Count][dtype.Count]Func), mixed: new([op.Count][2]Func),
		casts: new([dtype.Count][dtype.Count]Func), loops: new(loops), folds: folds, finds: finds,
	}
	for c := range l.kernels {
		serve(l.kernels[c][:], l.loops.kernels[c][:], operators[c][:], below.kernels[c][:], genericKernels[c][:])
		serve(l.mixed[c][:], l.loops.mixed[c][:], mixed[c][:], below.mixed[c][:], genericMixed[c][:])
	}
	for d := range l.casts {
		serve(l.casts[d][:], l.loops.casts[d][:], casts[d][:], below.casts[d][:], genericCasts[d][:])
	}
	for i := range pairs {
		for _, t := range []dtype.DType{dtype.Float32, dtype.Float64} {
			if k := &pairs[i][t]; k.loop != nil {
				k.below = l.oneByOne(op.Pairs[i], t)
				l.loops.pairs[i][t] = k
			}
		}
	}
	return l
}

// oneByOne is a pair of operators as two functions, for the few elements that a loop leaves.
func (l *level) oneByOne(p op.Pair, t dtype.DType) Func {
	return pairOf(p, t.Size(), l.kernels[p.First][t], l.kernels[p.Second][t])
}

// serve makes functions of assembly loops.
func serve(funcs []Func, loops []*Loop, all []Loop, below, generic []Func) {
	for i := range all {
		if k := &all[i]; k.loop != nil {
			k.below = generic[i]
			if below[i] != nil {
				k.below = below[i]
			}
			funcs[i], loops[i] = k.run, k
		}
	}
}

// Loop is a loop in assembly, and what serves the elements that it cannot.
type Loop struct {
	// loop is for assembly to call. It computes a range of elements, of a multiple of step above 0, and stops before
	// the end if an element of the next step is in a rare block. It stores a step at a time, after it has loaded it.
	loop func()
	// past is the same with stores that go past the caches, for a dst at a multiple of 64 bytes; nil if
	// there is none.
	past  func()
	step  int      // a power of two
	sizes [4]uint8 // of the elements of dst, a, b and c in bytes; 0 where there is none
	pad   bool     // a step costs less than a few elements one by one
	below Func     // of the level below
}

// goesPast reports whether there is a loop whose results go past the caches.
func (k *Loop) goesPast() bool { return k.past != nil }

// run is a Func.
func (k *Loop) run(dst, a, b, c unsafe.Pointer, n int) {
	whole := n &^ (k.step - 1)
	done := 0
	for done < whole {
		if done = callLoop(k.loop, dst, a, b, c, done, whole); done < whole {
			k.leave(dst, a, b, c, done)
			done += k.step
		}
	}
	if done < n {
		k.rest(dst, a, b, c, done, n)
	}
}

// runPast is a Func whose results go past the caches, as far as whole steps reach from the first whole line.
func (k *Loop) runPast(dst, a, b, c unsafe.Pointer, n int) {
	size := int(k.sizes[0])
	done := (-int(uintptr(dst)) & 63) / size
	if done*size != -int(uintptr(dst))&63 || n-done < k.step {
		k.run(dst, a, b, c, n)
		return
	}
	if done > 0 {
		k.run(dst, a, b, c, done)
	}
	done = callLoop(k.past, dst, a, b, c, done, n-(n-done)&(k.step-1))
	if done < n {
		k.run(k.at(0, dst, done), k.at(1, a, done), k.at(2, b, done), k.at(3, c, done), n-done)
	}
}

// leave has the level below do the step from an element on, before which the loop stopped.
func (k *Loop) leave(dst, a, b, c unsafe.Pointer, from int) {
	k.below(k.at(0, dst, from), k.at(1, a, from), k.at(2, b, from), k.at(3, c, from), k.step)
}

// at is the address of element i of an operand.
func (k *Loop) at(operand int, p unsafe.Pointer, i int) unsafe.Pointer {
	return unsafe.Add(p, i*int(k.sizes[operand]))
}

// rest does the elements from done to n, which are fewer than a step. Where the operands are still
// there, a step that ends at n does some of them again.
func (k *Loop) rest(dst, a, b, c unsafe.Pointer, done, n int) {
	i := n - k.step
	switch {
	case i >= 0 && dst != a && dst != b && dst != c:
		if callLoop(k.loop, dst, a, b, c, i, n) == n {
			return
		}
	case k.pad && k.padded(dst, a, b, c, done, n-done):
		return
	}
	k.below(k.at(0, dst, done), k.at(1, a, done), k.at(2, b, done), k.at(3, c, done), n-done)
}

// padding is memory for a step of each operand.
type padding [4][32]byte

var paddings = sync.Pool{New: func() any { return new(padding) }}

// padded does n elements from done on in a step of their own, over memory with zeros after them. It
// reports whether it did: not if one is in a rare block.
func (k *Loop) padded(dst, a, b, c unsafe.Pointer, done, n int) bool {
	p := paddings.Get().(*padding)
	defer paddings.Put(p)
	for i, operand := range [...]unsafe.Pointer{nil, a, b, c} {
		if operand != nil {
			clear(p[i][copy(p[i][:], k.bytes(i, operand, done, n)):])
		}
	}
	at := func(i int) unsafe.Pointer { return unsafe.Pointer(&p[i]) }
	if callLoop(k.loop, at(0), at(1), at(2), at(3), 0, k.step) < k.step {
		return false
	}
	copy(k.bytes(0, dst, done, n), p[0][:])
	return true
}

// bytes is the memory of n elements of an operand.
func (k *Loop) bytes(operand int, p unsafe.Pointer, from, n int) []byte {
	return unsafe.Slice((*byte)(k.at(operand, p, from)), n*int(k.sizes[operand]))
}
