package device

import (
	"context"
	"math"
	"sync"
)

// Purpose says what an allocation is for.
type Purpose uint8

// The purposes. An allocation that nobody declared is data: an operand.
const (
	Operand      Purpose = iota // data of the user's: created, read or moved
	Result                      // what an evaluation returns
	Intermediate                // a value stored between two steps of an evaluation
	Workspace                   // partial results and scratch of an evaluation
)

// String is the name of the purpose.
func (p Purpose) String() string {
	return [...]string{"operand", "result", "intermediate", "workspace"}[p&3]
}

// tags are what a context carries for the ledger, in one value. They are immutable.
type tags struct {
	scope   *Recorder
	purpose Purpose
	site    Site
}

type tagsKey struct{}

func tagsOf(ctx context.Context) tags {
	t, _ := ctx.Value(tagsKey{}).(tags)
	return t
}

func (t tags) into(ctx context.Context) context.Context {
	return context.WithValue(ctx, tagsKey{}, t)
}

// WithPurpose says what the allocations made with the context are for.
func WithPurpose(ctx context.Context, p Purpose) context.Context {
	t := tagsOf(ctx)
	t.purpose = p
	return t.into(ctx)
}

// WithSite says which line of the user's program the context acts for: a program counter as
// runtime.Callers gives it.
func WithSite(ctx context.Context, pc uintptr) context.Context {
	t := tagsOf(ctx)
	t.site = Site(pc)
	return t.into(ctx)
}

// SiteOf is the site that WithSite gave to the context, or 0.
func SiteOf(ctx context.Context) Site { return tagsOf(ctx).site }

// Recorder is a scope of the ledger: it counts what happens, on any device, with the contexts made
// from the one that Record returned. It is safe for concurrent use.
type Recorder struct {
	parent *Recorder
	account
	limit int // bytes that may be live at once, math.MaxInt without a budget
}

// Record opens a scope. Scopes nest: an event counts in the innermost scope and in all around it. A
// scope needs no closing, and what was allocated in it counts as live until it is freed.
func Record(ctx context.Context) (context.Context, *Recorder) {
	t := tagsOf(ctx)
	t.scope = &Recorder{parent: t.scope, limit: math.MaxInt}
	return t.into(ctx), t.scope
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

// room is what may be allocated within the budgets of r and of the scopes around it, and false if
// none of them has one.
func (r *Recorder) room() (bytes int, limited bool) {
	bytes = math.MaxInt
	for ; r != nil; r = r.parent {
		r.mu.Lock()
		if r.limit != math.MaxInt {
			bytes, limited = min(bytes, r.limit-r.total.LiveBytes-r.reserved), true
		}
		r.mu.Unlock()
	}
	return bytes, limited
}

// reserve takes bytes from the budgets of r and of the scopes around it, all or none. What was
// reserved is released by posting the allocation, or because it failed.
func (r *Recorder) reserve(bytes int) bool {
	for s := r; s != nil; s = s.parent {
		if !s.take(bytes) {
			r.release(bytes, s)
			return false
		}
	}
	return true
}

// take reserves bytes if the budget of the scope allows.
func (r *Recorder) take(bytes int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if bytes > r.limit-r.total.LiveBytes-r.reserved {
		return false
	}
	r.reserved += bytes
	return true
}

// release undoes reserve for the scopes inside end.
func (r *Recorder) release(bytes int, end *Recorder) {
	for s := r; s != end; s = s.parent {
		s.mu.Lock()
		s.reserved -= bytes
		s.mu.Unlock()
	}
}

// account is Stats in all and by call site, kept under a lock.
type account struct {
	mu       sync.Mutex
	total    Stats
	sites    map[Site]*Stats
	reserved int // bytes of allocations under way
}

// post adds an event, for which that many bytes had been reserved.
func (a *account) post(site Site, event Stats, reserved int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.reserved -= reserved
	a.total.add(event)
	if a.sites == nil {
		a.sites = map[Site]*Stats{}
	}
	s := a.sites[site]
	if s == nil {
		s = new(Stats)
		a.sites[site] = s
	}
	s.add(event)
}

// Stats is the account at this moment.
func (a *account) Stats() Stats {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.total
}

// Sites is the account by call site, those that hold most first.
func (a *account) Sites() []SiteStats {
	a.mu.Lock()
	defer a.mu.Unlock()
	return sortedSites(a.sites)
}
