// Package roof measures what this machine can do at most: bytes to and from memory, and multiply-adds
// in registers. A measurement is as good as it comes near to one of the two.
package roof

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/kernels/simd"
)

// Roof is the most that was seen.
type Roof struct {
	Copy    float64                 // bytes a second, read and written together
	How     string                  // how the best copy went
	FMA     map[dtype.DType]float64 // floating-point operations a second; no entry where it is not known
	Threads int
}

// Options say how long to look.
type Options struct {
	Bytes   int // of each side of the copy; more than the caches hold
	Rounds  int
	Threads int
}

// blocks are the sizes in which memory is copied: small ones go through the first cache, and for large
// ones the copy of the Go runtime may go around all of them.
var blocks = []struct {
	bytes int
	name  string
}{{32 << 10, "in blocks of 32 KiB"}, {8 << 20, "in blocks of 8 MiB"}}

// Measure runs copies and multiply-adds on all threads at once and keeps the fastest round of each.
func Measure(ctx context.Context, o Options) (Roof, error) {
	r := Roof{FMA: map[dtype.DType]float64{}, Threads: o.Threads}
	dst, src := make([]byte, o.Bytes), make([]byte, o.Bytes)
	for i := range src {
		src[i], dst[i] = byte(i), 1
	}
	for range o.Rounds {
		for _, b := range blocks {
			if err := ctx.Err(); err != nil {
				return r, err
			}
			took := onAll(o.Threads, func(i int) { copyPart(dst, src, i, o.Threads, b.bytes) })
			if rate := 2 * float64(o.Bytes) / took.Seconds(); rate > r.Copy {
				r.Copy, r.How = rate, b.name
			}
		}
		for _, t := range []dtype.DType{dtype.Float32, dtype.Float64} {
			if rate := multiplyAdds(t, o.Threads); rate > r.FMA[t] {
				r.FMA[t] = rate
			}
		}
	}
	return r, nil
}

// copyPart copies part i of n in blocks.
func copyPart(dst, src []byte, i, n, block int) {
	lo, hi := len(src)*i/n, len(src)*(i+1)/n
	for lo < hi {
		end := min(lo+block, hi)
		copy(dst[lo:end], src[lo:end])
		lo = end
	}
}

// multiplyAdds is the operations a second of a short while on all threads, 0 if there is no loop.
func multiplyAdds(t dtype.DType, threads int) float64 {
	const rounds = 1_000_000
	run, flops := simd.Peak(t)
	if run == nil {
		return 0
	}
	took := onAll(threads, func(int) { run(rounds) })
	return float64(threads) * rounds * float64(flops) / took.Seconds()
}

// onAll runs f on threads at once, and says how long all of them took.
func onAll(threads int, f func(i int)) time.Duration {
	var wg sync.WaitGroup
	start := time.Now()
	for i := range threads {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
	return time.Since(start)
}

// String is a line for each roof.
func (r Roof) String() string {
	text := fmt.Sprintf("copy %.1f GB/s on %d threads, %s", r.Copy/1e9, r.Threads, r.How)
	for _, t := range []dtype.DType{dtype.Float32, dtype.Float64} {
		if peak := r.FMA[t]; peak > 0 {
			text += fmt.Sprintf("; multiply-adds in %v %.0f Gflop/s", t, peak/1e9)
		}
	}
	if len(r.FMA) == 0 || r.FMA[dtype.Float64] == 0 {
		text += "; multiply-adds not measured: there is no loop for this machine"
	}
	return text
}
