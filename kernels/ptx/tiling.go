package ptx

import (
	"math"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/ir"
)

// tiling is how a product is cut. A CTA computes rows by cols results, of which each of its warps has as many, and
// brings depth indices of k to shared memory at a time.
//
// Without tensor cores the lanes of a warp lie in lanes rows, and a thread has down by across results: 16 by 8
// read 24 elements from shared memory for 128 multiplications, which leaves the banks idle a quarter of the time.
type tiling struct {
	rows, cols, depth int
	warps             [2]int  // of a CTA: down and across
	lanes             int     // of a warp: down
	down, across      int     // results of a thread
	stages            int     // tiles in shared memory where copies are asynchronous
	ctas              int     // of which a multiprocessor should have the registers
	speed             float64 // relative to the best, of one CTA on a multiprocessor
}

func (t tiling) threads() int { return 32 * t.warps[0] * t.warps[1] }

// The tilings of 4-byte types, from the largest. The rest of a tile's stages is 48 KiB, which needs no leave.
var (
	tilings4 = []tiling{
		{rows: 256, cols: 128, depth: 8, warps: [2]int{4, 2}, lanes: 4, down: 16, across: 8, stages: 3, ctas: 1, speed: 1},
		{rows: 128, cols: 128, depth: 8, warps: [2]int{2, 2}, lanes: 4, down: 16, across: 8, stages: 4, ctas: 2, speed: 0.97},
		{rows: 64, cols: 64, depth: 16, warps: [2]int{2, 2}, lanes: 4, down: 8, across: 4, stages: 4, ctas: 4, speed: 0.85},
		{rows: 32, cols: 32, depth: 16, warps: [2]int{2, 1}, lanes: 4, down: 4, across: 4, stages: 4, ctas: 8, speed: 0.5},
	}
	// Those of 8-byte types, by plain multiplications.
	tilings8 = []tiling{
		{rows: 64, cols: 64, depth: 8, warps: [2]int{2, 2}, lanes: 4, down: 8, across: 4, stages: 4, ctas: 3, speed: 1},
		{rows: 32, cols: 32, depth: 8, warps: [2]int{2, 1}, lanes: 4, down: 4, across: 4, stages: 4, ctas: 8, speed: 0.5},
	}
	// Those for few rows or few columns, where memory is the limit: what counts is bytes on their way.
	skinny = [2]tiling{
		{rows: 8, cols: 64, depth: 32, warps: [2]int{1, 2}, lanes: 1, down: 8, across: 1, stages: 4, ctas: 4},
		{rows: 64, cols: 8, depth: 32, warps: [2]int{2, 1}, lanes: 32, down: 1, across: 8, stages: 4, ctas: 4},
	}
	// Those on tensor cores, whose lanes lie as the instruction wants.
	tilingsMMA = []tiling{
		{rows: 128, cols: 128, depth: 16, warps: [2]int{4, 2}, stages: 3, ctas: 1, speed: 1},
		{rows: 64, cols: 64, depth: 16, warps: [2]int{2, 2}, stages: 3, ctas: 2, speed: 0.9},
		{rows: 32, cols: 32, depth: 16, warps: [2]int{2, 2}, stages: 4, ctas: 4, speed: 0.5},
	}
)

// narrowest is the most rows, or columns, of a product that is skinny, and widest the least of the other.
const narrowest, widest = 8, 64

// chooseTiling is the tiling that should take the least time: that of the multiprocessor with the most CTAs.
func chooseTiling(o *ir.MatMul, split canon.Split, t Target) (best tiling, mma string) {
	size := held(o.Type).Size()
	candidates := tilings4
	switch mma = t.mma(o.Type); {
	case t.tile != nil && t.tile.lanes > 0:
		return *t.tile, ""
	case t.tile != nil:
		return *t.tile, mma
	case o.M <= narrowest && o.N >= widest:
		return shallow(skinny[0], size), ""
	case o.N <= narrowest && o.M >= widest:
		return shallow(skinny[1], size), ""
	case mma != "":
		candidates = tilingsMMA
	case size == 8:
		candidates = tilings8
	case !o.Type.IsFloat():
		candidates = tilings4[2:]
	}
	least := math.Inf(1)
	for _, c := range candidates {
		ctas := ceilDiv(o.M, c.rows) * ceilDiv(o.N, c.cols) * split.Chunks * extent(o.Batch)
		time := float64(ceilDiv(ctas, t.processors())*c.rows*c.cols) / c.speed
		if time < least {
			best, least = c, time
		}
	}
	return best, mma
}

// shallow is the tiling with half the depth for elements of 8 bytes.
func shallow(t tiling, size int) tiling {
	t.depth = t.depth * 4 / size
	return t
}

// async reports whether elements are copied to shared memory past the registers: from sm_80 on, and those of 4 or 8
// bytes, as narrower ones are extended on the way.
func (t Target) async(typ dtype.DType) bool { return t.Arch >= 80 && typ.Size() >= 4 }

// mma is the shape of the tensor cores' multiplication of matrices of a type, or "" if there is none that computes
// the chain of fused multiply-adds, or none that is fast.
func (t Target) mma(typ dtype.DType) string {
	switch {
	case typ != dtype.Float64 || t.NoMMA:
		return ""
	case t.Arch >= 90:
		return "m16n8k8"
	case t.Arch == 80:
		return "m8n8k4"
	}
	return ""
}
