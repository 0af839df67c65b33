package cpu_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tare-go/tare/cpu"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/kernels/simd"
)

// everyGemmLevel runs a test with the kernels of each level of this machine.
func everyGemmLevel(t *testing.T, test func(t *testing.T)) {
	defer func(name string) { require.NoError(t, simd.SetGemmLevel(name)) }(simd.GemmLevel())
	for _, name := range simd.GemmLevels() {
		require.NoError(t, simd.SetGemmLevel(name))
		t.Run(name, test)
	}
}

// Shapes about the edges of tiles, in any layout, at all levels.
func TestProductsAtTileEdges(t *testing.T) {
	devs := devices(t, 1, 2, 8)
	everyGemmLevel(t, func(t *testing.T) {
		edge := rapid.SampledFrom([]int{1, 2, 5, 6, 7, 8, 9, 11, 12, 13, 15, 16, 17, 24, 25, 31, 32, 33, 47, 63, 64, 65})
		draw := rapid.Custom(func(t *rapid.T) *trial {
			batch := rapid.SliceOfN(rapid.IntRange(1, 3), 0, 1).Draw(t, "batch")
			k := rapid.SampledFrom([]int{0, 1, 2, 3, 4, 7, 16, 18}).Draw(t, "k")
			return drawProduct(t, batch, edge.Draw(t, "m"), edge.Draw(t, "n"), k)
		})
		for seed := range 30 {
			draw.Example(seed).check(t, devs)
		}
	})
}

// bigProduct is a product of contiguous matrices, of which one may be transposed, with values of many
// sizes and an output full of NaN.
func bigProduct(t dtype.DType, m, n, k int, turnA, turnB bool) *trial {
	r := rand.New(rand.NewPCG(uint64(m*n), uint64(k)))
	size := t.Size()
	operand := func(rows, cols int, turned bool) ir.Operand {
		if turned {
			return ir.Operand{Type: t, Strides: []int{size, rows * size}}
		}
		return ir.Operand{Type: t, Strides: []int{cols * size, size}}
	}
	tr := &trial{
		op: &ir.MatMul{Type: t, M: m, N: n, K: k, A: operand(m, k, turnA), B: operand(k, n, turnB), To: operand(m, n, false)},
	}
	for i, count := range []int{m * k, k * n, m * n} {
		block := make([]byte, count*size)
		for at := 0; at < len(block); at += size {
			x := math.NaN()
			if i < 2 {
				x = math.Ldexp(r.NormFloat64(), r.IntN(12))
			}
			ir.WriteBits(block[at:at+size], bitsOf(t, x))
		}
		tr.blocks = append(tr.blocks, block)
		tr.args = append(tr.args, spot{i, 0})
	}
	return tr
}

func bitsOf(t dtype.DType, x float64) uint64 {
	if t == dtype.Float32 {
		return uint64(math.Float32bits(float32(x)))
	}
	return math.Float64bits(x)
}

// output is what a device computes.
func (tr *trial) output(t *testing.T, dev device.Device) []byte {
	p, err := dev.Compile(tr.op)
	require.NoError(t, err)
	return tr.run(t, p)[2]
}

// Products too large for the interpreter have the same bits at all levels, with any number of workers.
func TestLargeProductsAgree(t *testing.T) {
	devs := devices(t, 1, 2, 8)
	for _, s := range []struct {
		m, n, k      int
		turnA, turnB bool
	}{
		{127, 129, 65, false, false}, {300, 200, 70, false, true}, {257, 100, 600, true, false}, {65, 130, 1100, true, true},
		{1, 700, 520, false, false}, {700, 1, 530, false, false}, {600, 2, 300, true, false}, {40, 40, 4000, false, false},
		{3, 5, 20000, false, true}, {130, 120, 2100, false, true}, {2000, 32, 32, false, false},
		{100, 300, 512, false, false}, {61, 290, 1024, false, false}, {61, 290, 1024, true, true}, // rows a multiple of 4096 bytes apart
	} {
		for _, typ := range []dtype.DType{dtype.Float32, dtype.Float64} {
			agree(t, bigProduct(typ, s.m, s.n, s.k, s.turnA, s.turnB), devs)
		}
	}
}

