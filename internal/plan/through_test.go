package plan_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/cpu"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/device/devicetest"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/ir/irtest"
	"github.com/tare-go/tare/internal/op"
	"github.com/tare-go/tare/internal/plan"
)

// pair is a device to compute on, and one at home, where operands and results are.
type pair struct {
	dev, home *device.Ledgered
	strict    *devicetest.StrictDevice
}

func newPair() pair {
	dev, strict := ledgered()
	return pair{dev, device.Ledger(device.Pool(cpu.New(1))), strict}
}

func (p pair) options() plan.Options { return plan.Options{Device: p.dev, Home: p.home} }

// empty checks that nothing is left on either, and that nothing went wrong on the strict one.
func (p pair) empty(t require.TestingT) {
	require.Empty(t, p.strict.Errors())
	require.Zero(t, p.dev.Stats().Buffers+p.dev.Stats().Programs)
	require.Zero(t, p.home.Stats().Buffers+p.home.Stats().Programs)
	require.NoError(t, p.home.Close())
}

// runThrough runs a plan of drawn targets through a device, and checks results, arrays and both ledgers.
func runThrough(t require.TestingT, pr pair, b *bench, p *plan.Plan, drawn []plan.Target) {
	msg := describe(drawn) + p.String()
	ctx, dev := device.RecordOn(background, pr.dev)
	ctx, home := device.RecordOn(ctx, pr.home)
	results, err := p.Run(ctx, plan.Bindings{}, nil)
	require.NoError(t, err, msg)
	d, h := dev.Stats(), home.Stats()
	require.Equal(t, []int{p.PeakBytes, p.HomePeakBytes, 0, p.ResultBytes, p.Launches()},
		[]int{d.PeakBytes, h.PeakBytes, d.LiveBytes, h.LiveBytes, d.Launches + h.Launches}, msg)
	require.Equal(t, []int{p.IntermediateBytes, p.WorkspaceBytes},
		[]int{d.IntermediateBytes + h.IntermediateBytes, d.WorkspaceBytes + h.WorkspaceBytes}, msg)
	require.Equal(t, []device.Transfer{p.H2D, p.D2H, {}, {}, {}, {}, {}}, []device.Transfer{d.H2D, d.D2H, d.D2D, d.Host, h.H2D, h.D2H, h.D2D}, msg)
	for i, target := range drawn {
		require.Equal(t, target.Out == nil, results[i] != nil)
		if target.Out != nil {
			continue
		}
		got, err := bytes(pr.home, results[i], target.Node.Bytes())
		require.NoError(t, err)
		require.Equal(t, -1, differ(target.Node.Type, ir.Evaluate(target.Node, irtest.Read), got), msg)
		results[i].Free()
	}
	requireHeld(t, b, wanted(b.c, drawn), msg)
}

// TestThroughADevice evaluates random expressions over arrays at home, into new and given arrays there, with masks, fused
// and eager, in random budgets of the device, which are kept.
func TestThroughADevice(t *testing.T) {
	whole, chunked, gathered, over := 0, 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		c := irtest.Draw(t, 5)
		drawn := drawTargets(t, c)
		pr := newPair()
		b, err := put(c, pr.home)
		require.NoError(t, err)
		opt := pr.options()
		opt.Eager = rapid.IntRange(0, 3).Draw(t, "eager") == 0
		targets := b.targets(drawn)
		p, err := plan.New(background, targets, opt)
		var refused *plan.OutError
		if errors.As(err, &refused) {
			b.free()
			return
		}
		require.NoError(t, err)
		if rapid.IntRange(0, 3).Draw(t, "with a budget") > 0 {
			budget := rapid.IntRange(p.PeakBytes/10, p.PeakBytes).Draw(t, "budget")
			require.NoError(t, p.Close())
			ctx := device.WithBudgetOn(background, pr.dev, budget)
			p, err = plan.New(ctx, targets, opt)
			require.NoError(t, err)
			if err := p.Check(ctx); err != nil {
				require.ErrorAs(t, err, new(*device.BudgetError))
				require.NoError(t, p.Close())
				b.free()
				over++
				return
			}
			require.LessOrEqual(t, p.PeakBytes, budget)
		}
		runThrough(t, pr, b, p, drawn)
		switch {
		case p.Chunks == nil:
			whole++
		case p.Chunks.Gathers:
			gathered++
		default:
			chunked++
		}
		require.NoError(t, p.Close())
		b.free()
		pr.empty(t)
	})
	t.Logf("%d whole, %d in chunks, %d in chunks that are gathered, %d over budget", whole, chunked, gathered, over)
}

