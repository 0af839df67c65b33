package cuda

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/cuda/internal/driver"
	"github.com/tare-go/tare/cuda/internal/simulated"
	"github.com/tare-go/tare/device"
	np "github.com/tare-go/tare/tensor"
)

// operation is a call that puts something in a stream, and the operations that come before it by order of streams and events.
type operation struct {
	kind   string // "up", "down", "launch", or another
	number int    // of its kind
	after  []*operation
}

// follows reports whether an operation has to wait for another.
func (o *operation) follows(other *operation) bool {
	seen := map[*operation]bool{}
	var walk func(o *operation) bool
	walk = func(o *operation) bool {
		if o == other {
			return true
		}
		if o == nil || seen[o] {
			return false
		}
		seen[o] = true
		for _, a := range o.after {
			if walk(a) {
				return true
			}
		}
		return false
	}
	return walk(o)
}

// observed is a driver that keeps what was put in which stream, and lets tests meddle.
type observed struct {
	*simulated.Table
	pace
	forgets driver.Stream // which waits for events, but for one
	drop    int           // the number of that, from 1

	mu      sync.Mutex
	changed *sync.Cond
	last    map[driver.Stream]*operation
	events  map[driver.Event]*operation
	all     map[string][]*operation
	waits   map[driver.Stream]int
	broken  bool                   // a call had an error
	gate    func(o *observed) bool // whether a wait for a copy to the host may end; nil for always
}

// pace is what the device does as soon as it may, and not when somebody waits for it.
type pace struct{ copies, launches bool }

func observe(t testing.TB, memory int) (*observed, *gpu) {
	o := &observed{
		Table: simulated.New(simulated.Options{Memory: memory}), last: map[driver.Stream]*operation{}, events: map[driver.Event]*operation{},
		all: map[string][]*operation{}, waits: map[driver.Stream]int{},
	}
	o.changed = sync.NewCond(&o.mu)
	g, err := open(o, 0, options{name: Simulated, kind: simKind})
	require.NoError(t, err)
	return o, g
}

// put notes an operation.
func (o *observed) put(kind string, s driver.Stream, also ...*operation) *operation {
	o.mu.Lock()
	defer o.mu.Unlock()
	op := &operation{kind: kind, number: len(o.all[kind]), after: also}
	if before := o.last[s]; before != nil {
		op.after = append(op.after, before)
	}
	o.last[s] = op
	o.all[kind] = append(o.all[kind], op)
	o.changed.Broadcast()
	return op
}

func (o *observed) CopyToDevice(c driver.Context, dst driver.Address, src unsafe.Pointer, n int, s driver.Stream) error {
	o.put("up", s)
	if err := o.Table.CopyToDevice(c, dst, src, n, s); err != nil || !o.copies {
		return o.done(err)
	}
	return o.done(o.Table.SynchronizeStream(c, s))
}

func (o *observed) CopyToHost(c driver.Context, dst unsafe.Pointer, src driver.Address, n int, s driver.Stream) error {
	o.put("down", s)
	return o.done(o.Table.CopyToHost(c, dst, src, n, s))
}

func (o *observed) Launch(c driver.Context, l *driver.Launch) error {
	o.put("launch", l.Stream)
	if err := o.Table.Launch(c, l); err != nil || !o.launches {
		return o.done(err)
	}
	return o.done(o.Table.SynchronizeStream(c, l.Stream))
}

func (o *observed) RecordEvent(c driver.Context, e driver.Event, s driver.Stream) error {
	op := o.put("record", s)
	o.mu.Lock()
	o.events[e] = op
	o.mu.Unlock()
	return o.done(o.Table.RecordEvent(c, e, s))
}

func (o *observed) WaitEvent(c driver.Context, s driver.Stream, e driver.Event) error {
	o.mu.Lock()
	o.waits[s]++
	drop, op := s == o.forgets && o.waits[s] == o.drop, o.events[e]
	o.mu.Unlock()
	if drop {
		return nil
	}
	o.put("wait", s, op)
	return o.done(o.Table.WaitEvent(c, s, e))
}

// done opens the gate after an error: what it waits for may never come.
func (o *observed) done(err error) error {
	if err != nil {
		o.mu.Lock()
		o.broken = true
		o.changed.Broadcast()
		o.mu.Unlock()
	}
	return err
}

// QueryEvent does not have the device go on, as it does on the simulation.
func (o *observed) QueryEvent(c driver.Context, e driver.Event) (bool, error) {
	return false, nil
}

// SynchronizeEvent holds who waits for a copy to the host until the gate is open.
func (o *observed) SynchronizeEvent(c driver.Context, e driver.Event) error {
	o.mu.Lock()
	if op := o.events[e]; o.gate != nil && op != nil && len(op.after) > 0 && op.after[0].kind == "down" {
		for !o.broken && !o.gate(o) {
			o.changed.Wait()
		}
	}
	o.mu.Unlock()
	return o.done(o.Table.SynchronizeEvent(c, e))
}

