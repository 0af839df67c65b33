package simd

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/op"
)

// vector is elements of one type in memory.
type vector struct {
	t     dtype.DType
	bytes []byte
}

func newVector(t dtype.DType, n int) vector {
	words := make([]uint64, n*t.Size()/8+1) // aligned for every type
	return vector{t, unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), n*t.Size())}
}

func (v vector) pointer() unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(v.bytes)) }

func (v vector) at(i int) uint64 {
	var bits uint64
	for k := v.t.Size() - 1; k >= 0; k-- {
		bits = bits<<8 | uint64(v.bytes[i*v.t.Size()+k])
	}
	return bits
}

func (v vector) set(i int, bits uint64) {
	for k := range v.t.Size() {
		v.bytes[i*v.t.Size()+k] = byte(bits >> (8 * k))
	}
}

// specials are, for each type, the elements at which operators are special.
var specials = func() (all [dtype.Count][]uint64) {
	for _, t := range dtype.All() {
		all[t] = specialsOf(t)
	}
	return all
}()

func specialsOf(t dtype.DType) []uint64 {
	if t == dtype.Bool {
		return []uint64{0, 1}
	}
	var all []uint64
	if !t.IsFloat() {
		top := uint64(1) << (8*t.Size() - 1)
		for _, v := range []uint64{0, top} {
			for d := range uint64(9) {
				all = append(all, v+d-4)
			}
		}
		return all
	}
	for _, v := range []float64{0, 1, 0.5, 1.5, 2, 3, 7, 0x1p23, 0x1p24 + 1, 0x1p31, 0x1p52, 0x1p53, 0x1p63, 0x1p64,
		0x1p-126, 0x1p-149, 0x1p-1022, 0x1p-1074, math.MaxFloat32, math.MaxFloat64, math.Inf(1), math.NaN(),
		math.Pi, 88.7, 104, 709.8, 745.2, 1e5, 1e22, 1e-5, 1e-300} {
		all = append(all, op.BitsOf(t, v), op.BitsOf(t, -v))
	}
	return all
}

// random is an element of any size, often an ordinary one.
func random(t dtype.DType, r *rand.Rand) uint64 {
	switch s := specials[t]; {
	case t == dtype.Bool:
		return r.Uint64() & 1
	case r.IntN(4) == 0:
		return s[r.IntN(len(s))]
	case r.IntN(2) == 0:
		return op.BitsOf(t, math.Trunc(r.NormFloat64()*100)/8)
	}
	return r.Uint64()
}

// same reports whether two elements are equal: bits, or both NaN.
func same(t dtype.DType, x, y uint64) bool {
	isNaN := func(bits uint64) bool {
		if t == dtype.Float32 {
			return math.IsNaN(float64(math.Float32frombits(uint32(bits))))
		}
		return t == dtype.Float64 && math.IsNaN(math.Float64frombits(bits))
	}
	return x == y || isNaN(x) && isNaN(y)
}

// check runs f on n elements and compares with the program; with inPlace the result overwrites
// operand 0 or 1 instead, if it is as wide.
func check(t *testing.T, name string, p *op.Program, f Func, n, inPlace int, r *rand.Rand) {
	args := make([]vector, 3)
	pointers := [3]unsafe.Pointer{}
	for k, d := range p.Args {
		args[k] = newVector(d, n)
		for i := range n {
			args[k].set(i, random(d, r))
		}
		pointers[k] = args[k].pointer()
	}
	want := make([]uint64, n)
	in := make([][]uint64, n)
	for i := range n {
		in[i] = make([]uint64, len(p.Args))
		for k := range p.Args {
			in[i][k] = args[k].at(i)
		}
		want[i] = p.Eval(in[i]...)
	}
	dst := newVector(p.Type(), n)
	if inPlace >= 0 && inPlace < len(p.Args) && p.Args[inPlace].Size() == p.Type().Size() {
		dst = vector{p.Type(), args[inPlace].bytes}
	}
	f(dst.pointer(), pointers[0], pointers[1], pointers[2], n)
	for i := range n {
		if got := dst.at(i); !same(p.Type(), got, want[i]) {
			require.Failf(t, "kernel differs from program", "%s[%d of %d] of %#x: got %s, want %s", name, i, n, in[i],
				op.FormatBits(p.Type(), got), op.FormatBits(p.Type(), want[i]))
		}
	}
}

// everyLevel runs a test at each level of this machine.
func everyLevel(t *testing.T, test func(t *testing.T)) {
	defer func(name string) { require.NoError(t, SetLevel(name)) }(Level())
	for _, name := range Levels() {
		require.NoError(t, SetLevel(name))
		t.Run(name, test)
	}
}

func TestEveryKernelEqualsItsProgram(t *testing.T) {
	everyLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		for c := range op.Code(op.Count) {
			for _, loop := range c.Loops() {
				name := fmt.Sprint(c, loop)
				f := Kernel(c, loop)
				require.NotNil(t, f, name)
				for n := 0; n <= 2*64+1; n++ {
					check(t, name, c.Program(loop), f, n, n%4-1, r)
				}
			}
		}
	})
}

func TestEveryCastEqualsItsProgram(t *testing.T) {
	everyLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 4))
		for _, from := range dtype.All() {
			for _, to := range dtype.All() {
				f := Cast(from, to)
				require.NotNil(t, f, "%v to %v", from, to)
				for n := 0; n <= 2*64+1; n++ {
					check(t, fmt.Sprintf("%v to %v", from, to), op.CastProgram(from, to), f, n, n%2-1, r)
				}
			}
		}
	})
}

// Every pair of special values, which random operands would miss.
func TestKernelsOnSpecialPairs(t *testing.T) {
	everyLevel(t, func(t *testing.T) {
		for c := range op.Code(op.Count) {
			for _, loop := range c.Loops() {
				if len(loop) == 2 {
					checkPairs(t, c, loop)
				}
			}
		}
	})
}

func checkPairs(t *testing.T, c op.Code, loop []dtype.DType) {
	xs, ys := specials[loop[0]], specials[loop[1]]
	p := c.Program(loop)
	n := len(xs) * len(ys)
	a, b, dst := newVector(loop[0], n), newVector(loop[1], n), newVector(p.Type(), n)
	for i := range n {
		a.set(i, xs[i/len(ys)])
		b.set(i, ys[i%len(ys)])
	}
	Kernel(c, loop)(dst.pointer(), a.pointer(), b.pointer(), nil, n)
	for i := range n {
		if want := p.Eval(a.at(i), b.at(i)); !same(p.Type(), want, dst.at(i)) {
			require.Failf(t, "kernel differs from program", "%v%v of %s, %s: got %s, want %s", c, loop,
				op.FormatBits(loop[0], a.at(i)), op.FormatBits(loop[1], b.at(i)),
				op.FormatBits(p.Type(), dst.at(i)), op.FormatBits(p.Type(), want))
		}
	}
}

func TestLevels(t *testing.T) {
	assert.Equal(t, "generic", Levels()[0])
	assert.Equal(t, Levels()[atFirst(Levels(), most)], Level())
	assert.ErrorContains(t, SetLevel("vax"), "generic")
}

func TestNoKernelForAForeignLoop(t *testing.T) {
	assert.Nil(t, Kernel(op.Subtract, []dtype.DType{dtype.Bool, dtype.Bool}))
	assert.Nil(t, Kernel(op.Add, []dtype.DType{dtype.Int64, dtype.Uint64}))
	assert.Nil(t, Kernel(op.Add, []dtype.DType{dtype.Int32, dtype.Float64}))
}
