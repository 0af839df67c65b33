package plan_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/device/devicetest"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/ir/irtest"
	"github.com/tare-go/tare/internal/plan"
)

// In a report, what is live after each step follows from the step, the most of it is the peak, and the calls of
// repeated steps count each time.
func TestReportAddsUp(t *testing.T) {
	dev := devicetest.Null()
	n := large["standard"](leaf(dev, "x", dtype.Float64, 1000, 128), leaf(dev, "w", dtype.Float64, 128, 1))
	p := made(t, device.WithBudget(background, 200_000), plan.Options{}, plan.Target{Node: n})
	require.NotNil(t, p.Chunks)
	p.Roof = &plan.Roof{BytesPerSecond: 1e9, FlopsPerSecond: 1e9}
	text, err := json.Marshal(p)
	require.NoError(t, err)
	var r plan.Report
	require.NoError(t, json.Unmarshal(text, &r))
	assert.Equal(t, *p.Report(), r)
	peak, live := 0, 0
	var walk func([]plan.StepReport)
	walk = func(steps []plan.StepReport) {
		for _, s := range steps {
			switch s.Step {
			case "alloc":
				live += s.Bytes
			case "free":
				live -= s.Bytes
			}
			walk(s.Body)
			assert.Equal(t, live, s.LiveBytes)
			peak = max(peak, live)
		}
	}
	walk(r.Steps)
	assert.Equal(t, p.PeakBytes, peak)
	assert.Equal(t, p.ResultBytes, live)
	runs, seconds := 0, 0.0
	for _, c := range r.Calls {
		runs += c.Runs
		bound := max(float64(c.BytesRead+c.BytesWritten)/1e9, float64(c.Flops)/1e9/2)
		assert.GreaterOrEqual(t, c.PredictedSeconds, bound*float64(c.Runs), c.Operation)
		seconds += c.PredictedSeconds
	}
	assert.Equal(t, p.Launches(), runs)
	assert.InDelta(t, seconds, r.PredictedSeconds, 1e-12)
	assert.Contains(t, p.String(), "at 1.0 GB/s and 1.0 Gflop/s")
}

// What was measured is beside what was predicted, and the bytes are the same.
func TestAnalysis(t *testing.T) {
	c := &irtest.Case{}
	n := large["standard"](filled(c, "x", 100, 40), filled(c, "w", 40, 2))
	dev, strict := ledgered()
	b, err := put(c, dev)
	require.NoError(t, err)
	p := within(t, 20_000, fresh(b.on(n)), plan.Options{})
	require.NotNil(t, p.Chunks)
	roof, err := plan.MeasureRoof(background, device.Ledger(devicetest.Null()))
	require.NoError(t, err)
	require.Positive(t, roof.BytesPerSecond)
	p.Roof = &roof
	p.Explain()
	before := dev.Stats().LiveBytes
	a, err := p.Analyze(background)
	require.NoError(t, err)
	assert.Equal(t, before, dev.Stats().LiveBytes, "the result is freed")
	runs, seconds := 0, 0.0
	for _, call := range a.Calls {
		runs += call.Runs
		seconds += call.Seconds
	}
	assert.Equal(t, p.Launches(), runs)
	assert.LessOrEqual(t, seconds, a.Seconds)
	assert.False(t, math.IsNaN(seconds) || seconds <= 0)
	assert.Equal(t, []int{p.PeakBytes, p.IntermediateBytes}, []int{a.Stats.PeakBytes, a.Stats.IntermediateBytes})
	text := a.String()
	assert.Equal(t, 1+len(p.Calls)+1+2+4, strings.Count(text, "\n"), text)
	require.NoError(t, p.Close())
	b.free()
	require.Empty(t, strict.Errors())
	_, err = within(t, 100, []plan.Target{{Node: ir.CastTo(number(1), dtype.Float32)}}, plan.Options{Device: dev}).Analyze(device.WithBudget(background, 1))
	var over *device.BudgetError
	require.ErrorAs(t, err, &over)
}
