package op

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tare-go/tare/dtype"
)

func TestReduceTrig(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1))
	hard := []float64{ // close to multiples of π/2
		6381956970095103 * 0x1p797, 5319372648326541 * 0x1p98, 0x1.6ac5b262ca1ffp849, 2, -1e300, math.MaxFloat64,
	}
	for i := range 3000 {
		x := math.Float64frombits(r.Uint64())
		if i < len(hard) {
			x = hard[i]
		}
		if !(math.Abs(x) >= 2) || math.IsInf(x, 0) {
			continue
		}
		want, quadrant := reduceBig(bigFloat(x))
		n, high, low := reduceTrig(x)
		require.Equal(t, quadrant, n, "%x", x)
		d := bigSub(bigSub(want, bigFloat(high)), bigFloat(low))
		e, _ := d.Quo(d, want).Float64()
		require.Less(t, math.Abs(e), 0x1p-64, "%x", x)
		require.Equal(t, high, high+low, "%x: the parts do not overlap", x)
	}
}

func TestRareTrigOfNoNumber(t *testing.T) {
	for _, x := range []float32{float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN())} {
		assert.True(t, math.IsNaN(float64(RareTrigHigh(x, x))))
	}
}

func TestRareIntPowerWraps(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	modulus := new(big.Int).Lsh(big.NewInt(1), 64)
	for range 2000 {
		x, n := r.Uint64(), r.Uint64()>>r.IntN(64)
		want := new(big.Int).Exp(new(big.Int).SetUint64(x), new(big.Int).SetUint64(n), modulus).Uint64()
		require.Equal(t, want, RareIntPower(x, n))
	}
	assert.Equal(t, int8(0), RareIntPower(int8(2), int8(-1)))
}

// Powers of integers by the body, of which small exponents take no rare path.
func TestIntegerPowers(t *testing.T) {
	p := Power.Program([]dtype.DType{dtype.Int16, dtype.Int16})
	for x := int64(-40); x <= 40; x++ {
		for n := int64(-3); n <= 70; n++ {
			got := int16(signed(dtype.Int16, p.Eval(uint64(x), uint64(n))))
			require.Equal(t, wrappedPower(x, n), got, "%d to the power %d", x, n)
		}
	}
}

func wrappedPower(x, n int64) int16 {
	switch {
	case n >= 0:
		p := new(big.Int).Exp(big.NewInt(x), big.NewInt(n), nil)
		return int16(p.And(p, big.NewInt(math.MaxUint16)).Int64())
	case x == 1, x == -1 && n%2 == 0:
		return 1
	case x == -1:
		return -1
	}
	return 0
}
