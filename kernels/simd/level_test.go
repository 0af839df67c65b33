//go:build linux

package simd

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/op"
)

// trial compares a function of one level with the generic one.
type trial struct {
	name          string
	program       *op.Program
	f, generic    Func
	arenas        [4]guarded // of the result and the operands
	want          []byte
	elements      map[dtype.DType][]byte // many of each type
	r             *rand.Rand
	mostElements  int
	canary, fresh []byte
}

// longest is the elements of the longest operand: more than two steps of every kernel, and three.
const longest = 2*64 + 3

func newTrial(t *testing.T) *trial {
	tr := &trial{elements: map[dtype.DType][]byte{}, r: rand.New(rand.NewPCG(7, 8)), mostElements: 4096}
	for i := range tr.arenas {
		tr.arenas[i] = newGuarded(t, 8*tr.mostElements)
	}
	tr.want = make([]byte, 8*tr.mostElements)
	tr.canary = bytes.Repeat([]byte{0xa5}, 64)
	for _, d := range dtype.All() {
		v := newVector(d, 4*tr.mostElements)
		for i := range 4 * tr.mostElements {
			v.set(i, random(d, tr.r))
		}
		tr.elements[d] = v.bytes
	}
	return tr
}

// fill puts elements of a type into memory.
func (tr *trial) fill(dst []byte, t dtype.DType) {
	all := tr.elements[t]
	from := tr.r.IntN((len(all)-len(dst))/t.Size()+1) * t.Size()
	copy(dst, all[from:])
}

// place is where an operand's memory is.
type place func(g guarded, bytes, size int) []byte

// atEnd ends at the page that cannot be touched.
func atEnd(g guarded, bytes, _ int) []byte { return g.high(0, bytes) }

// atStart starts there.
func atStart(g guarded, bytes, _ int) []byte { return g.low(0, bytes) }

// atOffset starts so many elements later.
func atOffset(k int) place {
	return func(g guarded, bytes, size int) []byte { return g.low(k*size, bytes) }
}

// run compares on n elements. The result is in place of operand inPlace, -1 for memory of its own.
func (tr *trial) run(t *testing.T, n, inPlace int, where place) {
	p := tr.program
	size := p.Type().Size()
	var at [4]unsafe.Pointer
	var operands [4][]byte
	for k, d := range p.Args {
		operands[k+1] = where(tr.arenas[k+1], n*d.Size(), d.Size())
		tr.fill(operands[k+1], d)
		at[k+1] = pointerTo(operands[k+1])
	}
	tr.generic(pointerTo(tr.want), at[1], at[2], at[3], n)
	dst := where(tr.arenas[0], n*size, size)
	if inPlace >= 0 {
		dst = operands[inPlace+1]
	} else {
		tr.poison()
	}
	tr.f(pointerTo(dst), at[1], at[2], at[3], n)
	tr.compare(t, dst, n, inPlace)
	if inPlace < 0 {
		tr.clean(t, dst, n)
	}
}

// poison fills the result's memory.
func (tr *trial) poison() {
	all := tr.arenas[0].bytes
	for i := 0; i < len(all); i += len(tr.canary) {
		copy(all[i:], tr.canary)
	}
}

// clean tells whether memory around the result is as it was.
func (tr *trial) clean(t *testing.T, dst []byte, n int) {
	all := tr.arenas[0].bytes
	from := int(uintptr(pointerTo(dst)) - uintptr(pointerTo(all)))
	before, after := all[max(0, from-64):from], all[from+len(dst):min(len(all), from+len(dst)+64)]
	if !bytes.Equal(before, tr.canary[:len(before)]) || !bytes.Equal(after, tr.canary[:len(after)]) {
		require.Failf(t, "written outside the result", "%s of %d", tr.name, n)
	}
}

func (tr *trial) compare(t *testing.T, dst []byte, n, inPlace int) {
	if bytes.Equal(dst, tr.want[:len(dst)]) {
		return
	}
	d := tr.program.Type()
	got, want := vector{d, dst}, vector{d, tr.want}
	for i := range n {
		if !same(d, got.at(i), want.at(i)) {
			require.Failf(t, "differs from generic", "%s[%d of %d], in place of %d: got %s, want %s", tr.name, i, n, inPlace,
				op.FormatBits(d, got.at(i)), op.FormatBits(d, want.at(i)))
		}
	}
}

// places are the operands that the result can take the place of, and -1.
func (tr *trial) places() []int {
	p := tr.program
	places := []int{-1}
	for k, d := range p.Args {
		if d.Size() == p.Type().Size() {
			places = append(places, k)
		}
	}
	return places
}

// all runs every length, every offset from a multiple of 32 bytes, and a long operand, each in every place.
func (tr *trial) all(t *testing.T) {
	for _, inPlace := range tr.places() {
		for n := range longest + 1 {
			tr.run(t, n, inPlace, atEnd)
			if n%8 == 3 {
				tr.run(t, n, inPlace, atStart)
			}
		}
		for k := range 32 {
			tr.run(t, longest-k, inPlace, atOffset(k))
		}
		tr.run(t, tr.mostElements, inPlace, atEnd)
	}
}

