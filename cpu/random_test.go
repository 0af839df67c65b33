package cpu_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tare-go/tare/cpu"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/op"
)

// trial is an operation and memory for one run of it.
type trial struct {
	op      ir.Op
	blocks  [][]byte
	args    []spot // inputs, then outputs
	scalars []uint64
}

type spot struct{ block, off int }

// check runs the trial on each device and compares all memory with what the interpreter leaves.
func (tr *trial) check(t require.TestingT, devices []device.Device) {
	want := tr.interpret(t)
	for _, dev := range devices {
		p, err := dev.Compile(tr.op)
		require.NoError(t, err)
		for range 2 {
			got := tr.run(t, p)
			tr.compare(t, fmt.Sprintf("%d workers", dev.Info().Workers), got, want)
		}
		require.NoError(t, p.Close())
	}
}

func (tr *trial) interpret(t require.TestingT) [][]byte {
	blocks := cloned(tr.blocks)
	memory := make([]ir.Memory, len(tr.args))
	for i, s := range tr.args {
		memory[i] = ir.Memory{Data: blocks[s.block], Off: s.off}
	}
	require.NoError(t, ir.Interpret(tr.op, memory, tr.scalars))
	return blocks
}

func cloned(blocks [][]byte) [][]byte {
	out := make([][]byte, len(blocks))
	for i, b := range blocks {
		out[i] = bytes.Clone(b)
	}
	return out
}

func (tr *trial) run(t require.TestingT, p device.Program) [][]byte {
	blocks := make([][]byte, len(tr.blocks))
	for i, b := range tr.blocks {
		clone, release := guarded(t, b)
		defer release()
		blocks[i] = clone
	}
	work := device.HostSpan(bytes.Repeat([]byte{0xA5}, p.Workspace()+64))
	work.Len = p.Workspace()
	require.NoError(t, p.Run(context.Background(), tr.deviceArgs(blocks), work))
	tail, _ := device.Span{Buffer: work.Buffer, Off: work.Len, Len: 64}.Bytes()
	require.Equal(t, bytes.Repeat([]byte{0xA5}, 64), tail, "beyond the workspace")
	return cloned(blocks)
}

func (tr *trial) deviceArgs(blocks [][]byte) []device.Arg {
	var args []device.Arg
	for _, s := range tr.args {
		args = append(args, device.Arg{Buffer: device.HostBuffer(blocks[s.block]), Off: s.off})
	}
	for _, bits := range tr.scalars {
		args = append(args, device.Arg{Bits: bits})
	}
	return args
}

// compare is exact but for NaNs, which are all alike in outputs.
func (tr *trial) compare(t require.TestingT, name string, got, want [][]byte) {
	for i, o := range tr.op.Outputs() {
		s := tr.args[len(tr.op.Inputs())+i]
		if o.Type.IsFloat() {
			alikeNaNs(o.Type.Size(), got[s.block], want[s.block])
		}
	}
	for i := range want {
		if !bytes.Equal(got[i], want[i]) {
			at := 0
			for got[i][at] == want[i][at] {
				at++
			}
			at &^= 7
			end := min(at+8, len(got[i]))
			require.Failf(t, "different", "%s: block %d at byte %d: got %x, want %x\n%v\n%v", name, i, at, got[i][at:end], want[i][at:end], tr.op, tr.args)
		}
	}
}

func alikeNaNs(size int, got, want []byte) {
	isNaN := func(b []byte) bool {
		if size == 4 {
			return math.IsNaN(float64(math.Float32frombits(uint32(ir.ReadBits(b)))))
		}
		return math.IsNaN(math.Float64frombits(ir.ReadBits(b)))
	}
	for at := 0; at+size <= len(got); at += size {
		if g, w := got[at:at+size], want[at:at+size]; isNaN(g) && isNaN(w) {
			copy(g, w)
		}
	}
}

// generator draws kernels.
type generator struct {
	t    *rapid.T
	k    *ir.Kernel
	tr   *trial
	main dtype.DType
	r    *rand.Rand
	then bool // the kernel goes on with a product, which is its first input and nowhere in memory
}

// elementTypes are those that kernels mix; the others differ by nothing that this package does.
var elementTypes = []dtype.DType{dtype.Float64, dtype.Float32, dtype.Int32, dtype.Int64, dtype.Uint8, dtype.Int16, dtype.Bool}

