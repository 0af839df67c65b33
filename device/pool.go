package device

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/tare-go/tare/internal/ir"
)

// Pooled is a device that keeps freed buffers, by size class, and hands them out again: fresh pages
// cost about as much as the arithmetic on them, and a driver's allocation waits for the device. A
// buffer is handed out again at once, so a device must run what uses the same memory in the order
// in which it was started.
//
// What it keeps is at most a quarter of the memory that the device may take: enough for the buffers
// of a loop, little enough that nobody else misses it. The oldest go first. Kept bytes count in the
// budget, and are released before an allocation fails: when it would exceed the limit, and once
// more when the device refuses. An allocation that the limit does not allow is a *BudgetError.
type Pooled struct {
	dev   Device
	gauge gauge

	mu     sync.Mutex
	free   map[int]*rack // by class; see drop for empty ones
	cached int
	live   int
	clock  uint64 // counts frees
	closed bool
}

// kept is a freed buffer, and when it was freed.
type kept struct {
	Buffer
	at uint64
}

// rack is the kept buffers of a class, the oldest first.
type rack struct{ list []kept }

// Pool puts a pool around a device.
func Pool(dev Device) *Pooled {
	return &Pooled{dev: dev, free: map[int]*rack{}, gauge: gauge{dev: dev}}
}

// Info describes the device.
func (p *Pooled) Info() Info { return p.dev.Info() }

// Unwrap is the device inside.
func (p *Pooled) Unwrap() Device { return p.dev }

// CachedBytes is what the pool keeps for later.
func (p *Pooled) CachedBytes() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cached
}

// room is what may still be allocated, counting what the pool keeps as free. share is the part of the memory that may be
// taken, in percent.
func (p *Pooled) room(share int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	limit := p.gauge.limit(share, p.live+p.cached, unlimited)
	if limit == unlimited {
		return unlimited
	}
	return limit - p.live
}

// why is where the limit comes from.
func (p *Pooled) why(share int) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.gauge.explain(share)
}

// Alloc hands out a buffer that the pool keeps, or a new one.
func (p *Pooled) Alloc(ctx context.Context, bytes int) (Buffer, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b := &pooled{}
	if err := p.alloc(ctx, scopeOf(ctx), b, bytes); err != nil {
		return nil, err
	}
	return b, nil
}

// alloc is Alloc in a scope, into a buffer that is there.
func (p *Pooled) alloc(ctx context.Context, scope *Recorder, into *pooled, bytes int) error {
	class := SizeClass(bytes)
	b, err := p.take(class, share(scope.limits(p)))
	if err != nil {
		return err
	}
	if b == nil {
		b, err = p.fresh(ctx, class)
	}
	if err != nil {
		p.settle(-class)
		return err
	}
	into.Buffer, into.pool, into.size, into.class = b, p, bytes, class
	return nil
}

// take counts class bytes as live, if the limit allows, and returns a kept buffer of the class, or
// nil when a new one must be made, for which it has released what the limit demands.
func (p *Pooled) take(class, share int) (Buffer, error) {
	p.mu.Lock()
	if b := p.newest(class); b != nil {
		p.live += class
		p.mu.Unlock()
		return b, nil
	}
	limit := p.gauge.limit(share, p.live+p.cached, class)
	if room := limit - p.live; class > room {
		why := p.gauge.explain(share)
		p.mu.Unlock()
		return nil, &BudgetError{Op: "alloc", Need: class, Budget: max(room, 0), Why: why}
	}
	release := p.evict(limit - p.live - class)
	p.live += class
	p.mu.Unlock()
	freeAll(release)
	return nil, nil
}

// fresh allocates from the device, and once more without the kept buffers if it refuses.
func (p *Pooled) fresh(ctx context.Context, class int) (Buffer, error) {
	b, err := p.dev.Alloc(ctx, class)
	if err == nil || ctx.Err() != nil || errors.Is(err, ErrClosed) {
		return b, err
	}
	if n, _ := p.Trim(ctx); n == 0 {
		return nil, err
	}
	return p.dev.Alloc(ctx, class)
}

// settle adds to what is live.
func (p *Pooled) settle(bytes int) {
	p.mu.Lock()
	p.live += bytes
	p.mu.Unlock()
}

// keep takes a freed buffer back, or releases it if it is too large to keep.
func (p *Pooled) keep(b Buffer, class int) {
	p.mu.Lock()
	p.live -= class
	bound := p.bound(class)
	if class > bound || class == 0 || p.closed {
		p.mu.Unlock()
		b.Free()
		return
	}
	release := p.evict(bound - class)
	p.clock++
	s := p.free[class]
	if s == nil {
		s = &rack{}
		p.free[class] = s
	}
	s.list = append(s.list, kept{b, p.clock})
	p.cached += class
	p.mu.Unlock()
	freeAll(release)
}

