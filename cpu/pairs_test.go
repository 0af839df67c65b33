package cpu_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/op"
	"github.com/tare-go/tare/kernels/simd"
)

// pairKernel computes n elements by two operators, the second of which takes the result of the first as operand at.
func pairKernel(first, second op.Code, at int, t dtype.DType, n int) *ir.Kernel {
	k := &ir.Kernel{Space: []int{n}, Lo: 1, Hi: 1}
	o := ir.Operand{Type: t, Strides: []int{t.Size()}}
	var args []int
	for i := range first.Row().Arity + second.Row().Arity - 1 {
		k.In = append(k.In, o)
		k.Code = append(k.Code, load(t, i))
		args = append(args, i)
	}
	inner := args[:first.Row().Arity]
	k.Code = append(k.Code, apply(first, t, inner...))
	outer := args[len(inner):]
	if at == 0 {
		outer = append([]int{len(args)}, outer...)
	} else {
		outer = append([]int{outer[0]}, len(args))
	}
	k.Code = append(k.Code, apply(second, t, outer...), stored(t, len(args)+1, 0))
	k.Out = []ir.Operand{o}
	return k
}

// Pairs of operators have the bits of the two, in memory of their own and in place of an operand, at every level.
func TestPairsOfOperators(t *testing.T) {
	defer func(name string) { require.NoError(t, simd.SetLevel(name)) }(simd.Level())
	devs := devices(t, 1)
	r := rand.New(rand.NewPCG(7, 8))
	const n = 1500
	for _, level := range simd.Levels() {
		require.NoError(t, simd.SetLevel(level))
		for _, p := range op.Pairs {
			for _, d := range []dtype.DType{dtype.Float32, dtype.Float64} {
				for at := range p.Second.Row().Arity {
					k := pairKernel(p.First, p.Second, at, d, n)
					tr := &trial{op: k}
					for i := range k.In {
						tr.blocks = append(tr.blocks, numbers(d, n, r))
						tr.args = append(tr.args, spot{i, 0})
					}
					tr.blocks = append(tr.blocks, make([]byte, n*d.Size()))
					for to := range tr.blocks {
						tr.args = append(tr.args[:len(k.In)], spot{to, 0})
						tr.check(t, devs)
					}
				}
			}
		}
	}
}
