package cuda

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/tare-go/tare/cuda/internal/driver"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/kernels/ptx"
)

// gpu is a device: a primary context, a stream in which kernels run in the order in which they were started, and two in
// which large copies from and to the host go beside them.
//
// Everything that is started has a ticket. What was freed goes back to the driver once the tickets of whatever used it
// have passed, so that Free never waits.
type gpu struct {
	name    string
	number  uint64 // no other device in the process has it
	table   driver.Table
	ordinal driver.Device
	ctx     driver.Context
	info    device.Info
	target  ptx.Target
	slabs   bool // small buffers are blocks of slabs

	lost    atomic.Pointer[LostError]
	modules modules
	tensor  tensorCores
	up      lane
	down    lane
	tracks  tracks
	waiting sync.WaitGroup // goroutines that wait for an event after their caller has gone

	life   sync.RWMutex // held for reading by every call, by Close for writing
	closed bool

	mu      sync.Mutex // of what follows, and of the order in the compute stream
	compute driver.Stream
	join    driver.Event   // lets one stream wait for another
	events  []driver.Event // that nobody uses
	made    []driver.Event // all that there are, but join
	started uint64         // the ticket given out last
	done    uint64         // tickets up to here have passed
	sent    uint64         // the ticket of what a lane copied to the device last
	joined  uint64         // what lanes copied up to this ticket is before what comes next in the compute stream
	graves  []grave
	buried  int                    // bytes in graves
	memory  map[driver.Address]int // bytes of what the driver gave
	blocks  slabs
	args    scratch
}

// options are what tests choose.
type options struct {
	name  string // of the device
	kind  string // "cuda" or "sim"
	slabs bool
}

// opened counts devices.
var opened atomic.Uint64

// open makes a device of the table's.
func open(table driver.Table, ordinal driver.Device, o options) (*gpu, error) {
	p, err := probe(table, ordinal, o.name)
	if err != nil {
		return nil, err
	}
	g := &gpu{
		name: o.name, number: opened.Add(1), table: table, ordinal: ordinal, slabs: o.slabs, info: p.info(o.name, o.kind),
		target: ptx.Target{SMs: p.sms, Arch: p.capability}, memory: map[driver.Address]int{},
	}
	g.modules.init(g)
	g.blocks.init(g)
	g.tracks.init(g)
	if g.ctx, err = table.RetainContext(ordinal); err != nil {
		return nil, notOpened(o.name, err)
	}
	if err := g.streams(); err != nil {
		g.release()
		return nil, notOpened(o.name, err)
	}
	return g, nil
}

// streams makes the streams, and what they need to wait for each other.
func (g *gpu) streams() (err error) {
	if g.compute, err = g.table.CreateStream(g.ctx); err != nil {
		return err
	}
	if g.join, err = g.table.CreateEvent(g.ctx, false); err != nil {
		return err
	}
	if err = g.up.init(g); err != nil {
		return err
	}
	return g.down.init(g)
}

// Info describes the GPU.
func (g *gpu) Info() device.Info {
	info := g.info
	info.Features = slices.Clone(info.Features)
	return info
}

// MemoryLeft is what the driver has free, with what is free in slabs, and what goes back once work has ended.
func (g *gpu) MemoryLeft() (left int, why string) {
	g.life.RLock()
	defer g.life.RUnlock()
	if g.usable(context.Background()) != nil {
		return math.MaxInt, "" // the allocation will say
	}
	free, _, err := g.table.MemoryInfo(g.ctx)
	if err != nil {
		_ = g.check("ask for free memory", err)
		return math.MaxInt, ""
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return free + g.blocks.free + g.buried, "free memory of " + g.name
}

// enter is the start of every call: it holds the device open until the caller unlocks life for reading, unless it
// returns an error.
func (g *gpu) enter(ctx context.Context) error {
	g.life.RLock()
	err := g.usable(ctx)
	if err != nil {
		g.life.RUnlock()
	}
	return err
}

// usable is why nothing can be done: the device is closed or lost, or the context done.
func (g *gpu) usable(ctx context.Context) error {
	if g.closed {
		return device.ErrClosed
	}
	if lost := g.lost.Load(); lost != nil {
		return lost
	}
	return ctx.Err()
}

// Close waits for what was started and gives everything back, buffers that are not yet freed too.
func (g *gpu) Close() error {
	g.life.Lock()
	defer g.life.Unlock()
	if g.closed {
		return nil
	}
	g.closed = true
	return g.release()
}

// release gives back what there is of the device, and then the context. A device that is lost refuses every call but
// the last, with which all goes.
func (g *gpu) release() error {
	var errs []error
	keep := func(err error) {
		if err != nil && !driver.Sticky(err) {
			errs = append(errs, err)
		}
	}
	for _, s := range []driver.Stream{g.up.stream, g.down.stream, g.compute} {
		if s != 0 {
			keep(g.table.SynchronizeStream(g.ctx, s))
		}
	}
	g.waiting.Wait()
	g.tracks.release(keep)
	g.up.release(keep)
	g.down.release(keep)
	g.modules.release(keep)
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, gr := range g.graves {
		keep(gr.bury(g))
	}
	for at := range g.memory {
		keep(g.table.Free(g.ctx, at))
	}
	for _, e := range append(g.made, g.join) {
		if e != 0 {
			keep(g.table.DestroyEvent(g.ctx, e))
		}
	}
	if g.compute != 0 {
		keep(g.table.DestroyStream(g.ctx, g.compute))
	}
	g.graves, g.memory, g.events, g.made = nil, nil, nil, nil
	keep(g.table.ReleaseContext(g.ordinal))
	if len(errs) > 0 {
		return &Error{g.name, "close", errs[0]}
	}
	return nil
}

// hostAddress is where the bytes of a slice are.
func hostAddress(b []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(b)) }

// String is the device's name.
func (g *gpu) String() string { return fmt.Sprintf("%s (%s)", g.name, g.info.Model) }
