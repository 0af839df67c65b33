package ptx

import (
	"math"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
)

// bytesOf64 is the memory of floats.
func bytesOf64(x []float64) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(&x[0])), 8*len(x))
}

// The check takes the tensor cores, which on the simulator are as they should be, and tells other orders from theirs.
func TestMMACheck(t *testing.T) {
	for _, arch := range []int{0, 70, 75, 86, 89} {
		assert.Nil(t, NewMMACheck(Target{Arch: arch}), "sm_%d", arch)
	}
	assert.Nil(t, NewMMACheck(Target{Arch: 90, NoMMA: true}))
	for _, arch := range []int{80, 90} {
		c := NewMMACheck(Target{Arch: arch})
		require.NotNil(t, c)
		m, err := Lower(c.Op, Target{Arch: arch})
		require.NoError(t, err)
		assert.Contains(t, m.PTX, "mma.sync")
		tr := &trial{op: c.Op, blocks: [][]byte{bytesOf64(c.A), bytesOf64(c.B), make([]byte, 8*checkM*checkN)}, args: []spot{{0, 0}, {1, 0}, {2, 0}}}
		got := tr.run(t, newSimulated(formAuto, Target{Arch: arch}))[2]
		results := unsafe.Slice((*float64)(unsafe.Pointer(&got[0])), checkM*checkN)
		assert.True(t, c.Agrees(results))
		assert.False(t, c.Agrees(results[1:]))
	}
}

// Products whose order, or whose rounding, is another do not pass: the operands are hostile enough.
func TestMMACheckTellsOrdersApart(t *testing.T) {
	c := NewMMACheck(Target{Arch: 90})
	product := func(sum func(a, b func(k int) float64) float64) []float64 {
		got := make([]float64, checkM*checkN)
		for i := range got {
			got[i] = sum(func(k int) float64 { return c.A[i/checkN*checkK+k] }, func(k int) float64 { return c.B[k*checkN+i%checkN] }) + 0
		}
		return got
	}
	chain := func(next func(acc, a, b float64) float64) func(a, b func(int) float64) float64 {
		return func(a, b func(int) float64) float64 {
			acc := 0.0
			for k := range checkK {
				acc = next(acc, a(k), b(k))
			}
			return acc
		}
	}
	assert.True(t, c.Agrees(product(chain(func(acc, a, b float64) float64 { return math.FMA(a, b, acc) }))))
	assert.False(t, c.Agrees(product(chain(func(acc, a, b float64) float64 { return acc + float64(a*b) }))), "not fused")
	assert.False(t, c.Agrees(product(func(a, b func(int) float64) float64 {
		acc := 0.0
		for k := checkK - 1; k >= 0; k-- {
			acc = math.FMA(a(k), b(k), acc)
		}
		return acc
	})), "descending")
	assert.False(t, c.Agrees(product(func(a, b func(int) float64) float64 {
		acc := 0.0
		for k := 0; k < checkK; k += 4 { // the four of an instruction in a tree
			part := 0.0
			for j := k; j < min(k+4, checkK); j++ {
				part = math.FMA(a(j), b(j), part)
			}
			acc += part
		}
		return acc
	})), "by fours")
}

// Without tensor cores there is no instruction of theirs, and the text needs no newer PTX than asynchronous copies.
func TestNoMMA(t *testing.T) {
	o := matmul(dtype.Float64, 300, 300, 100)
	for _, c := range []struct {
		target Target
		want   string
	}{
		{Target{Arch: 90}, ".version 7.8\n.target sm_90\n"}, {Target{Arch: 80}, ".version 7.0\n.target sm_80\n"},
		{Target{Arch: 90, NoMMA: true}, ".version 7.0\n.target sm_80\n"}, {Target{Arch: 89}, ".version 7.0\n.target sm_80\n"},
		{Target{Arch: 75}, ".version 6.3\n.target sm_70\n"},
	} {
		m, err := Lower(ir.Op(o), c.target)
		require.NoError(t, err)
		assert.True(t, strings.HasPrefix(m.PTX, c.want), m.PTX[:40])
		assert.Equal(t, c.target.mma(dtype.Float64) != "", strings.Contains(m.PTX, "mma.sync"))
	}
}
