package device_test

import (
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/device/devicetest"
)

// card is a GPU of 1 GiB on which nothing runs.
func card() *device.Ledgered {
	return device.Ledger(device.Pool(devicetest.NullOf(device.Info{Name: "cuda:0", Kind: "cuda", Memory: 1 << 30})))
}

type steps string

func (s steps) String() string { return string(s) }

func TestCheckBeforeAllocating(t *testing.T) {
	l := card()
	mustAlloc(t, background, l, 100<<20)
	require.NoError(t, device.Check(background, l, "mean", 700<<20, nil))
	err := device.Check(background, l, "mean", 8_000_000_000_000, steps("1 alloc"))
	var over *device.BudgetError
	require.ErrorAs(t, err, &over)
	assert.Equal(t, "mean", over.Op)
	assert.InDelta(t, 0.8*(1<<30)-(100<<20), over.Budget, 1)
	assert.Equal(t, steps("1 alloc"), over.Plan)
	assert.Equal(t, []device.Holder{{Site: 0, Bytes: 100 << 20}}, over.Holders)
	for _, part := range []string{
		"mean: needs 7.28 TiB (8000000000000 bytes), and the budget is 719 MiB (",
		"80 % of the 1.00 GiB that tare can have, by memory of cuda:0, less what it holds",
		"held now by:\n     100 MiB  (unknown site)",
		"Out", "float32", "axis", "Free",
	} {
		assert.Contains(t, err.Error(), part)
	}
	assert.Equal(t, 1, l.Stats().Allocs, "nothing was allocated")
}

// What others leave changes; what was asked for does not.
func TestALastingBudgetLeavesSomeOfWhatIsLeft(t *testing.T) {
	l := card()
	left, _ := device.Budget(background, l)
	assert.Equal(t, left-left/16, device.LastingBudget(background, l))
	assert.Equal(t, 1000, device.LastingBudget(device.WithBudget(background, 1000), l))
	endless := device.Ledger(device.Pool(devicetest.NullOf(device.Info{Name: "endless", Kind: "cuda"})))
	assert.Equal(t, math.MaxInt, device.LastingBudget(background, endless))
}

// What fits is not put in words.
func TestAPlanThatFitsIsCheckedWithoutAllocating(t *testing.T) {
	l := card()
	ctx := device.WithOp(background, "add")
	assert.Zero(t, testing.AllocsPerRun(100, func() { require.NoError(t, device.Check(ctx, l, "add", 100<<20, nil)) }))
}

func TestSmallPlansAlwaysFit(t *testing.T) {
	l := device.Ledger(device.Pool(devicetest.NullOf(device.Info{Name: "tiny", Kind: "cuda", Memory: 1})))
	assert.NoError(t, device.Check(background, l, "add", 1<<20, nil))
	assert.Error(t, device.Check(background, l, "add", 1<<20+1, nil))
	assert.Error(t, device.Check(device.WithBudget(background, 100), l, "add", 128, nil), "unless there is a budget")
}

func TestBudgetOfAContext(t *testing.T) {
	l := card()
	ctx := device.WithBudget(background, 1000)
	a := mustAlloc(t, ctx, l, 640)
	left, why := device.Budget(ctx, l)
	assert.Equal(t, 360, left)
	assert.Contains(t, why, "the one that was asked for")
	_, err := l.Alloc(ctx, 384)
	var over *device.BudgetError
	require.ErrorAs(t, err, &over)
	assert.Equal(t, 384, over.Need)
	assert.Equal(t, 360, over.Budget)
	mustAlloc(t, background, l, 5000) // is not of the context
	a.Free()
	mustAlloc(t, ctx, l, 896)
}

func TestBudgetsNest(t *testing.T) {
	l := card()
	outer := device.WithBudget(background, 1024)
	inner := device.WithBudget(outer, 1<<40)
	mustAlloc(t, outer, l, 512)
	left, _ := device.Budget(inner, l)
	assert.Equal(t, 512, left)
	_, err := l.Alloc(inner, 513)
	assert.Error(t, err)
	mustAlloc(t, inner, l, 512)
	_, err = l.Alloc(device.WithBudget(background, 0), 1)
	assert.Error(t, err, "a budget of nothing")
}

