package device

import (
	"fmt"
	"time"
)

// Parts of a device's memory that may be taken, in percent.
const (
	defaultShare = 80  // unless the user says otherwise
	fullShare    = 100 // with a budget of the user's, which then decides
)

// seldom is the size from which it is worth reading the limits again.
const seldom = 1 << 20

// MemoryReporter is an optional extra of a Device that has memory of its own: it tells how much of
// that is left, and where the number comes from.
type MemoryReporter interface {
	MemoryLeft() (left int, why string)
}

// gauge knows how much memory a device may take in all: what is left and what tare holds of it. It
// reads at most once a second; between readings what was taken since is known exactly. It is not
// safe for concurrent use.
type gauge struct {
	dev    Device
	limits *Limits // of the process, unless a test says otherwise

	at     time.Time
	heldAt int
	base   int // what may be held in all, unlimited if nothing is known
	why    string
}

// limit is what may be held in all, when held bytes are and more are wanted.
func (g *gauge) limit(share, held, more int) int {
	if g.stale(held, more) {
		g.read(held)
	}
	if g.at.IsZero() || g.base == unlimited {
		return unlimited
	}
	return int(float64(g.base) / 100 * float64(share))
}

// stale reports whether it is time and worth it to read again.
func (g *gauge) stale(held, more int) bool {
	worth := more >= seldom || held-g.heldAt >= seldom || g.heldAt-held >= seldom
	return worth && (g.at.IsZero() || time.Since(g.at) > rereadAfter)
}

// read asks the device, or for the host's memory the process's limits, or takes what Info says.
func (g *gauge) read(held int) {
	g.at, g.heldAt = time.Now(), held
	if r, ok := reporter(g.dev); ok {
		left, why := r.MemoryLeft()
		g.set(left, held, why)
		return
	}
	info := g.dev.Info()
	switch {
	case info.Kind == "cpu":
		limits := g.limits
		if limits == nil {
			limits = processLimits
		}
		r := limits.read()
		g.set(r.left, min(held, r.counted), r.why)
	case info.Memory > 0:
		g.base, g.why = info.Memory, "memory of "+info.Name
	default:
		g.base, g.why = unlimited, ""
	}
}

// set takes a reading of what is left, and how much of what is held is missing there: memory that is
// not resident yet is not.
func (g *gauge) set(left, held int, why string) {
	g.base, g.why = unlimited, why
	if left < unlimited-held {
		g.base = left + held
	}
}

// explain says where the limit comes from.
func (g *gauge) explain(share int) string {
	if g.base == unlimited || g.at.IsZero() {
		return "no limit is known"
	}
	return fmt.Sprintf("%d %% of the %s that tare can have, by %s, less what it holds", share, FormatBytes(g.base), g.why)
}

// reporter finds the MemoryReporter among a device and what it decorates.
func reporter(dev Device) (MemoryReporter, bool) {
	for d := dev; d != nil; d = unwrap(d) {
		if r, ok := d.(MemoryReporter); ok {
			return r, true
		}
	}
	return nil, false
}
