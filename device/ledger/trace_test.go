package ledger_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/device/devicetest"
	"github.com/tare-go/tare/device/ledger"
)

// chrome is a trace file as the format describes it.
type chrome struct {
	OtherData   map[string]string `json:"otherData"`
	TraceEvents []map[string]any  `json:"traceEvents"`
}

func written(t require.TestingT, trace *device.Trace) chrome {
	var out bytes.Buffer
	require.NoError(t, ledger.WriteTrace(&out, trace))
	var file chrome
	require.NoError(t, json.Unmarshal(out.Bytes(), &file))
	return file
}

// track is where events are drawn.
type track struct{ pid, tid int }

// valid checks a file against the format: what each phase must have, that times of a track do not go
// back, that slices of a track do not overlap, and that every track has a name.
func valid(t require.TestingT, file chrome) {
	named, at, until := map[track]string{}, map[track]float64{}, map[track]float64{}
	for i, e := range file.TraceEvents {
		where := fmt.Sprintf("event %d: %v", i, e)
		on := track{integer(t, e, "pid"), integer(t, e, "tid")}
		assert.NotEmpty(t, e["name"], where)
		assert.Positive(t, on.pid, where)
		assert.GreaterOrEqual(t, number(t, e, "ts"), 0.0, where)
		args, _ := e["args"].(map[string]any)
		switch e["ph"] {
		case "M":
			assert.Contains(t, []any{"process_name", "thread_name"}, e["name"], where)
			assert.NotEmpty(t, args["name"], where)
			assert.Equal(t, e["name"] == "process_name", on.tid == 0, where)
			assert.Empty(t, named[on], "a track has one name: %s", where)
			named[on] = args["name"].(string)
			continue
		case "C":
			assert.Zero(t, on.tid, where)
			assert.NotEmpty(t, args, where)
			for name := range args {
				assert.GreaterOrEqual(t, number(t, args, name), 0.0, where)
			}
			assert.GreaterOrEqual(t, number(t, e, "ts"), at[on], where)
		case "X":
			assert.Positive(t, on.tid, where)
			assert.GreaterOrEqual(t, number(t, e, "dur"), 0.0, where)
			assert.NotEmpty(t, args["site"], where)
			assert.GreaterOrEqual(t, nanos(t, e, "ts"), until[on], "overlaps the slice before: %s", where)
			until[on] = nanos(t, e, "ts") + nanos(t, e, "dur")
		default:
			assert.Fail(t, "unknown phase", where)
		}
		assert.NotEmpty(t, named[on], "events come after the name of their track: %s", where)
		at[on] = number(t, e, "ts")
	}
}

func number(t require.TestingT, e map[string]any, name string) float64 {
	require.IsType(t, 0.0, e[name], "%s of %v", name, e)
	return e[name].(float64)
}

func integer(t require.TestingT, e map[string]any, name string) int {
	f := number(t, e, name)
	assert.Equal(t, f, float64(int(f)), "%s of %v", name, e)
	return int(f)
}

// nanos is a time of the file in whole nanoseconds.
func nanos(t require.TestingT, e map[string]any, name string) float64 {
	return float64(int(number(t, e, name)*1e3 + 0.5))
}

// tracksOf is the slices of a file by the name of their track, as "name bytes".
func tracksOf(file chrome, process string) map[string][]string {
	pid := 0.0
	names, all := map[float64]string{}, map[string][]string{}
	for _, e := range file.TraceEvents {
		switch args, _ := e["args"].(map[string]any); {
		case e["name"] == "process_name" && args["name"] == process:
			pid = e["pid"].(float64)
		case e["pid"] != pid:
		case e["name"] == "thread_name":
			names[e["tid"].(float64)] = args["name"].(string)
		case e["ph"] == "X":
			name := names[e["tid"].(float64)]
			bytes, _ := args["bytes"].(float64)
			all[name] = append(all[name], fmt.Sprintf("%v %v", e["name"], bytes))
		}
	}
	return all
}

