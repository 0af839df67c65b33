package plan_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/device/devicetest"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/ir/irtest"
	"github.com/tare-go/tare/internal/op"
	"github.com/tare-go/tare/internal/plan"
)

// intermediates is the bytes that writing n to out takes beside it.
func intermediates(t *testing.T, n, out *ir.Node) int {
	t.Helper()
	p := made(t, background, plan.Options{}, plan.Target{Node: n, Out: out})
	require.Zero(t, p.ResultBytes)
	return p.IntermediateBytes
}

func TestWhatIsWrittenInPlace(t *testing.T) {
	dev := devicetest.Null()
	x, y, wide := leaf(dev, "x", dtype.Float64, 100, 100), leaf(dev, "y", dtype.Float64, 100, 100), leaf(dev, "wide", dtype.Float64, 100, 200)
	left, right := index(wide, broadcast.All(), broadcast.To(100)), index(wide, broadcast.All(), broadcast.From(100))
	size := device.SizeClass(80_000)
	for name, c := range map[string]struct {
		n, out *ir.Node
		bytes  int
	}{
		"a map of itself":               {apply(op.Exp, x), x, 0},
		"a map of itself twice":         {apply(op.Add, x, apply(op.Exp, x)), x, 0},
		"rows that are folded":          {standard(x, kept(1)), x, 0},
		"columns that are folded first": {apply(op.Subtract, x, node(ir.Mean(x, over(0)))), x, device.SizeClass(800)},
		"its transpose":                 {apply(op.Exp, transposed(x)), x, size},
		"itself and its transpose":      {apply(op.Add, x, transposed(x)), x, size},
		"a product of itself":           {node(ir.MatrixProduct(x, x)), x, size},
		"itself and a product":          {apply(op.Add, node(ir.MatrixProduct(y, y)), x), x, 0},
		"itself and one of itself":      {apply(op.Add, node(ir.MatrixProduct(x, y)), x), x, size},
		"a product and its transpose":   {apply(op.Add, node(ir.MatrixProduct(y, y)), transposed(x)), x, size},
		"the other half":                {apply(op.Exp, left), right, 0},
		"a part that overlaps":          {apply(op.Exp, left), index(wide, broadcast.All(), broadcast.Range(50, 150)), size},
		"elements in between":           {apply(op.Exp, index(wide, broadcast.All(), broadcast.Step(2))), index(wide, broadcast.All(), broadcast.RangeStep(1, 200, 2)), 0},
		"one of its rows, for all":      {apply(op.Add, x, index(x, at(3))), x, size},
		"a sum of what holds it":        {node(ir.Sum(x, over(1))), index(x, broadcast.All(), at(0)), device.SizeClass(800)},
	} {
		assert.Equal(t, c.bytes, intermediates(t, c.n, c.out), name)
	}
	assert.Equal(t, device.SizeClass(800), made(t, background, plan.Options{Eager: true},
		plan.Target{Node: apply(op.Exp, apply(op.Sqrt, index(x, at(0)))), Out: index(x, at(0))}).IntermediateBytes,
		"eager steps read before the last one writes")
}

// What a second result reads is not overwritten by the first.
func TestOutsThatOtherTargetsRead(t *testing.T) {
	dev := devicetest.Null()
	x, y := leaf(dev, "x", dtype.Float64, 100, 100), leaf(dev, "y", dtype.Float64, 100, 100)
	both := []plan.Target{{Node: apply(op.Add, x, y), Out: x}, {Node: apply(op.Subtract, x, y), Out: y}}
	assert.Zero(t, made(t, background, plan.Options{}, both...).IntermediateBytes, "one kernel writes both")
	later := []plan.Target{{Node: apply(op.Exp, x), Out: x}, {Node: node(ir.MatrixProduct(x, y))}}
	assert.Zero(t, made(t, background, plan.Options{}, later...).IntermediateBytes, "a product is computed before")
	crossed := []plan.Target{{Node: apply(op.Exp, x), Out: x}, {Node: apply(op.Add, transposed(x), y), Out: y}}
	assert.Positive(t, made(t, background, plan.Options{}, crossed...).IntermediateBytes)
}

