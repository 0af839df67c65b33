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
	dev    Device
	all    account
	shared bool
	closed atomic.Bool
}

// Ledger puts a ledger around a device.
func Ledger(dev Device) *Ledgered { return &Ledgered{dev: dev} }

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

// Sites is the account by call site, those that hold most first.
func (l *Ledgered) Sites() []SiteStats { return l.all.Sites() }

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
	if p, ok := l.dev.(*Pooled); ok {
		return p.CachedBytes()
	}
	return 0
}

// Trim releases what the pool inside keeps, and returns the number of bytes released.
func (l *Ledgered) Trim(ctx context.Context) (int, error) {
	if p, ok := l.dev.(*Pooled); ok {
		return p.Trim(ctx)
	}
	return 0, nil
}

// Shared reports whether the device came from Open and so lives as long as the process.
func (l *Ledgered) Shared() bool { return l.shared }

// post adds an event to the device's account and to those of the scopes.
func (l *Ledgered) post(t tags, event Stats, reserved int) {
	l.all.post(t.site, event, 0)
	for r := t.scope; r != nil; r = r.parent {
		r.post(t.site, event, reserved)
	}
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
	if bytes < 0 {
		return nil, &SizeError{bytes}
	}
	t, class := tagsOf(ctx), SizeClass(bytes)
	if !t.scope.reserve(class) {
		return nil, l.overBudget(t, class)
	}
	start := time.Now()
	inner, err := l.dev.Alloc(ctx, bytes)
	if err != nil {
		t.scope.release(class, nil)
		return nil, l.explain(err)
	}
	event := allocated(class, t.purpose)
	event.Time = time.Since(start)
	l.post(t, event, class)
	return &counted{Buffer: inner, ledger: l, tags: t, class: class}, nil
}

// overBudget is the error of an allocation that a budget of the context does not allow.
func (l *Ledgered) overBudget(t tags, class int) error {
	room, _ := t.scope.room()
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

// Copy copies and counts by direction.
func (l *Ledgered) Copy(ctx context.Context, dst, src Span) error {
	if err := l.begin(ctx); err != nil {
		return err
	}
	if err := CheckCopy(dst, src); err != nil {
		return err
	}
	event := copied(dst, src)
	var err error
	if dst.Buffer, err = l.open("copy", dst.Buffer); err != nil {
		return err
	}
	if src.Buffer, err = l.open("copy", src.Buffer); err != nil {
		return err
	}
	start := time.Now()
	if err := l.dev.Copy(ctx, dst, src); err != nil {
		return err
	}
	event.Time = time.Since(start)
	l.post(tagsOf(ctx), event, 0)
	return nil
}

// copied is the event of a copy. What the processor can reach is host memory.
func copied(dst, src Span) Stats {
	moved := Transfer{1, src.Len}
	toHost, fromHost := dst.Buffer.Host() != nil, src.Buffer.Host() != nil
	switch {
	case toHost && fromHost:
		return Stats{Host: moved}
	case fromHost:
		return Stats{H2D: moved}
	case toHost:
		return Stats{D2H: moved}
	}
	return Stats{D2D: moved}
}

// open is the buffer as the device inside knows it: its own without the ledger's wrapping, host
// memory as it is. A buffer that was freed or that is another device's is an error.
func (l *Ledgered) open(op string, b Buffer) (Buffer, error) {
	c, ok := b.(*counted)
	switch {
	case ok && c.freed.Load():
		return nil, &FreedError{op, c.tags.site}
	case ok && c.ledger == l:
		return c.Buffer, nil
	case ok && c.Host() == nil:
		return nil, &MismatchError{Op: op, A: c.ledger.Info().Name, B: l.Info().Name, Bytes: c.Size()}
	}
	return b, nil
}

// Compile compiles and counts, in no scope: see the function Compile.
func (l *Ledgered) Compile(op ir.Op) (Program, error) {
	return l.compile(context.Background(), op)
}

func (l *Ledgered) compile(ctx context.Context, op ir.Op) (Program, error) {
	if err := l.begin(ctx); err != nil {
		return nil, err
	}
	start := time.Now()
	p, err := l.dev.Compile(op)
	if err != nil {
		return nil, err
	}
	t := tagsOf(ctx)
	l.post(t, Stats{Compiles: 1, Programs: 1, Time: time.Since(start)}, 0)
	return &countedProgram{Program: p, ledger: l, tags: t}, nil
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

// Sync waits, and counts the time.
func (l *Ledgered) Sync(ctx context.Context) error {
	if err := l.begin(ctx); err != nil {
		return err
	}
	start := time.Now()
	err := l.dev.Sync(ctx)
	l.post(tagsOf(ctx), Stats{Time: time.Since(start)}, 0)
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
	Buffer
	ledger *Ledgered
	tags   tags
	class  int
	freed  atomic.Bool
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
	c.ledger.post(c.tags, Stats{Buffers: -1, LiveBytes: -c.class}, 0)
	c.Buffer.Free()
}

// countedProgram counts launches, and its Close once.
type countedProgram struct {
	Program
	ledger *Ledgered
	tags   tags
	closed atomic.Bool
}

func (p *countedProgram) Run(ctx context.Context, args []Arg, work Span) error {
	if p.closed.Load() {
		return ErrClosed
	}
	if err := p.ledger.begin(ctx); err != nil {
		return err
	}
	inner, err := openArgs(args, func(b Buffer) (Buffer, error) { return p.ledger.open("run", b) })
	if err != nil {
		return err
	}
	if work.Buffer, err = p.ledger.open("run", work.Buffer); err != nil {
		return err
	}
	start := time.Now()
	if err := p.Program.Run(ctx, inner, work); err != nil {
		return err
	}
	p.ledger.post(tagsOf(ctx), Stats{Launches: 1, Time: time.Since(start)}, 0)
	return nil
}

func (p *countedProgram) Close() error {
	if p.closed.Swap(true) {
		return nil
	}
	p.ledger.post(p.tags, Stats{Programs: -1}, 0)
	return p.Program.Close()
}

// openArgs is args with their buffers as open gives them.
func openArgs(args []Arg, open func(Buffer) (Buffer, error)) ([]Arg, error) {
	opened := make([]Arg, len(args))
	for i, a := range args {
		b, err := open(a.Buffer)
		if err != nil {
			return nil, err
		}
		opened[i] = Arg{Buffer: b, Off: a.Off, Bits: a.Bits}
	}
	return opened, nil
}

// unwrap is the device inside a decorator, or nil.
func unwrap(dev Device) Device {
	if d, ok := dev.(interface{ Unwrap() Device }); ok {
		return d.Unwrap()
	}
	return nil
}
