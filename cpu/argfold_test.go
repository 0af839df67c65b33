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
	"github.com/tare-go/tare/dtype"
)

// leastIndex is what argmin says of a row: the first NaN, else the first of the least.
func leastIndex[T float32 | float64](x []T) int {
	at := 0
	for i, v := range x {
		if v < x[at] || v != v && x[at] == x[at] {
			at = i
		}
	}
	return at
}

// Long rows are folded by their values first, and searched where those are better than what was before.
func TestIndexOfLongRows(t *testing.T) {
	dev := cpu.New(2)
	defer func() { require.NoError(t, dev.Close()) }()
	for _, n := range []int{255, 256, 512, 513, 1000, 4096, 4097, 20_011} {
		longRows[float64](t, dtype.Float64, n, prepare(t, dev, argKernel(dtype.Float64, 3, n)))
		longRows[float32](t, dtype.Float32, n, prepare(t, dev, argKernel(dtype.Float32, 3, n)))
	}
}

// longRows tries rows whose least is in all kinds of places, with equals, NaN and zeros of both signs.
func longRows[T float32 | float64](t *testing.T, d dtype.DType, n int, p *prepared) {
	defer p.free()
	r := rand.New(rand.NewPCG(1, uint64(n)))
	x := unsafe.Slice((*T)(p.args[0].Buffer.Host()), 3*n)
	got := unsafe.Slice((*int64)(p.args[1].Buffer.Host()), 3)
	for _, special := range []T{-7, T(math.NaN()), T(math.Copysign(0, -1)), 0, T(math.Inf(-1))} {
		for range 12 {
			for i := range x {
				x[i] = T(r.IntN(5) + 1)
				if special == 0 {
					x[i] = -special
				}
			}
			for range r.IntN(5) {
				x[r.IntN(3*n)] = special
			}
			require.NoError(t, p.run(context.Background()))
			for row := range 3 {
				require.EqualValues(t, leastIndex(x[row*n:][:n]), got[row], fmt.Sprint(d, " ", n, " ", special))
			}
		}
	}
}
