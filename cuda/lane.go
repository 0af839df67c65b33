package cuda

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/tare-go/tare/cpu"
	"github.com/tare-go/tare/cuda/internal/driver"
	"github.com/tare-go/tare/device"
)

// Sizes of staging, in bytes.
const (
	stageBytes = 4 << 20   // of a stage
	stages     = 4         // of a lane
	minPiece   = 256 << 10 // of a copy: the last pieces are smaller, so that little is left to wait for
	soloCopy   = 1 << 20   // what one goroutine copies
)

// lane is a stream for copies in one direction between host and device, and a ring of pinned memory: while the device
// copies one stage, the processor copies another from or to memory that is not pinned. A machine that has no memory
// to pin copies without.
type lane struct {
	gpu    *gpu
	stream driver.Stream

	mu    sync.Mutex // one copy at a time
	ring  []*stage
	next  int
	plain bool // the driver refused to pin memory
}

// stage is pinned memory.
type stage struct {
	at     unsafe.Pointer
	passed driver.Event // what the device does with it
	busy   bool         // and that may not have passed
	full   bool         // of what is to be brought to its place
}

func (l *lane) init(g *gpu) (err error) {
	l.gpu = g
	l.stream, err = g.table.CreateStream(g.ctx)
	return err
}

// release gives everything back.
func (l *lane) release(keep func(error)) {
	t, c := l.gpu, driver.Context(0)
	if t == nil {
		return
	}
	c = t.ctx
	for _, s := range l.ring {
		keep(t.table.FreeHost(c, s.at))
		keep(t.table.DestroyEvent(c, s.passed))
	}
	if l.stream != 0 {
		keep(t.table.DestroyStream(c, l.stream))
	}
	l.ring, l.stream = nil, 0
}

// stage is one that nobody needs any more, or a new one while there are few; nil if there is none to be had.
func (l *lane) stage() (*stage, error) {
	for range l.ring {
		s := l.turn()
		if s.full {
			continue
		}
		if idle, err := l.idle(s); idle || err != nil {
			return s, err
		}
	}
	if len(l.ring) < stages && !l.plain {
		if s, err := l.grow(); s != nil || err != nil {
			return s, err
		}
	}
	for range l.ring {
		if s := l.turn(); !s.full {
			return s, l.finish(s)
		}
	}
	return nil, nil
}

// turn goes on to the next stage.
func (l *lane) turn() *stage {
	s := l.ring[l.next%len(l.ring)]
	l.next++
	return s
}

// idle reports whether the device has done with a stage.
func (l *lane) idle(s *stage) (passed bool, err error) {
	if s.busy {
		passed, err = l.gpu.table.QueryEvent(l.gpu.ctx, s.passed)
		s.busy = !passed
	}
	return !s.busy, err
}

// finish waits for what the device does with a stage.
func (l *lane) finish(s *stage) error {
	if !s.busy {
		return nil
	}
	if err := l.gpu.table.SynchronizeEvent(l.gpu.ctx, s.passed); err != nil {
		return err
	}
	s.busy = false
	return nil
}

// grow pins a stage. It is nil if the driver does not let it.
func (l *lane) grow() (*stage, error) {
	g := l.gpu
	at, err := g.table.AllocHost(g.ctx, stageBytes)
	if err != nil {
		l.plain = true
		if driver.Sticky(err) {
			return nil, err
		}
		return nil, nil
	}
	e, err := g.table.CreateEvent(g.ctx, false)
	if err != nil {
		return nil, firstError(err, g.table.FreeHost(g.ctx, at))
	}
	s := &stage{at: at, passed: e}
	l.ring, l.next = append(l.ring, s), 0 // the first one is the oldest
	return s, nil
}

// most is how many pieces may be on their way to the host.
func (l *lane) most() int {
	if l.plain {
		return max(len(l.ring), 1)
	}
	return stages
}

// mark notes that the device was given something to do with a stage.
func (l *lane) mark(s *stage, in driver.Stream) error {
	s.busy = true
	return l.gpu.table.RecordEvent(l.gpu.ctx, s.passed, in)
}

// piece is the size of the next piece of a copy of which so many bytes are left.
func piece(left int) int {
	return min(left, stageBytes, max(left/4&^(minPiece-1), minPiece))
}

// send puts host memory in a stream. When it returns, the memory may change and, after an error, nothing is copied any more.
func (l *lane) send(ctx context.Context, to driver.Address, from []byte, in driver.Stream) (err error) {
	touched, tracer := governed(ctx), device.TracerOf(ctx)
	for len(from) > 0 && err == nil {
		if err = ctx.Err(); err != nil {
			break
		}
		n := piece(len(from))
		err = l.sendPiece(tracer, to, from[:n], in)
		touched()
		to, from = to+driver.Address(n), from[n:]
	}
	l.endAfter(err, in)
	return err
}