// through are expressions over a table of r rows and n columns, and w of n by k, of which parts can be computed.
var through = map[string]func(x, w *ir.Node) *ir.Node{
	"map":               func(x, w *ir.Node) *ir.Node { return apply(op.Exp, x) },
	"rows":              func(x, w *ir.Node) *ir.Node { return apply(op.Subtract, x, node(ir.Mean(x, kept(1)))) },
	"columns":           func(x, w *ir.Node) *ir.Node { return standard(x, over(0)) },
	"all":               func(x, w *ir.Node) *ir.Node { return apply(op.Subtract, x, node(ir.Mean(x, over(0, 1)))) },
	"sum of all":        func(x, w *ir.Node) *ir.Node { return node(ir.Sum(x, over(0, 1))) },
	"sum of columns":    func(x, w *ir.Node) *ir.Node { return node(ir.Sum(apply(op.Exp, x), over(0))) },
	"deviation of rows": func(x, w *ir.Node) *ir.Node { return node(ir.Std(x, over(1))) },
	"product":           func(x, w *ir.Node) *ir.Node { return node(ir.MatrixProduct(x, w)) },
	"activated": func(x, w *ir.Node) *ir.Node {
		p := apply(op.Add, node(ir.MatrixProduct(x, w)), index(w, at(0)))
		return apply(op.Multiply, apply(op.Tanh, p), index(x, broadcast.All(), broadcast.To(3)))
	},
	"differences": func(x, w *ir.Node) *ir.Node {
		return apply(op.Subtract, index(x, broadcast.From(1)), index(x, broadcast.To(-1)))
	},
	"flipped": func(x, w *ir.Node) *ir.Node {
		return apply(op.Subtract, x, node(ir.NewView(x, ir.View{Kind: ir.ViewFlip})))
	},
	"halves": func(x, w *ir.Node) *ir.Node {
		n := x.Shape[0] / 2
		return apply(op.Add, index(x, broadcast.To(n)), index(x, broadcast.Range(n, 2*n)))
	},
	"a column":         func(x, w *ir.Node) *ir.Node { return apply(op.Exp, index(x, broadcast.All(), at(1))) },
	"every other row":  func(x, w *ir.Node) *ir.Node { return apply(op.Exp, index(x, broadcast.Step(2))) },
	"its transpose":    func(x, w *ir.Node) *ir.Node { return apply(op.Exp, transposed(x)) },
	"minus one of its": func(x, w *ir.Node) *ir.Node { return apply(op.Subtract, x, index(x, at(0))) },
	"minus a column":   func(x, w *ir.Node) *ir.Node { return apply(op.Subtract, x, index(w, broadcast.All(), at(0))) },
	"both ways": func(x, w *ir.Node) *ir.Node {
		square := func(lo int) *ir.Node { return index(x, broadcast.Range(lo, lo+x.Shape[1])) }
		return apply(op.Add, square(0), transposed(square(3)))
	},
	"where": func(x, w *ir.Node) *ir.Node { return apply(op.Where, apply(op.Greater, x, number(0)), x, number(-1)) },
}

// TestThroughInBudgets evaluates expressions that can be cut in every budget down to a few rows.
func TestThroughInBudgets(t *testing.T) {
	for name, expression := range through {
		t.Run(name, func(t *testing.T) {
			chunked := 0
			rows, columns := 300, 12
			switch name {
			case "all", "sum of all":
				rows, columns = 16000, 4
			case "columns", "sum of columns":
				rows, columns = 4200, 32
			case "both ways":
				rows, columns = 100, 60
			}
			for _, percent := range []int{100, 50, 15} {
				c := &irtest.Case{}
				n := expression(filled(c, "x", rows, columns), filled(c, "w", columns, 3))
				for _, drawn := range [][]plan.Target{
					fresh(n),
					{{Node: n, Out: filled(c, "out", n.Shape...)}},
					{{Node: n, Out: gapped(c, n), Mask: node(ir.BroadcastTo(apply(op.Greater, filled(c, "mask", n.Shape...), number(0)), n.Shape))}},
				} {
					pr := newPair()
					b, err := put(c, pr.home)
					require.NoError(t, err)
					p, err := plan.New(background, b.targets(drawn), pr.options())
					require.NoError(t, err)
					budget := p.PeakBytes * percent / 100
					require.NoError(t, p.Close())
					p, err = plan.New(device.WithBudgetOn(background, pr.dev, budget), b.targets(drawn), pr.options())
					require.NoError(t, err)
					require.LessOrEqual(t, p.PeakBytes, budget, "%d %%: %v", percent, p)
					runThrough(t, pr, b, p, drawn)
					if p.Chunks != nil {
						chunked++
					}
					require.NoError(t, p.Close())
					b.free()
					pr.empty(t)
				}
			}
			assert.GreaterOrEqual(t, chunked, 6)
		})
	}
}

// gapped is an array with memory between its elements.
func gapped(c *irtest.Case, n *ir.Node) *ir.Node {
	shape := []int{3}
	ix := []broadcast.Index{at(1)}
	for _, e := range n.Shape {
		shape, ix = append(shape, e+2), append(ix, broadcast.Range(1, e+1))
	}
	return index(filled(c, "gapped", shape...), ix...)
}
