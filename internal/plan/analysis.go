package plan

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/tare-go/tare/device"
)

// Analysis is a plan and what was measured when it ran.
type Analysis struct {
	Plan    *Plan
	Calls   []CallTime   // of Plan.Calls
	Seconds float64      // of the whole evaluation
	Stats   device.Stats // of all devices, but for the peak, which is that of the plan's
}

// CallTime is the time that the runs of a call took.
type CallTime struct {
	Runs    int
	Seconds float64
}

// Analyze runs the plan and measures it, one call after another. Results that are not an Out are freed.
func (p *Plan) Analyze(ctx context.Context) (*Analysis, error) {
	a := &Analysis{Plan: p, Calls: make([]CallTime, len(p.Calls))}
	ctx, rec := device.Record(ctx)
	ctx, own := device.RecordOn(ctx, p.Device)
	if err := p.Check(ctx); err != nil {
		return nil, err
	}
	r := p.newRun()
	r.bindAll(Bindings{})
	r.times = a.Calls
	start := time.Now()
	results, err := r.evaluate(ctx, nil)
	a.Seconds, a.Stats = time.Since(start).Seconds(), rec.Stats()
	a.Stats.PeakBytes = own.Stats().PeakBytes
	for _, b := range results {
		if b != nil {
			b.Free()
		}
	}
	if err != nil {
		return nil, err
	}
	return a, nil
}

// String is the calls with what was predicted and what was measured, and the same of the bytes.
func (a *Analysis) String() string {
	var b strings.Builder
	p := a.Plan
	fmt.Fprintf(&b, "%-30s %6s %12s %12s %8s   %s\n", "call", "runs", "predicted", "measured", "of roof", "path")
	for i, t := range a.Calls {
		c := &p.Calls[i]
		predicted := p.seconds(c) * float64(t.Runs)
		fmt.Fprintf(&b, "%-30s %6d %12s %12s %8s   %s\n", clip(c.Name, 30), t.Runs, duration(predicted), duration(t.Seconds), percent(predicted, t.Seconds), c.Path)
	}
	fmt.Fprintf(&b, "%-30s %6d %12s %12s %8s\n\n", "in all", a.Stats.Launches, duration(p.Seconds()), duration(a.Seconds), percent(p.Seconds(), a.Seconds))
	fmt.Fprintf(&b, "%-30s %19s %12s\n", "bytes", "predicted", "measured")
	for _, row := range []struct {
		name                string
		predicted, measured int
	}{
		{"peak", p.PeakBytes, a.Stats.PeakBytes},
		{"intermediates", p.IntermediateBytes, a.Stats.IntermediateBytes},
		{"workspace", p.WorkspaceBytes, a.Stats.WorkspaceBytes},
		{"transfers", p.H2D.Bytes + p.D2H.Bytes, a.Stats.Transfers().Bytes},
	} {
		fmt.Fprintf(&b, "%-30s %19d %12d\n", row.name, row.predicted, row.measured)
	}
	return b.String()
}

func duration(seconds float64) string {
	if seconds == 0 {
		return "-"
	}
	d := time.Duration(seconds * 1e9)
	unit := time.Nanosecond
	for _, u := range []time.Duration{time.Microsecond, time.Millisecond, time.Second} {
		if d >= 100*u/10 {
			unit = u / 100
		}
	}
	return d.Round(max(unit, 1)).String()
}

func percent(part, whole float64) string {
	if part == 0 || whole == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f %%", 100*part/whole)
}