func (g *generator) pick(name string, n int) int { return rapid.IntRange(0, n-1).Draw(g.t, name) }
func (g *generator) chance(name string, percent int) bool {
	return rapid.IntRange(0, 99).Draw(g.t, name) < percent
}

// kernel draws a kernel over a space.
func drawKernel(t *rapid.T, space []int, lo, hi int, rule canon.Rule, size int) *trial {
	k := &ir.Kernel{Space: space, Lo: lo, Hi: hi, Rule: rule}
	g := &generator{
		t: t, k: k, tr: &trial{op: k}, main: rapid.SampledFrom(elementTypes).Draw(t, "type"),
		r: rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1)),
	}
	for range 1 + g.pick("loads", 3) {
		g.load()
	}
	g.code(size)
	return g.tr
}

// code draws what follows the loads.
func (g *generator) code(size int) {
	k := g.k
	if g.chance("param", 40) {
		k.Params = append(k.Params, g.main)
		g.tr.scalars = append(g.tr.scalars, g.value(g.main))
		g.add(ir.Inst{Kind: ir.Param, Type: g.main, Row: k.Folds() && g.chance("row param", 50)})
	}
	for range g.pick("instructions", size) {
		g.instruction()
	}
	for range 1 + g.pick("stores", 3) {
		g.store()
	}
}

func (g *generator) add(in ir.Inst, args ...int) int {
	in.Args = [3]int{-1, -1, -1}
	copy(in.Args[:], args)
	g.k.Code = append(g.k.Code, in)
	return len(g.k.Code) - 1
}

// values are the instructions so far that have a type; any is for Invalid.
func (g *generator) values(want dtype.DType, rowsOnly bool) []int {
	var v []int
	for i, in := range g.k.Code {
		if in.Kind != ir.Store && (want == dtype.Invalid || in.Type == want) && (in.Row || !rowsOnly) {
			v = append(v, i)
		}
	}
	return v
}

func (g *generator) one(name string, values []int) int { return values[g.pick(name, len(values))] }

func (g *generator) load() {
	row := g.k.Folds() && g.chance("row load", 20)
	k := g.k
	strides, off, size := g.layout(g.main, row, true)
	block := make([]byte, size)
	for at := 0; at+g.main.Size() <= size; at += g.main.Size() {
		ir.WriteBits(block[at:at+g.main.Size()], g.value(g.main))
	}
	g.tr.args = append(g.tr.args, spot{len(g.tr.blocks), off})
	g.tr.blocks = append(g.tr.blocks, block)
	k.In = append(k.In, ir.Operand{Type: g.main, Strides: strides})
	g.add(ir.Inst{Kind: ir.Load, Type: g.main, Index: len(k.In) - 1, Row: row})
}

// layout draws strides over the space: dimensions in any order, with gaps, backwards or broadcast.
func (g *generator) layout(t dtype.DType, row, input bool) (strides []int, off, size int) {
	space := g.k.Space
	strides = make([]int, len(space))
	order := rapid.Permutation(dimsOf(space)).Draw(g.t, "order")
	if g.chance("c order", 50) {
		order = dimsOf(space)
	}
	plain := g.chance("plain", 50)
	step := t.Size()
	for _, d := range slices.Backward(order) {
		if row && g.k.Lo <= d && d < g.k.Hi || input && !plain && g.chance("broadcast", 20) {
			continue
		}
		if !plain && g.chance("gap", 20) {
			step *= 2
		}
		strides[d] = step
		if n := space[d]; n > 0 {
			if !plain && g.chance("backwards", 20) {
				strides[d] = -step
				off += (n - 1) * step
			}
			step *= n
		}
	}
	return strides, off, step
}

func dimsOf(space []int) []int {
	d := make([]int, len(space))
	for i := range d {
		d[i] = i
	}
	return d
}

// value draws bits: small numbers, large ones, and for floats what is special.
func (g *generator) value(t dtype.DType) uint64 {
	special := []float64{0, math.Copysign(0, -1), math.NaN(), math.Inf(1), math.Inf(-1), 5e-324, 1e300}
	f := g.r.NormFloat64()
	if g.r.IntN(40) == 0 {
		f = special[g.r.IntN(len(special))]
	}
	switch t {
	case dtype.Float64:
		return math.Float64bits(f)
	case dtype.Float32:
		return uint64(math.Float32bits(float32(f)))
	case dtype.Bool:
		return uint64(g.r.IntN(2))
	}
	return g.r.Uint64() >> (64 - 8*t.Size()) >> g.r.IntN(8*t.Size())
}

