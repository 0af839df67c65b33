package cpu_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tare-go/tare/cpu"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/op"
)

// drawEpilogue draws a product that a map goes on with.
func drawEpilogue(t *rapid.T, batch []int, m, n, k int) *trial {
	product := drawProduct(t, batch, m, n, k)
	mul := product.op.(*ir.MatMul)
	space := append(slices.Clone(batch), m, n)
	g := &generator{
		t: t, k: &ir.Kernel{Space: space, Lo: len(space), Hi: len(space)}, tr: &trial{}, main: mul.Type, then: true,
		r: rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed of the map"), 3)),
	}
	g.k.In = []ir.Operand{ir.Operand{Type: mul.Type, Strides: stepsOf(space)}.Dense(space)}
	g.tr.args = []spot{{}}
	g.add(ir.Inst{Kind: ir.Load, Type: mul.Type})
	for range g.pick("loads", 3) {
		g.load()
	}
	g.code(5)
	tr := &trial{op: mul, args: product.args[:2], blocks: slices.Concat(product.blocks[:2], g.tr.blocks), scalars: g.tr.scalars}
	for _, s := range g.tr.args[1:] {
		tr.args = append(tr.args, spot{s.block + 2, s.off})
	}
	mul.To, mul.Then = ir.Operand{}, g.k
	return tr
}

// stepsOf are strides in C order, of no matter what size.
func stepsOf(space []int) []int {
	steps, step := make([]int, len(space)), 1
	for d := len(space) - 1; d >= 0; d-- {
		steps[d] = step
		step *= max(space[d], 1)
	}
	return steps
}

// checkFused is check for what the devices do not ask to split, which it reports.
func (tr *trial) checkFused(t require.TestingT, devs []device.Device) bool {
	fuse := func(dev device.Device) bool {
		p, err := dev.Compile(tr.op)
		if errors.Is(err, device.ErrSplit) {
			return true
		}
		require.NoError(t, err)
		require.NoError(t, p.Close())
		return false
	}
	devs = slices.DeleteFunc(slices.Clone(devs), fuse)
	tr.check(t, devs)
	return len(devs) > 0
}

func TestRandomEpilogues(t *testing.T) {
	devs := devices(t, 1, 2, 3, 8)
	fused := 0
	rapid.Check(t, func(t *rapid.T) {
		batch := rapid.SliceOfN(rapid.IntRange(0, 3), 0, 2).Draw(t, "batch")
		m, n, k := rapid.IntRange(2, 9).Draw(t, "m"), rapid.IntRange(2, 40).Draw(t, "n"), rapid.IntRange(0, 20).Draw(t, "k")
		if drawEpilogue(t, batch, m, n, k).checkFused(t, devs) {
			fused++
		}
	})
	assert.NotZero(t, fused)
}

// Products of several blocks, with smaller ones at the edges, with batches, and with chunks of k.
func TestEpiloguesOfBlocks(t *testing.T) {
	devs := devices(t, 1, 3, 8)
	for _, s := range []struct {
		batch   []int
		m, n, k int
	}{
		{nil, 70, 130, 9}, {nil, 300, 270, 2}, {nil, 33, 600, 3}, {nil, 520, 12, 3}, {nil, 5, 7, 2500}, {nil, 40, 36, 1100},
		{[]int{3}, 40, 33, 4}, {[]int{2, 2}, 65, 40, 3}, {nil, 130, 40, 0},
	} {
		draw := rapid.Custom(func(t *rapid.T) *trial { return drawEpilogue(t, s.batch, s.m, s.n, s.k) })
		fused := false
		for seed := range 10 {
			fused = draw.Example(seed).checkFused(t, devs) || fused
		}
		assert.True(t, fused, "%v", s)
	}
}

