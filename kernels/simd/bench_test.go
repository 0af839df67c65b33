package simd

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/op"
)

// BenchmarkKernel measures kernels over operands that stay in the first-level cache, in
// nanoseconds an element.
func BenchmarkKernel(b *testing.B) {
	for _, c := range []op.Code{op.Add, op.Divide, op.FloorDivide, op.Remainder, op.Maximum, op.Less, op.Sqrt, op.Exp, op.Log, op.Sin, op.Tanh, op.Power} {
		for _, t := range []dtype.DType{dtype.Int32, dtype.Float32, dtype.Float64} {
			benchmark(b, c, t)
		}
	}
}

func benchmark(b *testing.B, c op.Code, t dtype.DType) {
	loop := []dtype.DType{t, t}[:c.Row().Arity]
	f := Kernel(c, loop)
	if f == nil {
		return
	}
	const n = 512
	r := rand.New(rand.NewPCG(1, 1))
	x, y, dst := newVector(t, n), newVector(t, n), newVector(dtype.Float64, n)
	for i := range n {
		x.set(i, op.BitsOf(t, 1+9*r.Float64()))
		y.set(i, op.BitsOf(t, 1+9*r.Float64()))
	}
	b.Run(fmt.Sprintf("%v/%v", c, t), func(b *testing.B) {
		for b.Loop() {
			f(dst.pointer(), x.pointer(), y.pointer(), nil, n)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/element")
	})
}
