package tensor_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/cpu"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/device/devicetest"
	np "github.com/tare-go/tare/tensor"
)

// above is the line n lines above its caller, as the ledger prints it.
func above(n int) string {
	_, _, line, _ := runtime.Caller(1)
	return fmt.Sprintf("tensor/ledger_test.go:%d", line-n)
}

// accounts are those of a scope or a device, by line.
func accounts(sites []device.SiteStats) map[string]device.Stats {
	m := map[string]device.Stats{}
	for _, s := range sites {
		m[s.Site.String()] = s.Stats
	}
	return m
}

// ledgered is a CPU device of the test's own, which must be left empty.
func ledgered(t *testing.T) *device.Ledgered {
	dev := device.Ledger(device.Pool(cpu.New(2)))
	t.Cleanup(func() { require.NoError(t, dev.Close()) })
	return dev
}

func must[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		require.NoError(t, err)
		return v
	}
}

func TestScopesOfEvaluationsNest(t *testing.T) {
	dev := ledgered(t)
	x := must[*np.Tensor](t)(np.Ones([]int{100, 100}, np.On(dev)))
	outer, all := device.Record(t.Context())
	y := must[*np.Tensor](t)(np.Exp(x).Eval(outer))
	inner, one := device.Record(outer)
	z := must[*np.Tensor](t)(np.MatMul(np.Sqrt(x), y).Eval(inner))
	size := device.SizeClass(80_000)
	assert.Equal(t, []int{size, size, 2}, []int{one.Stats().ResultBytes, one.Stats().IntermediateBytes, one.Stats().Launches})
	assert.Equal(t, []int{2 * size, size, 3}, []int{all.Stats().ResultBytes, all.Stats().IntermediateBytes, all.Stats().Launches})
	y.Free()
	assert.Equal(t, size, one.Stats().LiveBytes, "what was made outside is not the inner scope's")
	assert.Equal(t, size, all.Stats().LiveBytes)
	z.Free()
	assert.Zero(t, one.Stats().LiveBytes+all.Stats().LiveBytes)
	assert.NoError(t, all.MaxTransfers(0))
	assert.Equal(t, size, dev.Stats().LiveBytes, "x")
}

// The ledger tells by line what the test's calls allocate, launch and hold.
func TestSitesAreTheCallersLines(t *testing.T) {
	dev := device.Ledger(devicetest.Strict())
	a, on := must[*np.Tensor](t), np.On(dev)
	lines := map[string]string{}
	x := a(np.Ones([]int{32, 20}, np.DType(np.Float64), on))
	lines["ones"] = above(1)
	s := a(np.Arange(0.0, 20, 1, on))
	lines["arange"] = above(1)
	e := np.Subtract(np.E(x), np.Mean(x, np.Axis(0)))
	lines["subtract"] = above(1)
	y := a(e.Eval(t.Context()))
	lines["eval"] = above(1)
	v := a(x.Transpose())
	c := a(v.Copy(t.Context()))
	lines["copy"] = above(1)
	d := a(c.To(t.Context(), device.Ledger(devicetest.Strict())))
	there := d.Device().(*device.Ledgered)
	lines["to"] = above(2)
	_, err := np.Item[float64](a(np.Sum(s).Eval(t.Context())))
	require.NoError(t, err)
	lines["sum"] = above(2)

	at := accounts(dev.Sites())
	size := device.SizeClass(32 * 20 * 8)
	assert.Equal(t, size, at[lines["ones"]].OperandBytes)
	assert.Equal(t, 1, at[lines["ones"]].Launches, "which fills it")
	assert.Equal(t, device.SizeClass(160), at[lines["arange"]].OperandBytes)
	assert.Equal(t, device.Transfer{Count: 1, Bytes: 160}, at[lines["arange"]].H2D)
	assert.Equal(t, []int{size, 2}, []int{at[lines["subtract"]].ResultBytes, at[lines["subtract"]].Launches}, "of both expressions of the line")
	assert.Positive(t, at[lines["eval"]].WorkspaceBytes, "what no expression names is the evaluation's")
	assert.Equal(t, []int{size, 1}, []int{at[lines["copy"]].LiveBytes, at[lines["copy"]].Launches})
	assert.Equal(t, size, accounts(there.Sites())[lines["to"]].OperandBytes)
	assert.Equal(t, 1, at[lines["sum"]].D2H.Count)
	assert.NotContains(t, at, "(unknown site)", "%v", device.SiteTable(dev.Sites()))
	for site := range at {
		assert.True(t, strings.HasPrefix(site, "tensor/ledger_test.go:"), site)
	}
	for _, x := range []*np.Tensor{x, s, y, c, d} {
		x.Free()
	}
}

