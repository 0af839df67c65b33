package device

import (
	"context"
	"math"
	"slices"
	"sync"
	"sync/atomic"
)

// Purpose says what an allocation is for.
type Purpose uint8

// The purposes. An allocation that nobody declared is data: an operand.
const (
	Operand      Purpose = iota // data of the user's: created, read or moved
	Result                      // what an evaluation returns
	Intermediate                // a value stored between two steps of an evaluation
	Workspace                   // partial results and scratch of an evaluation

	purposes
)

// String is the name of the purpose.
func (p Purpose) String() string {
	return [...]string{"operand", "result", "intermediate", "workspace"}[p&3]
}

// Recorder is a scope of the ledger: it counts what happens, on any device, with the contexts made
// from the one that Record returned, or what happens on the device that Watch was given. It is safe
// for concurrent use.
type Recorder struct {
	parent *Recorder
	only   Device // the innermost of the device that it is about, nil if it is about all
	account
	limit  int          // bytes that may be live at once, math.MaxInt without a budget
	held   atomic.Int64 // live bytes and those of allocations under way, if there is a budget
	trace  *Trace       // where the events go, or nil
	traced bool         // the scope or one around it has a trace
}

// Record opens a scope. Scopes nest: an event counts in the innermost scope and in all around it. A
// scope needs no closing, and what was allocated in it counts as live until it is freed.
func Record(ctx context.Context) (context.Context, *Recorder) {
	c := retagged(ctx)
	t := &c.tags
	t.scope = &Recorder{parent: t.scope, limit: math.MaxInt, traced: t.scope != nil && t.scope.traced}
	return c, t.scope
}

// RecordOn is Record for what happens on one device.
func RecordOn(ctx context.Context, dev Device) (context.Context, *Recorder) {
	ctx, rec := Record(ctx)
	rec.only = innermost(dev)
	return ctx, rec
}

// about reports whether the recorder counts what happens on a device, which is innermost.
func (r *Recorder) about(inner Device) bool { return r.only == nil || r.only == inner }

// Watch counts all that happens on a device from now on, with any context, until stop is called. What
// was allocated before is not its, and what was allocated meanwhile counts as live until it is freed.
func Watch(l *Ledgered) (rec *Recorder, stop func()) {
	rec = &Recorder{limit: math.MaxInt}
	return rec, l.watch(rec)
}

// watchers are those that count all that happens on a device. The list is never changed.
type watchers struct {
	list   []*Recorder
	traced bool
}

// watch adds a recorder to a device until it is stopped.
func (l *Ledgered) watch(rec *Recorder) (stop func()) {
	l.rewatch(func(list []*Recorder) []*Recorder { return append(slices.Clone(list), rec) })
	return sync.OnceFunc(func() {
		l.rewatch(func(list []*Recorder) []*Recorder {
			return slices.DeleteFunc(slices.Clone(list), func(r *Recorder) bool { return r == rec })
		})
	})
}

// rewatch replaces the list of those who watch.
func (l *Ledgered) rewatch(change func([]*Recorder) []*Recorder) {
	for {
		old := l.watched.Load()
		var list []*Recorder
		if old != nil {
			list = old.list
		}
		var next *watchers
		if list = change(list); len(list) > 0 {
			next = &watchers{list, slices.ContainsFunc(list, func(r *Recorder) bool { return r.traced })}
		}
		if l.watched.CompareAndSwap(old, next) {
			return
		}
	}
}

// MaxTransfers is nil if at most n copies to, from or within a device happened in the scope, and a
// *TransferError otherwise: an assertion for tests.
func (r *Recorder) MaxTransfers(n int) error {
	got := r.Stats().Transfers()
	if got.Count <= n {
		return nil
	}
	e := &TransferError{Max: n, Got: got}
	for _, s := range r.Sites() {
		if t := s.Transfers(); t.Count > 0 {
			e.Sites = append(e.Sites, Holder{s.Site, t.Bytes})
		}
	}
	return e
}

// room is what may be allocated on a device within the budgets of r and of the scopes around it, and false if
// none of them has one. For nil it is by the budgets that are about all devices.
func (r *Recorder) room(inner Device) (bytes int, limited bool) {
	bytes = math.MaxInt
	for ; r != nil; r = r.parent {
		if r.limit != math.MaxInt && r.about(inner) {
			bytes, limited = min(bytes, r.limit-int(r.held.Load())), true
		}
	}
	return bytes, limited
}

// limits reports whether r or a scope around it has a budget that is about a device.
func (r *Recorder) limits(dev Device) bool {
	if r == nil {
		return false
	}
	_, limited := r.room(innermost(dev))
	return limited
}

// reserve takes bytes on a device from the budgets of r and of the scopes around it, all or none. Release gives
// them back: when the allocation failed, or its buffer is freed.
func (r *Recorder) reserve(inner Device, bytes int) bool {
	for s := r; s != nil; s = s.parent {
		if s.about(inner) && !s.take(bytes) {
			r.release(inner, bytes, s)
			return false
		}
	}
	return true
}

// take reserves bytes if the budget of the scope allows.
func (r *Recorder) take(bytes int) bool {
	if r.limit == math.MaxInt {
		return true
	}
	for {
		held := r.held.Load()
		if bytes > r.limit-int(held) {
			return false
		}
		if r.held.CompareAndSwap(held, held+int64(bytes)) {
			return true
		}
	}
}

// release undoes reserve for the scopes inside end.
func (r *Recorder) release(inner Device, bytes int, end *Recorder) {
	for s := r; s != end; s = s.parent {
		if s.limit != math.MaxInt && s.about(inner) {
			s.held.Add(-int64(bytes))
		}
	}
}
