// Package ledgertest lets tests assert what their code allocates, moves and runs: that a loop moves
// nothing, that a pipeline stays below a peak, that an expression makes no intermediates. A check that
// fails names the lines of the program that are to blame, the biggest first.
//
//	ledgertest.Run(t, dev, func(ctx context.Context) {
//		y, err := model.Apply(ctx, x)
//		…
//	}, ledgertest.MaxTransfers(0), ledgertest.NoIntermediates())
package ledgertest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tare-go/tare/device"
)

// Run calls f and then checks what it did. With a device everything is counted that happens on it
// meanwhile, whatever its context, calls without one included: do not run such a test in parallel with
// others on the device. Without one (nil) what f does with its context counts, on any device. What was
// allocated before counts in neither.
//
// It returns the account, for checks of another kind.
func Run(t testing.TB, dev device.Device, f func(ctx context.Context), checks ...Check) *device.Recorder {
	t.Helper()
	ctx, rec := device.Record(t.Context())
	if dev != nil {
		l := device.LedgerOf(dev)
		if l == nil {
			t.Fatalf("ledgertest: the device %s has no ledger: use one from device.Open, or device.Ledger(dev)", dev.Info().Name)
			return rec
		}
		var stop func()
		rec, stop = device.Watch(l)
		defer stop()
	}
	f(ctx)
	Assert(t, rec, checks...)
	return rec
}

// Assert checks a scope that device.Record or device.Watch opened. Each check that fails is an error
// of the test.
func Assert(t testing.TB, rec *device.Recorder, checks ...Check) {
	t.Helper()
	for _, c := range checks {
		if text := c.failure(rec); text != "" {
			t.Error(text)
		}
	}
}

// Check is a bound on one number of an account.
type Check struct {
	name   string // as it is called: "MaxPeak(1024)"
	what   string // what is bounded: "peak"
	most   int
	number func(device.Stats) int
	bytes  func(device.Stats) int // of what is counted; number itself if that is bytes, nil if it has none
	count  bool                   // number is a count
}

// MaxTransfers fails if there were more than n copies to, from or within a device. Copies within
// host memory are none.
func MaxTransfers(n int) Check {
	return Check{fmt.Sprintf("MaxTransfers(%d)", n), "transfers", n, transfers, transferred, true}
}

// MaxTransferBytes fails if transfers moved more than that many bytes.
func MaxTransferBytes(bytes int) Check {
	return Check{fmt.Sprintf("MaxTransferBytes(%d)", bytes), "transferred", bytes, transferred, transferred, false}
}

// MaxPeak fails if more than that many bytes, in size classes, were live at one time.
func MaxPeak(bytes int) Check {
	peak := func(s device.Stats) int { return s.PeakBytes }
	return Check{fmt.Sprintf("MaxPeak(%d)", bytes), "peak", bytes, peak, peak, false}
}

// MaxAlloc fails if all allocations together took more than that many bytes, in size classes.
func MaxAlloc(bytes int) Check {
	all := func(s device.Stats) int { return s.AllocBytes }
	return Check{fmt.Sprintf("MaxAlloc(%d)", bytes), "allocated", bytes, all, all, false}
}

// MaxIntermediates fails if values that are stored between two steps of an evaluation took more than
// that many bytes, in size classes.
func MaxIntermediates(bytes int) Check {
	return Check{fmt.Sprintf("MaxIntermediates(%d)", bytes), "intermediates", bytes, intermediates, intermediates, false}
}

// NoIntermediates fails if a value was stored between two steps of an evaluation.
func NoIntermediates() Check {
	return Check{"NoIntermediates()", "intermediates", 0, func(s device.Stats) int { return s.Intermediates }, intermediates, true}
}

// NoLeaks fails if something that was allocated is not freed.
func NoLeaks() Check {
	live := func(s device.Stats) int { return s.LiveBytes }
	return Check{"NoLeaks()", "not freed", 0, func(s device.Stats) int { return s.Buffers }, live, true}
}

// MaxLaunches fails if programs ran more than n times.
func MaxLaunches(n int) Check {
	return Check{fmt.Sprintf("MaxLaunches(%d)", n), "launches", n, func(s device.Stats) int { return s.Launches }, nil, true}
}

// MaxCompiles fails if more than n operations were compiled: 0 for code that should use what was
// prepared.
func MaxCompiles(n int) Check {
	return Check{fmt.Sprintf("MaxCompiles(%d)", n), "compiles", n, func(s device.Stats) int { return s.Compiles }, nil, true}
}

func transfers(s device.Stats) int     { return s.Transfers().Count }
func transferred(s device.Stats) int   { return s.Transfers().Bytes }
func intermediates(s device.Stats) int { return s.IntermediateBytes }

// culprits is how many lines a failure names.
const culprits = 5

// failure says what is wrong with an account, and which lines are to blame; nothing if it is right.
func (c Check) failure(rec *device.Recorder) string {
	total := rec.Stats()
	if c.number(total) <= c.most {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "ledgertest.%s: %s: %s", c.name, c.what, c.verdict(total))
	sites := c.blame(rec.Sites())
	for _, s := range sites[:min(len(sites), culprits)] {
		fmt.Fprintf(&b, "\n  %16s  %v", c.amount(s.Stats), s.Site)
	}
	if more := len(sites) - culprits; more > 0 {
		fmt.Fprintf(&b, "\n  %16s  %s", "and", plural(more, "more line"))
	}
	return b.String()
}

// verdict is the number of an account beside the bound.
func (c Check) verdict(s device.Stats) string {
	if c.count {
		return fmt.Sprintf("%s, at most %d wanted", c.amount(s), c.most)
	}
	return fmt.Sprintf("%s, at most %s wanted", device.ExactBytes(c.number(s)), device.ExactBytes(c.most))
}

// amount is the number of an account as it is printed, with its bytes if it is a count of something
// that has some.
func (c Check) amount(s device.Stats) string {
	n := c.number(s)
	switch {
	case !c.count:
		return device.FormatBytes(n)
	case c.bytes == nil:
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%d of %s", n, device.FormatBytes(c.bytes(s)))
}

// blame is the sites that have a part in the number, the biggest first.
func (c Check) blame(sites []device.SiteStats) []device.SiteStats {
	sites = slices.DeleteFunc(sites, func(s device.SiteStats) bool { return c.number(s.Stats) <= 0 })
	by := c.bytes
	if by == nil {
		by = c.number
	}
	slices.SortStableFunc(sites, func(a, b device.SiteStats) int { return by(b.Stats) - by(a.Stats) })
	return sites
}

func plural(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
