package simulated

import (
	"context"
	"time"

	"github.com/tare-go/tare/cuda/internal/driver"
)

// maxPending is the most operations that the streams of a context hold back.
const maxPending = 4096

// stream is what was put in order and not yet done.
type stream struct {
	handle driver.Stream
	ctx    *primary
	todo   []operation
}

// operation is a piece of work, a record of an event, or the wait for one.
type operation struct {
	call   string
	run    func(*primary) error
	record *record
	wait   *record
}

// event is what its last record was.
type event struct {
	timed bool
	last  *record
}

// record is one recording of an event. A wait is for the one before it, whatever is recorded later.
type record struct {
	in   *stream
	done bool
	at   time.Time
}

// CreateStream makes a stream.
func (t *Table) CreateStream(c driver.Context) (driver.Stream, error) {
	p, err := t.in("cuStreamCreate", c)
	if err != nil {
		return 0, err
	}
	defer t.mu.Unlock()
	s := driver.Stream(t.next())
	p.streams[s] = &stream{handle: s, ctx: p}
	return s, nil
}

// DestroyStream does what is in the stream first.
func (t *Table) DestroyStream(c driver.Context, s driver.Stream) error {
	return t.withStream("cuStreamDestroy", c, s, func(x *stream) error {
		delete(x.ctx.streams, s)
		return x.drain(nil)
	})
}

// SynchronizeStream does what is in the stream.
func (t *Table) SynchronizeStream(c driver.Context, s driver.Stream) error {
	return t.withStream("cuStreamSynchronize", c, s, func(x *stream) error { return x.drain(nil) })
}

// WaitEvent makes the stream wait for the event as it was recorded last.
func (t *Table) WaitEvent(c driver.Context, s driver.Stream, e driver.Event) error {
	const call = "cuStreamWaitEvent"
	return t.withStream(call, c, s, func(x *stream) error {
		ev := t.event(e)
		if ev == nil {
			return failed(call, driver.InvalidHandle, "")
		}
		if ev.last != nil && !ev.last.done {
			x.put(operation{call: call, wait: ev.last})
		}
		return nil
	})
}

// event finds an event in any context: a stream may wait for another device.
func (t *Table) event(e driver.Event) *event {
	for _, p := range t.contexts {
		if ev := p.events[e]; ev != nil {
			return ev
		}
	}
	return nil
}

// withStream finds a stream for a call.
func (t *Table) withStream(call string, c driver.Context, s driver.Stream, do func(*stream) error) error {
	p, err := t.in(call, c)
	if err != nil {
		return err
	}
	defer t.mu.Unlock()
	x := p.streams[s]
	if x == nil {
		return failed(call, driver.InvalidHandle, "")
	}
	return do(x)
}

// enqueue puts work in a stream.
func (t *Table) enqueue(call string, c driver.Context, s driver.Stream, run func(*primary) error) error {
	return t.withStream(call, c, s, func(x *stream) error {
		x.put(operation{call: call, run: run})
		if x.ctx.pending > maxPending {
			return x.drain(nil)
		}
		return nil
	})
}

func (s *stream) put(o operation) {
	s.todo = append(s.todo, o)
	s.ctx.pending++
}

// drain does what is in the stream, in order, up to a record; all if that is nil. What it waits for in other streams
// is done, too, and nothing else.
func (s *stream) drain(until *record) error {
	for len(s.todo) > 0 && (until == nil || !until.done) {
		o := s.todo[0]
		s.todo[0] = operation{}
		s.todo = s.todo[1:]
		s.ctx.pending--
		if err := s.do(o); err != nil {
			return err
		}
	}
	if s.ctx.lost != nil {
		return s.ctx.lost
	}
	return nil
}

// do does one operation. In a context that is lost nothing happens any more, but time passes.
func (s *stream) do(o operation) error {
	switch {
	case o.record != nil:
		o.record.done, o.record.at = true, time.Now()
	case o.wait != nil && !o.wait.done:
		if err := o.wait.in.drain(o.wait); err != nil && o.wait.in.ctx == s.ctx {
			return err
		}
	case o.run != nil && s.ctx.lost == nil:
		if err := o.run(s.ctx); err != nil {
			s.ctx.lost = failed(o.call, codeOf(err), err.Error())
			return s.ctx.lost
		}
	}
	return nil
}

// CreateEvent makes an event, which has passed.
func (t *Table) CreateEvent(c driver.Context, timed bool) (driver.Event, error) {
	p, err := t.in("cuEventCreate", c)
	if err != nil {
		return 0, err
	}
	defer t.mu.Unlock()
	e := driver.Event(t.next())
	p.events[e] = &event{timed: timed}
	return e, nil
}

// DestroyEvent forgets an event. Who waits for it does so still.
func (t *Table) DestroyEvent(c driver.Context, e driver.Event) error {
	return t.withEvent("cuEventDestroy", c, e, func(p *primary, _ *event) error {
		delete(p.events, e)
		return nil
	})
}

// withEvent finds an event for a call.
func (t *Table) withEvent(call string, c driver.Context, e driver.Event, do func(*primary, *event) error) error {
	p, err := t.in(call, c)
	if err != nil {
		return err
	}
	defer t.mu.Unlock()
	ev := p.events[e]
	if ev == nil {
		return failed(call, driver.InvalidHandle, "")
	}
	return do(p, ev)
}

// RecordEvent puts the event in the stream.
func (t *Table) RecordEvent(c driver.Context, e driver.Event, s driver.Stream) error {
	const call = "cuEventRecord"
	return t.withEvent(call, c, e, func(p *primary, ev *event) error {
		x := p.streams[s]
		if x == nil {
			return failed(call, driver.InvalidHandle, "")
		}
		ev.last = &record{in: x}
		x.put(operation{call: call, record: ev.last})
		return nil
	})
}

// QueryEvent does the next operation that the event waits for: who asks again and again gets there.
func (t *Table) QueryEvent(c driver.Context, e driver.Event) (passed bool, err error) {
	err = t.withEvent("cuEventQuery", c, e, func(_ *primary, ev *event) error {
		passed = ev.last == nil || ev.last.done
		if passed {
			return nil
		}
		return ev.last.in.step()
	})
	return passed && err == nil, err
}

// step does the stream's next operation.
func (s *stream) step() error {
	if len(s.todo) == 0 {
		return nil
	}
	o := s.todo[0]
	s.todo = s.todo[1:]
	s.ctx.pending--
	return s.do(o)
}

// SynchronizeEvent does what the event waits for.
func (t *Table) SynchronizeEvent(c driver.Context, e driver.Event) error {
	return t.withEvent("cuEventSynchronize", c, e, func(_ *primary, ev *event) error {
		if ev.last == nil || ev.last.done {
			return nil
		}
		return ev.last.in.drain(ev.last)
	})
}

// ElapsedTime is between two events that have passed.
func (t *Table) ElapsedTime(c driver.Context, from, to driver.Event) (seconds float64, err error) {
	const call = "cuEventElapsedTime"
	err = t.withEvent(call, c, to, func(p *primary, end *event) error {
		start := p.events[from]
		if start == nil || !start.timed || !end.timed || start.last == nil || end.last == nil {
			return failed(call, driver.InvalidHandle, "")
		}
		if !start.last.done || !end.last.done {
			return failed(call, driver.NotReady, "")
		}
		seconds = end.last.at.Sub(start.last.at).Seconds()
		return nil
	})
	return seconds, err
}

// background is the context of launches: what is in a stream cannot be cancelled.
var background = context.Background()
