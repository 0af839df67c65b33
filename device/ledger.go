package device

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/tare-go/tare/internal/ir"
)

// Ledgered is a device that accounts for everything that is done with it: in all, by call site, and
// by the scopes that Record opened. It is the only thing that counts; put it outside the pool:
// Ledger(Pool(dev)). Allocations are counted in size classes, which is what the pool takes.
//
// It also refuses what no device can do right: buffers after their Free, buffers of another device,
// any use after Close, and allocations that exceed a budget of the context.
type Ledgered struct {
	dev     Device  // allocates
	pool    *Pooled // dev, if that is a pool
	runs    Device  // copies and runs: dev or, if that is a pool, the device inside, which spares a layer
	inner   Device  // of dev
	name    string
	all     account
	watched atomic.Pointer[watchers] // nil if there are none
	guards  atomic.Uint32            // for contexts without guards of their own
	stacks  stackTable
	shared  bool
	closed  atomic.Bool

	immediate bool // nothing is under way when a call has returned
}

// Ledger puts a ledger around a device.
func Ledger(dev Device) *Ledgered {
	l := &Ledgered{dev: dev, runs: dev, inner: innermost(dev), name: dev.Info().Name}
	if p, ok := dev.(*Pooled); ok {
		l.pool, l.runs = p, p.dev
	}
	_, l.immediate = l.runs.(Immediate)
	return l
}

// LedgerOf is the ledger of a device, nil if it has none. All devices from Open have one.
func LedgerOf(dev Device) *Ledgered {
	for ; dev != nil; dev = unwrap(dev) {
		if l, ok := dev.(*Ledgered); ok {
			return l
		}
	}
	return nil
}

// Info describes the device.
func (l *Ledgered) Info() Info { return l.dev.Info() }

// Unwrap is the device inside.
func (l *Ledgered) Unwrap() Device { return l.dev }

// Stats is the account of the device since it was opened.
func (l *Ledgered) Stats() Stats {
	s := l.all.Stats()
	s.CachedBytes = l.CachedBytes()
	return s
}

// Sites is the account by line of the user's program, those that hold most first. Calls on one line are
// one account, whose site is one of them.
func (l *Ledgered) Sites() []SiteStats { return l.all.Sites() }

// Ops is the account by operator, those that took most time first.
func (l *Ledgered) Ops() []OpStats { return l.all.Ops() }

// Holders lists the n call sites that hold most bytes.
func (l *Ledgered) Holders(n int) []Holder {
	var holders []Holder
	for _, s := range l.Sites() {
		if len(holders) == n || s.LiveBytes == 0 {
			break
		}
		holders = append(holders, Holder{s.Site, s.LiveBytes})
	}
	return holders
}

// CachedBytes is what the pool inside keeps for later.
func (l *Ledgered) CachedBytes() int {
	if l.pool != nil {
		return l.pool.CachedBytes()
	}
	return 0
}

// Trim releases what the pool inside keeps, and returns the number of bytes released.
func (l *Ledgered) Trim(ctx context.Context) (int, error) {
	if l.pool != nil {
		return l.pool.Trim(ctx)
	}
	return 0, nil
}

// Shared reports whether the device came from Open and so lives as long as the process.
func (l *Ledgered) Shared() bool { return l.shared }

// origin is what an event belongs to: its key, and who counts it beside the device.
type origin struct {
	key
	scope *Recorder
	watch *watchers // nil if there are none
}

// origin is that of an event that happens now with a context.
func (l *Ledgered) origin(t *tags) origin { return origin{t.key, t.scope, l.watched.Load()} }

// originOf is origin of a context's tags, at a site unless that is 0.
func (l *Ledgered) originOf(ctx context.Context, site uintptr) origin {
	o := origin{watch: l.watched.Load()}
	if c := find(ctx); c != nil {
		o.key, o.scope = c.tags.key, c.tags.scope
	}
	if site != 0 {
		o.site = Site(site)
	}
	return o
}

// happened posts an event that began at start and has just ended, and gives it to the traces.
func (l *Ledgered) happened(o *origin, e event, start time.Duration) *entry {
	e.start, e.took = start, clock()-start
	at := l.post(o, &e)
	if o.traced() {
		l.record(o, &e)
	}
	return at
}

