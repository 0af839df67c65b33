package cuda

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tare-go/tare/cuda/internal/driver"
	"github.com/tare-go/tare/cuda/internal/simulated"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/ir/irtest"
	np "github.com/tare-go/tare/tensor"
)

// TestRandomExpressionsThrough has random expressions over arrays of the host's memory computed through the simulation, in
// random budgets: the oracle's bits, and the plan's bytes on either side and between them.
func TestRandomExpressionsThrough(t *testing.T) {
	g, table := simulate(t, simulated.Options{}, options{slabs: true})
	dev := device.Ledger(device.Pool(g))
	host := mustOpen("cpu")
	chunked := 0
	rapid.Check(t, func(t *rapid.T) {
		c := irtest.Draw(t, 6)
		p, err := place(c, host)
		require.NoError(t, err)
		defer p.free()
		opts := []np.EvalOption{np.Through(dev)}
		if rapid.IntRange(0, 3).Draw(t, "stepwise") == 0 {
			opts = append(opts, np.Stepwise)
		}
		exprs := p.exprs(c)
		plan, err := np.PlanAll(exprs, opts...)
		require.NoError(t, err, c.String())
		opts = append(opts, np.Budget(rapid.IntRange(plan.PeakBytes/3, plan.PeakBytes).Draw(t, "budget")))
		plan, err = np.PlanAll(exprs, opts...)
		require.NoError(t, err, c.String())
		ctx, there := device.RecordOn(context.Background(), dev)
		ctx, here := device.RecordOn(ctx, host)
		results, err := np.EvalAll(ctx, exprs, opts...)
		d, h := there.Stats(), here.Stats()
		if err != nil {
			require.ErrorAs(t, err, new(*device.BudgetError))
			require.Zero(t, d.Allocs+h.Allocs)
			return
		}
		require.Equal(t, []int{plan.PeakBytes, plan.HomePeakBytes, 0, plan.ResultBytes, plan.Launches()},
			[]int{d.PeakBytes, h.PeakBytes, d.LiveBytes, h.LiveBytes, d.Launches + h.Launches}, "%v\n%v", c, plan)
		require.Equal(t, []device.Transfer{plan.H2D, plan.D2H, {}}, []device.Transfer{d.H2D, d.D2H, d.D2D})
		if plan.Chunks != nil {
			chunked++
		}
		for i, n := range c.Outs {
			require.NoError(t, wrong(n, ir.Evaluate(n, irtest.Read), results[i]), "%v", plan)
			results[i].Free()
		}
	})
	t.Logf("%d in chunks", chunked)
	require.Zero(t, dev.Stats().Buffers)
	require.NoError(t, dev.Close())
	assert.Zero(t, table.Live())
}

// TestArraysLargerThanTheDevice evaluates through a device of a few megabytes what takes several times as much.
func TestArraysLargerThanTheDevice(t *testing.T) {
	ctx := context.Background()
	g, table := simulate(t, simulated.Options{Memory: 4 << 20}, options{slabs: true})
	dev := device.Ledger(device.Pool(g))
	x := matrix(t, 2500, 400) // 8 MB
	defer x.Free()
	for name, e := range map[string]*np.Expr{
		"rows":    np.Subtract(x, np.Mean(x, np.Axis(1), np.KeepDims)),
		"columns": np.Divide(np.Subtract(x, np.Mean(x, np.Axis(0))), np.Std(x, np.Axis(0))),
		"all":     np.Sum(np.Exp(np.Negative(x))),
	} {
		want, err := e.Eval(ctx)
		require.NoError(t, err)
		plan, err := e.Plan(np.Through(dev))
		require.NoError(t, err)
		require.NotNil(t, plan.Chunks, "%v", plan)
		got, err := e.Eval(ctx, np.Through(dev))
		require.NoError(t, err, "%v", plan)
		assert.Equal(t, values(t, want), values(t, got), name)
		want.Free()
		got.Free()
	}
	require.Zero(t, dev.Stats().Buffers)
	require.NoError(t, dev.Close())
	assert.Zero(t, table.Live())
}

func values(t testing.TB, x *np.Tensor) []float64 {
	t.Helper()
	v, err := np.ToSlice[float64](x)
	require.NoError(t, err)
	return v
}