// everyFunc calls f with every operator and conversion at the level in use, and the generic function.
func everyFunc(tr *trial, f func()) {
	for c := range op.Code(op.Count) {
		for _, loop := range c.Loops() {
			last := loop[len(loop)-1]
			tr.name, tr.program, tr.f, tr.generic = fmt.Sprint(c, loop), c.Program(loop), Kernel(c, loop), genericKernels[c][last]
			if len(loop) == 2 && loop[0] != last {
				tr.generic = genericMixed[c][loop[0]/dtype.Uint64]
			}
			f()
		}
	}
	for _, from := range dtype.All() {
		for _, to := range dtype.All() {
			tr.name, tr.program = fmt.Sprint("cast ", from, " to ", to), op.CastProgram(from, to)
			tr.f, tr.generic = Cast(from, to), genericCasts[from][to]
			f()
		}
	}
}

// Functions whose results go past the caches are compared like the others, on results at every offset.
func TestPastEqualsGeneric(t *testing.T) {
	tr := newTrial(t)
	everyLevel(t, func(t *testing.T) {
		found := 0
		for c := range op.Code(op.Count) {
			for _, loop := range c.Loops() {
				if f := Past(c, loop); f != nil {
					found++
					tr.name, tr.program, tr.f, tr.generic = fmt.Sprint("past ", c, loop), c.Program(loop), f, genericKernels[c][loop[len(loop)-1]]
					tr.all(t)
				}
			}
		}
		Fence()
		require.Equal(t, Level() != "generic", found > 0)
	})
}

func TestLevelsEqualGeneric(t *testing.T) {
	tr := newTrial(t)
	everyLevel(t, func(t *testing.T) {
		if Level() != "generic" {
			everyFunc(tr, func() { tr.all(t) })
		}
	})
}

// Blocks of ordinary elements, with one at each place of a step that is in a rare block or special.
func TestLevelsOnOneSpecialElement(t *testing.T) {
	tr := newTrial(t)
	ordinary := map[dtype.DType][]byte{}
	for _, d := range dtype.All() {
		v := newVector(d, 4*tr.mostElements)
		for i := range 4 * tr.mostElements {
			v.set(i, op.BitsOf(d, float64(1+i%2)/2))
		}
		ordinary[d] = v.bytes
	}
	tr.elements = ordinary
	everyLevel(t, func(t *testing.T) {
		if Level() == "generic" {
			return
		}
		everyFunc(tr, func() {
			for k, d := range tr.program.Args {
				for i, bits := range specials[d] {
					tr.onlyOne(t, k, d, bits, 5+i%19)
				}
			}
		})
	})
}

// onlyOne compares with one element of operand k set.
func (tr *trial) onlyOne(t *testing.T, k int, d dtype.DType, bits uint64, at int) {
	all := tr.elements[d]
	v := vector{d, bytes.Clone(all[:2*longest*d.Size()])}
	for i := at; i < 2*longest; i += 23 {
		v.set(i, bits)
	}
	tr.elements[d] = v.bytes
	tr.run(t, longest, -1, atEnd)
	tr.elements[d] = all
}

func TestAtFirst(t *testing.T) {
	for _, c := range []struct {
		value  string
		levels []string
		want   int
	}{
		{"", []string{"generic", "avx2"}, 1},
		{"generic", []string{"generic", "avx2"}, 0},
		{"avx2", []string{"generic", "avx2", "avx512"}, 1},
		{"avx512", []string{"generic", "avx2"}, 1},
		{"avx2", []string{"generic"}, 0},
		{"mmx", []string{"generic", "avx2"}, 1},
	} {
		assert.Equal(t, c.want, atFirst(c.levels, mostOf(c.value)), "%v", c)
	}
}

// TestAssemblyIsGenerated writes the assembly anew, and runs the tests of its generator, which is a
// module of its own and may have to be downloaded.
func TestAssemblyIsGenerated(t *testing.T) {
	sources, err := filepath.Glob("_asm/*.go")
	require.NoError(t, err)
	for _, name := range sources { // so that the result of this test is not kept when one changes
		_, err := os.ReadFile(name)
		require.NoError(t, err)
	}
	if out, err := exec.Command("go", "mod", "download", "-C", "_asm").CombinedOutput(); err != nil {
		t.Skipf("the modules of the generator are not here: %s", out)
	}
	out, err := exec.Command("go", "test", "-C", "_asm", ".").CombinedOutput()
	require.NoError(t, err, "%s", out)
	folder := t.TempDir()
	out, err = exec.Command("go", "run", "-C", "_asm", ".", "-folder", folder).CombinedOutput()
	require.NoError(t, err, "%s", out)
	for _, name := range []string{"zavx2_amd64.s", "zavx2_amd64.go", "zavx512_amd64.s", "zavx512_amd64.go"} {
		want, err := os.ReadFile(folder + "/" + name)
		require.NoError(t, err)
		got, err := os.ReadFile(name)
		require.NoError(t, err)
		assert.True(t, bytes.Equal(want, got), "%s is stale: run go generate ./...", name)
	}
}

// Pairs of operators are compared with the generic functions of the two, one after the other.
func TestPairsEqualGeneric(t *testing.T) {
	tr := newTrial(t)
	everyLevel(t, func(t *testing.T) {
		for i, p := range op.Pairs {
			for _, d := range []dtype.DType{dtype.Float32, dtype.Float64} {
				loop, f := PairLoop(i, d)
				require.Equal(t, Level() == "generic", loop == nil)
				if loop == nil {
					continue
				}
				tr.name, tr.program = fmt.Sprint(p, d), p.Program(d)
				tr.f, tr.generic = f, pairOf(p, d.Size(), genericKernels[p.First][d], genericKernels[p.Second][d])
				tr.all(t)
				if loop.goesPast() {
					tr.f = loop.runPast
					tr.all(t)
					Fence()
				}
			}
		}
	})
}
