package suite

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
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

// block is how many elements are drawn from one source of random numbers.
const block = 1 << 20

// Values are the elements of the input in C order: the same numbers, rounded to T, each time.
func Values[T float32 | float64](in Input) []T {
	h := fnv.New64a()
	h.Write([]byte(in.seed))
	seed := h.Sum64()
	out := make([]T, in.Len())
	var next atomic.Int64
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for b := next.Add(1) - 1; int(b)*block < len(out); b = next.Add(1) - 1 {
				draw(out[int(b)*block:min(len(out), int(b+1)*block)], in.values, rand.New(rand.NewPCG(seed, uint64(b)+1)))
			}
		})
	}
	wg.Wait()
	return out
}

func draw[T float32 | float64](out []T, v values, r *rand.Rand) {
	for i := range out {
		out[i] = T(v(r))
	}
}