// A budget of nothing, or of less, allows nothing but what takes nothing.
func TestBudgetsOfNothing(t *testing.T) {
	for _, bytes := range []int{0, -1, math.MinInt} {
		l := card()
		ctx := device.WithBudget(background, bytes)
		left, why := device.Budget(ctx, l)
		assert.Zero(t, left)
		assert.Contains(t, why, "the one that was asked for")
		assert.NoError(t, device.Check(ctx, l, "view", 0, nil))
		var over *device.BudgetError
		require.ErrorAs(t, device.Check(ctx, l, "add", 1, nil), &over)
		assert.Zero(t, over.Budget)
		_, err := l.Alloc(ctx, 1)
		require.ErrorAs(t, err, &over)
		assert.Equal(t, []int{64, 0}, []int{over.Need, over.Budget})
		assert.ErrorContains(t, err, "needs 64 bytes, and the budget is 0 bytes")
		mustAlloc(t, ctx, l, 0).Free()
		left, _ = device.Budget(device.WithBudget(ctx, 1<<30), l)
		assert.Zero(t, left, "nor does a budget within")
		assert.Zero(t, l.Stats().LiveBytes)
	}
}

// A device that says it has less than nothing left has nothing.
func TestADeviceWithLessThanNothing(t *testing.T) {
	l := device.Ledger(device.Pool(reporting{devicetest.Null(), -100 * mib}))
	left, _ := device.Budget(background, l)
	assert.Zero(t, left)
	_, err := l.Alloc(background, 2*mib)
	var over *device.BudgetError
	require.ErrorAs(t, err, &over)
	assert.Zero(t, over.Budget)
}

// Sizes near the largest int are too large, and nothing worse.
func TestSizesPastAllMemory(t *testing.T) {
	l := card()
	ctx := device.WithBudget(background, math.MaxInt-1)
	for _, bytes := range []int{math.MaxInt, math.MaxInt - 1, math.MaxInt - 1<<21} {
		var over *device.BudgetError
		_, err := l.Alloc(background, bytes)
		require.ErrorAs(t, err, &over)
		_, err = l.Alloc(ctx, bytes)
		require.ErrorAs(t, err, &over)
		require.ErrorAs(t, device.Check(ctx, l, "add", bytes, nil), &over)
	}
	_, err := l.Alloc(background, -1)
	var size *device.SizeError
	require.ErrorAs(t, err, &size)
	left, _ := device.Budget(ctx, l)
	assert.InDelta(t, 1<<30, left, 1)
	assert.Zero(t, l.Stats().LiveBytes)
}

func TestARefusedAllocationLeavesBudgetsAlone(t *testing.T) {
	l := card()
	outer := device.WithBudget(background, 1024)
	inner := device.WithBudget(outer, 1024)
	b := mustAlloc(t, outer, l, 512)
	_, err := l.Alloc(inner, 640)
	require.Error(t, err, "the outer budget has 512 bytes left")
	b.Free()
	mustAlloc(t, inner, l, 1024)
}

func TestAFailedAllocationLeavesBudgetsAlone(t *testing.T) {
	raw := devicetest.NullOf(device.Info{Name: "cuda:0", Kind: "cuda", Memory: 1 << 30})
	l := device.Ledger(device.Pool(devicetest.FailAt(raw, 1)))
	ctx := device.WithBudget(background, 100*mib)
	_, err := l.Alloc(ctx, 80*mib)
	var injected *devicetest.InjectedError
	require.ErrorAs(t, err, &injected)
	left, _ := device.Budget(ctx, l)
	assert.Equal(t, 100*mib, left)
	left, _ = device.Budget(background, l)
	assert.InDelta(t, 0.8*(1<<30), left, 1)
}

func TestABudgetRaisesTheShare(t *testing.T) {
	l := card()
	ctx := device.WithBudget(background, 1<<40)
	left, why := device.Budget(ctx, l)
	assert.InDelta(t, 1<<30, left, 1)
	assert.Contains(t, why, "100 % of the 1.00 GiB")
	mustAlloc(t, ctx, l, 1000<<20)
	_, err := l.Alloc(ctx, 100<<20)
	assert.Error(t, err, "more than there is")
}

