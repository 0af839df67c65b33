package cpu_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/op"
)

// varianceKernel sums the squares of differences from the values of the rows: along the last dimension, or along the
// first. Rows of the operand are gap elements longer than those that are summed.
func varianceKernel(t dtype.DType, rows, cols, gap int, rule canon.Rule) *ir.Kernel {
	size := t.Size()
	k := sumKernel(t, rows, cols, rule)
	k.In[0].Strides[0] += gap * size
	along := []int{size, 0}
	if rule == canon.Chunk {
		along = []int{0, size}
	}
	k.In = append(k.In, ir.Operand{Type: t, Strides: along})
	k.Code = []ir.Inst{
		load(t, 0), row(load(t, 1)), apply(op.Subtract, t, 0, 1), apply(op.Multiply, t, 2, 2), folded(op.Add, t, 3),
		row(stored(t, 4, 0)),
	}
	return k
}

// Squares of differences are summed where the elements are, with the bits of the differences one by one.
func TestSumsOfSquares(t *testing.T) {
	devs := devices(t, 1, 2)
	r := rand.New(rand.NewPCG(3, 4))
	for _, d := range []dtype.DType{dtype.Float32, dtype.Float64} {
		for _, shape := range [][3]int{{1, 1, 0}, {3, 63, 0}, {2, 64, 1}, {2, 130, 0}, {9, 4095, 3}, {2, 4097, 0}, {1, 300_000, 0}, {40, 200, 5}, {600, 70, 0}, {257, 2_100, 1}} {
			for _, rule := range []canon.Rule{canon.Lane, canon.Chunk} {
				k := varianceKernel(d, shape[0], shape[1], shape[2], rule)
				tr := &trial{op: k, args: []spot{{0, 0}, {1, 0}, {2, 0}}}
				values := shape[0]
				if rule == canon.Chunk {
					values = shape[1]
				}
				tr.blocks = [][]byte{numbers(d, shape[0]*(shape[1]+shape[2]), r), numbers(d, values, r), make([]byte, values*d.Size())}
				tr.check(t, devs)
			}
		}
	}
}

// numbers is the memory of n numbers of many magnitudes; a few are special.
func numbers(t dtype.DType, n int, r *rand.Rand) []byte {
	b := make([]byte, n*t.Size())
	for i := range n {
		v := math.Ldexp(r.NormFloat64(), r.IntN(30)-15)
		if r.IntN(5000) == 0 {
			v = []float64{math.NaN(), math.Inf(1), math.Copysign(0, -1), math.MaxFloat64}[r.IntN(4)]
		}
		ir.WriteBits(b[i*t.Size():][:t.Size()], op.BitsOf(t, v))
	}
	return b
}
