package tensor_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tare-go/tare/cpu"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/device/devicetest"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/ir/irtest"
	np "github.com/tare-go/tare/tensor"
	"pgregory.net/rapid"
)

// TestRandomBudgets evaluates random expressions in random budgets: either they are refused before
// anything is allocated, or they stay within the budget, take what the plan says, and have the bits
// of the evaluation without one.
func TestRandomBudgets(t *testing.T) {
	dev := device.Ledger(device.Pool(cpu.New(2)))
	defer dev.Close()
	chunked, refused := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		c := irtest.Draw(t, 8)
		b := bind(t, c, dev)
		defer b.free()
		exprs := b.exprs(t)
		whole, err := np.PlanAll(exprs, np.On(dev))
		require.NoError(t, err)
		budget := rapid.IntRange(whole.ResultBytes, max(whole.PeakBytes, whole.ResultBytes)).Draw(t, "budget")

		ctx, rec := device.Record(context.Background())
		opts := []np.EvalOption{np.On(dev), np.Budget(budget)}
		results, err := np.EvalAll(ctx, exprs, opts...)
		var over *device.BudgetError
		if errors.As(err, &over) {
			refused++
			require.Zero(t, rec.Stats().Allocs)
			require.Greater(t, over.Need, budget)
			return
		}
		require.NoError(t, err)
		plan, err := np.PlanAll(exprs, opts...)
		require.NoError(t, err)
		s := rec.Stats()
		require.LessOrEqual(t, s.PeakBytes, budget)
		require.Equal(t, plan.PeakBytes, s.PeakBytes, "%v", plan)
		require.Equal(t, plan.IntermediateBytes, s.IntermediateBytes, "%v", plan)
		require.Equal(t, plan.Launches(), s.Launches)
		if plan.Chunks != nil {
			chunked++
		}
		for i, n := range c.Outs {
			want, got := ir.Evaluate(n, irtest.Read), elements(t, results[i])
			for j := range want {
				if want[j] != got[j] && !(isNaN(n.Type, want[j]) && isNaN(n.Type, got[j])) {
					require.Equalf(t, want[j], got[j], "element %d of %s\n%v", j, irtest.Text(n), plan)
				}
			}
			results[i].Free()
		}
	})
	t.Logf("%d evaluations in chunks, %d refused", chunked, refused)
}

// TestChunkedProduct computes a product whose operand is too large to be stored at once.
func TestChunkedProduct(t *testing.T) {
	ctx := context.Background()
	x, err := np.FromFunc([]int{3000, 200}, func(ix []int) float64 { return float64(ix[0]%7) - float64(ix[1]%5) })
	require.NoError(t, err)
	w, err := np.FromFunc([]int{200, 3}, func(ix []int) float64 { return float64(ix[0]+ix[1]) / 100 })
	require.NoError(t, err)
	e := np.MatMul(np.Tanh(x), w)
	whole, err := e.Plan()
	require.NoError(t, err)
	plan, err := e.Plan(np.Budget(1 << 20))
	require.NoError(t, err)
	require.NotNil(t, plan.Chunks)
	require.LessOrEqual(t, plan.PeakBytes, 1<<20)
	require.Greater(t, whole.PeakBytes, 4<<20)
	require.Contains(t, plan.String(), "chunks of")

	want, err := e.Eval(ctx)
	require.NoError(t, err)
	got, err := e.Eval(ctx, np.Budget(1<<20))
	require.NoError(t, err)
	require.Equal(t, elements(t, want), elements(t, got))
}

// A result of more than a tenth of what may be allocated is worth a line in the log, once for each line of the program.
func TestLargeResultsAreLogged(t *testing.T) {
	var log bytes.Buffer
	device.SetLogger(slog.New(slog.NewTextHandler(&log, nil)))
	defer device.SetLogger(nil)
	x, err := np.Ones([]int{1 << 18})
	require.NoError(t, err)
	for range 3 {
		y, err := np.Multiply(x, 3).Eval(context.Background(), np.Budget(10<<20))
		require.NoError(t, err)
		y.Free()
	}
	assert.Equal(t, 1, strings.Count(log.String(), "level=WARN"), log.String())
	assert.Contains(t, log.String(), "the result takes 2.00 MiB")
	assert.Contains(t, log.String(), "budget_test.go")
	log.Reset()
	y, err := np.Multiply(x, 3).Eval(context.Background(), np.Budget(100<<20))
	require.NoError(t, err)
	y.Free()
	for part, err := range np.Exp(np.Multiply(x, 3)).Chunks(context.Background(), np.Budget(3<<19)) {
		require.NoError(t, err)
		part.Free()
	}
	assert.Empty(t, log.String(), "parts are made as large as the budget allows")
}

// Chunks leave some room for what others take while they are computed.
func TestChunksDoNotFillWhatIsLeft(t *testing.T) {
	dev := device.Ledger(device.Pool(devicetest.NullOf(device.Info{Name: "small", Kind: "cuda", Memory: 100 << 20})))
	a := must[*np.Tensor](t)(np.Ones([]int{8000, 16}, np.On(dev)))
	b := must[*np.Tensor](t)(np.Ones([]int{16, 8000}, np.On(dev)))
	sum := np.Sum(np.MatMul(a, b))
	plan, err := sum.Plan()
	require.NoError(t, err)
	require.NotNil(t, plan.Chunks)
	left, _ := device.Budget(t.Context(), dev)
	assert.LessOrEqual(t, plan.PeakBytes, left-left/16)
	assert.Greater(t, plan.PeakBytes, left*3/4, "but they are as large as they can be")
	plan, err = sum.Plan(np.Budget(left))
	require.NoError(t, err)
	assert.Greater(t, plan.PeakBytes, left-left/16, "what was asked for is there")
}
