package ptx

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tare-go/tare/cuda/ptxsim"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/op"
)

// ratio is what a device moves for each byte that is asked for.
func ratio(x ptxsim.Traffic) float64 { return float64(x.Units) / float64(x.Ideal) }

// Products read and write shared memory with no bank conflict, and use all that they read of global memory.
func TestProductTraffic(t *testing.T) {
	products(func(name string, d *simulated, typ dtype.DType, tile tiling) {
		if d.target.Arch == 86 || testing.Short() && tile.rows > 128 {
			return
		}
		conflicts, stores := 1.0, 1.0
		if tile.rows == 8 || tile.cols == 8 { // memory is the limit
			conflicts, stores = 1.12, 2
		}
		for layout := range 2 {
			o := laidOut(typ, tile.rows, tile.cols, 3*tile.depth, layout, 0, false)
			trialOf(rand.New(rand.NewPCG(17, 18)), o, 0, false).run(t, d)
			s := d.stats[len(d.stats)-1]
			assert.Equal(t, 1.0, ratio(s.SharedLoad), "%s %d", name, layout)
			assert.LessOrEqual(t, ratio(s.SharedStore), conflicts, "%s %d", name, layout)
			assert.Equal(t, 1.0, ratio(s.GlobalLoad), "%s %d", name, layout)
			assert.LessOrEqual(t, ratio(s.GlobalStore), stores, "%s %d", name, layout)
			if layout == 0 {
				once := (tile.rows + tile.cols) * 3 * tile.depth * typ.Size()
				assert.EqualValues(t, once, s.GlobalLoad.Units*32, "%s: each element is read once", name)
			}
		}
	})
}

// Contiguous kernels of which memory is the limit move each byte as often as they must, and no more.
func TestMemoryTraffic(t *testing.T) {
	const n = 1 << 16
	for _, c := range []struct {
		name       string
		op         func(t dtype.DType) ir.Op
		in, out    int     // elements
		reads      float64 // of each element of the input
		workspace  bool    // what is written is little beside what is read
		mostLoaded float64 // of that, if not 1.1
	}{
		{name: "add", op: func(t dtype.DType) ir.Op { return unary(op.Add, t, n) }, in: 2 * n, out: n, reads: 1},
		{name: "exp", op: func(t dtype.DType) ir.Op { return unary(op.Exp, t, n) }, in: n, out: n, reads: 1},
		{name: "sum", op: func(t dtype.DType) ir.Op { return sum(t, canon.Lane, 0, 1, 20*n) }, in: 20 * n, reads: 1, workspace: true},
		{name: "sum of rows", op: func(t dtype.DType) ir.Op { return sum(t, canon.Lane, 1, 2, 64, 1000) }, in: 64_000, reads: 1, workspace: true},
		{name: "sum of odd rows", op: func(t dtype.DType) ir.Op { return sum(t, canon.Lane, 1, 2, 64, 1001) }, in: 64_064, reads: 1, workspace: true, mostLoaded: 1.25},
		{name: "sum of long rows", op: func(t dtype.DType) ir.Op { return sum(t, canon.Lane, 1, 2, 3, 50_000) }, in: 150_000, reads: 1, workspace: true},
		{name: "sum of columns", op: func(t dtype.DType) ir.Op { return sum(t, canon.Chunk, 0, 1, 2000, 512) }, in: 2000 * 512, reads: 1, workspace: true},
		{name: "centre of columns", op: func(t dtype.DType) ir.Op { return centre(t, canon.Chunk, 0, 1, 200, 512) }, in: 200 * 512, out: 200 * 512, reads: 2},
		{name: "softmax of rows", op: func(t dtype.DType) ir.Op { return softmax(t, canon.Lane, 1, 2, 20, 5000) }, in: 100_000, out: 100_000, reads: 1},
		{name: "standard rows", op: func(t dtype.DType) ir.Op { return standard(t, canon.Lane, 1, 2, 20, 2000) }, in: 40_000, out: 40_000, reads: 1},
		{name: "scan", op: func(t dtype.DType) ir.Op { return cumsum(t, 0, 2*n) }, in: 2 * n, out: 2 * n, reads: 2},
		{name: "scan of rows", op: func(t dtype.DType) ir.Op { return cumsum(t, 1, 64, 1000) }, in: 64_000, out: 64_000, reads: 1},
		{name: "scan of columns", op: func(t dtype.DType) ir.Op { return cumsum(t, 0, 1000, 256) }, in: 256_000, out: 256_000, reads: 2},
	} {
		for _, typ := range floatTypes {
			if testing.Short() && typ == dtype.Float64 {
				continue
			}
			d := newSimulated(formAuto, Target{Arch: 90, SMs: 132})
			trialOf(rand.New(rand.NewPCG(17, 18)), c.op(typ), 0, false).run(t, d)
			var load, store int64
			for _, s := range d.stats {
				load += s.GlobalLoad.Units
				store += s.GlobalStore.Units
			}
			most := 1.1
			if c.mostLoaded > 0 {
				most = c.mostLoaded
			}
			sectors := func(elements int) float64 { return float64(elements*typ.Size()) / 32 }
			assert.LessOrEqual(t, float64(load)/sectors(c.in), most*c.reads, "loads of %s, %v", c.name, typ)
			if c.workspace {
				assert.LessOrEqual(t, float64(store)/sectors(c.in), 0.05, "stores of %s, %v", c.name, typ)
			} else {
				assert.LessOrEqual(t, float64(store)/sectors(c.out), 1.1, "stores of %s, %v", c.name, typ)
			}
		}
	}
}
