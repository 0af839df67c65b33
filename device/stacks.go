package device

import (
	"hash/maphash"
	"maps"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// capturing is whether allocations keep their stacks.
var capturing atomic.Bool

// CaptureStacks says whether allocations from now on keep the stack of calls that led to them, for
// profiles, and returns what was said before. It is off at first, since a stack costs about a
// microsecond; allocations without one are known by their call site.
func CaptureStacks(on bool) (was bool) { return capturing.Swap(on) }

// stackDepth is the most frames that are kept of a stack, the innermost.
const stackDepth = 64

// StackStats is what was allocated by way of one stack of calls.
type StackStats struct {
	PCs  []uintptr // of runtime.Callers, the innermost first; none if only the site is known
	Site Site
	Op   string

	Allocs, AllocBytes int // in all, bytes in size classes
	Buffers, LiveBytes int // not freed yet
}

// stackCount counts the allocations of one stack for one key.
type stackCount struct {
	key
	pcs           []uintptr
	allocs, frees transfers
}

// transfers is a number of things and their bytes.
type transfers struct{ count, bytes atomic.Int64 }

func (t *transfers) add(bytes int) {
	t.count.Add(1)
	t.bytes.Add(int64(bytes))
}

// free counts the end of an allocation. It does nothing for a nil stack.
func (s *stackCount) free(bytes int) {
	if s != nil {
		s.frees.add(bytes)
	}
}

// stats is what was counted, with what is live read so that it is not negative.
func (s *stackCount) stats() StackStats {
	freed, freedBytes := s.frees.count.Load(), s.frees.bytes.Load()
	allocs, bytes := s.allocs.count.Load(), s.allocs.bytes.Load()
	return StackStats{PCs: s.pcs, Site: s.site, Op: s.op, Allocs: int(allocs), AllocBytes: int(bytes),
		Buffers: int(allocs - freed), LiveBytes: int(bytes - freedBytes)}
}

// stackTable is the stacks of a device's allocations, by hash.
type stackTable struct {
	mu   sync.Mutex
	seed maphash.Seed
	by   map[uint64][]*stackCount
}

// capture counts an allocation under the stack of its caller's caller.
func (t *stackTable) capture(k key, bytes int) *stackCount {
	var pcs [stackDepth]uintptr
	s := t.find(k, pcs[:runtime.Callers(5, pcs[:])]) // above are Callers, capture, extra, alloc and Alloc
	s.allocs.add(bytes)
	return s
}

// find is the count of a stack, which is made if there is none.
func (t *stackTable) find(k key, pcs []uintptr) *stackCount {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.by == nil {
		t.by, t.seed = map[uint64][]*stackCount{}, maphash.MakeSeed()
	}
	h := t.hash(k, pcs)
	for _, s := range t.by[h] {
		if s.key == k && slices.Equal(s.pcs, pcs) {
			return s
		}
	}
	s := &stackCount{key: k, pcs: slices.Clone(pcs)}
	t.by[h] = append(t.by[h], s)
	return s
}

// hash is that of a key and a stack.
func (t *stackTable) hash(k key, pcs []uintptr) uint64 {
	h := maphash.Comparable(t.seed, k)
	for _, pc := range pcs {
		h = h*0x9e3779b97f4a7c15 + uint64(pc)
	}
	return h
}

// all is the stacks that were counted.
func (t *stackTable) all() []*stackCount {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Concat(slices.Collect(maps.Values(t.by))...)
}

// Stacks is what was allocated on the device since it was opened, by stack where CaptureStacks was
// on, and by call site where it was not, those that hold most first.
func (l *Ledgered) Stacks() []StackStats {
	rest := l.all.allocations()
	var list []StackStats
	for _, s := range l.stacks.all() {
		st := s.stats()
		r := rest[s.key]
		r.Allocs -= st.Allocs
		r.AllocBytes -= st.AllocBytes
		r.Buffers -= st.Buffers
		r.LiveBytes -= st.LiveBytes
		rest[s.key] = r
		list = append(list, st)
	}
	for k, r := range rest {
		if r.Allocs > 0 {
			r.Site, r.Op = k.site, k.op
			r.Buffers, r.LiveBytes = max(r.Buffers, 0), max(r.LiveBytes, 0)
			list = append(list, r)
		}
	}
	sortStacks(list)
	return list
}

// allocations is what was allocated, by key.
func (a *account) allocations() map[key]StackStats {
	a.mu.RLock()
	defer a.mu.RUnlock()
	by := map[key]StackStats{}
	for k, e := range a.entries {
		s := e.stats()
		by[k] = StackStats{Allocs: s.Allocs, AllocBytes: s.AllocBytes, Buffers: s.Buffers, LiveBytes: s.LiveBytes}
	}
	return by
}
