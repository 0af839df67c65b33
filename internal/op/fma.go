package op

import "math"

// FMA32 is x*y + z rounded once. The product of float32 values is exact in float64, and rounding
// the float64 sum again is right unless that sum lies halfway between two float32 values, or the
// result is subnormal; then the sum is rounded to odd first (Boldo and Melquiond, 2008).
func FMA32(x, y, z float32) float32 {
	s := float64(float64(x)*float64(y)) + float64(z)
	if math.Float64bits(s)&(1<<29-1) == 1<<28 || s != 0 && math.Abs(s) < 0x1p-126 {
		return fma32Odd(x, y, z)
	}
	return float32(s)
}

// fma32Odd rounds the exact sum to float64 such that an inexact result has an odd last bit: what
// rounds next then sees on which side of a halfway point the exact sum lies.
func fma32Odd(x, y, z float32) float32 {
	p, c := float64(x)*float64(y), float64(z)
	s := p + c
	if s == 0 || math.IsInf(s, 0) || s != s {
		return float32(s)
	}
	t := s - p
	rest := (p - (s - t)) + (c - t) // s + rest is the exact sum (Knuth's two-sum)
	bits := math.Float64bits(s)
	if rest != 0 && bits&1 == 0 {
		if (rest > 0) == (s > 0) {
			bits++
		} else {
			bits--
		}
	}
	return float32(math.Float64frombits(bits))
}