// Products too short to wake helpers for have the same bits when these come to watch, and take part.
func TestShortProductsAgree(t *testing.T) {
	alone, shared := devices(t, 1)[0], cpu.New(2)
	defer func() { require.NoError(t, shared.Close()) }()
	for _, s := range [][3]int{{64, 64, 64}, {100, 90, 70}, {3, 5, 2500}, {130, 1, 128}, {1, 370, 360}, {1, 1, 70000}} {
		for _, typ := range []dtype.DType{dtype.Float32, dtype.Float64} {
			tr := bigProduct(typ, s[0], s[1], s[2], false, false)
			want := tr.output(t, alone)
			p, err := shared.Compile(tr.op)
			require.NoError(t, err)
			blocks, work := cloned(tr.blocks), device.HostSpan(make([]byte, p.Workspace()))
			for range 200 {
				copy(blocks[2], tr.blocks[2])
				require.NoError(t, p.Run(t.Context(), tr.deviceArgs(blocks), work))
				require.True(t, bytes.Equal(want, blocks[2]), "%v", tr.op)
			}
		}
	}
}

// The chains of a product that is a part of a larger one are carried through several blocks of k, and B is packed for
// each of them.
func TestLongChainsAgree(t *testing.T) {
	devs := devices(t, 1, 2, 8)
	for _, typ := range []dtype.DType{dtype.Float32, dtype.Float64} {
		for _, turned := range []bool{false, true} {
			tr := bigProduct(typ, 70, 130, 2100, turned, turned)
			tr.op.(*ir.MatMul).Split = canon.Product(2000, 2000, 2100)
			agree(t, tr, devs)
		}
	}
}

// agree requires the same bits at all levels and on all devices, and that they are near the product.
func agree(t *testing.T, tr *trial, devs []device.Device) {
	var want []byte
	everyGemmLevel(t, func(t *testing.T) {
		for _, dev := range devs {
			got := tr.output(t, dev)
			if want == nil {
				want = got
				tr.checkResidual(t, want)
			}
			require.True(t, string(want) == string(got), "%v with %d workers", tr.op, dev.Info().Workers)
		}
	})
}

// Results that exceed the caches go past them.
func TestStreamedProductsAgree(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a second")
	}
	tr := bigProduct(dtype.Float32, 300000, 32, 3, false, false)
	dev := devices(t, 2)[0]
	var want []byte
	everyGemmLevel(t, func(t *testing.T) {
		got := tr.output(t, dev)
		if want == nil {
			want = got
			tr.checkResidual(t, want)
		}
		require.True(t, string(want) == string(got))
	})
}

// checkResidual compares C·x with A·(B·x) for a vector of ones and minus ones.
func (tr *trial) checkResidual(t *testing.T, c []byte) {
	m := tr.op.(*ir.MatMul)
	at := func(block []byte, o ir.Operand, i, j int) float64 {
		bits := ir.ReadBits(block[i*o.Strides[0]+j*o.Strides[1]:][:m.Type.Size()])
		if m.Type == dtype.Float32 {
			return float64(math.Float32frombits(uint32(bits)))
		}
		return math.Float64frombits(bits)
	}
	bx, scale := make([]float64, m.K), make([]float64, m.K)
	for k := range bx {
		for j := range m.N {
			b := at(tr.blocks[1], m.B, k, j)
			bx[k] += b * float64(1-j%2*2)
			scale[k] += math.Abs(b)
		}
	}
	eps := map[dtype.DType]float64{dtype.Float32: 0x1p-24, dtype.Float64: 0x1p-53}[m.Type]
	for i := range m.M {
		cx, want, size := 0.0, 0.0, 0.0
		for j := range m.N {
			cx += at(c, m.To, i, j) * float64(1-j%2*2)
		}
		for k := range m.K {
			a := at(tr.blocks[0], m.A, i, k)
			want += a * bx[k]
			size += math.Abs(a) * scale[k]
		}
		require.InDelta(t, want, cx, size*eps*float64(m.K+m.N), fmt.Sprint(m, " row ", i))
	}
}

// Every product underflows to -0, and so does every chain; no result is -0.
func TestUnderflowingProducts(t *testing.T) {
	everyGemmLevel(t, func(t *testing.T) {
		for _, s := range [][3]int{{13, 33, 9}, {1, 40, 3000}, {20, 1, 5}, {1, 1, 70}, {4, 4, 2500}} {
			for _, typ := range []dtype.DType{dtype.Float32, dtype.Float64} {
				tr := bigProduct(typ, s[0], s[1], s[2], false, false)
				for i, bits := range []uint64{1 | 1<<(8*typ.Size()-1), 1} {
					for at := 0; at < len(tr.blocks[i]); at += typ.Size() {
						ir.WriteBits(tr.blocks[i][at:at+typ.Size()], bits)
					}
				}
				for _, dev := range devices(t, 1, 3) {
					assert.Equal(t, make([]byte, len(tr.blocks[2])), tr.output(t, dev), "%v", tr.op)
				}
			}
		}
	})
}
