//go:build exhaustive

package simd

import (
	"flag"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/op"
)

var (
	share     = flag.Uint64("share", 1, "exhaustive: try every share-th float32")
	functions = flag.String("functions", "", "exhaustive: try these, with commas between; \"\" for all")
)

// TestEveryFloat32 tries all 2^32 operands of the unary functions that round more than once. The
// reference is the float64 function, whose own error is below a ten-millionth of float32's ULP.
// It takes a few minutes for each function and core.
//
// With -ulp.write the figures go to docs/ulp-float32.md.
func TestEveryFloat32(t *testing.T) {
	var table strings.Builder
	for c := range op.Code(op.Count) {
		row := c.Row()
		if row.Arity != 1 || row.Big == nil || *functions != "" && !slices.Contains(strings.Split(*functions, ","), row.Name) {
			continue
		}
		worst, at := everyFloat32(c)
		t.Logf("%v: %.4f ULP at %v", c, worst, at)
		assert.LessOrEqual(t, worst, row.ULP32, "%v of %v", c, at)
		fmt.Fprintf(&table, "| %v | %.4f | %g | %d |\n", c, worst, at, (uint64(1)<<32) / *share)
	}
	if *writeULP {
		text := fmt.Appendf(nil, float32Doc, table.String())
		require.NoError(t, os.WriteFile("../../docs/ulp-float32.md", text, 0o644))
	}
}

const float32Doc = `# Accuracy of the unary functions of float32

The largest error in units in the last place, against the float64 function. Zeros and infinities have the
right sign, and NaN comes just where float64 has it. Written by
"go test -tags exhaustive ./kernels/simd -run TestEveryFloat32 -ulp.write", which takes most of an hour of a
processor. -share N tries one block of 4096 neighbours in N, and -functions some of the functions.

"go test -tags exhaustive ./kernels/simd -run TestFloat32OfLevels" compares the bits of every unary function
at every level of vector instructions with those of pure Go, on all 4,294,967,296 operands. It takes about
an hour of a processor.

| function | error (ULP) | at | operands |
|---|---|---|---|
%s`

// everyFloat32 shares the operands out among the processors, and returns the largest error.
func everyFloat32(c op.Code) (worst float64, at float32) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	workers := uint64(runtime.GOMAXPROCS(0))
	const block = 1 << 12
	for w := range workers {
		wg.Go(func() {
			for first := w * block; first < 1<<32; first += workers * block * *share {
				e, x := blockError(c, uint32(first), block)
				mu.Lock()
				if e > worst {
					worst, at = e, x
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return worst, at
}

// blockError is the largest error over n operands whose bits follow each other.
func blockError(c op.Code, first uint32, n int) (worst float64, at float32) {
	x, wide := make([]float32, n), make([]float64, n)
	for i := range x {
		x[i] = math.Float32frombits(first + uint32(i))
		wide[i] = float64(x[i])
	}
	got, want := make([]float32, n), make([]float64, n)
	Kernel(c, []dtype.DType{dtype.Float32})(unsafe.Pointer(&got[0]), unsafe.Pointer(&x[0]), nil, nil, n)
	Kernel(c, []dtype.DType{dtype.Float64})(unsafe.Pointer(&want[0]), unsafe.Pointer(&wide[0]), nil, nil, n)
	for i := range x {
		if e := float32Error(got[i], want[i]); e > worst || e != e {
			worst, at = e, x[i]
		}
	}
	return worst, at
}

// float32Error is how far got is from want, in float32's ULP; infinite for a wrong special value.
func float32Error(got float32, want float64) float64 {
	rounded := float32(want)
	switch {
	case got == rounded && (math.IsInf(want, 0) || math.IsInf(float64(got), 0)), got != got && want != want:
		return 0
	case got == 0 && rounded == 0 && math.Signbit(float64(got)) != math.Signbit(want):
		return math.Inf(1)
	case got != got || want != want || math.IsInf(float64(got), 0):
		return math.Inf(1)
	}
	e := max(int(math.Float64bits(want)>>52&0x7ff)-1023-23, -149)
	return math.Abs(float64(got)-want) * math.Float64frombits(uint64(1023-e)<<52)
}
