package tensor_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/cpu"
	_ "github.com/tare-go/tare/cuda"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/device/devicetest"
	np "github.com/tare-go/tare/tensor"
)

// table is an array of different numbers in the host's memory.
func table(t testing.TB, shape ...int) *np.Tensor {
	i := 0
	x, err := np.FromFunc(shape, func([]int) float64 { i++; return float64(i*i%1009) / 8 })
	require.NoError(t, err)
	t.Cleanup(x.Free)
	return x
}

func floats(t testing.TB, x *np.Tensor) []float64 {
	t.Helper()
	v, err := np.ToSlice[float64](x)
	require.NoError(t, err)
	return v
}

// farAway is a device whose memory nobody else reaches.
func farAway(t testing.TB) *device.Ledgered {
	strict := devicetest.Strict()
	dev := device.Ledger(device.Pool(strict))
	t.Cleanup(func() {
		assert.Zero(t, dev.Stats().Buffers+dev.Stats().Programs)
		assert.NoError(t, dev.Close())
		strict.Check(t)
	})
	return dev
}

// centred is the rows of an array without their means, of which a budget of 8 KiB takes some.
func centred(x *np.Tensor) *np.Expr {
	return np.Subtract(x, np.Mean(x, np.Axis(1), np.KeepDims))
}

func TestThroughLeavesThingsWhereTheyAre(t *testing.T) {
	dev, x := farAway(t), table(t, 100, 20)
	want := must[*np.Tensor](t)(centred(x).Eval(t.Context()))
	defer want.Free()
	plan := must[*np.Plan](t)(centred(x).Plan(np.Through(dev), np.Budget(8<<10)))
	require.NotNil(t, plan.Chunks)
	assert.LessOrEqual(t, plan.PeakBytes, 8<<10)
	assert.Equal(t, []int{x.NBytes(), x.NBytes()}, []int{plan.H2D.Bytes, plan.D2H.Bytes}, "each byte moves once")
	assert.Contains(t, plan.String(), "transfers 20: 15.6 KiB to the device in 10, 15.6 KiB back in 10")
	ctx, rec := device.RecordOn(t.Context(), dev)
	y := must[*np.Tensor](t)(centred(x).Eval(ctx, np.Through(dev), np.Budget(8<<10)))
	defer y.Free()
	assert.Same(t, x.Device(), y.Device())
	assert.Equal(t, floats(t, want), floats(t, y))
	s := rec.Stats()
	assert.Equal(t, []int{plan.PeakBytes, 0}, []int{s.PeakBytes, s.LiveBytes})
	assert.Equal(t, []device.Transfer{plan.H2D, plan.D2H}, []device.Transfer{s.H2D, s.D2H})
}

func TestThroughIntoOutWhereAMaskSaysSo(t *testing.T) {
	dev, x, out, wide := farAway(t), table(t, 100, 20), table(t, 100, 20), table(t, 100, 30)
	some := np.Greater(x, 60)
	want := must[*np.Tensor](t)(np.Where(some, centred(x), out).Eval(t.Context()))
	defer want.Free()
	y := must[*np.Tensor](t)(centred(x).Eval(t.Context(), np.Through(dev), np.Out(out), np.WhereMask(some), np.Budget(12<<10)))
	assert.Same(t, out, y)
	assert.Equal(t, floats(t, want), floats(t, out))

	before := floats(t, wide)
	part := must[*np.Tensor](t)(wide.Slice(np.From(0), np.Range(5, 25)))
	_ = must[*np.Tensor](t)(np.Exp(np.Negative(x)).Eval(t.Context(), np.Through(dev), np.Out(part), np.Budget(12<<10)))
	small := must[*np.Tensor](t)(np.Exp(np.Negative(x)).Eval(t.Context()))
	defer small.Free()
	values := floats(t, small)
	for i, v := range floats(t, wide) {
		row, column := i/30, i%30-5
		if column < 0 || column >= 20 {
			require.Equal(t, before[i], v, "between the elements")
			continue
		}
		require.Equal(t, values[row*20+column], v)
	}
}

