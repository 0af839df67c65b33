package cpu_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/cpu"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/op"
)

// A long line is summed by all workers at once, in the order of canon, in place and with steps between its elements.
func TestRunningSumOfALongLine(t *testing.T) {
	for _, workers := range []int{1, 2, 3} {
		dev := cpu.New(workers)
		for _, n := range []int{canon.ScanChunk, 40_000, 12 * canon.ScanChunk, 100_003} {
			for _, steps := range [][2]int{{1, 1}, {1, 3}, {2, 1}} {
				longLine[float64](t, dev, dtype.Float64, n, steps, false)
				longLine[float32](t, dev, dtype.Float32, n, steps, false)
			}
			longLine[float64](t, dev, dtype.Float64, n, [2]int{1, 1}, true)
			longLine[float32](t, dev, dtype.Float32, n, [2]int{1, 1}, true)
		}
		require.NoError(t, dev.Close())
	}
}

// longLine sums a line of n elements, and compares the bits with canon's.
func longLine[T float32 | float64](t *testing.T, dev device.Device, d dtype.DType, n int, steps [2]int, inPlace bool) {
	ctx, size := context.Background(), d.Size()
	s := &ir.Scan{Code: op.Add, Type: d, Space: []int{n}, Axis: 0,
		From: ir.Operand{Type: d, Strides: []int{steps[0] * size}}, To: ir.Operand{Type: d, Strides: []int{steps[1] * size}}}
	p, err := dev.Compile(s)
	require.NoError(t, err)
	memory := func(bytes int) device.Buffer {
		b, err := dev.Alloc(ctx, bytes)
		require.NoError(t, err)
		return b
	}
	from, to, work := memory(n*steps[0]*size), memory(n*steps[1]*size), memory(p.Workspace())
	defer from.Free()
	defer to.Free()
	defer work.Free()
	x, want := unsafe.Slice((*T)(from.Host()), n*steps[0]), make([]T, n)
	r := rand.New(rand.NewPCG(uint64(n), 3))
	for i := range x {
		x[i] = T(math.Ldexp(r.NormFloat64(), r.IntN(30)))
	}
	canon.Scan(n, func(i int) T { return x[i*steps[0]] }, func(i int, v T) { want[i] = v }, func(a, b T) T { return a + b })
	if inPlace {
		to = from
	}
	require.NoError(t, p.Run(ctx, []device.Arg{{Buffer: from}, {Buffer: to}}, device.Span{Buffer: work, Len: p.Workspace()}))
	y := unsafe.Slice((*T)(to.Host()), n*steps[1])
	for i, v := range want {
		if v != y[i*steps[1]] {
			require.Equal(t, v, y[i*steps[1]], fmt.Sprint(d, n, steps, inPlace, i))
		}
	}
}