// endAfter waits after an error, so that no stage is filled again while the device has something to do with it of which no
// event tells.
func (l *lane) endAfter(err error, in driver.Stream) {
	if err != nil {
		_ = l.gpu.table.SynchronizeStream(l.gpu.ctx, in) // there is an error already
	}
}

func (l *lane) sendPiece(tracer *device.Tracer, to driver.Address, from []byte, in driver.Stream) error {
	t, c := l.gpu.table, l.gpu.ctx
	copyFrom := func(at unsafe.Pointer) error {
		return l.gpu.timed(tracer, device.EventH2D, len(from), in, func() error { return t.CopyToDevice(c, to, at, len(from), in) })
	}
	s, err := l.stage()
	if err != nil {
		return err
	}
	if s == nil {
		plain := make([]byte, len(from)) // the driver cannot say that a file's page is lost
		defer runtime.KeepAlive(plain)
		if err := copyBytes(plain, from); err != nil {
			return err
		}
		err := copyFrom(hostAddress(plain))
		return firstError(err, t.SynchronizeStream(c, in))
	}
	if err := copyBytes(unsafe.Slice((*byte)(s.at), len(from)), from); err != nil {
		return err
	}
	if err := copyFrom(s.at); err != nil {
		return err
	}
	return l.mark(s, in)
}

// taken is a piece that the device copies to a stage.
type taken struct {
	stage *stage
	to    []byte
}

// receive brings device memory to the host's. When it returns all is there, or nothing is copied any more.
func (l *lane) receive(ctx context.Context, to []byte, from driver.Address, in driver.Stream) (err error) {
	var ahead []taken
	touched, tracer := governed(ctx), device.TracerOf(ctx)
	for err == nil && (len(to) > 0 || len(ahead) > 0) {
		if len(ahead) > 0 && (len(to) == 0 || len(ahead) >= l.most()) {
			err = l.settle(ahead[0])
			touched()
			ahead[0].stage.full = false
			ahead = ahead[1:]
			continue
		}
		if err = ctx.Err(); err != nil {
			break
		}
		n := piece(len(to))
		var p taken
		if p, err = l.take(tracer, to[:n], from, in); p.stage != nil {
			ahead = append(ahead, p)
		}
		to, from = to[n:], from+driver.Address(n)
	}
	l.endAfter(err, in)
	for _, p := range ahead {
		p.stage.full = false
	}
	return err
}

// take has the device copy a piece to a stage or, without one, brings it.
func (l *lane) take(tracer *device.Tracer, to []byte, from driver.Address, in driver.Stream) (taken, error) {
	t, c := l.gpu.table, l.gpu.ctx
	copyTo := func(at unsafe.Pointer) error {
		return l.gpu.timed(tracer, device.EventD2H, len(to), in, func() error { return t.CopyToHost(c, at, from, len(to), in) })
	}
	s, err := l.stage()
	if err != nil {
		return taken{}, err
	}
	if s == nil {
		plain := make([]byte, len(to))
		defer runtime.KeepAlive(plain)
		err := copyTo(hostAddress(plain))
		err = firstError(err, t.SynchronizeStream(c, in))
		if err != nil {
			return taken{}, err
		}
		return taken{}, copyBytes(to, plain)
	}
	if err := copyTo(s.at); err != nil {
		return taken{}, err
	}
	s.full = true
	return taken{s, to}, l.mark(s, in)
}

// settle brings a piece from its stage.
func (l *lane) settle(p taken) error {
	if err := l.finish(p.stage); err != nil {
		return err
	}
	return copyBytes(p.to, unsafe.Slice((*byte)(p.stage.at), len(p.to)))
}

// copyBytes copies, with several goroutines where that is faster: one does not fill a bus. The error is that of a file's
// page that is lost.
func copyBytes(to, from []byte) error {
	parts := min(runtime.GOMAXPROCS(0), 8, len(from)/soloCopy)
	if parts < 2 {
		return cpu.Guard(func() { copy(to, from) })
	}
	var wait sync.WaitGroup
	var lost atomic.Pointer[error]
	each := (len(from)/parts + 63) &^ 63
	for at := 0; at < len(from); at += each {
		end := min(at+each, len(from))
		wait.Go(func() {
			if err := cpu.Guard(func() { copy(to[at:end], from[at:end]) }); err != nil {
				lost.Store(&err)
			}
		})
	}
	wait.Wait()
	if err := lost.Load(); err != nil {
		return *err
	}
	return nil
}

// governed is what to call when pages of the host's memory were used: they may be of a file that is larger than memory.
func governed(ctx context.Context) func() {
	if g := device.GovernorOf(ctx); g != nil {
		return g.Check
	}
	return func() {}
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