func TestThroughSeveralAtOnce(t *testing.T) {
	dev, x := farAway(t), table(t, 100, 20)
	exprs := []*np.Expr{centred(x), np.AsType(np.Multiply(x, 2), np.Float32)}
	for _, option := range []np.EvalOption{nil, np.Budget(16 << 10), np.Stepwise} {
		want := must[[]*np.Tensor](t)(np.EvalAll(t.Context(), exprs))
		got := must[[]*np.Tensor](t)(np.EvalAll(t.Context(), exprs, np.Through(dev), option))
		assert.Equal(t, floats(t, want[0]), floats(t, got[0]))
		assert.Equal(t, must[[]float32](t)(np.ToSlice[float32](want[1])), must[[]float32](t)(np.ToSlice[float32](got[1])))
		for _, y := range append(want, got...) {
			y.Free()
		}
	}
}

func TestPreparedThrough(t *testing.T) {
	dev, x, other := farAway(t), table(t, 100, 20), table(t, 101, 20)
	moved := must[*np.Tensor](t)(other.Slice(np.From(1)))
	factor := np.Scalar(2.0)
	p := must[*np.Prepared](t)(np.Prepare(np.Multiply(centred(x), factor), np.Through(dev), np.Budget(8<<10)))
	defer p.Close()
	require.NotNil(t, p.Plan().Chunks)
	for _, operand := range []*np.Tensor{x, moved, x} {
		want := must[*np.Tensor](t)(np.Multiply(centred(operand), 3.0).Eval(t.Context()))
		got := must[*np.Tensor](t)(p.Eval(t.Context(), np.Bind(x, operand), np.Set(factor, 3.0)))
		assert.Equal(t, floats(t, want), floats(t, got))
		want.Free()
		got.Free()
	}
}

// TestKeptPlansThrough evaluates again and again what is kept as a plan, with operands at home and on the device.
func TestKeptPlansThrough(t *testing.T) {
	sim := must[device.Device](t)(device.Open("cuda:sim"))
	x := table(t, 10, 20)
	there := must[*np.Tensor](t)(x.To(t.Context(), sim))
	defer there.Free()
	want := must[*np.Tensor](t)(centred(x).Eval(t.Context()))
	defer want.Free()
	for i := range 6 {
		operand, moved := x, x.NBytes()
		if i%3 == 1 {
			operand, moved = there, 0
		}
		ctx, rec := device.Record(t.Context())
		y := must[*np.Tensor](t)(centred(operand).Eval(ctx, np.Through(sim)))
		assert.Equal(t, moved, rec.Stats().H2D.Bytes)
		assert.Same(t, x.Device(), y.Device())
		assert.Equal(t, floats(t, want), floats(t, y))
		y.Free()
	}
}

func TestWhatDoesNotGoThrough(t *testing.T) {
	dev, x := farAway(t), table(t, 100, 20)
	third := device.Ledger(devicetest.Strict())
	y := must[*np.Tensor](t)(x.To(t.Context(), third))
	_, err := np.Add(x, y).Eval(t.Context(), np.Through(dev))
	require.ErrorAs(t, err, new(*device.MismatchError))
	y.Free()
	_, err = np.Exp(x).Eval(t.Context(), np.Through(nil))
	require.ErrorAs(t, err, new(*np.NilError))
	_, err = np.ArgMax(x).Eval(t.Context(), np.Through(dev), np.Budget(8<<10))
	require.ErrorAs(t, err, new(*device.BudgetError))
	_, err = np.Exp(x).Eval(t.Context(), np.Through(dev), np.Out(x), np.Budget(8<<10))
	require.ErrorAs(t, err, new(*device.BudgetError), "a chunk would overwrite what the next one reads")
	_, err = np.Exp(x).Eval(device.WithBudget(t.Context(), 24<<10), np.Through(dev))
	require.NoError(t, err, "the budget of both has room for the result and for chunks")
	_, err = np.Exp(x).Eval(device.WithBudget(t.Context(), 15<<10), np.Through(dev))
	require.ErrorAs(t, err, new(*device.BudgetError), "but not this one")

	var denied *device.GuardError
	_, err = np.Exp(x).Eval(device.Guard(t.Context(), device.Deny), np.Through(dev))
	require.ErrorAs(t, err, &denied)
	assert.True(t, denied.Explicit)
	assert.Regexp(t, `^tensor/through_test.go:\d+: eval: a transfer of `, err.Error(), "the line is said once")
	_, err = np.Exp(x).Eval(device.GuardImplicit(t.Context(), device.Deny), np.Through(dev))
	require.NoError(t, err, "it was asked for")
	z := must[*np.Tensor](t)(np.Exp(x).Eval(t.Context(), np.Through(x.Device())))
	assert.Same(t, x.Device(), z.Device())
}

