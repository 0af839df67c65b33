package device

import (
	"context"
	"math"
	"sync"
	"time"
)

// Event is something that happened, as a Trace keeps it.
type Event struct {
	Kind   EventKind
	Device string        // its name
	Track  string        // the stream in which a device ran it, by its own clock; "" for calls of the device
	Op     string        // the operator, "" if there is none
	Site   Site          // the line that asked for it
	Start  time.Duration // since the trace was opened
	Took   time.Duration
	Bytes  int // allocated or freed in size classes, or copied

	Live, Cached int // bytes of the device after an allocation or a Free
}

// Trace keeps events in the order in which they ended, up to a number of them; what comes after is
// counted and dropped. Where there is no trace, recording costs nothing. It is safe for concurrent use.
type Trace struct {
	opened time.Duration
	most   int

	mu      sync.Mutex
	events  []Event
	dropped int
	owed    map[any]func() // by device: gives the slices that it still has to give
}

// DefaultTraceEvents is how many events a trace keeps unless told: about 10 MB.
const DefaultTraceEvents = 1 << 16

// NewTrace opens a trace of at most that many events, DefaultTraceEvents if that is 0 or less. It
// records what happens in the contexts made by In and on the devices given to Watch. What a device does in streams comes, beside
// the calls that asked for it, once it has ended.
func NewTrace(events int) *Trace {
	if events <= 0 {
		events = DefaultTraceEvents
	}
	return &Trace{opened: clock(), most: events}
}

// In opens a scope whose events go to the trace, on any device.
func (t *Trace) In(ctx context.Context) context.Context {
	ctx, rec := Record(ctx)
	rec.trace, rec.traced = t, true
	return ctx
}

// Watch records all that happens on a device, with any context, until stop is called. What happens
// in a scope of the same trace is recorded once.
func (t *Trace) Watch(l *Ledgered) (stop func()) {
	return l.watch(&Recorder{limit: math.MaxInt, trace: t, traced: true})
}

// Events are those that were recorded, in the order in which they ended. Devices with work under way that the trace keeps are
// waited for.
func (t *Trace) Events() []Event {
	t.settle()
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]Event(nil), t.events...)
}

// settle has devices give what they owe.
func (t *Trace) settle() {
	t.mu.Lock()
	owed := t.owed
	t.owed = nil
	t.mu.Unlock()
	for _, give := range owed {
		give()
	}
}

// Dropped is how many events came when the trace was full. Like Events, it waits for devices.
func (t *Trace) Dropped() int {
	t.settle()
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.dropped
}

// add keeps an event whose start is since the epoch, if there is room.
func (t *Trace) add(e Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.events) == t.most {
		t.dropped++
		return
	}
	e.Start -= t.opened
	if early := -e.Start; early > 0 { // it started before the trace did
		e.Start, e.Took = 0, max(e.Took-early, 0)
	}
	t.events = append(t.events, e)
}

// traced reports whether anybody keeps the event.
func (o *origin) traced() bool {
	return o.scope != nil && o.scope.traced || o.watch != nil && o.watch.traced
}

// record gives an event to the traces that are open, once each.
func (l *Ledgered) record(o *origin, e *event) {
	ev := Event{Kind: e.kind, Device: l.name, Op: o.op, Site: o.site, Start: e.start, Took: e.took, Bytes: e.bytes}
	if e.kind == EventAlloc || e.kind == EventFree {
		ev.Live, ev.Cached = int(l.all.total.live.Load()), l.CachedBytes()
	}
	for _, t := range o.traces() {
		t.add(ev)
	}
}

// traces are those that keep the event, each once.
func (o *origin) traces() []*Trace {
	var list []*Trace
	add := func(t *Trace) {
		for _, have := range list {
			if have == t {
				return
			}
		}
		if t != nil {
			list = append(list, t)
		}
	}
	for r := o.scope; r != nil; r = r.parent {
		add(r.trace)
	}
	if o.watch != nil {
		for _, r := range o.watch.list {
			add(r.trace)
		}
	}
	return list
}

// Slice is work that a device did in a stream, by its own clock: a kernel, or a piece of a copy.
type Slice struct {
	Kind   EventKind // EventLaunch, or a copy
	Device string    // the name of that which the stream is of
	Track  string    // the stream; slices of one track are shown together
	Start  time.Time
	Took   time.Duration
	Bytes  int // copied
}

// Tracer takes what a device measures of one call to the traces that keep that call.
type Tracer struct {
	key
	traces []*Trace
}

// TracerOf is the tracer of the call that a device got the context with, nil if no trace keeps the call: a device measures only
// where there is one, and may give slices to it after the call has returned, when it knows them.
func TracerOf(ctx context.Context) *Tracer {
	if c := find(ctx); c != nil {
		return c.tags.tracer
	}
	return nil
}

// Add gives a slice to the traces. It counts nothing in the account of the device.
func (t *Tracer) Add(s Slice) {
	for _, trace := range t.traces {
		trace.add(Event{Kind: s.Kind, Device: s.Device, Track: s.Track, Op: t.op, Site: t.site, Start: s.Start.Sub(epoch), Took: s.Took, Bytes: s.Bytes})
	}
}

// Owe says that the device will give slices to the traces whose times it does not know yet. When a trace is read, it calls
// give, the same for all calls of the device: it waits for the device, and returns when they are given. After an error of
// the device it gives what it can.
func (t *Tracer) Owe(device any, give func()) {
	for _, trace := range t.traces {
		trace.mu.Lock()
		if trace.owed == nil {
			trace.owed = map[any]func(){}
		}
		trace.owed[device] = give
		trace.mu.Unlock()
	}
}

// tracing is the context for the device inside, if a trace keeps what happens: with a tracer.
func (o *origin) tracing(ctx context.Context) context.Context {
	c := retagged(ctx)
	c.tags.key, c.tags.tracer = o.key, &Tracer{o.key, o.traces()}
	return c
}
