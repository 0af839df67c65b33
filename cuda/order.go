package cuda

import (
	"context"
	"time"

	"github.com/tare-go/tare/cuda/internal/driver"
)

// spin is how long a wait that can be cancelled asks again and again before it goes to sleep: small work has ended by then.
const spin = 50 * time.Microsecond

// grave is memory or a module that nobody uses any more, but for what was started before.
type grave struct {
	ticket  uint64
	address driver.Address
	bytes   int
	module  driver.Module // if address is 0
}

// bury gives it back to the driver.
func (gr grave) bury(g *gpu) error {
	if gr.address != 0 {
		return g.table.Free(g.ctx, gr.address)
	}
	return g.table.UnloadModule(g.ctx, gr.module)
}

// dig adds a grave. The caller has g.mu.
func (g *gpu) dig(gr grave) {
	gr.bytes = g.memory[gr.address]
	delete(g.memory, gr.address)
	g.buried += gr.bytes
	g.graves = append(g.graves, gr)
}

// reap gives back what nobody uses any more. The caller has g.mu.
func (g *gpu) reap() error {
	kept := g.graves[:0]
	var first error
	for _, gr := range g.graves {
		if gr.ticket > g.done {
			kept = append(kept, gr)
			continue
		}
		g.buried -= gr.bytes
		if err := gr.bury(g); err != nil && first == nil {
			first = g.check("free", err)
		}
	}
	clear(g.graves[len(kept):])
	g.graves = kept
	return first
}

// start gives out the next ticket. The caller has g.mu, and starts the work with it.
func (g *gpu) start() uint64 {
	g.started++
	return g.started
}

// event is one that nobody uses. The caller has g.mu.
func (g *gpu) event() (driver.Event, error) {
	if n := len(g.events); n > 0 {
		e := g.events[n-1]
		g.events = g.events[:n-1]
		return e, nil
	}
	e, err := g.table.CreateEvent(g.ctx, false)
	if err == nil {
		g.made = append(g.made, e)
	}
	return e, err
}

// lend gives a buffer an event, if it has none yet. The caller has g.mu.
func (g *gpu) lend(to *driver.Event) (err error) {
	if *to == 0 {
		*to, err = g.event()
	}
	return err
}

// retire takes a buffer's events back: who waits for them does so still. The caller has g.mu.
func (g *gpu) retire(b *buffer) {
	for _, e := range []*driver.Event{&b.passed, &b.arrived} {
		if *e != 0 {
			g.events, *e = append(g.events, *e), 0
		}
	}
	b.marked, b.came = 0, 0
}

// after makes a stream, that of a lane, wait for what was started with a buffer, and for nothing else: for what was copied to
// it last, or what computed with it last, as far as an event tells of that. The first copy of a buffer waits for all that
// was started.
func (g *gpu) after(s driver.Stream, b *buffer) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	known := b.passed != 0
	if err := g.lend(&b.passed); err != nil {
		return err
	}
	switch {
	case b.used <= g.done:
		return nil
	case b.used == b.came:
		return g.table.WaitEvent(g.ctx, s, b.arrived)
	case known && b.used == b.marked:
		return g.table.WaitEvent(g.ctx, s, b.passed)
	}
	return g.follow(s, g.compute)
}

// arrive notes that a lane was given all that it copies to a buffer.
func (g *gpu) arrive(b *buffer) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.lend(&b.arrived); err != nil {
		return err
	}
	b.used = g.start()
	if err := g.table.RecordEvent(g.ctx, b.arrived, g.up.stream); err != nil {
		return err
	}
	b.came, g.sent = b.used, b.used
	return nil
}

// await makes what is put in the compute stream from now on wait for what a lane copies to a buffer. The caller has g.mu.
func (g *gpu) await(b *buffer) error {
	if b.came <= max(g.joined, g.done) {
		return nil
	}
	if err := g.table.WaitEvent(g.ctx, g.compute, b.arrived); err != nil {
		return err
	}
	b.came = 0
	return nil
}

// mark notes that what was started with a ticket used a buffer, for lanes that will wait for it. The caller has g.mu.
func (g *gpu) mark(b *buffer, ticket uint64) error {
	if b.passed == 0 || b.marked == ticket {
		return nil
	}
	if err := g.table.RecordEvent(g.ctx, b.passed, g.compute); err != nil {
		return err
	}
	b.marked = ticket
	return nil
}

// follow makes what is put in a stream from now on wait for what is in another. The caller has g.mu.
func (g *gpu) follow(later, earlier driver.Stream) error {
	if err := g.table.RecordEvent(g.ctx, g.join, earlier); err != nil {
		return err
	}
	return g.table.WaitEvent(g.ctx, later, g.join)
}

// Sync waits until what was started before has ended. If the context is done first, the work goes on, and what it uses stays
// until it has ended.
func (g *gpu) Sync(ctx context.Context) error {
	if err := g.enter(ctx); err != nil {
		return err
	}
	defer g.life.RUnlock()
	defer g.tracks.settle()
	return g.sync(ctx)
}

func (g *gpu) sync(ctx context.Context) error {
	g.mu.Lock()
	ticket := g.started
	if ticket == g.done {
		defer g.mu.Unlock()
		return g.reap()
	}
	e, err := g.milestone(ticket)
	g.mu.Unlock()
	if err != nil {
		return g.check("sync", err)
	}
	return g.wait(ctx, e, ticket)
}

// milestone is an event that passes when all has ended that was started up to a ticket, the last one. The caller has g.mu.
func (g *gpu) milestone(ticket uint64) (driver.Event, error) {
	e, err := g.event()
	if err != nil {
		return 0, err
	}
	if g.sent > max(g.joined, g.done) {
		err = g.follow(g.compute, g.up.stream)
	}
	if err == nil {
		g.joined = ticket
		err = g.table.RecordEvent(g.ctx, e, g.compute)
	}
	if err != nil {
		g.events = append(g.events, e)
	}
	return e, err
}

// wait waits for an event that was recorded after a ticket.
func (g *gpu) wait(ctx context.Context, e driver.Event, ticket uint64) error {
	if ctx.Done() == nil {
		return g.pass(e, ticket, g.table.SynchronizeEvent(g.ctx, e))
	}
	for start := time.Now(); time.Since(start) < spin && ctx.Err() == nil; {
		if passed, err := g.table.QueryEvent(g.ctx, e); passed || err != nil {
			return g.pass(e, ticket, err)
		}
	}
	passed := make(chan error, 1)
	g.waiting.Go(func() { passed <- g.pass(e, ticket, g.table.SynchronizeEvent(g.ctx, e)) })
	select {
	case err := <-passed:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// pass takes the end of a wait: tickets up to one have passed, and the event is nobody's again.
func (g *gpu) pass(e driver.Event, ticket uint64, err error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.events = append(g.events, e)
	if err != nil {
		return g.check("sync", err)
	}
	g.done = max(g.done, ticket)
	return g.reap()
}
