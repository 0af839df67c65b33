package plan_test

import (
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/device/devicetest"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/ir/irtest"
	"github.com/tare-go/tare/internal/op"
	"github.com/tare-go/tare/internal/plan"
)

// folded are small results of a large product, of r rows and k columns.
var folded = map[string]func(y *ir.Node) *ir.Node{
	"sum":         func(y *ir.Node) *ir.Node { return node(ir.Sum(y, over())) },
	"column sums": func(y *ir.Node) *ir.Node { return node(ir.Sum(apply(op.Exp, y), over(0))) },
	"row maxima of column products": func(y *ir.Node) *ir.Node {
		return node(ir.Max(node(ir.Prod(y, kept(0))), over(1)))
	},
	"deviation": func(y *ir.Node) *ir.Node { return node(ir.Std(y, over(0))) },
	"of all":    func(y *ir.Node) *ir.Node { return apply(op.Sqrt, node(ir.Var(y, over()))) },
	"of rows": func(y *ir.Node) *ir.Node {
		return node(ir.Sum(apply(op.Log, node(ir.Sum(apply(op.Exp, y), over(1)))), over()))
	},
	"transposed": func(y *ir.Node) *ir.Node { return node(ir.Mean(transposed(y), over(1))) },
	"flat": func(y *ir.Node) *ir.Node {
		return node(ir.Mean(node(ir.Reshape(y, y.Len())), over()))
	},
	"reshaped": func(y *ir.Node) *ir.Node {
		return node(ir.Sum(node(ir.Reshape(y, y.Shape[0]/2, 2, y.Shape[1])), over(0, 1)))
	},
}

// TestReductionsInChunksAgree evaluates reductions of products that do not fit, in every budget: the bits are the
// oracle's, the budget is kept, and the ledger is the plan's.
func TestReductionsInChunksAgree(t *testing.T) {
	chunked := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		c := &irtest.Case{}
		r, k := 2*rapid.SampledFrom([]int{129, 300, 700}).Draw(t, "half of the rows"), rapid.SampledFrom([]int{1, 3, 16, 33, 40}).Draw(t, "k")
		name := rapid.SampledFrom(slices.Sorted(maps.Keys(folded))).Draw(t, "expression")
		n := folded[name](node(ir.MatrixProduct(filled(c, "x", r, 3), filled(c, "w", 3, k))))
		if rapid.Bool().Draw(t, "used") {
			n = apply(op.Add, filled(c, "bias", k), n)
		}
		dev, strict := ledgered()
		b, err := put(c, dev)
		require.NoError(t, err)
		whole := within(t, math.MaxInt, fresh(b.on(n)), plan.Options{})
		budget := whole.PeakBytes * rapid.SampledFrom([]int{2, 4, 6, 8, 9}).Draw(t, "tenths") / 10
		p := within(t, budget, fresh(b.on(n)), plan.Options{})
		if p.PeakBytes > budget {
			require.Nil(t, p.Chunks)
			return
		}
		ctx, rec := device.Record(device.WithBudget(background, budget))
		results, err := p.Run(ctx, plan.Bindings{}, nil)
		require.NoError(t, err, p.String())
		s := rec.Stats()
		require.Equal(t, []int{p.PeakBytes, p.IntermediateBytes, p.WorkspaceBytes, p.ResultBytes, p.Launches()},
			[]int{s.PeakBytes, s.IntermediateBytes, s.WorkspaceBytes, s.LiveBytes, s.Launches}, p.String())
		got, err := bytes(dev, results[0], n.Bytes())
		require.NoError(t, err)
		require.Equal(t, -1, differ(n.Type, ir.Evaluate(n, irtest.Read), got), name+p.String())
		if p.Chunks != nil && len(p.Chunks.Reductions) > 0 {
			chunked[name]++
		}
		results[0].Free()
		require.NoError(t, p.Close())
		require.NoError(t, whole.Close())
		b.free()
		require.Empty(t, strict.Errors())
		require.Zero(t, dev.Stats().Buffers+dev.Stats().Programs)
	})
	t.Log("in chunks:", chunked)
	assert.NotEmpty(t, chunked)
}

// Which reductions are cut, at two fifths of what they take at once: all but one whose rows are not the product's.
func TestWhichReductionsAreCut(t *testing.T) {
	dev := device.Ledger(devicetest.Null())
	y := node(ir.MatrixProduct(leaf(dev, "x", dtype.Float64, 5000, 3), leaf(dev, "w", dtype.Float64, 3, 40)))
	var cut []string
	for _, name := range slices.Sorted(maps.Keys(folded)) {
		n := folded[name](y)
		whole := made(t, background, plan.Options{}, plan.Target{Node: n})
		p := made(t, device.WithBudget(background, whole.PeakBytes*2/5), plan.Options{}, plan.Target{Node: n})
		if p.Chunks != nil && len(p.Chunks.Reductions) > 0 {
			cut = append(cut, name)
		}
		require.NoError(t, p.Close())
		require.NoError(t, whole.Close())
	}
	assert.Equal(t, []string{"column sums", "deviation", "of all", "of rows", "reshaped", "row maxima of column products", "sum", "transposed"}, cut)
	assert.Zero(t, dev.Stats().Programs)
}

// A loss over a product of 8 GB takes what its blocks and a few rows take.
func TestReductionOfALargeProduct(t *testing.T) {
	dev := device.Ledger(devicetest.Null())
	x, w := leaf(dev, "x", dtype.Float64, 1_000_000, 100), leaf(dev, "w", dtype.Float64, 100, 1000)
	n := node(ir.Mean(apply(op.Square, node(ir.MatrixProduct(x, w))), over()))
	budget := 100 << 20
	p := made(t, device.WithBudget(background, budget), plan.Options{}, plan.Target{Node: n})
	require.NotNil(t, p.Chunks, p.String())
	assert.LessOrEqual(t, p.PeakBytes, budget)
	assert.Greater(t, p.PeakBytes, budget/2)
	assert.Contains(t, p.String(), "in 82 chunks of 12288 along axis 0 of what mean takes in, for the budget")
	require.NoError(t, p.Close())
	assert.Zero(t, dev.Stats().Programs)
}

// A result that goes into an operand's memory, in another order than the operand is read, is not computed in chunks: it
// would overwrite what it still reads. In a budget it is an error, and without one it is right.
func TestReductionsInChunksDoNotOverwriteWhatIsRead(t *testing.T) {
	c := &irtest.Case{}
	x := filled(c, "x", 40, 40)
	mean := node(ir.Mean(node(ir.MatrixProduct(filled(c, "y", 1000, 3), filled(c, "w", 3, 40))), over()))
	drawn := []plan.Target{{Node: apply(op.Add, transposed(x), mean), Out: x}}
	dev, strict := ledgered()
	b, err := put(c, dev)
	require.NoError(t, err)
	whole := within(t, math.MaxInt, b.targets(drawn), plan.Options{})
	budget := whole.PeakBytes * 3 / 4
	p := within(t, budget, b.targets(drawn), plan.Options{})
	assert.Nil(t, p.Chunks, p.String())
	_, err = p.Run(device.WithBudget(background, budget), plan.Bindings{}, nil)
	var over *device.BudgetError
	require.ErrorAs(t, err, &over)
	_, err = whole.Run(background, plan.Bindings{}, nil)
	require.NoError(t, err)
	requireHeld(t, b, wanted(c, drawn), whole.String())
	require.NoError(t, p.Close())
	require.NoError(t, whole.Close())
	b.free()
	require.Empty(t, strict.Errors())
}
