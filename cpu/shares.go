package cpu

import "sync/atomic"

// shares hands out the parts of a job: each worker has a share of them and takes it from the start, and then
// what others have not begun. So a part is mostly done by the worker that did it in the run before, in whose
// caches its operands are, and a worker reads memory in order.
type shares []share

type share struct {
	next atomic.Int64
	end  int64
	_    [48]byte // keeps the shares of two workers in different lines of the caches
}

// deal makes shares of n parts.
func (s shares) deal(n int) {
	for w := range s {
		s[w].next.Store(int64(w * n / len(s)))
		s[w].end = int64((w + 1) * n / len(s))
	}
}

// take is the next part for a worker; ok is false if none is left.
func (s shares) take(worker int) (part int, ok bool) {
	for d := range s {
		t := &s[(worker+d)%len(s)]
		if t.next.Load() >= t.end {
			continue
		}
		if i := t.next.Add(1) - 1; i < t.end {
			return int(i), true
		}
	}
	return 0, false
}
