package canon

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
)

func scanNames(n int) []string {
	out := make([]string, n)
	Scan(n, name, func(i int, s string) { out[i] = s }, paren)
	return out
}

// run is the sequential sum of the values [lo, hi).
func run(lo, hi int) string {
	s := name(lo)
	for i := lo + 1; i < hi; i++ {
		s = paren(s, name(i))
	}
	return s
}

func TestScanOrder(t *testing.T) {
	out := scanNames(4096 + 200)
	segment := func(s int) string { return run(128*s, 128*s+128) }
	assert.Equal(t, "0", out[0])
	assert.Equal(t, "((0+1)+2)", out[2])
	assert.Equal(t, paren(segment(0), "128"), out[128])
	assert.Equal(t, paren(paren(segment(0), segment(1)), run(256, 300)), out[299])

	offset := segment(0)
	for s := 1; s < 32; s++ {
		offset = paren(offset, segment(s))
	}
	assert.Equal(t, paren(offset, "4096"), out[4096], "the first segment of a chunk adds no S")
	assert.Equal(t, paren(paren(offset, segment(32)), run(4224, 4231)), out[4230])
}

func TestScanChunkPrefixesLeftToRight(t *testing.T) {
	at := func(i int) float64 { return math.Sin(float64(i)) * math.Exp2(float64(i%70)) }
	last := func(lo, hi int) (total float64) {
		Scan(hi-lo, func(i int) float64 { return at(lo + i) }, func(_ int, v float64) { total = v }, addF64)
		return total
	}
	prefix := (last(0, 4096) + last(4096, 8192)) + last(8192, 12288)
	var got float64
	Scan(12289, at, func(_ int, v float64) { got = v }, addF64)
	assert.Equal(t, prefix+at(12288), got)
}

func TestScanOfNothingAndNegativeZero(t *testing.T) {
	assert.Empty(t, scanNames(0))
	Scan(300, func(int) float64 { return negZero }, func(i int, v float64) {
		assert.True(t, math.Signbit(v), "at %d", i)
	}, addF64)
}
