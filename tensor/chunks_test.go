package tensor_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tare-go/tare/cpu"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/ir/irtest"
	np "github.com/tare-go/tare/tensor"
)

// TestChunksMakeTheWhole computes random expressions in parts of random budgets.
func TestChunksMakeTheWhole(t *testing.T) {
	dev := device.Ledger(device.Pool(cpu.New(2)))
	defer dev.Close()
	several := 0
	rapid.Check(t, func(t *rapid.T) {
		c := irtest.Draw(t, 7)
		b := bind(t, c, dev)
		defer b.free()
		n, e := c.Outs[0], b.exprs(t)[0]
		if len(n.Shape) == 0 {
			return
		}
		whole, err := e.Plan(np.On(dev))
		require.NoError(t, err)
		budget := rapid.IntRange(whole.PeakBytes/8, whole.PeakBytes).Draw(t, "budget")
		plan, err := e.Chunked(np.On(dev), np.Budget(budget))
		var over *device.BudgetError
		if errors.As(err, &over) {
			return
		}
		require.NoError(t, err)
		want := ir.Evaluate(n, irtest.Read)
		ctx, rec := device.Record(context.Background())
		var got []uint64
		parts := 0
		for part, err := range plan.Eval(ctx) {
			require.NoError(t, err, "%v\n%v", plan, c)
			parts++
			got = append(got, elements(t, part)...)
			part.Free()
		}
		require.Equal(t, plan.Parts(), parts)
		require.LessOrEqual(t, plan.PeakBytes(), budget)
		require.Equal(t, plan.PeakBytes(), rec.Stats().PeakBytes, "%v", plan)
		if parts > 1 {
			several++
		}
		require.Equal(t, len(want), len(got))
		for j := range want {
			if want[j] != got[j] && !(isNaN(n.Type, want[j]) && isNaN(n.Type, got[j])) {
				require.Equalf(t, want[j], got[j], "element %d of %s", j, irtest.Text(n))
			}
		}
	})
	require.Equal(t, 0, dev.Stats().Buffers)
	t.Logf("%d of the expressions in several parts", several)
}