// Parts, what all parts need and their launches are the line's that asked for them.
func TestSitesOfChunks(t *testing.T) {
	dev := device.Ledger(devicetest.Strict())
	x := must[*np.Tensor](t)(np.Ones([]int{40, 50}, np.On(dev)))
	e := np.Subtract(x, np.Mean(x, np.Axis(0)))
	ctx, rec := device.Record(t.Context())
	for part, err := range e.Chunks(ctx, np.Budget(6000)) {
		require.NoError(t, err)
		part.Free()
	}
	require.Positive(t, rec.Stats().Launches)
	for site := range accounts(rec.Sites()) {
		assert.True(t, strings.HasPrefix(site, "tensor/ledger_test.go:"), site)
	}
	assert.Equal(t, 1, dev.Stats().Buffers)
	assert.Zero(t, dev.Stats().Programs)
}

// A plan that was only looked at holds nothing.
func TestPlansHoldNoPrograms(t *testing.T) {
	dev := ledgered(t)
	x := must[*np.Tensor](t)(np.Ones([]int{40, 50}, np.On(dev)))
	p, err := np.Exp(x).Plan()
	require.NoError(t, err)
	assert.Contains(t, p.String(), "run    exp")
	_, err = np.PlanAll([]*np.Expr{np.Exp(x), np.Sum(x)}, np.Budget(100))
	require.NoError(t, err)
	_, err = np.Subtract(x, np.Mean(x, np.Axis(0))).Chunked()
	require.NoError(t, err)
	_, err = np.Subtract(x, np.Mean(x, np.Axis(0))).Chunked(np.Budget(700))
	require.ErrorAs(t, err, new(*device.BudgetError))
	assert.Zero(t, dev.Stats().Programs)
	ready, err := np.Prepare(np.Exp(x))
	require.NoError(t, err)
	assert.Equal(t, 1, dev.Stats().Programs)
	require.NoError(t, ready.Close())
	assert.Zero(t, dev.Stats().Programs)
	x.Free()
}

// A move is counted by the device that makes it and allocated where it goes, in the scope and the
// budget of its context.
func TestTo(t *testing.T) {
	here, there := ledgered(t), ledgered(t)
	x := must[*np.Tensor](t)(np.Ones([]int{100, 100}, np.On(here)))
	v := must[*np.Tensor](t)(x.Transpose())
	size := device.SizeClass(80_000)
	ctx, rec := device.Record(t.Context())
	y := must[*np.Tensor](t)(x.To(ctx, there))
	s := rec.Stats()
	assert.Equal(t, []int{1, size, size}, []int{s.Allocs, s.OperandBytes, s.LiveBytes})
	assert.Equal(t, device.Transfer{Count: 1, Bytes: 80_000}, s.Host, "memory that the processor reaches is no transfer")
	assert.NoError(t, rec.MaxTransfers(0))
	assert.Equal(t, []int{size, size}, []int{here.Stats().LiveBytes, there.Stats().LiveBytes})
	same := must[*np.Tensor](t)(y.To(ctx, there))
	assert.Same(t, y, same)

	ctx, rec = device.Record(t.Context())
	z := must[*np.Tensor](t)(v.To(ctx, there))
	assert.Equal(t, []int{2 * size, size}, []int{rec.Stats().PeakBytes, rec.Stats().LiveBytes}, "a strided array is copied first")
	_, err := x.To(device.WithBudget(t.Context(), 1000), there)
	assert.ErrorAs(t, err, new(*device.BudgetError))
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = x.To(cancelled, there)
	assert.ErrorIs(t, err, context.Canceled)
	_, err = np.Add(x, y).Eval(t.Context())
	assert.ErrorAs(t, err, new(*device.MismatchError))
	for _, x := range []*np.Tensor{x, y, z} {
		x.Free()
	}
	assert.Zero(t, here.Stats().Buffers+there.Stats().Buffers)
}

