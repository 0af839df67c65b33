package cuda

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/tare-go/tare/cuda/internal/driver"
	"github.com/tare-go/tare/device"
)

const (
	oldClock  = 4 * time.Second // the driver's times have 24 bits: half a microsecond so long after the base
	manyTimed = 64              // slices of a track at which it is asked which have passed
)

// tracks are the streams as a trace shows them, and the clock of the device. Nothing of it is made without a trace.
//
// Tracing never fails what is traced: an event that cannot be had costs the trace a slice.
type tracks struct {
	gpu               *gpu
	compute, up, down track

	mu    sync.Mutex
	base  driver.Event // from which times are measured; 0 before the first
	zero  time.Time    // when that passed
	inUse int          // intervals
	idle  []driver.Event
	made  []driver.Event
}

// track is a stream.
type track struct {
	name string

	mu      sync.Mutex // of what follows, and held while something that is timed is put in the stream
	started []timed    // in order
	end     time.Time  // of the last slice
}

// timed is a slice whose times are not yet known.
type timed struct {
	interval
	tracer *device.Tracer
	slice  device.Slice
}

// interval is the events before and after something in a stream, and what their times are measured from.
type interval struct {
	from, to, base driver.Event
	zero           time.Time
}

func (t *tracks) init(g *gpu) {
	t.gpu = g
	t.compute.name, t.up.name, t.down.name = "compute stream", "host to device stream", "device to host stream"
}

// of is the track of a stream.
func (t *tracks) of(s driver.Stream) *track {
	switch s {
	case t.gpu.up.stream:
		return &t.up
	case t.gpu.down.stream:
		return &t.down
	}
	return &t.compute
}

// timed puts something in a stream. For a tracer the device notes when it begins with it and when it has done.
func (g *gpu) timed(tracer *device.Tracer, kind device.EventKind, bytes int, in driver.Stream, do func() error) error {
	if tracer == nil {
		return do()
	}
	return g.tracks.timed(tracer, device.Slice{Kind: kind, Device: g.name, Bytes: bytes}, in, do)
}

// timed is that of a device, with a tracer: a slice without its times is given.
func (t *tracks) timed(tracer *device.Tracer, slice device.Slice, in driver.Stream, do func() error) error {
	g, on := t.gpu, t.of(in)
	slice.Track = on.name
	on.mu.Lock()
	defer on.mu.Unlock()
	p, timing := t.begin(in)
	if err := do(); err != nil || !timing {
		t.give(p)
		return err
	}
	if err := g.table.RecordEvent(g.ctx, p.to, in); err != nil {
		t.missed(err)
		t.give(p)
		return nil
	}
	on.started = append(on.started, timed{p, tracer, slice})
	tracer.Owe(t, t.wait)
	if len(on.started) >= manyTimed {
		t.pass(on)
	}
	return nil
}

// missed takes the error of a call for a trace. Only that the device is lost is kept, for the next call.
func (t *tracks) missed(err error) { _ = t.gpu.check("trace", err) }

// begin records the first event of an interval in a stream, if there is one to be had.
func (t *tracks) begin(in driver.Stream) (p interval, ok bool) {
	p, err := t.take()
	if err == nil {
		err = t.gpu.table.RecordEvent(t.gpu.ctx, p.from, in)
	}
	if err != nil {
		t.missed(err)
	}
	return p, err == nil
}

// take is an interval of events that nobody uses. After an error it is to be given back, too.
func (t *tracks) take() (p interval, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.tick(); err != nil {
		return p, err
	}
	t.inUse++
	p.base, p.zero = t.base, t.zero
	if p.from, err = t.event(); err == nil {
		p.to, err = t.event()
	}
	return p, err
}

// give takes an interval back.
func (t *tracks) give(p interval) {
	if p.base == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.inUse--
	for _, e := range []driver.Event{p.from, p.to} {
		if e != 0 {
			t.idle = append(t.idle, e)
		}
	}
}

// event is one that keeps times and that nobody uses. The caller has t.mu.
func (t *tracks) event() (driver.Event, error) {
	if n := len(t.idle); n > 0 {
		e := t.idle[n-1]
		t.idle = t.idle[:n-1]
		return e, nil
	}
	e, err := t.gpu.table.CreateEvent(t.gpu.ctx, true)
	if err == nil {
		t.made = append(t.made, e)
	}
	return e, err
}

// tick sets the clock: it has an event pass and looks when that is, at first and, where nothing is measured from the last
// one, when that is old. The caller has t.mu.
func (t *tracks) tick() error {
	if t.base != 0 && (t.inUse > 0 || time.Since(t.zero) < oldClock) {
		return nil
	}
	if t.base != 0 {
		t.idle, t.base = append(t.idle, t.base), 0
	}
	e, err := t.event()
	if err != nil {
		return err
	}
	zero, err := t.reached(e)
	if err != nil {
		t.idle = append(t.idle, e)
		return err
	}
	t.base, t.zero = e, zero
	return nil
}

// reached has an event pass in a stream with nothing else, so that it waits for nothing, and says from when on it may have: no
// slice is then later than it was.
func (t *tracks) reached(e driver.Event) (zero time.Time, err error) {
	table, c := t.gpu.table, t.gpu.ctx
	s, err := table.CreateStream(c)
	if err != nil {
		return zero, err
	}
	zero = time.Now()
	if err = table.RecordEvent(c, e, s); err == nil {
		err = table.SynchronizeEvent(c, e)
	}
	return zero, firstError(err, table.DestroyStream(c, s))
}

// wait gives all that was started to its traces, unless the device is lost; one that was closed has given it before.
func (t *tracks) wait() { _ = t.gpu.Sync(context.Background()) }

// settle gives what has passed to its traces.
func (t *tracks) settle() {
	t.mu.Lock()
	none := t.inUse == 0
	t.mu.Unlock()
	if none {
		return
	}
	for _, on := range []*track{&t.compute, &t.up, &t.down} {
		on.mu.Lock()
		t.pass(on)
		on.mu.Unlock()
	}
}

// pass gives what has passed in a stream to its traces. The caller has the mu of the track.
func (t *tracks) pass(on *track) {
	passed := 0
	for _, x := range on.started {
		err := t.finish(on, x)
		if errors.Is(err, driver.NotReady) {
			break
		}
		if err != nil {
			t.missed(err)
		}
		t.give(x.interval)
		passed++
	}
	on.started = slices.Delete(on.started, 0, passed)
}

// finish gives a slice to its trace, if its times are known. It begins no sooner than the one before has ended, whatever was
// lost in rounding.
func (t *tracks) finish(on *track, x timed) error {
	end, err := t.when(x.interval, x.to)
	if err != nil {
		return err
	}
	start, err := t.when(x.interval, x.from)
	if err != nil {
		return err
	}
	if start.Before(on.end) {
		start = on.end
	}
	x.slice.Start, x.slice.Took = start, max(end.Sub(start), 0)
	on.end = start.Add(x.slice.Took)
	x.tracer.Add(x.slice)
	return nil
}

// when is the time of an event of an interval.
func (t *tracks) when(p interval, e driver.Event) (time.Time, error) {
	seconds, err := t.gpu.table.ElapsedTime(t.gpu.ctx, p.base, e)
	return p.zero.Add(time.Duration(seconds * float64(time.Second))), err
}

// release gives the last slices to their traces, and the events back. Nothing runs any more.
func (t *tracks) release(keep func(error)) {
	t.settle()
	for _, e := range t.made {
		keep(t.gpu.table.DestroyEvent(t.gpu.ctx, e))
	}
	t.base, t.idle, t.made = 0, nil, nil
}
