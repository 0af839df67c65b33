package cpu_test

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/ir"
)

// drawMatrix draws a batch of matrices with any strides, and their elements.
func drawMatrix(t *rapid.T, r *rand.Rand, tr *trial, typ dtype.DType, shape []int, input bool) ir.Operand {
	k := &ir.Kernel{Space: shape, Lo: len(shape), Hi: len(shape)}
	g := &generator{t: t, k: k, r: r}
	strides, off, size := g.layout(typ, false, input)
	block := bytes.Repeat([]byte{0xCC}, size)
	for at := 0; input && at+typ.Size() <= size; at += typ.Size() {
		ir.WriteBits(block[at:at+typ.Size()], g.value(typ))
	}
	tr.args = append(tr.args, spot{len(tr.blocks), off})
	tr.blocks = append(tr.blocks, block)
	return ir.Operand{Type: typ, Strides: strides}
}

// drawProduct draws a product of about most multiplications.
func drawProduct(t *rapid.T, batch []int, m, n, k int) *trial {
	r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 2))
	typ := rapid.SampledFrom(append(elementTypes, dtype.Uint64, dtype.Int8)).Draw(t, "type")
	tr := &trial{}
	shape := func(rows, cols int) []int { return append(append([]int(nil), batch...), rows, cols) }
	mul := &ir.MatMul{Type: typ, Batch: batch, M: m, N: n, K: k}
	mul.A = drawMatrix(t, r, tr, typ, shape(m, k), true)
	mul.B = drawMatrix(t, r, tr, typ, shape(k, n), true)
	mul.To = drawMatrix(t, r, tr, typ, shape(m, n), false)
	if rapid.Bool().Draw(t, "part") {
		mul.Split = canon.Product(m+rapid.IntRange(0, 300).Draw(t, "rows left out"), n+1, k)
	}
	tr.op = mul
	return tr
}

func TestRandomProducts(t *testing.T) {
	devs := devices(t, 1, 2, 3, 8)
	rapid.Check(t, func(t *rapid.T) {
		batch := rapid.SliceOfN(rapid.IntRange(0, 3), 0, 2).Draw(t, "batch")
		m, n, k := rapid.IntRange(0, 9).Draw(t, "m"), rapid.IntRange(0, 9).Draw(t, "n"), rapid.IntRange(0, 40).Draw(t, "k")
		drawProduct(t, batch, m, n, k).check(t, devs)
	})
}

// Products with several blocks of rows, columns and k, with chunks of k, and dots of several blocks.
func TestLargeProducts(t *testing.T) {
	devs := devices(t, 1, 3, 8)
	for _, s := range []struct{ m, n, k int }{
		{70, 3, 300}, {3, 130, 270}, {66, 67, 20}, {1, 5, 3000}, {7, 1, 2100}, {2, 2, 5000}, {130, 1, 513},
		{40, 1, 2500}, {35, 1, 70}, {1, 300, 1100}, {1, 2100, 40}, {1, 1, 1}, {1, 1, 4096}, {1, 1, 30000}, {1, 200, 260}, {1, 9, 1025},
	} {
		draw := rapid.Custom(func(t *rapid.T) *trial { return drawProduct(t, nil, s.m, s.n, s.k) })
		for seed := range 8 {
			draw.Example(seed).check(t, devs)
		}
	}
}

// The exact sum of a product and the chain so far may lie so close to halfway between two float32 values, normal
// or subnormal, that rounded to float64 it lies halfway: rounding that again would be wrong.
func TestFloat32ChainsRoundOnce(t *testing.T) {
	const up, down = 1 + 0x1p-20, 1 - 0x1p-20
	for _, w := range []struct{ start, x, y float32 }{
		{0x1p-60, 1 + 0x1p-12, 1 + 0x1p-12},
		{-0x1p-60, 1 + 0x1p-12, 1 + 0x3p-12},
		{0x1p-127 + 0x1p-149, 0x1p-75 * up, 0x1p-75 * down},
		{-0x1p-127 - 0x1p-149, -0x1p-75 * up, 0x1p-75 * down},
	} {
		o := ir.Operand{Type: dtype.Float32, Strides: []int{8, 4}}
		tr := &trial{
			op:     &ir.MatMul{Type: dtype.Float32, M: 2, N: 2, K: 2, A: o, B: o, To: o},
			args:   []spot{{0, 0}, {1, 0}, {2, 0}},
			blocks: [][]byte{words(w.start, w.x, 1, 0), words(1, 1, w.y, w.y), make([]byte, 16)},
		}
		exact := math.FMA(float64(w.x), float64(w.y), float64(w.start))
		naive := math.Float32bits(float32(exact))
		assert.NotEqual(t, uint64(naive), ir.ReadBits(tr.interpret(t)[2][:4]), "the case is no witness")
		tr.check(t, devices(t, 1))
	}
}

func words(v ...float32) []byte {
	b := make([]byte, 4*len(v))
	for i, x := range v {
		ir.WriteBits(b[4*i:4*i+4], uint64(math.Float32bits(x)))
	}
	return b
}