// MaxTransfers tells who moved what, on a device that the processor cannot reach.
func TestTransfersAreCounted(t *testing.T) {
	gpu, host := device.Ledger(device.Pool(devicetest.Strict())), ledgered(t)
	x := must[*np.Tensor](t)(np.Ones([]int{1000}, np.On(host)))
	ctx, rec := device.Record(t.Context())
	y := must[*np.Tensor](t)(x.To(ctx, gpu))
	z := must[*np.Tensor](t)(np.Exp(y).Eval(ctx))
	back := must[*np.Tensor](t)(z.To(ctx, host))
	s := rec.Stats()
	assert.Equal(t, []device.Transfer{{Count: 1, Bytes: 8000}, {Count: 1, Bytes: 8000}, {}, {}}, []device.Transfer{s.H2D, s.D2H, s.D2D, s.Host})
	assert.NoError(t, rec.MaxTransfers(2))
	assert.Regexp(t, `2 transfers of 15.6 KiB \(16000 bytes\), at most 0 wanted; moved by:\n +7.81 KiB  tensor/ledger_test.go:\d+\n`, rec.MaxTransfers(0).Error())
	for _, x := range []*np.Tensor{x, y, z, back} {
		x.Free()
	}
	assert.Zero(t, gpu.Stats().Buffers)
}

// settle waits until a condition holds, and collects garbage meanwhile.
func settle(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for range 200 {
		runtime.GC()
		if holds() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Error(what)
}

// TestForgottenTensorsAreReleased by the collector, views with their arrays, and devices leave no
// goroutines behind.
func TestForgottenTensorsAreReleased(t *testing.T) {
	goroutines := runtime.NumGoroutine()
	dev := device.Ledger(device.Pool(cpu.New(2)))
	view := forget(t, dev)
	settle(t, "forgotten arrays are not released", func() bool { return dev.Stats().Buffers == 1 })
	assert.Equal(t, 5.0, must[float64](t)(np.Item[float64](view)), "a view keeps its array")
	runtime.KeepAlive(view)
	view = nil
	settle(t, "the array of a forgotten view is not released", func() bool { return dev.Stats().Buffers == 0 })
	assert.Zero(t, dev.Stats().LiveBytes)
	require.NoError(t, dev.Close())
	settle(t, "goroutines are left", func() bool { return runtime.NumGoroutine() <= goroutines })
}

// forget makes arrays and evaluates expressions of them, and returns a view of one.
func forget(t *testing.T, dev device.Device) *np.Tensor {
	x := must[*np.Tensor](t)(np.Arange(0.0, 1000, 1, np.On(dev)))
	for range 10 {
		must[*np.Tensor](t)(np.Sqrt(x).Eval(t.Context()))
		must[*np.Tensor](t)(x.Copy(t.Context()))
	}
	ready := must[*np.Prepared](t)(np.Prepare(np.Exp(x)))
	must[*np.Tensor](t)(ready.Eval(t.Context()))
	require.NoError(t, ready.Close())
	return must[*np.Tensor](t)(x.Slice(np.At(5)))
}
