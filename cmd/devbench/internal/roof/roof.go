// Package roof measures what this machine can do at most: bytes to and from memory, and multiply-adds
// in registers. A measurement is as good as it comes near to one of the two.
package roof

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/tare-go/tare/cmd/devbench/internal/timing"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/kernels/simd"
)

// Roof is what was seen.
type Roof struct {
	Copy    float64                 // bytes a second, read and written together
	How     string                  // how the better copy went
	Least   float64                 // the slowest of the copies that this is the median of, see Over
	Most    float64                 // the fastest
	FMA     map[dtype.DType]float64 // floating-point operations a second; no entry where it is not known
	Threads int
}

// Options say how long to look.
type Options struct {
	Bytes   int // of each side of the copy; more than the caches hold
	Rounds  int // at least one
	Threads int
}

// blocks are the sizes in which memory is copied: small ones go through the first cache, and for large
// ones the copy of the Go runtime may go around all of them.
var blocks = []struct {
	bytes int
	name  string
}{{32 << 10, "in blocks of 32 KiB"}, {8 << 20, "in blocks of 8 MiB"}}

// Measure runs copies and multiply-adds on all threads at once, in rounds. Of the copies it takes the median round of the
// better way, and of the multiply-adds the fastest. The memory is that of the device, whose large arrays are on huge pages.
func Measure(ctx context.Context, dev device.Device, o Options) (Roof, error) {
	r := Roof{FMA: map[dtype.DType]float64{}, Threads: o.Threads}
	dst, src, free, err := hostPair(ctx, dev, o.Bytes)
	if err != nil {
		return r, err
	}
	defer free()
	team := gather(o.Threads)
	defer team.part()
	rates := make([][]float64, len(blocks))
	for range o.Rounds {
		if err := ctx.Err(); err != nil {
			return r, err
		}
		for i, b := range blocks {
			took := team.timed(func(i int) { copyPart(dst, src, i, o.Threads, b.bytes) })
			rates[i] = append(rates[i], 2*float64(o.Bytes)/took.Seconds())
		}
		for _, t := range []dtype.DType{dtype.Float32, dtype.Float64} {
			if rate := multiplyAdds(t, team); rate > r.FMA[t] {
				r.FMA[t] = rate
			}
		}
	}
	r.better(rates)
	return r, nil
}

// better is the way of copying whose median is higher, from the rates of each way.
func (r *Roof) better(rates [][]float64) {
	for i, b := range blocks {
		if rate := timing.Median(rates[i]); rate > r.Copy {
			r.Copy, r.How = rate, b.name
		}
	}
}

// Over is one roof from at least one measurement: the median of the copies, with their range, and the fastest
// multiply-adds.
func Over(all []Roof) Roof {
	sorted := slices.SortedFunc(slices.Values(all), func(a, b Roof) int { return cmp.Compare(a.Copy, b.Copy) })
	r := sorted[len(sorted)/2]
	r.Least, r.Most, r.FMA = sorted[0].Copy, sorted[len(sorted)-1].Copy, map[dtype.DType]float64{}
	for _, one := range all {
		for t, rate := range one.FMA {
			r.FMA[t] = max(r.FMA[t], rate)
		}
	}
	return r
}

// hostPair is memory of a device that the processor reaches, twice, with pages behind it.
func hostPair(ctx context.Context, dev device.Device, bytes int) (dst, src []byte, free func(), err error) {
	a, err := filled(ctx, dev, bytes)
	if err != nil {
		return nil, nil, nil, err
	}
	b, err := filled(ctx, dev, bytes)
	if err != nil {
		a.Free()
		return nil, nil, nil, err
	}
	dst, _ = device.Span{Buffer: a, Len: bytes}.Bytes()
	src, _ = device.Span{Buffer: b, Len: bytes}.Bytes()
	return dst, src, func() { a.Free(); b.Free() }, nil
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

// multiplyAdds is the operations a second of a short while on all of a team, 0 if there is no loop.
func multiplyAdds(t dtype.DType, on *team) float64 {
	const rounds = 1_000_000
	run, flops := simd.Peak(t)
	if run == nil {
		return 0
	}
	took := on.timed(func(int) { run(rounds) })
	return float64(on.n) * rounds * float64(flops) / took.Seconds()
}

// String is a line for each roof.
func (r Roof) String() string {
	text := fmt.Sprintf("copy %.1f GB/s", r.Copy/1e9)
	if r.Least < r.Most { // measured several times
		text += fmt.Sprintf(" (%.1f to %.1f)", r.Least/1e9, r.Most/1e9)
	}
	text += fmt.Sprintf(" on %d threads, %s", r.Threads, r.How)
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