func TestOutsThatCannotBe(t *testing.T) {
	dev := devicetest.Null()
	x := leaf(dev, "x", dtype.Float64, 10)
	table := leaf(dev, "table", dtype.Float64, 10, 10)
	repeated := node(ir.BroadcastTo(index(table, at(0)), []int{10, 10}))
	sliding := ir.NewLeaf(table.Array, dtype.Float64, broadcast.View{Shape: []int{9, 3}, Strides: []int{8, 8}})
	for name, c := range map[string]struct {
		targets []plan.Target
		why     string
	}{
		"a broadcast array": {[]plan.Target{{Node: apply(op.Exp, table), Out: repeated}}, "exp: Out: the array of shape (10,10) and strides [0 8] overlaps itself"},
		"a sliding window":  {[]plan.Target{{Node: apply(op.Exp, index(table, broadcast.To(9), broadcast.To(3))), Out: sliding}}, "overlaps itself"},
		"the same twice":    {[]plan.Target{{Node: apply(op.Exp, x), Out: x}, {Node: apply(op.Sqrt, x), Out: x}}, "sqrt: Out: two results go into the same memory"},
		"overlapping parts": {[]plan.Target{{Node: apply(op.Exp, x), Out: index(table, at(1))}, {Node: apply(op.Sqrt, x), Out: index(table, broadcast.All(), at(1))}}, "two results go into the same memory"},
	} {
		_, err := plan.New(background, c.targets, plan.Options{})
		var e *plan.OutError
		require.ErrorAs(t, err, &e, name)
		assert.Contains(t, err.Error(), c.why, name)
	}
	made(t, background, plan.Options{}, plan.Target{Node: apply(op.Exp, x), Out: index(table, at(1))}, plan.Target{Node: apply(op.Sqrt, x), Out: index(table, at(2))})
}

// A product is written before a map that reads what it overwrites.
func TestReadsAfterTheWrite(t *testing.T) {
	dev, _ := ledgered()
	square := func(n *ir.Node) *ir.Node {
		return node(ir.NewView(n, ir.View{Kind: ir.ViewReshape, Ints: []int{2, 2}}))
	}
	ns := counting(t, dev, 4, 4)
	a, b := square(ns[0]), square(ns[1])
	p := made(t, background, plan.Options{}, []plan.Target{{Node: node(ir.MatrixProduct(b, b)), Out: a}, {Node: apply(op.Add, a, number(0.5))}}...)
	assert.Equal(t, 64, p.IntermediateBytes, "%v", p)
	bufs, err := p.Run(background, plan.Bindings{}, nil)
	require.NoError(t, err)
	got, err := bytes(dev, bufs[1], 32)
	require.NoError(t, err)
	assert.Equal(t, []float64{0.5, 1.5, 2.5, 3.5}, floats(got))
	got, err = bytes(dev, a.Array.(*memory).buf, 32)
	require.NoError(t, err)
	assert.Equal(t, []float64{100*100 + 101*102, 100*101 + 101*103, 102*100 + 103*102, 102*101 + 103*103}, floats(got))
}

// What a masked result leaves out is not taken for its value by other targets, a reshape does not lose
// the mask, and values are read again from where they were written, in whatever layout.
func TestResultsThatOthersRead(t *testing.T) {
	dev, strict := ledgered()
	c := &irtest.Case{}
	x, y, out, w := filled(c, "x", 3, 4), filled(c, "y", 2, 3, 4), filled(c, "out", 3, 4), filled(c, "w", 4, 3)
	mask := apply(op.Greater, x, number(0))
	exp := apply(op.Exp, x)
	flat := func(n *ir.Node) *ir.Node { return node(ir.NewView(n, ir.View{Kind: ir.ViewReshape, Ints: []int{12}})) }
	other := filled(c, "other", 12)
	for _, drawn := range [][]plan.Target{
		{{Node: exp, Out: out, Mask: mask}, {Node: apply(op.Add, y, exp)}},
		{{Node: flat(exp), Out: other, Mask: flat(mask)}, {Node: exp}},
		{{Node: node(ir.MatrixProduct(x, w)), Out: index(out, broadcast.All(), broadcast.To(3)), Mask: index(mask, broadcast.All(), broadcast.To(3))}, {Node: node(ir.MatrixProduct(x, w))}},
		{{Node: exp, Out: out}, {Node: apply(op.Add, y, exp)}},
		{{Node: exp, Out: transposed(filled(c, "fortran", 4, 3))}, {Node: apply(op.Add, flat(exp), other)}},
		{{Node: node(ir.MatrixProduct(w, x)), Out: transposed(filled(c, "columns", 4, 4))},
			{Node: apply(op.Exp, node(ir.NewView(node(ir.MatrixProduct(w, x)), ir.View{Kind: ir.ViewReshape, Ints: []int{16}})))}},
	} {
		for _, eager := range []bool{false, true} {
			b, err := put(c, dev)
			require.NoError(t, err)
			p := within(t, math.MaxInt, b.targets(drawn), plan.Options{Eager: eager})
			bufs, err := p.Run(background, plan.Bindings{}, nil)
			require.NoError(t, err)
			got, err := bytes(dev, bufs[1], drawn[1].Node.Bytes())
			require.NoError(t, err)
			require.Equal(t, -1, differ(dtype.Float64, ir.Evaluate(drawn[1].Node, irtest.Read), got), "%v", p)
			requireHeld(t, b, wanted(c, drawn), p.String())
			bufs[1].Free()
			b.free()
		}
	}
	require.Empty(t, strict.Errors())
}