func TestChunksThrough(t *testing.T) {
	dev, x := farAway(t), table(t, 100, 20)
	e := np.Divide(centred(x), np.Std(x, np.Axis(0)))
	want := must[*np.Tensor](t)(e.Eval(t.Context()))
	defer want.Free()
	c := must[*np.Chunked](t)(e.Chunked(np.Through(dev), np.Budget(12<<10)))
	require.Greater(t, c.Parts(), 1)
	ctx, rec := device.RecordOn(t.Context(), dev)
	var got []float64
	for part, err := range c.Eval(ctx) {
		require.NoError(t, err)
		assert.Same(t, x.Device(), part.Device())
		got = append(got, floats(t, part)...)
		part.Free()
	}
	assert.Equal(t, floats(t, want), got)
	assert.Equal(t, c.PeakBytes(), rec.Stats().PeakBytes)
	assert.LessOrEqual(t, c.PeakBytes(), 12<<10)
}

// TestThroughOnBothSides shows that each side has its own account.
func TestThroughOnBothSides(t *testing.T) {
	dev, home := farAway(t), device.Ledger(cpu.New(1))
	x := must[*np.Tensor](t)(np.Ones([]int{50, 40}, np.On(home)))
	p := must[*np.Plan](t)(np.Exp(x).Plan(np.Through(dev)))
	ctx, here := device.RecordOn(context.Background(), home)
	y := must[*np.Tensor](t)(np.Exp(x).Eval(ctx, np.Through(dev)))
	assert.Equal(t, []int{p.HomePeakBytes, p.ResultBytes}, []int{here.Stats().PeakBytes, here.Stats().LiveBytes})
	y.Free()
	a := must[*np.Analysis](t)(np.Exp(x).ExplainAnalyze(t.Context(), np.Through(dev), np.Budget(20<<10)))
	assert.Equal(t, a.Plan.PeakBytes, a.Stats.PeakBytes)
	assert.Contains(t, a.String(), "transfers                                    32000        32000")
	x.Free()
	assert.Zero(t, home.Stats().Buffers)
}

// What a scan takes in is stored where its result goes: the buffer of the device is one, and what is copied back, or read
// for another result, is what was written last.
func TestWhatIsWrittenTwiceComesHomeOnce(t *testing.T) {
	dev, x := farAway(t), table(t, 8, 5)
	total := np.CumSum(np.Reshape(np.Negative(np.Transpose(x)), 40))
	exprs := []*np.Expr{total, total}
	want := must[[]*np.Tensor](t)(np.EvalAll(t.Context(), exprs))
	plan := must[*np.Plan](t)(np.PlanAll(exprs, np.Through(dev)))
	assert.Equal(t, device.Transfer{Count: 2, Bytes: 2 * x.NBytes()}, plan.D2H, "%v", plan)
	got := must[[]*np.Tensor](t)(np.EvalAll(t.Context(), exprs, np.Through(dev)))
	for i := range exprs {
		assert.Equal(t, floats(t, want[i]), floats(t, got[i]))
		want[i].Free()
		got[i].Free()
	}
}