// bound is the most that may be kept: a quarter of what the device may take.
func (p *Pooled) bound(class int) int {
	return p.gauge.limit(defaultShare, p.live+p.cached+class, class) / 4
}

// newest removes the buffer of a class that was freed last, or returns nil.
func (p *Pooled) newest(class int) Buffer {
	s := p.free[class]
	if s == nil || len(s.list) == 0 {
		return nil
	}
	last := len(s.list) - 1
	b := s.list[last].Buffer
	s.list[last] = kept{}
	s.list = s.list[:last]
	p.drop(class, s)
	return b
}

// evict removes the buffers that were freed first, until at most bound bytes are kept. The caller
// frees them once the lock is open.
func (p *Pooled) evict(bound int) (out []Buffer) {
	for p.cached > max(bound, 0) {
		class := p.oldest()
		s := p.free[class]
		out = append(out, s.list[0].Buffer)
		s.list = slices.Delete(s.list, 0, 1)
		p.drop(class, s)
	}
	return out
}

// oldest is the class of the buffer that was freed first.
func (p *Pooled) oldest() (class int) {
	at := p.clock + 1
	for c, s := range p.free {
		if len(s.list) > 0 && s.list[0].at < at {
			class, at = c, s.list[0].at
		}
	}
	return class
}

// manyClasses is from how many classes on the pool forgets those that are empty.
const manyClasses = 64

// drop counts a buffer that was removed from the rack of its class. An empty one stays, so that the
// next buffer that is kept needs no new one.
func (p *Pooled) drop(class int, s *rack) {
	p.cached -= class
	if len(s.list) == 0 && len(p.free) > manyClasses {
		delete(p.free, class)
	}
}

// Trim releases what the pool keeps, and returns the number of bytes released.
func (p *Pooled) Trim(ctx context.Context) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	p.mu.Lock()
	n := p.cached
	release := p.evict(0)
	p.mu.Unlock()
	freeAll(release)
	return n, nil
}

func freeAll(buffers []Buffer) {
	for _, b := range buffers {
		b.Free()
	}
}

// Copy copies on the device inside.
func (p *Pooled) Copy(ctx context.Context, dst, src Span) error {
	var err error
	if dst.Buffer, err = p.open("copy", dst.Buffer); err != nil {
		return err
	}
	if src.Buffer, err = p.open("copy", src.Buffer); err != nil {
		return err
	}
	return p.dev.Copy(ctx, dst, src)
}

// open is the buffer as the device inside knows it.
func (p *Pooled) open(_ string, b Buffer) (Buffer, error) {
	own, ok := b.(*pooled)
	switch {
	case ok && own.freed.Load():
		return nil, ErrFreed
	case ok && own.pool == p:
		return own.Buffer, nil
	}
	return b, nil
}

// Compile compiles on the device inside.
func (p *Pooled) Compile(op ir.Op) (Program, error) {
	program, err := p.dev.Compile(op)
	if err != nil {
		return nil, err
	}
	return &pooledProgram{Program: program, pool: p}, nil
}

// Sync waits for the device inside.
func (p *Pooled) Sync(ctx context.Context) error { return p.dev.Sync(ctx) }

// Close releases what the pool keeps and closes the device.
func (p *Pooled) Close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	if _, err := p.Trim(context.Background()); err != nil {
		return err
	}
	return p.dev.Close()
}

// pooled is a buffer that goes back to the pool.
type pooled struct {
	Buffer
	pool  *Pooled
	size  int
	class int
	freed atomic.Bool
}

// Size is what was asked for; the class may be larger.
func (b *pooled) Size() int { return b.size }

// Host is nil once the buffer is freed.
func (b *pooled) Host() unsafe.Pointer {
	if b.freed.Load() {
		return nil
	}
	return b.Buffer.Host()
}

func (b *pooled) Free() {
	if !b.freed.Swap(true) {
		b.pool.keep(b.Buffer, b.class)
	}
}

// pooledProgram runs with the buffers of the device inside.
type pooledProgram struct {
	Program
	pool *Pooled
	args argList
}

func (p *pooledProgram) Run(ctx context.Context, args []Arg, work Span) (err error) {
	if work.Buffer, err = p.pool.open("run", work.Buffer); err != nil {
		return err
	}
	inner := p.args.take(len(args))
	defer p.args.give(inner)
	if err := inner.open(args, p.pool); err != nil {
		return err
	}
	return p.Program.Run(ctx, *inner, work)
}