func TestTraceOfAPipeline(t *testing.T) {
	dev, other := gpu("cuda:0"), gpu("cuda:1")
	trace := device.NewTrace(0)
	pipeline(t, t.Context(), dev) // before, and outside of it
	ctx := trace.In(t.Context())
	line := pipeline(t, ctx, dev)
	alloc(t, ctx, other, 64).Free()

	file := written(t, trace)
	valid(t, file)
	assert.Equal(t, map[string]string{"version": "1", "events": "11", "dropped": "0"}, file.OtherData)
	assert.Equal(t, map[string][]string{
		"allocations": {"allocate 1.048576e+06", "allocate 1024"}, "compilations": {"subtract 0"}, "launches": {"subtract 0", "subtract 0"},
		"host to device": {"to 1000"}, "device to host": {"device to host 1000"}, "waits": {"sync 0"},
	}, tracksOf(file, "cuda:0"))
	assert.Equal(t, map[string][]string{"allocations": {"allocate 64"}}, tracksOf(file, "cuda:1"))
	var live, cached []float64
	for _, e := range file.TraceEvents {
		args, _ := e["args"].(map[string]any)
		if e["ph"] == "C" && e["pid"] == 1.0 {
			live, cached = append(live, args["live"].(float64)), append(cached, args["cached"].(float64))
		}
		if e["name"] == "to" {
			assert.Equal(t, line, args["site"])
		}
	}
	assert.Equal(t, []float64{2 << 20, 2<<20 + 1024, 2 << 20}, live, "of the device, which held 1 MiB before")
	assert.Equal(t, []float64{1024, 0, 1024}, cached)
}

func TestATraceIsBounded(t *testing.T) {
	dev, trace := gpu("cuda:0"), device.NewTrace(5)
	ctx := trace.In(t.Context())
	for range 4 {
		alloc(t, ctx, dev, 64).Free()
	}
	assert.Len(t, trace.Events(), 5)
	assert.Equal(t, 3, trace.Dropped())
	file := written(t, trace)
	valid(t, file)
	assert.Equal(t, "3", file.OtherData["dropped"])
	assert.Equal(t, "5", file.OtherData["events"])
}

// Scopes within a trace's are in the trace, and what is around them is not.
func TestScopesWithinATrace(t *testing.T) {
	dev, outer, inner := gpu("cuda:0"), device.NewTrace(0), device.NewTrace(0)
	around, _ := device.Record(t.Context())
	ctx, _ := device.Record(outer.In(around))
	b := alloc(t, device.WithBudget(ctx, 1000), dev, 64)
	nested := inner.In(ctx)
	alloc(t, nested, dev, 128)
	alloc(t, around, dev, 256)
	b.Free()
	sizes := func(trace *device.Trace) (list []int) {
		for _, e := range trace.Events() {
			list = append(list, e.Bytes)
		}
		return list
	}
	assert.Equal(t, []int{64, 128, 64}, sizes(outer))
	assert.Equal(t, []int{128}, sizes(inner))
}

func TestAnEmptyTrace(t *testing.T) {
	file := written(t, device.NewTrace(0))
	assert.Empty(t, file.TraceEvents)
	assert.NotNil(t, file.TraceEvents)
}

func TestATraceUnderConcurrency(t *testing.T) {
	dev, trace := gpu("cuda:0"), device.NewTrace(0)
	stop := trace.Watch(dev)
	ctx := trace.In(t.Context())
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				b, err := dev.Alloc(ctx, 64)
				if assert.NoError(t, err) {
					b.Free()
				}
			}
		})
	}
	wg.Wait()
	assert.Len(t, trace.Events(), 400, "an event of both scope and device is there once")
	valid(t, written(t, trace))
	stop()
	alloc(t, t.Context(), dev, 64)
	assert.Len(t, trace.Events(), 400)
}

// streaming is a device that gives slices to the tracer of each copy.
type streaming struct {
	device.Device
	slices []device.Slice
	traced int // copies with a tracer
}

func (s *streaming) Copy(ctx context.Context, _, _ device.Span) error {
	if tracer := device.TracerOf(ctx); tracer != nil {
		s.traced++
		for _, x := range s.slices {
			tracer.Add(x)
		}
	}
	return nil
}

// copied copies a byte on a device that measures slices.
func copied(t require.TestingT, ctx context.Context, slices ...device.Slice) (inside *streaming) {
	inside = &streaming{Device: devicetest.NullOf(device.Info{Name: "cuda:0"}), slices: slices}
	dev := device.Ledger(device.Pool(inside))
	b, err := dev.Alloc(background, 1)
	require.NoError(t, err)
	require.NoError(t, dev.Copy(ctx, device.Span{Buffer: b, Len: 1}, device.HostSpan(make([]byte, 1))))
	require.Equal(t, device.Transfer{Count: 1, Bytes: 1}, dev.Stats().H2D, "slices are not counted")
	require.Zero(t, dev.Stats().Launches)
	return inside
}

