package ptx

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
)

// productLayouts are strides, in elements, of the matrices of a product: each as (rows, columns).
var productLayouts = []struct {
	name     string
	a, b, to func(m, n, k int) []int
}{
	{"C order", func(m, n, k int) []int { return []int{k, 1} }, func(m, n, k int) []int { return []int{n, 1} }, func(m, n, k int) []int { return []int{n, 1} }},
	{"transposed", func(m, n, k int) []int { return []int{1, m} }, func(m, n, k int) []int { return []int{1, k} }, func(m, n, k int) []int { return []int{1, m} }},
	{"padded", func(m, n, k int) []int { return []int{k + 7, 1} }, func(m, n, k int) []int { return []int{1, k + 4} }, func(m, n, k int) []int { return []int{(n + 7) &^ 3, 1} }},
	{"backwards", func(m, n, k int) []int { return []int{-1, -m} }, func(m, n, k int) []int { return []int{-n, -1} }, func(m, n, k int) []int { return []int{-n, -1} }},
	{"broadcast", func(m, n, k int) []int { return []int{0, 1} }, func(m, n, k int) []int { return []int{1, 0} }, func(m, n, k int) []int { return []int{2 * n, 2} }},
	{"gaps", func(m, n, k int) []int { return []int{k + 7, 1} }, func(m, n, k int) []int { return []int{(n + 7) &^ 3, 1} }, func(m, n, k int) []int { return []int{(n + 7) &^ 3, 1} }},
	{"gaps across", func(m, n, k int) []int { return []int{1, m + 4} }, func(m, n, k int) []int { return []int{1, k + 5} }, func(m, n, k int) []int { return []int{(n + 7) &^ 3, 1} }},
	{"steps", func(m, n, k int) []int { return []int{2, 3 * m} }, func(m, n, k int) []int { return []int{3, 3 * k} }, func(m, n, k int) []int { return []int{3, 3*m + 1} }},
}

// laidOut is a product whose matrices have the given layout, in elements, one after another in the batch. That of A
// may be the same for all.
func laidOut(t dtype.DType, m, n, k, layout, batch int, same bool) *ir.MatMul {
	o := &ir.MatMul{Type: t, M: m, N: n, K: k}
	l := productLayouts[layout]
	if batch > 0 {
		o.Batch = []int{batch}
	}
	at := func(strides []int, rows, cols int) ir.Operand {
		var x ir.Operand
		if batch > 0 {
			x = operand(t, append(o.Batch, rows, cols), append([]int{4 * (abs(strides[0])*rows + abs(strides[1])*cols)}, strides...))
		} else {
			x = operand(t, []int{rows, cols}, strides)
		}
		return x
	}
	o.A, o.B, o.To = at(l.a(m, n, k), m, k), at(l.b(m, n, k), k, n), at(l.to(m, n, k), m, n)
	if batch > 0 && same {
		o.A.Strides[0] = 0
	}
	return o
}

// products is a device for each kind of product: a generation of GPUs, a type and a tiling.
func products(run func(name string, d *simulated, typ dtype.DType, t tiling)) {
	each := func(arch int, typ dtype.DType, all []tiling) {
		for _, t := range all {
			d := newSimulated(formAuto, Target{Arch: arch, tile: &t})
			kind := ""
			if t.lanes == 0 {
				kind = "mma "
			}
			run(fmt.Sprintf("sm_%d %v %s%dx%d", arch, typ, kind, t.rows, t.cols), d, typ, t)
		}
	}
	for _, arch := range []int{70, 80, 86, 90} {
		if arch != 86 {
			each(arch, dtype.Float32, tilings4)
			each(arch, dtype.Float32, skinny[:])
		}
		each(arch, dtype.Float64, tilings8)
		each(arch, dtype.Float64, []tiling{shallow(skinny[0], 8), shallow(skinny[1], 8)})
		if (Target{Arch: arch}).mma(dtype.Float64) != "" {
			each(arch, dtype.Float64, tilingsMMA)
		}
	}
}

// Every tiling, with rows, columns and k that end in its middle, in every layout, also in batches.
func TestTilings(t *testing.T) {
	i := 0
	products(func(name string, d *simulated, typ dtype.DType, tile tiling) {
		t.Run(name, func(t *testing.T) {
			for layout := range productLayouts {
				i++
				if few := 3; layout%few != i/len(productLayouts)%few || testing.Short() && layout > few {
					continue // every layout with every third tiling
				}
				r := rand.New(rand.NewPCG(14, uint64(i)))
				batch := []int{0, 2}[i/7%2]
				m, n, k := tile.rows/2+r.IntN(tile.rows/2+2)+1, tile.cols/2+r.IntN(tile.cols/2+2)+1, r.IntN(6*tile.depth)
				if (i+layout)%3 == 0 {
					n = (n + 3) &^ 3
				}
				o := laidOut(typ, m, n, k, layout, batch, i%2 == 0)
				trialOf(r, o, i%5/3, false).check(t, d, fmt.Sprint(productLayouts[layout].name, m, n, k))
			}
		})
	})
}

// Tiles whose results lie in neither order of warps nor of threads, whichever runs first.
func TestTilingsInBothOrders(t *testing.T) {
	products(func(name string, d *simulated, typ dtype.DType, tile tiling) {
		if testing.Short() && tile.rows > 64 {
			return
		}
		d.machine.BothOrders = true
		o := laidOut(typ, tile.rows+1, tile.cols+4, 3*tile.depth+1, 0, 0, false)
		trialOf(rand.New(rand.NewPCG(15, 1)), o, 0, true).check(t, d, name)
	})
}

// Results of chunks of k, and rows of tiles more than those that go together.
func TestSplitTilings(t *testing.T) {
	for _, target := range []Target{{Arch: 80}, {Arch: 90}} {
		d := newSimulated(formAuto, target)
		for i, e := range [][3]int{{3, 70, 1100}, {9 * 32, 5, 40}, {70, 2, 1300}, {30, 40, 1060}} {
			for layout, typ := range []dtype.DType{dtype.Float32, dtype.Float64} {
				o := laidOut(typ, e[0], e[1], e[2], layout, i%2*2, false)
				trialOf(rand.New(rand.NewPCG(16, uint64(i))), o, i%2, false).check(t, d, fmt.Sprint(typ, e))
			}
		}
	}
}

// The chooser takes large tiles where they fill the device, and small ones where they do not.
func TestChooseTiling(t *testing.T) {
	h100 := Target{SMs: 132, Arch: 90}
	for _, c := range []struct {
		typ        dtype.DType
		m, n, k    int
		rows, cols int
	}{
		{dtype.Float32, 8192, 8192, 8192, 256, 128}, {dtype.Float32, 4096, 4096, 4096, 256, 128}, {dtype.Float32, 2048, 2048, 2048, 256, 128},
		{dtype.Float32, 1024, 1024, 1024, 64, 64}, {dtype.Float32, 100, 100, 100, 32, 32},
		{dtype.Float32, 1, 4096, 4096, 8, 64}, {dtype.Float32, 4096, 1, 4096, 64, 8},
		{dtype.Float64, 8192, 8192, 8192, 128, 128}, {dtype.Float64, 1024, 1024, 1024, 64, 64},
	} {
		o := matmul(c.typ, c.m, c.n, c.k)
		got, _ := chooseTiling(o, o.Order(), h100)
		require.Equal(t, []int{c.rows, c.cols}, []int{got.rows, got.cols}, "%v %d %d %d", c.typ, c.m, c.n, c.k)
	}
}