func TestNoLimitIsKnown(t *testing.T) {
	l := device.Ledger(device.Pool(devicetest.Null()))
	left, why := device.Budget(background, l)
	assert.Equal(t, math.MaxInt, left)
	assert.Equal(t, "no limit is known", why)
	mustAlloc(t, background, l, 8_000_000_000_000)
	left, _ = device.Budget(background, devicetest.Null())
	assert.Equal(t, math.MaxInt, left)
}

// reporting is a device that knows how much memory it has left.
type reporting struct {
	device.Device
	left int
}

func (r reporting) MemoryLeft() (int, string) { return r.left, "the driver" }

func TestTheDeviceTellsWhatIsLeft(t *testing.T) {
	l := device.Ledger(device.Pool(devicetest.FailAt(reporting{devicetest.Null(), 100 * mib}, -1)))
	left, why := device.Budget(background, l)
	assert.Equal(t, 80*mib, left)
	assert.Contains(t, why, "the driver")
}

func TestABudgetHoldsUnderConcurrency(t *testing.T) {
	l := card()
	ctx, rec := device.Record(device.WithBudget(background, 10_000))
	var refused atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				b, err := l.Alloc(ctx, 3000)
				if err != nil {
					refused.Add(1)
					continue
				}
				b.Free()
			}
		})
	}
	wg.Wait()
	assert.LessOrEqual(t, rec.Stats().PeakBytes, 10_000)
	assert.EqualValues(t, 1600, int64(rec.Stats().Allocs)+refused.Load())
	left, _ := device.Budget(ctx, l)
	assert.Equal(t, 10_000, left, "nothing stays reserved")
}

func ExampleBudgetError() {
	l := device.Ledger(device.Pool(devicetest.NullOf(device.Info{Name: "cuda:0", Kind: "cuda", Memory: 16 << 30})))
	err := device.Check(background, l, "subtract", 8_000_000_000_000, nil)
	fmt.Println(err)
	// Output:
	// subtract: needs 7.28 TiB (8000000000000 bytes), and the budget is 12.8 GiB (13743895347 bytes): 80 % of the 16.0 GiB that tare can have, by memory of cuda:0, less what it holds
	// ways out: write into an array that exists or a file (Out), compute in float32, a smaller axis at a time, Free what is no longer needed, or raise the budget (Budget)
}

// A budget of one device leaves another alone, as does a recorder; one of the context is for both together.
func TestBudgetsOfOneDevice(t *testing.T) {
	gpu, host := card(), device.Ledger(device.Pool(devicetest.Null()))
	ctx, there := device.RecordOn(device.WithBudgetOn(background, gpu, 1000), gpu)
	ctx, all := device.Record(ctx)
	a := mustAlloc(t, ctx, gpu, 640)
	b := mustAlloc(t, ctx, host, 5000)
	left, _ := device.Budget(ctx, gpu)
	assert.Equal(t, 360, left)
	left, _ = device.Budget(ctx, host)
	assert.Equal(t, math.MaxInt, left)
	_, err := gpu.Alloc(ctx, 400)
	require.ErrorAs(t, err, new(*device.BudgetError))
	assert.Equal(t, []int{640, 640 + device.SizeClass(5000)}, []int{there.Stats().LiveBytes, all.Stats().LiveBytes})
	b.Free()
	assert.Equal(t, []int{640, 640}, []int{there.Stats().LiveBytes, all.Stats().LiveBytes})
	a.Free()
	left, _ = device.Budget(ctx, gpu)
	assert.Equal(t, 1000, left)

	both := device.WithBudget(background, 1000)
	left, _ = device.Budget(device.Beside(both, gpu, 300), gpu)
	assert.Equal(t, 700, left)
	left, _ = device.Budget(device.Beside(both, gpu, 300), host)
	assert.Equal(t, 1000, left)
	assert.Equal(t, background, device.Beside(background, gpu, 300), "there is no budget to share")
	left, _ = device.Budget(device.Beside(ctx, gpu, 300), gpu)
	assert.Equal(t, 1000, left, "nor is that of one device")
}