// instruction adds an Apply, a Cast, a Fold or an ArgFold.
func (g *generator) instruction() {
	switch g.pick("kind", 8) {
	case 0:
		v := g.one("cast", g.values(dtype.Invalid, false))
		to := rapid.SampledFrom(elementTypes).Draw(g.t, "to")
		g.add(ir.Inst{Kind: ir.Cast, Type: to, Row: g.k.Code[v].Row}, v)
	case 1, 2, 3:
		if g.k.Folds() {
			g.fold()
			return
		}
		fallthrough
	default:
		g.apply()
	}
}

func (g *generator) fold() {
	v := g.one("folded", g.values(dtype.Invalid, false))
	t := g.k.Code[v].Type
	codes := []op.Code{op.Add, op.Multiply, op.Add, op.Multiply}
	if g.k.RowLen() > 0 {
		codes = append(codes, op.Minimum, op.Maximum)
	}
	if t == dtype.Bool {
		codes = []op.Code{op.LogicalAnd, op.LogicalOr}
	}
	if g.chance("index", 25) && g.k.RowLen() > 0 {
		code := rapid.SampledFrom([]op.Code{op.Minimum, op.Maximum}).Draw(g.t, "best")
		g.add(ir.Inst{Kind: ir.ArgFold, Code: code, Type: dtype.Int64, Row: true}, v)
		return
	}
	g.add(ir.Inst{Kind: ir.Fold, Code: rapid.SampledFrom(codes).Draw(g.t, "fold"), Type: t, Row: true}, v)
}

func (g *generator) apply() {
	a := g.one("a", g.values(dtype.Invalid, false))
	t := g.k.Code[a].Type
	same := g.values(t, false)
	b := g.one("b", same)
	row := g.k.Code[a].Row && g.k.Code[b].Row
	switch bools := g.values(dtype.Bool, false); {
	case t.IsFloat() && g.chance("unary", 30):
		code := rapid.SampledFrom([]op.Code{op.Sqrt, op.Exp, op.Absolute}).Draw(g.t, "unary code")
		g.add(ir.Inst{Kind: ir.Apply, Code: code, Type: t, Row: g.k.Code[a].Row}, a)
	case len(bools) > 0 && g.chance("where", 40):
		c := g.one("c", bools)
		g.add(ir.Inst{Kind: ir.Apply, Code: op.Where, Type: t, Row: row && g.k.Code[c].Row}, c, a, b)
	case g.chance("compare", 20):
		g.add(ir.Inst{Kind: ir.Apply, Code: op.Less, Type: dtype.Bool, Row: row}, a, b)
	case t == dtype.Bool:
		g.add(ir.Inst{Kind: ir.Apply, Code: op.LogicalXor, Type: t, Row: row}, a, b)
	default:
		code := rapid.SampledFrom([]op.Code{op.Add, op.Subtract, op.Multiply, op.Maximum}).Draw(g.t, "code")
		g.add(ir.Inst{Kind: ir.Apply, Code: code, Type: t, Row: row}, a, b)
	}
}

// store adds a store, sometimes into the memory of an input.
func (g *generator) store() {
	row := false
	values := g.values(dtype.Invalid, false)
	if g.k.Folds() {
		if row = g.chance("row store", 60); row {
			if values = g.values(dtype.Invalid, true); len(values) == 0 {
				row, values = false, g.values(dtype.Invalid, false)
			}
		}
	}
	v := g.one("stored", values)
	t, mask := g.k.Code[v].Type, -1
	if bools := g.values(dtype.Bool, row); len(bools) > 0 && !g.then && g.chance("mask", 40) {
		mask = g.one("mask value", bools)
	}
	at := g.inPlace(t, row)
	if at < 0 {
		strides, off, size := g.layout(t, row, false)
		g.k.Out = append(g.k.Out, ir.Operand{Type: t, Strides: strides})
		g.tr.args = append(g.tr.args, spot{len(g.tr.blocks), off})
		g.tr.blocks = append(g.tr.blocks, bytes.Repeat([]byte{0xCC}, size))
	} else {
		g.k.Out = append(g.k.Out, g.k.In[at])
		g.tr.args = append(g.tr.args, g.tr.args[at])
	}
	g.add(ir.Inst{Kind: ir.Store, Type: t, Index: len(g.k.Out) - 1, Row: row}, v, mask)
}

