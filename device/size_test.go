package device_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/tare-go/tare/device"
)

func TestSizeClassesOfSmallSizes(t *testing.T) {
	var classes []int
	for n, last := 0, -1; n <= 2048; n++ {
		if c := device.SizeClass(n); c != last {
			classes, last = append(classes, c), c
		}
	}
	assert.Equal(t, []int{0, 64, 128, 192, 256, 320, 384, 448, 512, 640, 768, 896, 1024, 1280, 1536, 1792, 2048}, classes)
}

func TestSizeClassesOfLargeSizes(t *testing.T) {
	const mib = 1 << 20
	for _, c := range []struct{ bytes, class int }{
		{2 * mib, 2 * mib},
		{2*mib + 1, 2*mib + mib/2},
		{7*mib + 1, 8 * mib},
		{8*mib + 1, 10 * mib},
		{100*mib - 1, 100 * mib},
		{8_000_000_000_000, 8_000_001_540_096},
		{math.MaxInt, math.MaxInt},
		{-1, 0},
	} {
		assert.Equal(t, c.class, device.SizeClass(c.bytes), "%d", c.bytes)
	}
}

// sizes draws sizes of all magnitudes, and often the neighbours of powers of two.
func sizes() *rapid.Generator[int] {
	return rapid.Custom(func(t *rapid.T) int {
		shift := rapid.IntRange(0, 62).Draw(t, "shift")
		if rapid.Bool().Draw(t, "edge") {
			return max(0, 1<<shift+rapid.IntRange(-2, 2).Draw(t, "off"))
		}
		return rapid.IntRange(0, 1<<shift).Draw(t, "bytes")
	})
}

func TestSizeClassProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := sizes().Draw(t, "a"), sizes().Draw(t, "b")
		class := device.SizeClass(a)
		assert.GreaterOrEqual(t, class, a, "holds what it is the class of")
		assert.Equal(t, class, device.SizeClass(class), "idempotent")
		if a <= b {
			assert.LessOrEqual(t, class, device.SizeClass(b), "monotone")
		}
		assert.Zero(t, class%64, "aligned")
		if a >= 256 {
			assert.LessOrEqual(t, class-a, a/4, "waste")
		}
	})
}