// post adds an event to the device's account, to those of the scopes and to those who watch. It
// returns the device's entry.
func (l *Ledgered) post(o *origin, e *event) *entry {
	for r := o.scope; r != nil; r = r.parent {
		if r.about(l.inner) {
			r.post(o.key, e)
		}
	}
	if o.watch != nil {
		for _, r := range o.watch.list {
			r.post(o.key, e)
		}
	}
	return l.all.post(o.key, e)
}

// begin is the check that every call starts with.
func (l *Ledgered) begin(ctx context.Context) error {
	if l.closed.Load() {
		return ErrClosed
	}
	return ctx.Err()
}

// Alloc allocates and counts, if the budgets of the context allow.
func (l *Ledgered) Alloc(ctx context.Context, bytes int) (Buffer, error) {
	if err := l.begin(ctx); err != nil {
		return nil, err
	}
	t := tagsOf(ctx)
	return l.alloc(ctx, &t, bytes)
}

// Use says what an allocation is for, as WithPurpose, WithOp and WithSite say it of a context.
type Use struct {
	Purpose Purpose
	Op      string
	Site    uintptr // 0 for that of the context
}

// Alloc allocates on a device for a use, which takes no context of its own.
func Alloc(ctx context.Context, dev Device, bytes int, u Use) (Buffer, error) {
	l, ok := dev.(*Ledgered)
	if !ok {
		return dev.Alloc(u.in(ctx), bytes)
	}
	if err := l.begin(ctx); err != nil {
		return nil, err
	}
	t := u.tags(tagsOf(ctx))
	return l.alloc(ctx, &t, bytes)
}

// tags are those of a context, with the use.
func (u Use) tags(t tags) tags {
	t.purpose, t.op = u.Purpose, u.Op
	if u.Site != 0 {
		t.site = Site(u.Site)
	}
	return t
}

// in is a context with the use.
func (u Use) in(ctx context.Context) context.Context {
	c := retagged(ctx)
	c.tags = u.tags(c.tags)
	return c
}

// alloc is Alloc with the tags of the context, or others.
func (l *Ledgered) alloc(ctx context.Context, t *tags, bytes int) (Buffer, error) {
	if bytes < 0 {
		return nil, &SizeError{bytes}
	}
	class := SizeClass(bytes)
	if !t.scope.reserve(l.inner, class) {
		return nil, l.overBudget(t.scope, class)
	}
	start := clock()
	c := &counted{ledger: l, scope: t.scope, class: class}
	if err := l.fill(ctx, c, bytes); err != nil {
		t.scope.release(l.inner, class, nil)
		return nil, l.explain(err)
	}
	o := l.origin(t)
	c.at = l.happened(&o, event{kind: EventAlloc, purpose: t.purpose, bytes: class}, start)
	c.extra = l.extra(&o, class)
	return c, nil
}

// fill allocates what a counted buffer has inside.
func (l *Ledgered) fill(ctx context.Context, c *counted, bytes int) (err error) {
	if l.pool == nil {
		c.Buffer, err = l.dev.Alloc(ctx, bytes)
		return err
	}
	c.Buffer = &c.pooled
	return l.pool.alloc(ctx, c.scope, &c.pooled, bytes)
}

// overBudget is the error of an allocation that a budget of the context does not allow.
func (l *Ledgered) overBudget(scope *Recorder, class int) error {
	room, _ := scope.room(l.inner)
	return &BudgetError{Op: "alloc", Need: class, Budget: max(room, 0), Why: whyContext, Holders: l.Holders(5)}
}

// explain adds to an error of the pool's budget who holds the memory.
func (l *Ledgered) explain(err error) error {
	var over *BudgetError
	if errors.As(err, &over) && over.Holders == nil {
		over.Holders = l.Holders(5)
	}
	return err
}