// throughInChunks is a job: a result that goes through the device in three chunks, which lanes copy.
func throughInChunks(t testing.TB) job {
	const rows = 33
	x := matrix(t, 3*rows, 1000)
	t.Cleanup(x.Free)
	e := np.Subtract(np.Multiply(x, 2), x)
	return func(dev device.Device) error {
		y, err := e.Eval(context.Background(), np.Through(dev), np.Budget(4*device.SizeClass(rows*1000*8)))
		if err != nil {
			return err
		}
		defer y.Free()
		if got, want := values(t, y), values(t, x); !slices.Equal(got, want) {
			return errors.New("other values came back")
		}
		return nil
	}
}

// TestCancelledThrough cancels an evaluation at each call of the driver in turn. Whatever it was doing, it returns with the
// context's error or is complete, and from then on nobody writes to its Out; nothing is left, and the next evaluation is right.
func TestCancelledThrough(t *testing.T) {
	table := &meddling{Table: simulated.New(simulated.Options{})}
	g, err := open(table, 0, options{name: Simulated, kind: simKind, slabs: true})
	require.NoError(t, err)
	dev := device.Ledger(device.Pool(g))
	x, out := matrix(t, 175, 1000), matrix(t, 175, 1000)
	defer x.Free()
	defer out.Free()
	e := np.Subtract(np.Multiply(x, 2), x)
	budget := np.Budget(4 * device.SizeClass(35*1000*8))
	held, err := np.Data[float64](out)
	require.NoError(t, err)
	before, cancelled := runtime.NumGoroutine(), 0
	for k := int64(1); ; k++ {
		ctx, cancel := context.WithCancel(context.Background())
		table.calls.Store(0)
		table.at, table.do = k, cancel
		_, err := e.Eval(ctx, np.Through(dev), np.Out(out), budget)
		reached := table.calls.Load() >= k
		table.do = func() {}
		cancel()
		was := slices.Clone(held)
		require.NoError(t, dev.Sync(context.Background()))
		require.Equal(t, was, held, "call %d", k)
		require.Zero(t, dev.Stats().Buffers+dev.Stats().Programs, "call %d", k)
		if err != nil {
			require.ErrorIs(t, err, context.Canceled, "call %d", k)
			cancelled++
		} else {
			require.Equal(t, values(t, x), held)
		}
		if !reached {
			break
		}
	}
	assert.Greater(t, cancelled, 50)
	for i := 0; i < 1000 && runtime.NumGoroutine() > before; i++ {
		time.Sleep(time.Millisecond)
	}
	assert.LessOrEqual(t, runtime.NumGoroutine(), before)
	require.NoError(t, dev.Close())
	assert.Zero(t, table.Live())
}

// meddling is a driver that does something at one of its calls.
type meddling struct {
	*simulated.Table
	calls atomic.Int64
	at    int64
	do    func()
}

func (c *meddling) count() {
	if c.calls.Add(1) == c.at {
		c.do()
	}
}

func (c *meddling) CopyToDevice(ctx driver.Context, dst driver.Address, src unsafe.Pointer, n int, s driver.Stream) error {
	c.count()
	return c.Table.CopyToDevice(ctx, dst, src, n, s)
}

func (c *meddling) CopyToHost(ctx driver.Context, dst unsafe.Pointer, src driver.Address, n int, s driver.Stream) error {
	c.count()
	return c.Table.CopyToHost(ctx, dst, src, n, s)
}

func (c *meddling) Launch(ctx driver.Context, l *driver.Launch) error {
	c.count()
	return c.Table.Launch(ctx, l)
}

func (c *meddling) WaitEvent(ctx driver.Context, s driver.Stream, e driver.Event) error {
	c.count()
	return c.Table.WaitEvent(ctx, s, e)
}

func (c *meddling) RecordEvent(ctx driver.Context, e driver.Event, s driver.Stream) error {
	c.count()
	return c.Table.RecordEvent(ctx, e, s)
}

func (c *meddling) SynchronizeEvent(ctx driver.Context, e driver.Event) error {
	c.count()
	return c.Table.SynchronizeEvent(ctx, e)
}

func (c *meddling) Alloc(ctx driver.Context, n int) (driver.Address, error) {
	c.count()
	return c.Table.Alloc(ctx, n)
}
