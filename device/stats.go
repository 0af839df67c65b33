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
	Intermediates int // how many of the allocations were intermediates

	Buffers     int // buffers not freed yet
	LiveBytes   int // bytes of those
	PeakBytes   int // most bytes that were live at one time; of a call site or an operator, of its own
	CachedBytes int // bytes that the pool keeps for later; only of a device

	H2D, D2H, D2D Transfer // copies from host memory, to it, and within the device
	Host          Transfer // copies from host memory to host memory: a CPU moves nothing

	Launches int // runs of programs
	Compiles int // programs compiled
	Programs int // programs not closed yet

	Time time.Duration // spent in calls of the device, summed over goroutines; the rest are its parts
	AllocTime, H2DTime, D2HTime, D2DTime, HostTime,
	LaunchTime, CompileTime, SyncTime time.Duration
}

// Transfers is the sum of the copies in which memory of a device took part.
func (s Stats) Transfers() Transfer {
	return Transfer{s.H2D.Count + s.D2H.Count + s.D2D.Count, s.H2D.Bytes + s.D2H.Bytes + s.D2D.Bytes}
}

// add adds what was counted elsewhere. Peaks are not added: they need not have been at one time.
func (s *Stats) add(d Stats) {
	s.Allocs += d.Allocs
	s.AllocBytes += d.AllocBytes
	s.ResultBytes += d.ResultBytes
	s.IntermediateBytes += d.IntermediateBytes
	s.WorkspaceBytes += d.WorkspaceBytes
	s.OperandBytes += d.OperandBytes
	s.Intermediates += d.Intermediates
	s.Buffers += d.Buffers
	s.LiveBytes += d.LiveBytes
	s.H2D.add(d.H2D)
	s.D2H.add(d.D2H)
	s.D2D.add(d.D2D)
	s.Host.add(d.Host)
	s.Launches += d.Launches
	s.Compiles += d.Compiles
	s.Programs += d.Programs
	s.addTimes(d)
}

func (s *Stats) addTimes(d Stats) {
	s.Time += d.Time
	s.AllocTime += d.AllocTime
	s.H2DTime += d.H2DTime
	s.D2HTime += d.D2HTime
	s.D2DTime += d.D2DTime
	s.HostTime += d.HostTime
	s.LaunchTime += d.LaunchTime
	s.CompileTime += d.CompileTime
	s.SyncTime += d.SyncTime
}

// row is a line of the table of Stats; what is zero is left blank.
type row struct {
	name         string
	count, bytes int
	time         time.Duration
}

// rows are the lines of the table.
func (s Stats) rows() []row {
	return []row{
		{"allocated", s.Allocs, s.AllocBytes, s.AllocTime},
		{"  results", 0, s.ResultBytes, 0},
		{"  intermediate", s.Intermediates, s.IntermediateBytes, 0},
		{"  workspace", 0, s.WorkspaceBytes, 0},
		{"  operands", 0, s.OperandBytes, 0},
		{"peak", 0, s.PeakBytes, 0},
		{"live", s.Buffers, s.LiveBytes, 0},
		{"cached", 0, s.CachedBytes, 0},
		{"host to device", s.H2D.Count, s.H2D.Bytes, s.H2DTime},
		{"device to host", s.D2H.Count, s.D2H.Bytes, s.D2HTime},
		{"on the device", s.D2D.Count, s.D2D.Bytes, s.D2DTime},
		{"host to host", s.Host.Count, s.Host.Bytes, s.HostTime},
		{"compiled", s.Compiles, 0, s.CompileTime},
		{"not closed", s.Programs, 0, 0},
		{"launches", s.Launches, 0, s.LaunchTime},
	}
}

// String is a table of what is not zero.
func (s Stats) String() string {
	var b strings.Builder
	line := func(name, count, bytes, short, time string) {
		b.WriteString(strings.TrimRight(fmt.Sprintf("%-14s %9s %14s %10s %10s", name, count, bytes, short, time), " ") + "\n")
	}
	line("", "count", "bytes", "", "time")
	for _, r := range s.rows() {
		if r.count == 0 && r.bytes == 0 {
			continue
		}
		short := ""
		if r.bytes != 0 {
			short = FormatBytes(r.bytes)
		}
		line(r.name, blankZero(r.count), blankZero(r.bytes), short, shortTime(r.time))
	}
	line("time", "", "", "", s.Time.Round(time.Microsecond).String())
	return b.String()
}

// shortTime is a time to the microsecond, or nothing for less than one.
func shortTime(d time.Duration) string {
	if d = d.Round(time.Microsecond); d > 0 {
		return d.String()
	}
	return ""
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

// OpStats is the account of one operator.
type OpStats struct {
	Op string // "subtract"; "" for what no operator did
	Stats
}

// sortSites orders accounts by live bytes, then by bytes ever allocated, the largest first.
func sortSites(list []SiteStats) {
	slices.SortFunc(list, func(a, b SiteStats) int {
		return cmp.Or(
			cmp.Compare(b.LiveBytes, a.LiveBytes),
			cmp.Compare(b.AllocBytes, a.AllocBytes),
			cmp.Compare(a.Site, b.Site))
	})
}

// sortOps orders accounts by time, then by bytes ever allocated, the largest first.
func sortOps(list []OpStats) {
	slices.SortFunc(list, func(a, b OpStats) int {
		return cmp.Or(
			cmp.Compare(b.Time, a.Time),
			cmp.Compare(b.AllocBytes, a.AllocBytes),
			strings.Compare(a.Op, b.Op))
	})
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

// OpTable writes accounts, one line an operator: live and allocated bytes, copies, launches, time.
func OpTable(ops []OpStats) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%10s %10s %10s %8s %10s  %s\n", "live", "allocated", "copied", "launches", "time", "operator")
	for _, s := range ops {
		fmt.Fprintf(&b, "%10s %10s %10s %8d %10s  %s\n", FormatBytes(s.LiveBytes), FormatBytes(s.AllocBytes),
			FormatBytes(s.Transfers().Bytes+s.Host.Bytes), s.Launches, shortTime(s.Time), cmp.Or(s.Op, "(no operator)"))
	}
	return b.String()
}

// sortStacks orders stacks by live bytes, then by bytes ever allocated, the largest first.
func sortStacks(list []StackStats) {
	slices.SortFunc(list, func(a, b StackStats) int {
		return cmp.Or(
			cmp.Compare(b.LiveBytes, a.LiveBytes),
			cmp.Compare(b.AllocBytes, a.AllocBytes),
			cmp.Compare(a.Site, b.Site),
			strings.Compare(a.Op, b.Op),
			slices.Compare(a.PCs, b.PCs))
	})
}
