package suite

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
)

// values draws the elements of an input.
type values func(*rand.Rand) float64

// uniform draws from [lo, hi). The product is rounded before the sum, on every processor.
func uniform(lo, hi float64) values {
	return func(r *rand.Rand) float64 { return lo + float64((hi-lo)*r.Float64()) }
}

// sometimesNaN draws NaN with that probability, and from v otherwise.
func sometimesNaN(probability float64, v values) values {
	return func(r *rand.Rand) float64 {
		if r.Float64() < probability {
			return math.NaN()
		}
		return v(r)
	}
}

// Values are the elements of the input in C order: the same numbers, rounded to T, each time.
func Values[T float32 | float64](in Input) []T {
	h := fnv.New64a()
	h.Write([]byte(in.seed))
	r := rand.New(rand.NewPCG(h.Sum64(), 1))
	out := make([]T, in.Len())
	for i := range out {
		out[i] = T(in.values(r))
	}
	return out
}