// inPlace is an input whose memory an output may take: each element once, and no other output has
// it; -1 if there is none, or for a change.
func (g *generator) inPlace(t dtype.DType, row bool) int {
	if g.chance("elsewhere", 60) {
		return -1
	}
	for i, o := range g.k.In {
		taken := i == 0 && g.then || slices.Contains(g.tr.args[len(g.k.In):], g.tr.args[i])
		if o.Type == t && !taken && g.k.Code[i].Row == row && g.injective(o, row) {
			return i
		}
	}
	return -1
}

func (g *generator) injective(o ir.Operand, row bool) bool {
	for d, s := range o.Strides {
		folded := g.k.Lo <= d && d < g.k.Hi
		if s == 0 && g.k.Space[d] > 1 && !(row && folded) {
			return false
		}
	}
	return true
}

func devices(t testing.TB, workers ...int) []device.Device {
	var all []device.Device
	open := cpu.New
	if _, tests := t.(*testing.T); tests {
		open = cpu.NewEager
	}
	for _, n := range workers {
		dev := open(n)
		t.Cleanup(func() { require.NoError(t, dev.Close()) })
		all = append(all, dev)
	}
	return all
}

// drawSpace draws extents with at most most elements.
func drawSpace(t *rapid.T, most int) []int {
	sizes := []int{1, 2, 3, 4, 5, 7, 16, 31, 33, 64, 100, 130, 257, 300, 520, 1030}
	space := make([]int, rapid.IntRange(0, 4).Draw(t, "rank"))
	n := 1
	for d := range space {
		space[d] = rapid.SampledFrom(sizes).Draw(t, "extent")
		for space[d] > 1 && n*space[d] > most {
			space[d] = (space[d] + 1) / 2
			if n*2 > most {
				space[d] = 1
			}
		}
		n *= space[d]
	}
	if len(space) > 0 && rapid.IntRange(0, 30).Draw(t, "empty") == 0 {
		space[rapid.IntRange(0, len(space)-1).Draw(t, "which")] = 0
	}
	return space
}

func TestRandomMaps(t *testing.T) {
	devs := devices(t, 1, 2, 3, 8)
	rapid.Check(t, func(t *rapid.T) {
		space := drawSpace(t, 3000)
		drawKernel(t, space, len(space), len(space), canon.Lane, 6).check(t, devs)
	})
}

func TestRandomLaneFolds(t *testing.T) {
	devs := devices(t, 1, 2, 3, 8)
	rapid.Check(t, func(t *rapid.T) {
		space := append(drawSpace(t, 2000), rapid.SampledFrom([]int{1, 2, 3, 0}).Draw(t, "last"))
		lo := rapid.IntRange(0, len(space)-1).Draw(t, "lo")
		drawKernel(t, space, lo, len(space), canon.Lane, 8).check(t, devs)
	})
}

func TestRandomChunkFolds(t *testing.T) {
	devs := devices(t, 1, 2, 3, 8)
	rapid.Check(t, func(t *rapid.T) {
		space := append(drawSpace(t, 2000), 1)
		lo := rapid.IntRange(0, len(space)-1).Draw(t, "lo")
		hi := rapid.IntRange(lo+1, len(space)).Draw(t, "hi")
		drawKernel(t, space, lo, hi, canon.Chunk, 8).check(t, devs)
	})
}

// Spaces in which units are split between workers, tiles are many, and partial results are folded
// more than once.
func TestRandomLongFolds(t *testing.T) {
	spaces := []struct {
		space  []int
		lo, hi int
		rule   canon.Rule
	}{
		{[]int{70000}, 0, 1, canon.Lane},
		{[]int{3, 23000}, 1, 2, canon.Lane},
		{[]int{20, 4500}, 1, 2, canon.Lane},
		{[]int{2, 180, 200}, 1, 3, canon.Lane},
		{[]int{1100, 64}, 0, 1, canon.Chunk},
		{[]int{2, 700, 50}, 1, 2, canon.Chunk},
		{[]int{300, 230}, 0, 1, canon.Chunk},
	}
	devs := devices(t, 1, 3, 8)
	for _, s := range spaces {
		draw := rapid.Custom(func(t *rapid.T) *trial { return drawKernel(t, s.space, s.lo, s.hi, s.rule, 5) })
		for seed := range 6 {
			draw.Example(seed).check(t, devs)
		}
	}
}
