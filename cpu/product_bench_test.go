package cpu_test

import (
	"fmt"
	"testing"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
)

// productShape is a product of contiguous matrices, or of a batch of them; turned says which operands are
// read transposed.
type productShape struct {
	name         string
	batch        int
	m, n, k      int
	turnA, turnB bool
}

func (s productShape) op(t dtype.DType) *ir.MatMul {
	size := t.Size()
	operand := func(rows, cols int, turned bool) ir.Operand {
		strides := []int{cols * size, size}
		if turned {
			strides = []int{size, rows * size}
		}
		if s.batch > 0 {
			strides = append([]int{rows * cols * size}, strides...)
		}
		return ir.Operand{Type: t, Strides: strides}
	}
	m := &ir.MatMul{Type: t, M: s.m, N: s.n, K: s.k,
		A: operand(s.m, s.k, s.turnA), B: operand(s.k, s.n, s.turnB), To: operand(s.m, s.n, false)}
	if s.batch > 0 {
		m.Batch = []int{s.batch}
	}
	return m
}

// BenchmarkProducts has products of all kinds, on one worker and on two.
func BenchmarkProducts(b *testing.B) {
	shapes := []productShape{
		{name: "skinny", m: 1e6, n: 32, k: 32}, {name: "batched", batch: 1000, m: 32, n: 32, k: 32},
		{name: "gemv", m: 2000, n: 1, k: 5000}, {name: "gemv/turned", m: 5000, n: 1, k: 2000, turnA: true},
		{name: "gevm", m: 1, n: 5000, k: 2000}, {name: "gevm/turned", m: 1, n: 2000, k: 5000, turnB: true},
		{name: "gemv/short32", m: 10000, n: 1, k: 32}, {name: "gemv/short64", m: 5000, n: 1, k: 64}, {name: "gemv/short128", m: 2500, n: 1, k: 128},
		{name: "gemv/small", m: 100, n: 1, k: 100}, {name: "outer", m: 1000, n: 1000, k: 1},
		{name: "dot", m: 1, n: 1, k: 1e7}, {name: "dot/small", m: 1, n: 1, k: 1000},
	}
	for _, n := range []int{16, 64, 128, 256, 512, 1024, 2048} {
		shapes = append(shapes, productShape{name: fmt.Sprint("square/", n), m: n, n: n, k: n})
	}
	for _, n := range []int{64, 512} {
		shapes = append(shapes, productShape{name: fmt.Sprint("turned/", n), m: n, n: n, k: n, turnA: true, turnB: true})
	}
	for _, t := range []dtype.DType{dtype.Float64, dtype.Float32} {
		for _, s := range shapes {
			for _, workers := range []int{1, 2} {
				dev := devices(b, workers)[0]
				b.Run(fmt.Sprintf("%v/%s/workers=%d", t, s.name, workers), func(b *testing.B) { benchmark(b, dev, s.op(t)) })
			}
		}
	}
}