// Copy copies and counts by direction, if no guard denies it: see Guard.
func (l *Ledgered) Copy(ctx context.Context, dst, src Span) error {
	if err := l.begin(ctx); err != nil {
		return err
	}
	if err := CheckCopy(dst, src); err != nil {
		return err
	}
	t, direction := tagsOf(ctx), direction(dst, src)
	var err error
	if dst.Buffer, err = l.open("copy", dst.Buffer); err != nil {
		return err
	}
	if src.Buffer, err = l.open("copy", src.Buffer); err != nil {
		return err
	}
	if err := l.guard(ctx, &t, direction, src.Len); err != nil {
		return err
	}
	o, start := l.origin(&t), clock()
	if o.traced() {
		ctx = o.tracing(ctx)
	}
	if err := l.runs.Copy(ctx, dst, src); err != nil {
		return err
	}
	l.happened(&o, event{kind: EventKind(direction), bytes: src.Len}, start)
	return nil
}

// open is the buffer as the device that copies and runs knows it: its own without the wrappings of
// ledger and pool, host memory as it is. A buffer that was freed or that is another device's is an error.
func (l *Ledgered) open(op string, b Buffer) (Buffer, error) {
	c, ok := b.(*counted)
	switch {
	case ok && c.freed.Load():
		return nil, &FreedError{op, c.at.site}
	case ok && c.ledger == l && l.pool != nil:
		return c.pooled.Buffer, nil
	case ok && c.ledger == l:
		return c.Buffer, nil
	case ok && c.Host() == nil && op == "copy" && l.peer(c.ledger):
		return c.ledger.open(op, b)
	case ok && c.Host() == nil:
		return nil, &MismatchError{Op: op, A: c.ledger.Info().Name, B: l.Info().Name, Bytes: c.Size()}
	}
	return b, nil
}

// peer reports whether the device copies to and from the memory of another by itself.
func (l *Ledgered) peer(other *Ledgered) bool {
	p, ok := innermost(l).(PeerCopier)
	return ok && p.CopiesWith(innermost(other))
}

// innermost is the device inside all decorators.
func innermost(dev Device) Device {
	for inner := unwrap(dev); inner != nil; inner = unwrap(dev) {
		dev = inner
	}
	return dev
}

// Compile compiles and counts, in no scope: see the function Compile.
func (l *Ledgered) Compile(op ir.Op) (Program, error) {
	return l.compile(context.Background(), op)
}

func (l *Ledgered) compile(ctx context.Context, op ir.Op) (Program, error) {
	if err := l.begin(ctx); err != nil {
		return nil, err
	}
	start := clock()
	p, err := l.runs.Compile(op)
	if err != nil {
		return nil, err
	}
	t := tagsOf(ctx)
	if t.op == "" {
		t.op = opName(op)
	}
	o := l.origin(&t)
	l.happened(&o, event{kind: EventCompile}, start)
	return &countedProgram{Program: p, ledger: l, origin: o, own: t.own}, nil
}

