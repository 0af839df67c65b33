// Package difference compares the results of two implementations of the same work.
package difference

import (
	"fmt"
	"math"
)

// Float is the element types of results that are compared within a tolerance.
type Float interface{ float32 | float64 }

// Tolerance says by how much a float may be off and be right: implementations round differently, and
// add in different orders. It counts in epsilons, 2⁻²³ for float32 and 2⁻⁵² for float64.
type Tolerance struct {
	Relative float64 // times the element
	Absolute float64 // times the largest element
}

// The tolerances.
var (
	// Elementwise is for results of which each element is computed by a few operations.
	Elementwise = Tolerance{Relative: 64}
	// Summed is for results that add many elements. Where they cancel, what is left is small against
	// its error.
	Summed = Tolerance{Relative: 4096, Absolute: 1024}
)

// Compare is the greatest difference between elements of got and want, which are both []float32,
// []float64, []int64 or []bool: in units in the last place for floats, and in ones for the others.
// The error says which element is wrong first.
func Compare(got, want any, t Tolerance) (maxULP float64, err error) {
	switch want := want.(type) {
	case []float32:
		if got, ok := got.([]float32); ok {
			return floats(got, want, t.times(0x1p-23), ulp32)
		}
	case []float64:
		if got, ok := got.([]float64); ok {
			return floats(got, want, t.times(0x1p-52), ulp64)
		}
	case []int64:
		if got, ok := got.([]int64); ok {
			return exact(got, want, func(a, b int64) float64 { return math.Abs(float64(a) - float64(b)) })
		}
	case []bool:
		if got, ok := got.([]bool); ok {
			return exact(got, want, func(a, b bool) float64 { return 1 })
		}
	}
	return 0, fmt.Errorf("the results have different types: %T and %T", got, want)
}

// times is the tolerance in ones.
func (t Tolerance) times(epsilon float64) Tolerance {
	return Tolerance{t.Relative * epsilon, t.Absolute * epsilon}
}

func floats[T Float](got, want []T, t Tolerance, ulp func(a, b T) float64) (maxULP float64, err error) {
	if len(got) != len(want) {
		return 0, lengths(len(got), len(want))
	}
	everywhere := t.Absolute * largest(want)
	for i, w := range want {
		g := got[i]
		if g == w || g != g && w != w {
			continue
		}
		maxULP = max(maxULP, ulp(g, w))
		off, allowed := math.Abs(float64(g)-float64(w)), everywhere+t.Relative*math.Abs(float64(w))
		if err == nil && (!(off <= allowed) || math.IsInf(off, 0)) {
			err = fmt.Errorf("element %d is %v instead of %v", i, g, w)
		}
	}
	return maxULP, err
}

// largest is the largest absolute value of a finite element.
func largest[T Float](x []T) float64 {
	most := 0.0
	for _, v := range x {
		if a := math.Abs(float64(v)); a > most && !math.IsInf(a, 0) {
			most = a
		}
	}
	return most
}

func exact[T comparable](got, want []T, distance func(a, b T) float64) (most float64, err error) {
	if len(got) != len(want) {
		return 0, lengths(len(got), len(want))
	}
	for i, w := range want {
		if got[i] == w {
			continue
		}
		most = max(most, distance(got[i], w))
		if err == nil {
			err = fmt.Errorf("element %d is %v instead of %v", i, got[i], w)
		}
	}
	return most, err
}

func lengths(got, want int) error {
	return fmt.Errorf("the result has %d elements instead of %d", got, want)
}

// ulp32 is the number of float32 values from a to b. A NaN is further than any number.
func ulp32(a, b float32) float64 {
	if a != a || b != b {
		return math.MaxFloat64
	}
	return math.Abs(float64(ordered32(a)) - float64(ordered32(b)))
}

// ulp64 is the number of float64 values from a to b, rounded.
func ulp64(a, b float64) float64 {
	if a != a || b != b {
		return math.MaxFloat64
	}
	x, y := ordered64(a), ordered64(b)
	if x < y {
		x, y = y, x
	}
	return float64(uint64(x) - uint64(y))
}

// ordered32 and ordered64 number floats in their order, both zeros 0.
func ordered32(v float32) int64 {
	bits := int64(int32(math.Float32bits(v)))
	if bits < 0 {
		return math.MinInt32 - bits
	}
	return bits
}

func ordered64(v float64) int64 {
	bits := int64(math.Float64bits(v))
	if bits < 0 {
		return math.MinInt64 - bits
	}
	return bits
}