// Slices of a device's own clock go to the tracks that it names, in as few lanes as they need.
func TestStreams(t *testing.T) {
	trace, start := device.NewTrace(0), time.Now()
	ctx := trace.In(device.WithOp(at(t.Context()), "exp"))
	list := []device.Slice{
		{Kind: device.EventLaunch, Device: "cuda:0", Track: "stream 1", Start: start.Add(10), Took: 10},
		{Kind: device.EventLaunch, Device: "cuda:0", Track: "stream 1", Start: start, Took: 10},
		{Kind: device.EventLaunch, Device: "cuda:1", Track: "stream 2", Start: start.Add(-time.Hour), Took: time.Minute},
		{Kind: device.EventH2D, Device: "cuda:0", Track: "stream 1", Start: start.Add(5), Took: 10, Bytes: 7},
	}
	assert.Equal(t, 1, copied(t, ctx, list...).traced)
	assert.Zero(t, copied(t, t.Context(), list...).traced, "nobody traces")
	file := written(t, trace)
	valid(t, file)
	assert.Equal(t, map[string][]string{"stream 1": {"exp 0", "exp 0"}, "stream 1 2": {"exp 7"}, "host to device": {"exp 1"}}, tracksOf(file, "cuda:0"))
	assert.Equal(t, map[string][]string{"stream 2": {"exp 0"}}, tracksOf(file, "cuda:1"))
	for _, e := range trace.Events() {
		assert.Equal(t, device.SiteOf(ctx), e.Site)
	}
}

// Counters go by the ends of the allocations, in whatever order those were noted.
func TestCountersAreInOrder(t *testing.T) {
	trace, start := device.NewTrace(0), time.Now()
	var list []device.Slice
	for _, at := range []time.Duration{3000, 1000, 2000} {
		list = append(list, device.Slice{Kind: device.EventAlloc, Device: "cuda:0", Start: start.Add(at), Took: 500})
	}
	copied(t, trace.In(t.Context()), list...)
	file := written(t, trace)
	valid(t, file)
	var ends, counters []float64
	for _, e := range file.TraceEvents {
		switch {
		case e["name"] == "allocate":
			ends = append(ends, nanos(t, e, "ts")+nanos(t, e, "dur"))
		case e["ph"] == "C":
			counters = append(counters, nanos(t, e, "ts"))
		}
	}
	require.Len(t, counters, 3)
	assert.Equal(t, ends, counters)
}

// Any slices make a valid file, with as many lanes as slices overlap at most.
func TestAnyTraceIsValid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		trace, start := device.NewTrace(0), time.Now()
		var ends, starts []int
		var list []device.Slice
		for range rapid.IntRange(0, 30).Draw(t, "slices") {
			at, took := rapid.IntRange(0, 40).Draw(t, "start"), rapid.IntRange(1, 15).Draw(t, "took")
			starts, ends = append(starts, at), append(ends, at+took)
			list = append(list, device.Slice{Kind: device.EventLaunch, Device: "cuda:0", Track: "s", Start: start.Add(time.Duration(at)), Took: time.Duration(took)})
		}
		copied(t, trace.In(background), list...)
		file := written(t, trace)
		valid(t, file)
		tracks := tracksOf(file, "cuda:0")
		delete(tracks, "host to device")
		assert.Len(t, tracks, deepest(starts, ends))
	})
}

// deepest is the most of the intervals that overlap.
func deepest(starts, ends []int) (most int) {
	for _, at := range starts {
		n := 0
		for i := range starts {
			if starts[i] <= at && at < ends[i] {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

// The checker of files notices what is wrong with one.
func TestTheSchemaCheckNotices(t *testing.T) {
	dev, trace := gpu("cuda:0"), device.NewTrace(0)
	pipeline(t, trace.In(t.Context()), dev)
	spoil := map[string]func(e map[string]any){
		"no phase": func(e map[string]any) { delete(e, "ph") }, "another phase": func(e map[string]any) { e["ph"] = "Z" },
		"negative time": func(e map[string]any) { e["ts"] = -1.0 }, "negative duration": func(e map[string]any) { e["dur"] = -1.0 },
		"no name": func(e map[string]any) { e["name"] = "" }, "no process": func(e map[string]any) { e["pid"] = 0.0 },
		"another track": func(e map[string]any) { e["tid"] = 99.0 }, "an early slice": func(e map[string]any) { e["dur"] = 1e12 },
	}
	for name, change := range spoil {
		file := written(t, trace)
		i := slices.IndexFunc(file.TraceEvents, func(e map[string]any) bool { return e["name"] == "subtract" && e["tid"] != 2.0 })
		require.Positive(t, i)
		change(file.TraceEvents[i])
		r := &failing{}
		valid(r, file)
		assert.True(t, r.failed, name)
	}
}

// failing notes that a check failed.
type failing struct{ failed bool }

func (f *failing) Errorf(string, ...any) { f.failed = true }
func (f *failing) FailNow()              { f.failed = true }