// The chunks of the expression that is computed here, and the pieces in which each is copied.
const (
	rows, columns = 64, 1000
	chunks        = 8
	pieces        = 2
)

// inPieces computes through the device, in chunks of 512,000 bytes, which lanes copy, the last but for one row.
func inPieces(t testing.TB, g *gpu) error {
	t.Helper()
	dev := device.Ledger(g)
	x := matrix(t, rows*chunks-1, columns)
	defer x.Free()
	e := np.Add(np.Multiply(x, 2), 1)
	class := device.SizeClass(rows * columns * 8)
	budget := np.Budget(4 * class)
	plan, err := e.Plan(np.Through(dev), budget)
	require.NoError(t, err)
	require.NotNil(t, plan.Chunks)
	require.Equal(t, chunks, plan.H2D.Count, "%v", plan)
	got, err := e.Eval(context.Background(), np.Through(dev), budget)
	if err != nil {
		return err
	}
	defer got.Free()
	was := values(t, x)
	for i, v := range values(t, got) {
		if v != was[i]*2+1 {
			return fmt.Errorf("element %d is %v, not %v", i, v, was[i]*2+1)
		}
	}
	return nil
}

// ahead is a gate that has no copy of a chunk come back before those of so many later ones were started, as far as there are
// some that are part of the same repetition.
func ahead(n int) func(o *observed) bool {
	return func(o *observed) bool {
		chunk := (len(o.all["down"]) - 1) / pieces
		return len(o.all["up"]) >= min(chunk+1+n, chunks-1)*pieces
	}
}

// TestCopiesDoNotWaitForWhatTheyNeedNot looks at the order that streams and events ask for: a copy to the device waits for
// the chunk that was in its buffer, two before, and not for the one before; a kernel waits for its own chunk; and what comes
// back for the kernel that made it, and for none after.
func TestCopiesDoNotWaitForWhatTheyNeedNot(t *testing.T) {
	o, g := observe(t, 16<<20)
	require.NoError(t, inPieces(t, g))
	up, launch, down := o.all["up"], o.all["launch"], o.all["down"]
	require.Len(t, launch, chunks)
	for i := range chunks - 1 { // the last one is by itself
		first, last, back := up[i*pieces], up[(i+1)*pieces-1], down[i*pieces]
		assert.True(t, launch[i].follows(last), "the kernel of chunk %d waits for its operands", i)
		assert.True(t, back.follows(launch[i]), "what comes back of chunk %d waits for its kernel", i)
		if i+1 < chunks-1 {
			assert.False(t, launch[i].follows(up[(i+1)*pieces]), "the kernel of chunk %d does not wait for operands of the next", i)
		}
		if i >= 1 {
			assert.False(t, first.follows(launch[i-1]), "the copy of chunk %d does not wait for the kernel before", i)
		}
		if i >= 2 {
			assert.True(t, first.follows(launch[i-2]), "the copy of chunk %d waits for the kernel that used its buffer", i)
			assert.False(t, back.follows(launch[i+1]), "what comes back of chunk %d does not wait for the next kernel", i)
		}
	}
	closed(t, o.Table, g)
}

// TestCopiesGoOnWhileTheDeviceComputes has no kernel end before the copies of the next two chunks were started, which
// never happens if they are not started meanwhile.
func TestCopiesGoOnWhileTheDeviceComputes(t *testing.T) {
	o, g := observe(t, 16<<20)
	o.gate = ahead(2)
	done := make(chan error, 1)
	go func() { done <- inPieces(t, g) }()
	select {
	case err := <-done:
		require.NoError(t, err)
	case <-time.After(time.Minute):
		t.Fatal("a chunk is not copied before the one before it is computed")
	}
	closed(t, o.Table, g)
}

// TestEachWaitIsNeeded leaves out one wait after the other, at the pace of the device at which that matters: the results then
// are others, or something is read that has no value.
func TestEachWaitIsNeeded(t *testing.T) {
	for name, c := range map[string]struct {
		pace
		stream func(g *gpu) driver.Stream
		from   int // the first wait of which nothing else takes the place
		waits  int
	}{
		"kernels for operands":       {pace{launches: true}, func(g *gpu) driver.Stream { return g.compute }, 1, chunks - 1},
		"copies for idle buffers":    {pace{copies: true}, func(g *gpu) driver.Stream { return g.up.stream }, 4, chunks - 3},
		"copies for what they bring": {pace{}, func(g *gpu) driver.Stream { return g.down.stream }, 4, chunks - 1},
	} {
		t.Run(name, func(t *testing.T) {
			for k := range c.waits + 1 {
				if 0 < k && k < c.from { // the first copies from the buffers of results wait for all that was started
					continue
				}
				o, g := observe(t, 16<<20)
				o.pace, o.gate, o.forgets, o.drop = c.pace, ahead(2), c.stream(g), k
				err := inPieces(t, g)
				assert.Equal(t, k > 0, err != nil, "wait %d of %d: %v", k, c.waits, err)
				assert.GreaterOrEqual(t, o.waits[o.forgets], k)
				_ = g.Close()
			}
		})
	}
}
