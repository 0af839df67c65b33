package main

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/tare-go/tare/cmd/devbench/internal/goloop"
	"github.com/tare-go/tare/cmd/devbench/internal/gonum"
	"github.com/tare-go/tare/cmd/devbench/internal/pypeer"
	"github.com/tare-go/tare/cmd/devbench/internal/record"
	"github.com/tare-go/tare/cmd/devbench/internal/suite"
	"github.com/tare-go/tare/cmd/devbench/internal/timing"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/npy"
)

// contender is an implementation of the workload: its timed run, and what is known of it so far.
type contender struct {
	timing.Subject
	record record.Record
	result any // []T, []bool or []int64
	close  func()
}

// longLoop is the operations from which a product in plain Go loops takes longer than it is worth.
const longLoop = 1 << 30

var errLong = errors.New("goloop takes seconds for it")

// contenders are the workload in the peers that have it. What a peer says against it is a note.
func contenders[T goloop.Float](ctx context.Context, m measurement, inputs tensors, values []goloop.Matrix[T]) (cs []*contender, notes []note, err error) {
	for _, name := range m.peers.names {
		var c *contender
		switch name {
		case "goloop":
			f, ok := goloop.For[T](m.workload.Name)
			switch {
			case ok && m.workload.Product && m.workload.Operations(m.size) > longLoop:
				notes = append(notes, note{m.workload.Name, dtype.Of[T](), errLong})
			case ok:
				c = inGo(m, name, f, values)
			}
		case "gonum":
			if f, ok := gonum.For[T](m.workload.Name); ok {
				c = inGo(m, name, f, values)
			}
		default:
			var against error
			if c, against, err = inPython(ctx, m, m.peers.python[name], inputs, dtype.Of[T]()); err != nil {
				return cs, notes, err
			}
			if against != nil {
				notes = append(notes, note{m.workload.Name, dtype.Of[T](), against})
			}
		}
		if c != nil {
			cs = append(cs, c)
		}
	}
	return cs, notes, nil
}

// inGo is the workload as a Go function; what it allocates is the Go runtime's count. Garbage is
// collected off the clock.
func inGo[T goloop.Float](m measurement, name string, run goloop.Loop[T], values []goloop.Matrix[T]) *contender {
	c := &contender{record: m.started(name, dtype.Of[T]()), close: func() {}}
	c.record.Device = "cpu"
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	c.result = run(values)
	runtime.ReadMemStats(&after)
	c.record.AllocBytes = int(after.TotalAlloc - before.TotalAlloc)
	c.record.PeakBytes = c.record.AllocBytes
	timed := timing.Loop(func(context.Context) error { sink = run(values); return nil })
	c.Run = func(ctx context.Context, repeats int) (time.Duration, error) {
		took, err := timed(ctx, repeats)
		sink = nil
		runtime.GC()
		return took, err
	}
	return c
}

// sink keeps the compiler from dropping a loop whose result nobody reads.
var sink any

// calls are the names of ways to run a workload in what Python is told.
var calls = map[suite.Call]string{suite.Prepared: "prepared", suite.Written: "written", suite.Reused: "reused"}

// inPython is the workload in a library. What the library says against it, that it does not have the
// work or failed at it, is no error of ours.
func inPython(ctx context.Context, m measurement, p *pypeer.Process, inputs tensors, t dtype.DType) (c *contender, against, err error) {
	if _, err := m.peers.scratch(); err != nil {
		return nil, nil, err
	}
	paths := map[string]string{}
	for _, in := range inputs {
		paths[in.name] = m.peers.file(in.name)
	}
	w := pypeer.Work{Name: m.workload.Name, Text: m.workload.Text, Into: m.workload.Into, Call: calls[m.workload.Call]}
	result := m.peers.file("result")
	bytes, err := p.Load(w, paths, result)
	var died *pypeer.DiedError
	if errors.As(err, &died) {
		return nil, nil, err
	}
	if err != nil {
		return nil, err, nil
	}
	y, err := npy.Load(result)
	if err != nil {
		return nil, nil, err
	}
	defer y.Free()
	c = &contender{record: m.started(p.Peer, t), close: func() { _ = p.Drop() }}
	c.record.Device = "cpu"
	c.record.AllocBytes = bytes
	c.Run, c.Settle = p.Time, p.Settle
	c.result, err = elements(ctx, y)
	return c, nil, err
}

// saved writes the inputs for Python to read, if there is any Python.
func (m measurement) saved(ctx context.Context, inputs tensors) error {
	if len(m.peers.python) == 0 {
		return nil
	}
	if _, err := m.peers.scratch(); err != nil {
		return err
	}
	for _, in := range inputs {
		if err := npy.SaveContext(ctx, m.peers.file(in.name), in.array); err != nil {
			return err
		}
	}
	return nil
}