// activated is tanh(product·s + v), v a row vector, with its output in another type if narrow.
func activated(tr *trial, narrow bool) *trial {
	m := tr.op.(*ir.MatMul)
	t, size := m.Type, m.Type.Size()
	k := &ir.Kernel{
		Space: []int{m.M, m.N}, Lo: 2, Hi: 2, Params: []dtype.DType{t},
		In: []ir.Operand{m.To, {Type: t, Strides: []int{0, size}}}, Out: []ir.Operand{m.To},
		Code: []ir.Inst{
			{Kind: ir.Load, Type: t, Args: [3]int{-1, -1, -1}},
			{Kind: ir.Load, Type: t, Args: [3]int{-1, -1, -1}, Index: 1},
			{Kind: ir.Param, Type: t, Args: [3]int{-1, -1, -1}},
			{Kind: ir.Apply, Code: op.Multiply, Type: t, Args: [3]int{0, 2, -1}},
			{Kind: ir.Apply, Code: op.Add, Type: t, Args: [3]int{3, 1, -1}},
			{Kind: ir.Apply, Code: op.Tanh, Type: t, Args: [3]int{4, -1, -1}},
		},
	}
	if narrow {
		k.Code = append(k.Code, ir.Inst{Kind: ir.Cast, Type: dtype.Float32, Args: [3]int{5, -1, -1}})
		k.Out = []ir.Operand{{Type: dtype.Float32, Strides: []int{4 * m.N, 4}}}
	}
	last := len(k.Code) - 1
	k.Code = append(k.Code, ir.Inst{Kind: ir.Store, Type: k.Code[last].Type, Args: [3]int{last, -1, -1}})
	row := make([]byte, m.N*size)
	for j := range m.N {
		ir.WriteBits(row[j*size:(j+1)*size], bitsOf(t, math.Sin(float64(j))))
	}
	fused := *m
	fused.To, fused.Then = ir.Operand{}, k
	out := make([]byte, m.M*m.N*k.Out[0].Type.Size())
	return &trial{op: &fused, blocks: [][]byte{tr.blocks[0], tr.blocks[1], row, out}, args: []spot{{0, 0}, {1, 0}, {2, 0}, {3, 0}}, scalars: []uint64{bitsOf(t, 0x1p-9)}}
}

// apart is what the product and then the map store.
func (tr *trial) apart(t *testing.T, dev device.Device) []byte {
	first, then := tr.op.(*ir.MatMul).Apart()
	p, err := dev.Compile(first)
	require.NoError(t, err)
	results := make([]byte, first.M*first.N*first.Type.Size())
	product := &trial{op: first, blocks: [][]byte{tr.blocks[0], tr.blocks[1], results}, args: tr.args[:3]}
	k, err := dev.Compile(then)
	require.NoError(t, err)
	rest := &trial{op: then, blocks: [][]byte{product.run(t, p)[2], tr.blocks[2], tr.blocks[3]}, args: tr.args[:3], scalars: tr.scalars}
	return rest.run(t, k)[2]
}

// Large products that a map goes on with have the bits of product and map apart, at all levels and with any number of
// workers.
func TestLargeEpiloguesAgree(t *testing.T) {
	devs := devices(t, 1, 2, 8)
	for _, s := range []struct {
		m, n, k      int
		turnA, turnB bool
	}{
		{300, 520, 70, false, true}, {700, 300, 40, true, false}, {257, 100, 600, true, false}, {65, 130, 1100, true, true},
		{40, 40, 4000, false, false}, {130, 120, 2100, false, true}, {2000, 32, 32, false, false}, {1030, 600, 20, false, false},
	} {
		for _, typ := range []dtype.DType{dtype.Float32, dtype.Float64} {
			tr := activated(bigProduct(typ, s.m, s.n, s.k, s.turnA, s.turnB), typ == dtype.Float64 && s.turnB)
			want := tr.apart(t, devs[0])
			everyGemmLevel(t, func(t *testing.T) {
				for _, dev := range devs {
					p, err := dev.Compile(tr.op)
					require.NoError(t, err)
					require.True(t, bytes.Equal(want, tr.run(t, p)[3]), "%v with %d workers", tr.op, dev.Info().Workers)
				}
			})
		}
	}
}

// A run in the steady state allocates nothing.
func TestEpiloguesAllocateNothing(t *testing.T) {
	tr := activated(bigProduct(dtype.Float32, 300, 270, 30, false, false), false)
	dev := cpu.New(1)
	defer func() { require.NoError(t, dev.Close()) }()
	p, err := dev.Compile(tr.op)
	require.NoError(t, err)
	args, work := tr.deviceArgs(tr.blocks), device.HostSpan(make([]byte, p.Workspace()))
	run := func() { require.NoError(t, p.Run(context.Background(), args, work)) }
	run()
	assert.Zero(t, testing.AllocsPerRun(20, run))
}

