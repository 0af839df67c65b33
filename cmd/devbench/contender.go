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

// contender is an implementation of the workload.
type contender struct {
	name   string
	ways   map[string]*way // by where the data is: record.Resident, record.EndToEnd
	settle time.Duration
	result any // []T, []bool or []int64
	close  func()
}

// way is a way to run the work, and what is known of it so far.
type way struct {
	run    func(ctx context.Context, repeats int) (time.Duration, error)
	record record.Record
}

// longLoop is the operations from which a product in plain Go loops takes longer than it is worth.
const longLoop = 1 << 30

var errLong = errors.New("goloop takes seconds for it")

// contenders are the workload in the peers that have it on the device. What a peer says against it is a note.
func contenders[T goloop.Float](ctx context.Context, m measurement, in operands, values []goloop.Matrix[T]) (cs []*contender, notes []note, err error) {
	for _, name := range m.peers.beside(m.dev.Info()) {
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
			if c, against, err = inPython(ctx, m, m.peers.process(name, m.dev.Info()), in.host, dtype.Of[T]()); err != nil {
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
	w := &way{record: m.started(name, pypeer.CPU, dtype.Of[T](), record.Resident)}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	result := run(values)
	runtime.ReadMemStats(&after)
	w.record.AllocBytes = int(after.TotalAlloc - before.TotalAlloc)
	w.record.PeakBytes = w.record.AllocBytes
	timed := timing.Loop(func(context.Context) error { sink = run(values); return nil })
	w.run = func(ctx context.Context, repeats int) (time.Duration, error) {
		took, err := timed(ctx, repeats)
		sink = nil
		runtime.GC()
		return took, err
	}
	return &contender{name: name, ways: map[string]*way{record.Resident: w}, result: result, close: func() {}}
}

// sink keeps the compiler from dropping a loop whose result nobody reads.
var sink any

// calls are the names of ways to run a workload in what Python is told.
var calls = map[suite.Call]string{
	suite.Prepared: "prepared", suite.Written: "written", suite.Reused: "reused", suite.Transferred: "transferred",
}

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
	loaded, err := p.Load(w, paths, result)
	var died *pypeer.DiedError
	if errors.As(err, &died) {
		return nil, nil, err
	}
	if err != nil {
		return nil, err, nil
	}
	c = &contender{name: p.Peer, ways: map[string]*way{}, settle: p.Settle, close: func() { _ = p.Drop() }}
	for _, data := range loaded.Ways {
		w := &way{run: p.Time(data), record: m.started(p.Peer, p.Place, t, data)}
		w.record.AllocBytes = loaded.Bytes
		c.ways[data] = w
	}
	y, err := npy.Load(result)
	if err != nil {
		c.close()
		return nil, nil, err
	}
	defer y.Free()
	c.result, err = elements(ctx, y)
	return c, nil, err
}

// saved writes the inputs for Python to read, if there is any Python for the device.
func (m measurement) saved(ctx context.Context, inputs tensors) error {
	if !m.peers.pythonBeside(m.dev.Info()) {
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