// destination draws an array for the value of n: new memory, or a view of what the case reads.
func destination(t *rapid.T, c *irtest.Case, n *ir.Node) *ir.Node {
	if rapid.IntRange(0, 2).Draw(t, "shared") > 0 {
		if out := sharing(t, c, n); out != nil {
			return out
		}
	}
	typ := rapid.SampledFrom([]dtype.DType{n.Type, dtype.Float32, dtype.Float64}).Draw(t, "out type")
	at := broadcast.Contiguous(n.Shape, typ.Size())
	if rapid.Bool().Draw(t, "fortran") {
		at = broadcast.Fortran(n.Shape, typ.Size())
	}
	at.Offset = typ.Size() * rapid.IntRange(0, 3).Draw(t, "offset")
	a := &irtest.Array{Name: fmt.Sprint("out", len(c.Arrays)), Type: typ, Data: slices.Repeat([]byte{1}, at.Offset+(n.Len()+1)*typ.Size())}
	c.Arrays = append(c.Arrays, a)
	return ir.NewLeaf(a, typ, at)
}

// sharing draws a leaf of n's shape in the memory of the case, or nil.
func sharing(t *rapid.T, c *irtest.Case, n *ir.Node) *ir.Node {
	var same []*ir.Node
	for _, l := range c.Leaves {
		if slices.Equal(l.Shape, n.Shape) {
			same = append(same, l)
		}
	}
	if len(same) > 0 && rapid.Bool().Draw(t, "in place") {
		return rapid.SampledFrom(same).Draw(t, "leaf")
	}
	a := rapid.SampledFrom(c.Arrays).Draw(t, "array")
	room := len(a.Data)/a.Type.Size() - n.Len()
	if room < 0 {
		return nil
	}
	at := broadcast.Contiguous(n.Shape, a.Type.Size())
	if rapid.Bool().Draw(t, "fortran") {
		at = broadcast.Fortran(n.Shape, a.Type.Size())
	}
	at.Offset = a.Type.Size() * rapid.IntRange(0, room).Draw(t, "offset")
	return ir.NewLeaf(a, a.Type, at)
}

// drawTargets draws expressions, where they go and what masks them.
func drawTargets(t *rapid.T, c *irtest.Case) []plan.Target {
	targets := fresh(c.Outs...)
	for i := range targets {
		n := targets[i].Node
		if rapid.IntRange(0, 3).Draw(t, "new array") == 0 {
			continue
		}
		out := destination(t, c, n)
		targets[i] = plan.Target{Node: ir.CastTo(n, out.Type), Out: out}
		if rapid.IntRange(0, 2).Draw(t, "mask") == 0 {
			positive := apply(op.Greater, rapid.SampledFrom(c.Leaves).Draw(t, "masked by"), number(0))
			if mask, err := ir.BroadcastTo(positive, n.Shape); err == nil {
				targets[i].Mask = mask
			}
		}
	}
	return targets
}

// wanted is what the arrays of a case hold after the targets were written, by the oracle.
func wanted(c *irtest.Case, targets []plan.Target) map[*irtest.Array][]byte {
	after := map[*irtest.Array][]byte{}
	for _, a := range c.Arrays {
		after[a] = slices.Clone(a.Data)
	}
	for _, t := range targets {
		if t.Out == nil {
			continue
		}
		values, size := ir.Evaluate(t.Node, irtest.Read), t.Out.Type.Size()
		mask := slices.Repeat([]uint64{1}, len(values))
		if t.Mask != nil {
			mask = ir.Evaluate(t.Mask, irtest.Read)
		}
		data := after[t.Out.Array.(*irtest.Array)]
		for i, off := range offsets(t.Out.At) {
			if mask[i] != 0 {
				ir.WriteBits(data[off:off+size], values[i])
			}
		}
	}
	return after
}

