package op

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The exact sum is just above a halfway point, and float64 rounds it down to that point.
func TestFMA32Witness(t *testing.T) {
	x, z := float32(1+0x1p-12), float32(0x1p-60)
	twice := float32(float64(x)*float64(x) + float64(z))
	assert.NotEqual(t, twice, FMA32(x, x, z), "rounding twice goes wrong here")
	assert.Equal(t, float32(1+0x1p-11+0x1p-23), FMA32(x, x, z))
	assert.Equal(t, float32(1+0x1p-11), FMA32(x, x, -z))
}

func TestFMA32EqualsTheExactSumRounded(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for range 300_000 {
		x, y := math.Float32frombits(r.Uint32()), math.Float32frombits(r.Uint32())
		p := float64(x) * float64(y)
		z := math.Float32frombits(r.Uint32())
		switch r.IntN(4) {
		case 0: // cancellation
			z = -float32(p)
		case 1: // near a halfway point, or subnormal
			x, y = float32(math.Ldexp(float64(r.IntN(1<<12)), -12)), float32(math.Ldexp(float64(r.IntN(1<<13)), -150+r.IntN(140)))
			z = math.Float32frombits(r.Uint32() & 0x80ffffff)
		}
		require.True(t, same32(exactFMA(x, y, z), FMA32(x, y, z)), "%x*%x + %x: got %x, want %x", x, y, z, FMA32(x, y, z), exactFMA(x, y, z))
	}
}

func same32(x, y float32) bool {
	return math.Float32bits(x) == math.Float32bits(y) || x != x && y != y
}

func exactFMA(x, y, z float32) float32 {
	p := float64(x) * float64(y)
	sum := p + float64(z)
	if sum == 0 || math.IsInf(sum, 0) || sum != sum {
		return float32(sum)
	}
	v := new(big.Float).SetPrec(1000).SetFloat64(p)
	f, _ := v.Add(v, big.NewFloat(float64(z))).Float32()
	return f
}

func TestFMA32OnSpecialValues(t *testing.T) {
	inf, nan, zero := float32(math.Inf(1)), float32(math.NaN()), float32(0)
	assert.Equal(t, inf, FMA32(math.MaxFloat32, 2, 0))
	assert.Equal(t, inf, FMA32(1, 1, inf))
	assert.True(t, FMA32(inf, 1, -inf) != FMA32(inf, 1, -inf), "NaN")
	assert.True(t, FMA32(nan, 1, 1) != FMA32(nan, 1, 1), "NaN")
	assert.False(t, math.Signbit(float64(FMA32(-zero, 1, zero))))
	assert.True(t, math.Signbit(float64(FMA32(float32(math.Copysign(0, -1)), 1, float32(math.Copysign(0, -1))))))
}
