package cuda

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/cuda/internal/driver"
	"github.com/tare-go/tare/cuda/internal/simulated"
	"github.com/tare-go/tare/device"
	np "github.com/tare-go/tare/tensor"
)

const (
	computing = "cuda:sim compute stream"
	uploading = "cuda:sim host to device stream"
	bringing  = "cuda:sim device to host stream"
)

// streamsIn is the slices of a trace by device and stream, each in order. They are in the span of the trace and do not overlap.
func streamsIn(t testing.TB, trace *device.Trace, span time.Duration) map[string][]device.Event {
	t.Helper()
	by, first := map[string][]device.Event{}, span
	for _, e := range trace.Events() {
		if e.Track == "" {
			first = min(first, e.Start)
			continue
		}
		name := e.Device + " " + e.Track
		by[name] = append(by[name], e)
	}
	for name, list := range by {
		at := first
		for i, e := range list {
			assert.GreaterOrEqual(t, e.Start, at, "slice %d of the %s", i, name)
			assert.GreaterOrEqual(t, e.Took, time.Duration(0))
			at = e.Start + e.Took
		}
		assert.LessOrEqual(t, at, span, name)
	}
	return by
}

// names are the streams that have slices, in order.
func names(by map[string][]device.Event) (list []string) {
	for name := range by {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

// moved is the bytes of a kind in all streams.
func moved(by map[string][]device.Event, kind device.EventKind) (bytes int) {
	for _, list := range by {
		for _, e := range list {
			if e.Kind == kind {
				bytes += e.Bytes
			}
		}
	}
	return bytes
}

// launched are the slices of kernels.
func launched(by map[string][]device.Event) []device.Event {
	return slices.DeleteFunc(slices.Clone(by[computing]), func(e device.Event) bool { return e.Kind != device.EventLaunch })
}

// counted is whether what streams did is what a ledger says.
func counted(t testing.TB, by map[string][]device.Event, s device.Stats) {
	t.Helper()
	assert.Equal(t, []int{s.H2D.Bytes, s.D2H.Bytes, s.D2D.Bytes},
		[]int{moved(by, device.EventH2D), moved(by, device.EventD2H), moved(by, device.EventD2D)})
	assert.GreaterOrEqual(t, len(launched(by)), s.Launches)
}

// TestTraceOfStreams has one track a stream, with what an evaluation did there.
func TestTraceOfStreams(t *testing.T) {
	x := matrix(t, 200, 1000)
	defer x.Free()
	evaluate := func(ctx context.Context, x *np.Tensor, opts ...np.EvalOption) *np.Tensor {
		y, err := np.Subtract(x, np.Mean(x, np.Axis(1), np.KeepDims)).Eval(ctx, opts...)
		require.NoError(t, err)
		return y
	}
	for name, work := range map[string]func(ctx context.Context, dev device.Device) *np.Tensor{
		"on the device": func(ctx context.Context, dev device.Device) *np.Tensor {
			there, err := x.To(ctx, dev)
			require.NoError(t, err)
			defer there.Free()
			y := evaluate(ctx, there)
			defer y.Free()
			back, err := y.To(ctx, x.Device())
			require.NoError(t, err)
			return back
		},
		"through the device": func(ctx context.Context, dev device.Device) *np.Tensor {
			return evaluate(ctx, x, np.Through(dev), np.Budget(4*device.SizeClass(50*1000*8)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			g, table := simulate(t, simulated.Options{}, options{slabs: true})
			dev := device.Ledger(device.Pool(g))
			opened := time.Now()
			trace := device.NewTrace(0)
			ctx, rec := device.RecordOn(trace.In(background), dev)
			work(ctx, dev).Free()
			by := streamsIn(t, trace, time.Since(opened))
			assert.Equal(t, []string{computing, bringing, uploading}, names(by))
			counted(t, by, rec.Stats())
			for _, e := range launched(by) {
				assert.NotEmpty(t, e.Op)
				assert.Contains(t, e.Site.String(), "trace_test.go")
				assert.Positive(t, e.Took)
			}
			require.NoError(t, dev.Close())
			assert.Zero(t, table.Live())
		})
	}
}

// TestTraceOfCopiesInTheComputeStream has small copies, copies on the device, and those from another.
func TestTraceOfCopiesInTheComputeStream(t *testing.T) {
	a, b, table := pair(t)
	from, to := device.Ledger(a), device.Ledger(b)
	opened := time.Now()
	trace := device.NewTrace(0)
	ctx := trace.In(background)
	x, err := from.Alloc(ctx, 1000)
	require.NoError(t, err)
	y, err := to.Alloc(ctx, 1000)
	require.NoError(t, err)
	for _, step := range []struct {
		on       *device.Ledgered
		dst, src device.Span
	}{
		{from, whole(x), device.HostSpan(pattern(1000))},
		{from, device.Span{Buffer: x, Off: 1, Len: 999}, device.Span{Buffer: x, Len: 999}},
		{to, whole(y), whole(x)},
		{from, whole(y), whole(x)}, // asked of the one, done by the other
		{to, device.HostSpan(make([]byte, 1000)), whole(y)},
	} {
		require.NoError(t, step.on.Copy(ctx, step.dst, step.src))
	}
	require.NoError(t, from.Sync(background))
	by := streamsIn(t, trace, time.Since(opened))
	sizes := map[string][]int{}
	for name, list := range by {
		for _, e := range list {
			sizes[name] = append(sizes[name], e.Bytes)
		}
	}
	assert.Equal(t, map[string][]int{a.name + " compute stream": {1000, 999}, b.name + " compute stream": {1000, 1000, 1000}}, sizes)
	x.Free()
	y.Free()
	closed(t, table, a, b)
}

// ticking is a driver that counts the calls for times, and lets some fail.
type ticking struct {
	*simulated.Table
	created, recorded, elapsed atomic.Int64
	fails                      string // "create", "record", "elapsed", "stream"
	timed                      sync.Map
	streams                    atomic.Int64
}

func refused(call string) error { return driver.NewError(call, driver.NotPermitted) }

func (d *ticking) CreateEvent(c driver.Context, timed bool) (driver.Event, error) {
	if !timed {
		return d.Table.CreateEvent(c, false)
	}
	d.created.Add(1)
	if d.fails == "create" {
		return 0, refused("cuEventCreate")
	}
	e, err := d.Table.CreateEvent(c, true)
	d.timed.Store(e, true)
	return e, err
}

func (d *ticking) RecordEvent(c driver.Context, e driver.Event, s driver.Stream) error {
	if _, timed := d.timed.Load(e); timed {
		if d.recorded.Add(1); d.fails == "record" || d.fails == "each third record" && d.recorded.Load()%3 == 0 {
			return refused("cuEventRecord")
		}
	}
	return d.Table.RecordEvent(c, e, s)
}

func (d *ticking) ElapsedTime(c driver.Context, from, to driver.Event) (float64, error) {
	if d.elapsed.Add(1); d.fails == "elapsed" {
		return 0, refused("cuEventElapsedTime")
	}
	return d.Table.ElapsedTime(c, from, to)
}

func (d *ticking) CreateStream(c driver.Context) (driver.Stream, error) {
	if d.streams.Add(1) > 3 && d.fails == "stream" {
		return 0, refused("cuStreamCreate")
	}
	return d.Table.CreateStream(c)
}

func tick(t testing.TB, fails string) (*ticking, *gpu) {
	d := &ticking{Table: simulated.New(simulated.Options{}), fails: fails}
	g, err := open(d, 0, options{name: Simulated, kind: simKind, slabs: true})
	require.NoError(t, err)
	return d, g
}

// traced is a job in a trace.
func traced(job job) job {
	return func(dev device.Device) error {
		defer device.NewTrace(0).Watch(device.LedgerOf(dev))()
		return job(dev)
	}
}

// TestNoTraceNoTimes makes no call for times where nobody traces, nor once nobody does any more.
func TestNoTraceNoTimes(t *testing.T) {
	d, g := tick(t, "")
	dev, job := device.Ledger(device.Pool(g)), throughInChunks(t)
	require.NoError(t, job(dev))
	require.NoError(t, dev.Sync(background))
	calls := func() []int64 {
		return []int64{d.created.Load(), d.recorded.Load(), d.elapsed.Load(), d.streams.Load()}
	}
	assert.Equal(t, []int64{0, 0, 0, 3}, calls())
	require.NoError(t, traced(job)(dev))
	was := calls()
	assert.Positive(t, was[0])
	require.NoError(t, job(dev))
	assert.Equal(t, was, calls())
	require.NoError(t, traced(roundTrip(1000))(dev))
	assert.Equal(t, was[0], d.created.Load(), "events are used again")
	require.NoError(t, dev.Close())
	assert.Zero(t, d.Live())
}

// TestTracingFailsNothing has the driver refuse what only a trace needs.
func TestTracingFailsNothing(t *testing.T) {
	for _, fails := range []string{"create", "record", "each third record", "elapsed", "stream"} {
		d, g := tick(t, fails)
		dev := device.Ledger(device.Pool(g))
		for _, job := range []job{throughInChunks(t), roundTrip(1000)} {
			require.NoError(t, traced(job)(dev), fails)
		}
		assert.Zero(t, g.tracks.inUse, fails)
		require.NoError(t, dev.Close())
		assert.Zero(t, d.Live(), fails)
	}
}

// TestCloseEndsTraces closes a device with slices that have not passed.
func TestCloseEndsTraces(t *testing.T) {
	g, table := simulate(t, simulated.Options{}, options{})
	dev, trace := device.Ledger(g), device.NewTrace(0)
	opened, stop := time.Now(), trace.Watch(dev)
	x, err := dev.Alloc(background, 400)
	require.NoError(t, err)
	require.NoError(t, dev.Copy(background, whole(x), device.HostSpan(ones(100))))
	p, err := dev.Compile(doubling(100))
	require.NoError(t, err)
	require.NoError(t, p.Run(background, []device.Arg{{Buffer: x}, {Buffer: x}}, device.Span{}))
	stop()
	assert.Positive(t, g.tracks.inUse, "nobody has waited")
	require.NoError(t, dev.Close())
	by := streamsIn(t, trace, time.Since(opened))
	assert.Len(t, by[computing], 2)
	assert.Zero(t, table.Live())
}

// TestReadingATraceWaits for what is under way, on a device that is open.
func TestReadingATraceWaits(t *testing.T) {
	g, table := simulate(t, simulated.Options{}, options{})
	dev, trace := device.Ledger(g), device.NewTrace(0)
	opened, stop := time.Now(), trace.Watch(dev)
	x, err := dev.Alloc(background, 400)
	require.NoError(t, err)
	require.NoError(t, dev.Copy(background, whole(x), device.HostSpan(ones(100))))
	stop()
	assert.Positive(t, g.tracks.inUse, "nobody has waited")
	assert.Zero(t, trace.Dropped())
	assert.Len(t, streamsIn(t, trace, time.Since(opened))[computing], 1)
	assert.Zero(t, g.tracks.inUse)
	x.Free()
	require.NoError(t, dev.Close())
	assert.Len(t, streamsIn(t, trace, time.Since(opened))[computing], 1, "given once")
	assert.Zero(t, table.Live())
}

// TestTracedGoroutines share the streams: what one puts there is not in another's slice.
func TestTracedGoroutines(t *testing.T) {
	g, table := simulate(t, simulated.Options{}, options{slabs: true})
	dev := device.Ledger(device.Pool(g))
	opened := time.Now()
	trace := device.NewTrace(0)
	ctx, rec := device.Record(trace.In(background))
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 30 {
				b, err := dev.Alloc(ctx, 1000)
				if !assert.NoError(t, err) {
					return
				}
				assert.NoError(t, dev.Copy(ctx, whole(b), device.HostSpan(pattern(1000))))
				assert.NoError(t, dev.Copy(ctx, device.Span{Buffer: b, Len: 400}, device.Span{Buffer: b, Off: 500, Len: 400}))
				assert.NoError(t, dev.Copy(ctx, device.HostSpan(make([]byte, 1000)), whole(b)))
				b.Free()
			}
		})
	}
	all.Wait()
	require.NoError(t, dev.Sync(background))
	by := streamsIn(t, trace, time.Since(opened))
	assert.Len(t, by[computing], 4*30*3)
	counted(t, by, rec.Stats())
	require.NoError(t, dev.Close())
	assert.Zero(t, table.Live())
}

// TestClockIsSetAgain traces once more after a long time.
func TestClockIsSetAgain(t *testing.T) {
	d, g := tick(t, "")
	dev := device.Ledger(g)
	opened := time.Now()
	trace := device.NewTrace(0)
	defer trace.Watch(dev)()
	job := roundTrip(1000)
	require.NoError(t, job(dev))
	first := g.tracks.zero
	require.NoError(t, job(dev))
	assert.Equal(t, first, g.tracks.zero)
	g.tracks.zero = first.Add(-2 * oldClock)
	require.NoError(t, job(dev))
	assert.True(t, g.tracks.zero.After(first))
	by := streamsIn(t, trace, time.Since(opened))
	assert.Len(t, by[computing], 9)
	assert.True(t, slices.IsSortedFunc(by[computing], func(a, b device.Event) int { return cmp.Compare(a.Start, b.Start) }))
	closed(t, d.Table, g)
}
