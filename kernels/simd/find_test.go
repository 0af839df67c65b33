//go:build linux

package simd

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/op"
)

func TestFinds(t *testing.T) {
	arena := newGuarded(t, 8*3*FindStep)
	everyLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(5, 6))
		for _, d := range []dtype.DType{dtype.Float32, dtype.Float64} {
			for n := FindStep; n <= 3*FindStep; n += FindStep {
				v := vector{d, arena.high(0, n*d.Size())}
				for i := range n {
					v.set(i, op.BitsOf(d, float64(r.IntN(1000))))
				}
				wanted := newVector(d, 1)
				wanted.set(0, op.BitsOf(d, -1))
				require.Equal(t, n, FindOf(d)(v.pointer(), wanted.pointer(), n))
				for at := n - 1; at >= 0; at-- {
					v.set(at, op.BitsOf(d, -1))
					i := FindOf(d)(v.pointer(), wanted.pointer(), n)
					require.LessOrEqual(t, i, at)
					require.Less(t, at-i, FindStep)
				}
			}
		}
	})
}
