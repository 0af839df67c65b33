package device

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Transfer is a number of copies and the bytes that they moved.
type Transfer struct{ Count, Bytes int }

func (t *Transfer) add(d Transfer) {
	t.Count += d.Count
	t.Bytes += d.Bytes
}

// Stats is what a ledger counted: of a device, of a scope, or of a call site. Bytes of allocations
// are in size classes, the same that plans predict; bytes of copies are those that were moved.
type Stats struct {
	Allocs     int // allocations made
	AllocBytes int // bytes of all allocations; the next four are its parts
	ResultBytes, IntermediateBytes,
	WorkspaceBytes, OperandBytes int

	Buffers     int // buffers not freed yet
	LiveBytes   int // bytes of those
	PeakBytes   int // most bytes that were live at one time
	CachedBytes int // bytes that the pool keeps for later; only of a device

	H2D, D2H, D2D Transfer // copies from host memory, to it, and within the device
	Host          Transfer // copies from host memory to host memory: a CPU moves nothing

	Launches int // runs of programs
	Compiles int // programs compiled
	Programs int // programs not closed yet

	Time time.Duration // spent in calls of the device, summed over goroutines
}

// Transfers is the sum of the copies in which memory of a device took part.
func (s Stats) Transfers() Transfer {
	return Transfer{s.H2D.Count + s.D2H.Count + s.D2D.Count, s.H2D.Bytes + s.D2H.Bytes + s.D2D.Bytes}
}

// add adds the event d, and raises the peak.
func (s *Stats) add(d Stats) {
	s.Allocs += d.Allocs
	s.AllocBytes += d.AllocBytes
	s.ResultBytes += d.ResultBytes
	s.IntermediateBytes += d.IntermediateBytes
	s.WorkspaceBytes += d.WorkspaceBytes
	s.OperandBytes += d.OperandBytes
	s.Buffers += d.Buffers
	s.LiveBytes += d.LiveBytes
	s.PeakBytes = max(s.PeakBytes, s.LiveBytes)
	s.H2D.add(d.H2D)
	s.D2H.add(d.D2H)
	s.D2D.add(d.D2D)
	s.Host.add(d.Host)
	s.Launches += d.Launches
	s.Compiles += d.Compiles
	s.Programs += d.Programs
	s.Time += d.Time
}

// allocated is the event of an allocation of class bytes.
func allocated(class int, p Purpose) Stats {
	event := Stats{Allocs: 1, AllocBytes: class, Buffers: 1, LiveBytes: class}
	switch p {
	case Result:
		event.ResultBytes = class
	case Intermediate:
		event.IntermediateBytes = class
	case Workspace:
		event.WorkspaceBytes = class
	case Operand:
		event.OperandBytes = class
	}
	return event
}

// String is a table of what is not zero.
func (s Stats) String() string {
	var b strings.Builder
	row := func(name string, count, bytes int) {
		if count != 0 || bytes != 0 {
			fmt.Fprintf(&b, "%-14s %9s %14s %10s\n", name, blankZero(count), blankZero(bytes), FormatBytes(bytes))
		}
	}
	fmt.Fprintf(&b, "%-14s %9s %14s\n", "", "count", "bytes")
	row("allocated", s.Allocs, s.AllocBytes)
	row("  results", 0, s.ResultBytes)
	row("  intermediate", 0, s.IntermediateBytes)
	row("  workspace", 0, s.WorkspaceBytes)
	row("  operands", 0, s.OperandBytes)
	row("peak", 0, s.PeakBytes)
	row("live", s.Buffers, s.LiveBytes)
	row("cached", 0, s.CachedBytes)
	row("host to device", s.H2D.Count, s.H2D.Bytes)
	row("device to host", s.D2H.Count, s.D2H.Bytes)
	row("on the device", s.D2D.Count, s.D2D.Bytes)
	row("host to host", s.Host.Count, s.Host.Bytes)
	for _, c := range []struct {
		name  string
		count int
	}{{"compiled", s.Compiles}, {"not closed", s.Programs}, {"launches", s.Launches}} {
		if c.count != 0 {
			fmt.Fprintf(&b, "%-14s %9d\n", c.name, c.count)
		}
	}
	fmt.Fprintf(&b, "%-14s %9s\n", "time", s.Time.Round(time.Microsecond))
	return b.String()
}

func blankZero(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

// SiteStats is the account of one call site.
type SiteStats struct {
	Site Site
	Stats
}

// sortedSites lists accounts by live bytes, then by bytes ever allocated, the largest first.
func sortedSites(sites map[Site]*Stats) []SiteStats {
	list := make([]SiteStats, 0, len(sites))
	for site, s := range sites {
		list = append(list, SiteStats{site, *s})
	}
	slices.SortFunc(list, func(a, b SiteStats) int {
		return cmp.Or(
			cmp.Compare(b.LiveBytes, a.LiveBytes),
			cmp.Compare(b.AllocBytes, a.AllocBytes),
			cmp.Compare(a.Site, b.Site))
	})
	return list
}

// SiteTable writes accounts, one line a call site: live and allocated bytes, copies, launches.
func SiteTable(sites []SiteStats) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%10s %10s %10s %8s  %s\n", "live", "allocated", "copied", "launches", "site")
	for _, s := range sites {
		fmt.Fprintf(&b, "%10s %10s %10s %8d  %v\n", FormatBytes(s.LiveBytes), FormatBytes(s.AllocBytes),
			FormatBytes(s.Transfers().Bytes+s.Host.Bytes), s.Launches, s.Site)
	}
	return b.String()
}
