package plan_test

import (
	"maps"
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

// filled adds an array of some numbers to a case.
func filled(c *irtest.Case, name string, shape ...int) *ir.Node {
	at := broadcast.Contiguous(shape, 8)
	a := &irtest.Array{Name: name, Type: dtype.Float64, Data: make([]byte, 8*at.Size())}
	for i := range at.Size() {
		ir.WriteBits(a.Data[8*i:8*i+8], math.Float64bits(float64((i*7+len(c.Arrays))%23)/8-1))
	}
	n := ir.NewLeaf(a, dtype.Float64, at)
	c.Arrays, c.Leaves = append(c.Arrays, a), append(c.Leaves, n)
	return n
}

// large are expressions with a large intermediate, of r rows and k columns, over arrays of r by n and
// n by k elements.
var large = map[string]func(x, w *ir.Node) *ir.Node{
	"product":  func(x, w *ir.Node) *ir.Node { return node(ir.MatrixProduct(apply(op.Tanh, x), w)) },
	"standard": func(x, w *ir.Node) *ir.Node { return node(ir.MatrixProduct(standard(x, over(0)), w)) },
	"rows":     func(x, w *ir.Node) *ir.Node { return node(ir.MatrixProduct(standard(x, kept(1)), w)) },
	"activated": func(x, w *ir.Node) *ir.Node {
		p := apply(op.Multiply, node(ir.MatrixProduct(apply(op.Exp, x), w)), number(0.01))
		return apply(op.Multiply, apply(op.Tanh, apply(op.Add, p, index(w, at(0)))), index(x, broadcast.All(), broadcast.To(w.Shape[1])))
	},
	"other side": func(x, w *ir.Node) *ir.Node {
		return transposed(node(ir.MatrixProduct(transposed(w), apply(op.Exp, transposed(x)))))
	},
	"flipped": func(x, w *ir.Node) *ir.Node {
		return node(ir.NewView(node(ir.MatrixProduct(apply(op.Sin, x), w)), ir.View{Kind: ir.ViewFlip}))
	},
	"twice": func(x, w *ir.Node) *ir.Node {
		return node(ir.MatrixProduct(node(ir.MatrixProduct(apply(op.Tanh, x), w)), node(ir.MatrixProduct(transposed(w), w))))
	},
}

// TestChunksAgree evaluates expressions with large intermediates in every budget: results are the
// oracle's, arrays beside them are left alone, the ledger is the plan's, and the budget is kept.
func TestChunksAgree(t *testing.T) {
	chunked := 0
	rapid.Check(t, func(t *rapid.T) {
		c := &irtest.Case{}
		r, n, k := rapid.IntRange(2, 40).Draw(t, "rows"), rapid.IntRange(8, 40).Draw(t, "columns"), rapid.IntRange(1, 3).Draw(t, "k")
		x, w := filled(c, "x", r, n), filled(c, "w", n, k)
		drawn := fresh(drawLarge(t)(x, w))
		if rapid.Bool().Draw(t, "two") {
			drawn = append(drawn, fresh(drawLarge(t)(x, w))...)
		}
		for i, d := range drawn {
			if rapid.Bool().Draw(t, "out") {
				out := filled(c, "out", r+1, 2*k)
				drawn[i].Out = index(out, broadcast.From(1), broadcast.Step(2))
				if rapid.Bool().Draw(t, "mask") {
					by := rapid.SampledFrom([]*ir.Node{drawn[i].Out, filled(c, "mask", r, k), d.Node}).Draw(t, "by")
					drawn[i].Mask = apply(op.Greater, by, number(0))
				}
			}
		}
		dev, strict := ledgered()
		b, err := put(c, dev)
		require.NoError(t, err)
		targets := b.targets(drawn)
		whole := within(t, math.MaxInt, targets, plan.Options{})
		budget := rapid.IntRange(whole.ResultBytes, whole.PeakBytes).Draw(t, "budget")
		p := within(t, budget, targets, plan.Options{})
		msg := describe(drawn) + p.String()
		ctx, rec := device.Record(device.WithBudget(background, budget))
		results, err := p.Run(ctx, plan.Bindings{}, nil)
		if p.PeakBytes > budget {
			var over *device.BudgetError
			require.ErrorAs(t, err, &over, msg)
			require.Equal(t, p.PeakBytes, over.Need)
			require.Zero(t, rec.Stats().Allocs)
			return
		}
		require.NoError(t, err, msg)
		s := rec.Stats()
		require.Equal(t, []int{p.PeakBytes, p.IntermediateBytes, p.WorkspaceBytes, p.ResultBytes, p.Launches()},
			[]int{s.PeakBytes, s.IntermediateBytes, s.WorkspaceBytes, s.LiveBytes, s.Launches}, msg)
		for i, d := range drawn {
			if results[i] == nil {
				continue
			}
			got, err := bytes(dev, results[i], d.Node.Bytes())
			require.NoError(t, err)
			require.Equal(t, -1, differ(d.Node.Type, ir.Evaluate(d.Node, irtest.Read), got), msg)
			results[i].Free()
		}
		requireHeld(t, b, wanted(c, drawn), msg)
		if p.Chunks != nil {
			chunked++
			require.Equal(t, whole.PeakBytes, p.Chunks.Whole)
			require.Equal(t, budget, p.Chunks.Budget)
			require.Equal(t, (r+p.Chunks.Rows-1)/p.Chunks.Rows, p.Chunks.Chunks)
		}
		require.NoError(t, p.Close())
		require.NoError(t, whole.Close())
		b.free()
		require.Empty(t, strict.Errors())
		require.Zero(t, dev.Stats().Buffers+dev.Stats().Programs)
	})
	t.Logf("%d in chunks", chunked)
	assert.Positive(t, chunked)
}

// repeats is the Repeat step of a plan.
func repeats(p *plan.Plan) (count, runs int) {
	for _, s := range p.Steps {
		if s.Kind == plan.Repeat {
			count += s.Count
			for _, b := range s.Body {
				if b.Kind == plan.Run {
					runs++
				}
			}
		}
	}
	return count, runs
}

func TestLargestChunksThatFit(t *testing.T) {
	dev := device.Ledger(devicetest.Null())
	n := large["product"](leaf(dev, "x", dtype.Float64, 1000, 128), leaf(dev, "w", dtype.Float64, 128, 1))
	row, result := 128*8, device.SizeClass(8000)
	for _, rows := range []int{1, 16, 128, 512} {
		budget := result + device.SizeClass(rows*row)
		p := made(t, device.WithBudget(background, budget), plan.Options{}, plan.Target{Node: n})
		require.NotNil(t, p.Chunks)
		assert.Equal(t, budget, p.PeakBytes)
		assert.Equal(t, rows, p.Chunks.Rows)
		assert.Equal(t, 0, p.Chunks.Axis)
		count, runs := repeats(p)
		assert.Equal(t, []int{1000 / rows, 2}, []int{count, runs})
		rest := 0
		if 1000%rows > 0 {
			rest = 2
		}
		assert.Equal(t, 1000/rows*2+rest, p.Launches())
		require.NoError(t, p.Close())
	}
	assert.Zero(t, dev.Stats().Programs, "plans that were tried are closed")
}

func TestWhatIsNotCut(t *testing.T) {
	dev := devicetest.Null()
	x, w := leaf(dev, "x", dtype.Float64, 1000, 128), leaf(dev, "w", dtype.Float64, 128, 128)
	n := large["product"](x, w)
	budget := device.WithBudget(background, 1_200_000)
	assert.NotNil(t, made(t, budget, plan.Options{}, plan.Target{Node: n}).Chunks)
	assert.Nil(t, made(t, background, plan.Options{}, plan.Target{Node: n}).Chunks, "no budget")
	assert.Nil(t, made(t, budget, plan.Options{Eager: true}, plan.Target{Node: n}).Chunks, "eager plans show what intermediates cost")
	small := device.WithBudget(background, 900_000)
	assert.Nil(t, made(t, small, plan.Options{}, plan.Target{Node: n}).Chunks, "the result alone is too large")
	assert.NotNil(t, made(t, small, plan.Options{}, plan.Target{Node: n, Out: leaf(dev, "out", dtype.Float64, 1000, 128)}).Chunks)
	assert.Nil(t, made(t, small, plan.Options{}, plan.Target{Node: n, Out: x}).Chunks, "a chunk would overwrite what the next one reads")
	sum := node(ir.Sum(apply(op.Exp, n), over()))
	p := made(t, device.WithBudget(background, 4096), plan.Options{}, plan.Target{Node: sum})
	assert.Nil(t, p.Chunks, "there is no axis")
	ctx, rec := device.Record(device.WithBudget(background, 4096))
	_, err := p.Run(ctx, plan.Bindings{}, nil)
	var over *device.BudgetError
	require.ErrorAs(t, err, &over)
	assert.Equal(t, []any{"sum", p.PeakBytes, 4096}, []any{over.Op, over.Need, over.Budget})
	assert.Same(t, p, over.Plan)
	assert.Zero(t, rec.Stats().Allocs)
}

// Where by accident two operands of the first chunk are the same memory, the chunks after it serve.
func TestChunksOfWhichTheFirstIsSpecial(t *testing.T) {
	c := &irtest.Case{}
	x, w := filled(c, "x", 5, 100), filled(c, "w", 100, 1)
	n := node(ir.MatrixProduct(apply(op.Subtract, x, index(x, broadcast.To(1))), w))
	dev, _ := ledgered()
	b, err := put(c, dev)
	require.NoError(t, err)
	p := within(t, 64+device.SizeClass(800), fresh(b.on(n)), plan.Options{})
	require.NotNil(t, p.Chunks)
	assert.Equal(t, 1, p.Chunks.Rows)
	bufs, err := p.Run(background, plan.Bindings{}, nil)
	require.NoError(t, err)
	got, err := bytes(dev, bufs[0], n.Bytes())
	require.NoError(t, err)
	assert.Equal(t, -1, differ(n.Type, ir.Evaluate(n, irtest.Read), got))
}

// Each chunk writes its part of a strided Out, where its part of the mask says so.
func TestMasksInChunks(t *testing.T) {
	c := &irtest.Case{}
	n := large["standard"](filled(c, "x", 10, 100), filled(c, "w", 100, 2))
	out := index(filled(c, "out", 21, 4), broadcast.RangeStep(1, 21, 2), broadcast.From(2))
	drawn := []plan.Target{{Node: n, Out: out, Mask: apply(op.Greater, filled(c, "mask", 10, 2), number(0))}}
	dev, _ := ledgered()
	b, err := put(c, dev)
	require.NoError(t, err)
	p := within(t, 5000, b.targets(drawn), plan.Options{})
	require.NotNil(t, p.Chunks)
	_, err = p.Run(background, plan.Bindings{}, nil)
	require.NoError(t, err)
	requireHeld(t, b, wanted(c, drawn), p.String())
}

// A second axis serves where the first one does not.
func TestChunksAlongTheSecondAxis(t *testing.T) {
	dev := devicetest.Null()
	x, w := leaf(dev, "x", dtype.Float64, 1, 128), leaf(dev, "w", dtype.Float64, 128, 1000)
	p := made(t, device.WithBudget(background, 100_000), plan.Options{}, plan.Target{Node: node(ir.MatrixProduct(x, apply(op.Exp, w)))})
	require.NotNil(t, p.Chunks)
	assert.Equal(t, 1, p.Chunks.Axis)
	assert.Contains(t, p.String(), "along axis 1, for the budget of 97.7 KiB")
}

func drawLarge(t *rapid.T) func(x, w *ir.Node) *ir.Node {
	names := slices.Sorted(maps.Keys(large))
	return large[rapid.SampledFrom(names).Draw(t, "expression")]
}