// Compile compiles an operation for a device, and counts it in the scopes of the context.
func Compile(ctx context.Context, dev Device, op ir.Op) (Program, error) {
	if l, ok := dev.(*Ledgered); ok {
		return l.compile(ctx, op)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return dev.Compile(op)
}

// Sync waits, and counts the time, where there can be something to wait for.
func (l *Ledgered) Sync(ctx context.Context) error { return l.sync(ctx, 0) }

// Sync is a device's Sync for a line of the user's program, 0 for that of the context, which takes no context of its own.
func Sync(ctx context.Context, dev Device, site uintptr) error {
	if l, ok := dev.(*Ledgered); ok {
		return l.sync(ctx, site)
	}
	return dev.Sync(atSite(ctx, site))
}

func (l *Ledgered) sync(ctx context.Context, site uintptr) error {
	if err := l.begin(ctx); err != nil {
		return err
	}
	if l.immediate {
		return l.runs.Sync(ctx)
	}
	o, start := l.originOf(ctx, site), clock()
	err := l.runs.Sync(ctx)
	l.happened(&o, event{kind: EventSync}, start)
	return err
}

// Close closes the device. Buffers and programs may still be freed and closed afterwards; all else
// is ErrClosed. Of a shared device it releases only what the pool keeps. A second Close does nothing.
func (l *Ledgered) Close() error {
	if l.shared {
		_, err := l.Trim(context.Background())
		return err
	}
	if l.closed.Swap(true) {
		return nil
	}
	return l.dev.Close()
}

// counted is a buffer that reports its Free, once.
type counted struct {
	Buffer        // &pooled, if the ledger is around a pool
	pooled pooled // here, which spares an allocation
	ledger *Ledgered
	at     *entry // of the device's account
	scope  *Recorder
	extra  *extra // nil for most
	class  int
	freed  atomic.Bool
}

// extra is what few buffers have.
type extra struct {
	watch *watchers   // who counted the allocation
	stack *stackCount // of the allocation
}

// extra is that of a new buffer, or nil.
func (l *Ledgered) extra(o *origin, class int) *extra {
	stacks := capturing.Load()
	if !stacks && o.watch == nil {
		return nil
	}
	x := &extra{watch: o.watch}
	if stacks {
		x.stack = l.stacks.capture(o.key, class)
	}
	return x
}

// Host is nil once the buffer is freed.
func (c *counted) Host() unsafe.Pointer {
	if c.freed.Load() {
		return nil
	}
	return c.Buffer.Host()
}

func (c *counted) Free() {
	if c.freed.Swap(true) {
		return
	}
	o := origin{c.at.key, c.scope, nil}
	if c.extra != nil {
		o.watch = c.extra.watch
		c.extra.stack.free(c.class)
	}
	e := event{kind: EventFree, bytes: c.class}
	c.ledger.post(&o, &e)
	c.scope.release(c.ledger.inner, c.class, nil)
	c.Buffer.Free()
	if o.traced() {
		e.start = clock()
		c.ledger.record(&o, &e)
	}
}

// countedProgram counts launches, and its Close once.
type countedProgram struct {
	Program
	ledger *Ledgered
	origin origin
	own    bool // it counts at its own site
	args   argList
	closed atomic.Bool
}

// Run runs the program, and counts it at the line that it was compiled for.
func (p *countedProgram) Run(ctx context.Context, args []Arg, work Span) error {
	return p.launch(ctx, 0, args, work)
}

// Launch runs a program for a line of the user's program, 0 for that of the context, which takes no context of its own.
func Launch(ctx context.Context, p Program, site uintptr, args []Arg, work Span) error {
	if c, ok := p.(*countedProgram); ok {
		return c.launch(ctx, site, args, work)
	}
	return p.Run(atSite(ctx, site), args, work)
}

func (p *countedProgram) launch(ctx context.Context, site uintptr, args []Arg, work Span) (err error) {
	if p.closed.Load() {
		return ErrClosed
	}
	if err := p.ledger.begin(ctx); err != nil {
		return err
	}
	if work.Buffer, err = p.ledger.open("run", work.Buffer); err != nil {
		return err
	}
	inner := p.args.take(len(args))
	if err = inner.open(args, p.ledger); err == nil {
		err = p.run(ctx, site, *inner, work)
	}
	p.args.give(inner)
	return err
}

// run is launch with the buffers of the device inside.
func (p *countedProgram) run(ctx context.Context, site uintptr, args []Arg, work Span) error {
	o := p.ledger.originOf(ctx, site)
	if o.op == "" {
		o.op = p.origin.op
	}
	if p.own {
		o.site = p.origin.site
	}
	start := clock()
	if o.traced() {
		ctx = o.tracing(ctx)
	}
	if err := p.Program.Run(ctx, args, work); err != nil {
		return err
	}
	p.ledger.happened(&o, event{kind: EventLaunch}, start)
	return nil
}

// Keep says that a program outlives the evaluation that it was compiled for: it no longer counts as one that the scopes
// of that have not closed. It is not for programs that run at the time.
func Keep(p Program) {
	c, ok := p.(*countedProgram)
	if !ok {
		return
	}
	for r := c.origin.scope; r != nil; r = r.parent {
		if r.about(c.ledger.inner) {
			r.post(c.origin.key, &event{kind: EventClose})
		}
	}
	if c.origin.watch != nil {
		for _, r := range c.origin.watch.list {
			r.post(c.origin.key, &event{kind: EventClose})
		}
	}
	c.origin.scope, c.origin.watch = nil, nil
}

func (p *countedProgram) Close() error {
	if p.closed.Swap(true) {
		return nil
	}
	p.ledger.post(&p.origin, &event{kind: EventClose})
	return p.Program.Close()
}

// unwrap is the device inside a decorator, or nil.
func unwrap(dev Device) Device {
	if d, ok := dev.(interface{ Unwrap() Device }); ok {
		return d.Unwrap()
	}
	return nil
}