// A run that is cancelled ends soon, and the program can be run again.
func TestEpiloguesAreCancelled(t *testing.T) {
	tr := activated(bigProduct(dtype.Float64, 1500, 1500, 1500, false, false), false)
	for _, dev := range devices(t, 1, 2) {
		p, err := dev.Compile(tr.op)
		require.NoError(t, err)
		blocks, work := cloned(tr.blocks), device.HostSpan(make([]byte, p.Workspace()))
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Millisecond)
		defer cancel()
		require.ErrorIs(t, p.Run(ctx, tr.deviceArgs(blocks), work), context.DeadlineExceeded)
		require.NoError(t, p.Run(t.Context(), tr.deviceArgs(blocks), work))
		assert.True(t, bytes.Equal(tr.apart(t, dev), blocks[3]))
	}
}

// What has no blocks, or many tiny ones, is to be split.
func TestEpiloguesToSplit(t *testing.T) {
	dev := devices(t, 2)[0]
	for name, c := range map[string]struct {
		m, n, k int
		batch   int
		fused   bool
	}{
		"one block":   {4, 4, 4, 1, true},
		"many tiny":   {4, 4, 4, 1000, false},
		"many blocks": {100, 100, 4, 5, true},
	} {
		z := ir.Operand{Type: dtype.Float32, Strides: []int{4 * c.m * c.n, 4 * c.n, 4}}
		space := []int{c.batch, c.m, c.n}
		then := ir.CopyKernel(dtype.Float32, space, z.Strides, z.Strides, nil)
		m := &ir.MatMul{
			Type: dtype.Float32, Batch: space[:1], M: c.m, N: c.n, K: c.k, Then: then,
			A: ir.Operand{Type: dtype.Float32, Strides: []int{4 * c.m * c.k, 4 * c.k, 4}},
			B: ir.Operand{Type: dtype.Float32, Strides: []int{4 * c.k * c.n, 4 * c.n, 4}},
		}
		_, err := dev.Compile(m)
		assert.Equal(t, !c.fused, errors.Is(err, device.ErrSplit), name)
	}
}

// BenchmarkEpilogues compares a product that a map goes on with, and the two apart.
func BenchmarkEpilogues(b *testing.B) {
	for _, typ := range []dtype.DType{dtype.Float32, dtype.Float64} {
		for _, s := range [][3]int{{64, 64, 64}, {512, 512, 512}, {2048, 2048, 64}, {2048, 2048, 16}, {100000, 64, 64}, {1000000, 32, 32}, {2048, 2048, 2048}} {
			for _, workers := range []int{1, 2} {
				dev := devices(b, workers)[0]
				tr := activated(bigProduct(typ, s[0], s[1], s[2], false, false), false)
				first, then := tr.op.(*ir.MatMul).Apart()
				name := fmt.Sprintf("%v/%v/workers=%d/", typ, s, workers)
				results := device.HostBuffer(make([]byte, s[0]*s[1]*typ.Size()))
				args := tr.deviceArgs(tr.blocks)
				b.Run(name+"fused", func(b *testing.B) { timeRuns(b, dev, tr.op, args) })
				b.Run(name+"apart", func(b *testing.B) {
					z := device.Arg{Buffer: results}
					run := ready(b, dev, first, []device.Arg{args[0], args[1], z})
					rest := ready(b, dev, then, []device.Arg{z, args[2], args[3], args[4]})
					for b.Loop() {
						run()
						rest()
					}
				})
			}
		}
	}
}

func timeRuns(b *testing.B, dev device.Device, o ir.Op, args []device.Arg) {
	run := ready(b, dev, o, args)
	for b.Loop() {
		run()
	}
}

// ready is a function that runs an operation.
func ready(b *testing.B, dev device.Device, o ir.Op, args []device.Arg) func() {
	p, err := dev.Compile(o)
	require.NoError(b, err)
	work := device.HostSpan(make([]byte, p.Workspace()))
	run := func() { require.NoError(b, p.Run(context.Background(), args, work)) }
	run()
	return run
}