// requireHeld compares the arrays on the device with what was wanted.
func requireHeld(t require.TestingT, b *bench, want map[*irtest.Array][]byte, msg string) {
	for a, w := range want {
		got, err := bytes(b.dev, b.mem[a].buf, len(w))
		require.NoError(t, err)
		size := a.Type.Size()
		for i := 0; i+size <= len(w); i += size {
			x, y := ir.ReadBits(w[i:i+size]), ir.ReadBits(got[i:i+size])
			if x != y && !(isNaN(a.Type, x) && isNaN(a.Type, y)) {
				require.Equalf(t, x, y, "byte %d of %s\n%s", i, a.Name, msg)
			}
		}
	}
}

// describe lists targets, for messages.
func describe(targets []plan.Target) string {
	s := ""
	for _, t := range targets {
		s += irtest.Text(t.Node)
		if t.Out != nil {
			s += " -> " + irtest.Text(t.Out)
		}
		if t.Mask != nil {
			s += " where " + irtest.Text(t.Mask)
		}
		s += "\n"
	}
	return s
}

// TestOutsHoldWhatIsComputed writes random expressions into random arrays, new ones and parts of what
// is read, with masks, fused and eager, whole and in chunks: the arrays hold the values of what was
// read before anything was written, all other bytes are as they were, and the ledger is the plan's.
func TestOutsHoldWhatIsComputed(t *testing.T) {
	inPlace, staged, chunked := 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		c := irtest.Draw(t, 5)
		drawn := drawTargets(t, c)
		dev, strict := ledgered()
		b, err := put(c, dev)
		require.NoError(t, err)
		opt := plan.Options{Device: dev, Eager: rapid.IntRange(0, 3).Draw(t, "eager") == 0}
		targets := b.targets(drawn)
		p, err := plan.New(background, targets, opt)
		var refused *plan.OutError
		if errors.As(err, &refused) {
			b.free()
			return
		}
		require.NoError(t, err)
		if rapid.Bool().Draw(t, "with a budget") {
			budget := rapid.IntRange(p.ResultBytes, max(p.PeakBytes, p.ResultBytes)).Draw(t, "budget")
			require.NoError(t, p.Close())
			p = within(t, budget, targets, opt)
		}
		msg := describe(drawn) + p.String()
		ctx, rec := device.Record(background)
		results, err := p.Run(ctx, plan.Bindings{}, nil)
		require.NoError(t, err, msg)
		s := rec.Stats()
		require.Equal(t, []int{p.PeakBytes, p.ResultBytes, p.IntermediateBytes, p.WorkspaceBytes, p.ResultBytes, p.Launches(), 0},
			[]int{s.PeakBytes, s.ResultBytes, s.IntermediateBytes, s.WorkspaceBytes, s.LiveBytes, s.Launches, s.Transfers().Count}, msg)
		for i, d := range drawn {
			require.Equal(t, d.Out == nil, results[i] != nil)
			if d.Out != nil {
				continue
			}
			got, err := bytes(dev, results[i], d.Node.Bytes())
			require.NoError(t, err)
			require.Equal(t, -1, differ(d.Node.Type, ir.Evaluate(d.Node, irtest.Read), got), msg)
			results[i].Free()
		}
		requireHeld(t, b, wanted(c, drawn), msg)
		switch {
		case p.Chunks != nil:
			chunked++
		case p.IntermediateBytes > 0:
			staged++
		default:
			inPlace++
		}
		require.NoError(t, p.Close())
		b.free()
		require.Empty(t, strict.Errors())
		require.Zero(t, dev.Stats().Buffers+dev.Stats().Programs)
	})
	t.Logf("%d without intermediates, %d with, %d in chunks", inPlace, staged, chunked)
}

// within is a plan in a budget, which may still be too large for it.
func within(t require.TestingT, budget int, targets []plan.Target, opt plan.Options) *plan.Plan {
	p, err := plan.New(device.WithBudget(background, budget), targets, opt)
	require.NoError(t, err)
	return p
}
