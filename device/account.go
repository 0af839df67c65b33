package device

import (
	"sync"
	"sync/atomic"
	"time"
)

// key is what an account is broken down by.
type key struct {
	site Site
	op   string
}

// level is a number of bytes that goes up and down, and the most that it was.
type level struct{ live, peak atomic.Int64 }

func (l *level) add(bytes int) {
	now := l.live.Add(int64(bytes))
	for p := l.peak.Load(); now > p; p = l.peak.Load() {
		if l.peak.CompareAndSwap(p, now) {
			return
		}
	}
}

// into sets live and peak bytes of s.
func (l *level) into(s *Stats) {
	s.LiveBytes = int(l.live.Load())
	s.PeakBytes = max(int(l.peak.Load()), s.LiveBytes)
}

// tally is a number of events, their bytes and the time that they took.
type tally struct{ count, bytes, nanos atomic.Int64 }

func (t *tally) add(e *event) {
	t.count.Add(1)
	if e.bytes != 0 {
		t.bytes.Add(int64(e.bytes))
	}
	if e.took != 0 {
		t.nanos.Add(int64(e.took))
	}
}

func (t *tally) transfer() Transfer { return Transfer{int(t.count.Load()), int(t.bytes.Load())} }

func (t *tally) time() time.Duration { return time.Duration(t.nanos.Load()) }

// entry is the account of one key.
type entry struct {
	key
	events       [eventKinds]tally
	purposes     [purposes]tally // of the allocations
	line         Site            // stands for all sites of the key's line
	bySite, byOp *level          // of that line and of the key's operator, over all keys
}

func (e *entry) post(ev *event) {
	switch ev.kind {
	case EventAlloc:
		e.purposes[ev.purpose%purposes].add(ev)
		e.bySite.add(ev.bytes)
		e.byOp.add(ev.bytes)
		return
	case EventFree:
		e.bySite.add(-ev.bytes)
		e.byOp.add(-ev.bytes)
	}
	e.events[ev.kind].add(ev)
}

// stats is what was counted, without the peaks of site and operator.
func (e *entry) stats() (s Stats) {
	freed := e.events[EventFree].transfer() // before what was allocated, so that no less is live than is
	e.allocations(&s)
	s.Buffers, s.LiveBytes = s.Allocs-freed.Count, s.AllocBytes-freed.Bytes
	copies := func(k EventKind, into *Transfer, time *time.Duration) {
		*into, *time = e.events[k].transfer(), e.events[k].time()
	}
	copies(EventH2D, &s.H2D, &s.H2DTime)
	copies(EventD2H, &s.D2H, &s.D2HTime)
	copies(EventD2D, &s.D2D, &s.D2DTime)
	copies(EventHost, &s.Host, &s.HostTime)
	count := func(k EventKind) int { return int(e.events[k].count.Load()) }
	s.Launches, s.LaunchTime = count(EventLaunch), e.events[EventLaunch].time()
	s.Compiles, s.CompileTime = count(EventCompile), e.events[EventCompile].time()
	s.Programs = s.Compiles - count(EventClose)
	s.SyncTime = e.events[EventSync].time()
	s.Time = s.AllocTime + s.H2DTime + s.D2HTime + s.D2DTime + s.HostTime + s.LaunchTime + s.CompileTime + s.SyncTime
	return s
}

// allocations sets what was allocated, by purpose and in all.
func (e *entry) allocations(s *Stats) {
	parts := [purposes]*int{Operand: &s.OperandBytes, Result: &s.ResultBytes, Intermediate: &s.IntermediateBytes, Workspace: &s.WorkspaceBytes}
	for p, bytes := range parts {
		t := &e.purposes[p]
		*bytes = int(t.bytes.Load())
		s.Allocs += int(t.count.Load())
		s.AllocBytes += *bytes
		s.AllocTime += t.time()
	}
	s.Intermediates = int(e.purposes[Intermediate].count.Load())
}

// recents is how many entries an account finds without its lock.
const recents = 16

// account is what was counted, by call site and operator. Events are counted with atomic operations
// on the entry of their key, which allocate nothing; the lock is for entries not seen lately.
type account struct {
	total  level
	recent [recents]atomic.Pointer[entry]

	mu      sync.RWMutex
	entries map[key]*entry
	sites   map[Site]*level
	ops     map[string]*level
}

// post counts an event, and returns the entry that it went to.
func (a *account) post(k key, e *event) *entry {
	at := a.entry(k)
	at.post(e)
	switch e.kind {
	case EventAlloc:
		a.total.add(e.bytes)
	case EventFree:
		a.total.add(-e.bytes)
	}
	return at
}

// entry is the entry of a key, which is made if there is none.
func (a *account) entry(k key) *entry {
	slot := &a.recent[(uintptr(k.site)>>2^uintptr(len(k.op)))%recents]
	if e := slot.Load(); e != nil && e.key == k {
		return e
	}
	a.mu.RLock()
	e := a.entries[k]
	a.mu.RUnlock()
	if e == nil {
		e = a.open(k)
	}
	slot.Store(e)
	return e
}

// open makes an entry, unless another goroutine just did.
func (a *account) open(k key) *entry {
	a.mu.Lock()
	defer a.mu.Unlock()
	if e := a.entries[k]; e != nil {
		return e
	}
	if a.entries == nil {
		a.entries, a.sites, a.ops = map[key]*entry{}, map[Site]*level{}, map[string]*level{}
	}
	line := k.site.line()
	e := &entry{key: k, line: line, bySite: levelOf(a.sites, line), byOp: levelOf(a.ops, k.op)}
	a.entries[k] = e
	return e
}

// levelOf is the level of one key of a map, which is made if there is none.
func levelOf[K comparable](levels map[K]*level, k K) *level {
	l := levels[k]
	if l == nil {
		l = new(level)
		levels[k] = l
	}
	return l
}

// Stats is the account. While others count, its numbers may be of moments that differ a little.
func (a *account) Stats() Stats {
	a.mu.RLock()
	defer a.mu.RUnlock()
	var sum Stats
	for _, e := range a.entries {
		sum.add(e.stats())
	}
	a.total.into(&sum)
	return sum
}

// Sites is the account by line, those that hold most first.
func (a *account) Sites() []SiteStats {
	a.mu.RLock()
	defer a.mu.RUnlock()
	by := sums(a.entries, a.sites, func(e *entry) Site { return e.line })
	list := make([]SiteStats, 0, len(by))
	for site, s := range by {
		list = append(list, SiteStats{site, *s})
	}
	sortSites(list)
	return list
}

// Ops is the account by operator, those that took most time first.
func (a *account) Ops() []OpStats {
	a.mu.RLock()
	defer a.mu.RUnlock()
	by := sums(a.entries, a.ops, func(e *entry) string { return e.op })
	list := make([]OpStats, 0, len(by))
	for op, s := range by {
		list = append(list, OpStats{op, *s})
	}
	sortOps(list)
	return list
}

// sums adds up the entries by line or by operator, and takes live and peak bytes from its levels.
func sums[K comparable](entries map[key]*entry, levels map[K]*level, part func(*entry) K) map[K]*Stats {
	by := make(map[K]*Stats, len(levels))
	for _, e := range entries {
		k := part(e)
		if by[k] == nil {
			by[k] = new(Stats)
		}
		by[k].add(e.stats())
	}
	for k, s := range by {
		levels[k].into(s)
	}
	return by
}
