package ptxsim

import "math"

// fma32 is x·y+z rounded once to float32. The product is exact in float64. Of the sum's double rounding only
// midpoints of float32 and the subnormal range can go wrong; there the sum is rounded to odd first.
func fma32(x, y, z float32) float32 {
	p := float64(x) * float64(y)
	s := p + float64(z)
	if innocuous(s) {
		return float32(s)
	}
	return roundOdd(p, float64(z), s)
}

// innocuous reports whether s, which was rounded from an exact value, rounds to the same float32 as that value.
func innocuous(s float64) bool {
	b := math.Float64bits(s)
	return b&0x1fffffff != 0x10000000 && b<<1 >= uint64(1023-126)<<53
}

// roundOdd is p+z as float32, where s is p+z as float64: if s is inexact its last bit is made 1, so that the
// second rounding sees on which side of a midpoint the sum is (Boldo and Melquiond).
func roundOdd(p, z, s float64) float32 {
	if s == 0 || math.IsInf(s, 0) || math.IsNaN(s) {
		return float32(s)
	}
	t := s - p
	e := (p - (s - t)) + (z - t) // two-sum: p+z = s+e
	b := math.Float64bits(s)
	if e != 0 && b&1 == 0 {
		if e > 0 == (s > 0) {
			b++
		} else {
			b--
		}
	}
	return float32(math.Float64frombits(b))
}
