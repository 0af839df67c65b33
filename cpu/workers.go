package cpu

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/tare-go/tare/device"
)

// tasks is work in parts that can be done in any order and at once. worker is less than the number
// of workers of the pool, and no two parts that run at once have the same.
type tasks interface{ task(worker, i int) }

// A pool is the workers of a device: helpers, which are goroutines, and the goroutine that brings
// work, as worker 0. One job runs at a time; jobs of a single task take nobody's time but their
// caller's.
type pool struct {
	workers int
	turn    chan struct{} // holds a token while no job runs
	helpers []*helper     // the workers from 1 on
	ended   sync.WaitGroup
	closed  atomic.Bool

	// The job that runs.
	work     tasks
	n        int
	done     <-chan struct{}
	governor *device.Governor
	next     atomic.Int64
	left     atomic.Int32 // helpers that have not ended their part
	busy     sync.WaitGroup
	end      atomic.Pointer[broken] // what ended the job early, apart from its context
}

// helper is a worker that waits for calls: a short while it watches for the next one, as it takes
// longer to wake than a small job does; then it sleeps. A call that it has not taken up when the
// job is over is taken back.
type helper struct {
	state atomic.Int32
	alarm alarm    // rings for one that is called from its sleep, or was; over when the pool is closed
	_     [64]byte // keeps the states of two helpers in different lines of the caches
}

// The states of a helper.
const (
	asleep int32 = iota
	watching
	roused // called from its sleep
	called // called while it watched
	working
)

// How long a helper watches for the next call, and a caller for the helpers to end. To wake takes 50 to 100 µs on a
// virtual machine: a caller that slept for the last of its helpers would find them asleep at its next call, and they it.
const (
	patience = 100 * time.Microsecond
	waiting  = time.Millisecond
)

// slice is how long a worker goes on before other goroutines get a turn. To yield wakes a thread to look for work, which
// is in the way of the workers where there are as many as processors.
const slice = time.Millisecond

// broken is a task that panicked: because of memory that is lost, or of a mistake of ours.
type broken struct {
	lost  error
	value any
	stack []byte
}

// newBroken is a task's panic.
func newBroken(value any) *broken {
	if lost := lostMemory(value); lost != nil {
		return &broken{lost: lost}
	}
	return &broken{value: value, stack: debug.Stack()}
}

// err is the error of lost memory; a mistake panics again.
func (b *broken) err() error {
	if b.lost == nil {
		panic(fmt.Sprintf("BUG: cpu: a task panicked: %v\n%s", b.value, b.stack))
	}
	return b.lost
}

// newPool starts the goroutines.
func newPool(workers int) *pool {
	p := &pool{workers: max(1, workers), turn: make(chan struct{}, 1)}
	p.turn <- struct{}{}
	for w := 1; w < p.workers; w++ {
		h := &helper{}
		p.helpers = append(p.helpers, h)
		p.ended.Add(1)
		go p.help(w, h)
	}
	return p
}

// help takes part in jobs until the pool is closed.
func (p *pool) help(w int, h *helper) {
	defer p.ended.Done()
	h.alarm.begin()
	debug.SetPanicOnFault(true)
	for ok := h.sleep(); ok; ok = h.watch(p) || h.sleep() {
		h.alarm.settled()
		p.claim(w)
		h.state.Store(watching)
		p.left.Add(-1)
		p.busy.Done()
	}
}

// watch waits a while for a call. The helper is asleep if there was none.
func (h *helper) watch(p *pool) bool {
	taken := func() bool { return h.state.Load() == called && h.state.CompareAndSwap(called, working) }
	if p.spare() && spin(patience, taken) {
		return true
	}
	for !h.state.CompareAndSwap(watching, asleep) {
		if taken() {
			return true
		}
	}
	return false
}

// sleep waits for a call; there is none any more if it gives false.
func (h *helper) sleep() bool {
	for h.alarm.sleep() {
		if h.state.CompareAndSwap(roused, working) {
			return true
		}
	}
	return false
}

// call asks for help, away from the caller's processor if there are processors for all.
func (h *helper) call(away bool) {
	if away {
		h.alarm.apart(h.state.Load() == asleep)
	}
	if h.state.CompareAndSwap(watching, called) {
		return
	}
	h.state.Store(roused)
	h.alarm.ring() // it may ring still, of a call that was taken back
}

// recall takes a call back, unless it was taken up.
func (h *helper) recall() bool {
	return h.state.CompareAndSwap(called, watching) || h.state.CompareAndSwap(roused, asleep)
}

// pause gives other goroutines a turn. A thread that is locked would have to be woken again, which takes as long as to
// wake a helper: so it is let go meanwhile.
func (p *pool) pause(worker int) {
	if worker == 0 {
		runtime.Gosched()
		return
	}
	p.helpers[worker-1].alarm.pause()
}

// spare reports whether watching takes no time from workers that have something to do.
func (p *pool) spare() bool { return p.workers <= runtime.GOMAXPROCS(0) }

// spin waits until done, or not very long. It does not yield, as that wakes threads which then are in the way.
func spin(most time.Duration, done func() bool) bool {
	for start := time.Now(); time.Since(start) < most; {
		for range 300 {
			if done() {
				return true
			}
		}
	}
	return false
}

// claim does tasks of the job until there are none left, or it was cancelled or broke.
func (p *pool) claim(w int) {
	defer func() {
		if v := recover(); v != nil {
			p.end.CompareAndSwap(nil, newBroken(v))
			p.next.Store(int64(p.n))
		}
	}()
	yielded := time.Now()
	for {
		i := int(p.next.Add(1)) - 1
		if i >= p.n {
			return
		}
		select {
		case <-p.done:
			p.next.Store(int64(p.n))
			return
		default:
			p.work.task(w, i)
		}
		if p.governor != nil {
			p.governor.Check()
		}
		if i+p.workers < p.n && time.Since(yielded) > slice { // others would wait for the 10 ms of a time slice of Go's
			runtime.Gosched()
			yielded = time.Now()
		}
	}
}

// run does n tasks and returns when no worker is at them any more: at the end, or early with the error
// of the context or of watched memory that was lost. Any other panic of a task is raised again here.
func (p *pool) run(ctx context.Context, n int, work tasks) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if n == 1 {
		if err := Guard(func() { work.task(0, 0) }); err != nil {
			return err
		}
		return ctx.Err()
	}
	select {
	case <-p.turn:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { p.turn <- struct{}{} }()
	if p.closed.Load() {
		return device.ErrClosed
	}
	p.share(ctx, n, work)
	if b := p.end.Swap(nil); b != nil {
		return b.err()
	}
	return ctx.Err()
}

// share hands a job to as many workers as have a task, and takes part.
func (p *pool) share(ctx context.Context, n int, work tasks) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	p.work, p.n, p.done = work, n, ctx.Done()
	p.governor = device.GovernorOf(ctx)
	p.next.Store(0)
	helpers := p.helpers[:max(0, min(len(p.helpers), n-1))]
	p.left.Store(int32(len(helpers)))
	p.busy.Add(len(helpers))
	for _, h := range helpers {
		h.call(p.spare())
	}
	p.claim(0)
	for _, h := range helpers {
		if h.recall() {
			p.left.Add(-1)
			p.busy.Done()
		}
	}
	if p.spare() {
		spin(waiting, func() bool { return p.left.Load() == 0 })
	}
	p.busy.Wait()
	p.work, p.done, p.governor = nil, nil, nil
}

// close waits for the job that runs, and ends the goroutines. A second close does nothing.
func (p *pool) close() {
	<-p.turn
	defer func() { p.turn <- struct{}{} }()
	if p.closed.Swap(true) {
		return
	}
	for _, h := range p.helpers {
		h.alarm.stop()
	}
	p.ended.Wait()
}

// Guard calls f, which uses memory that is watched: if a part of it is lost, what that part's Watch
// explains is the error. A panic of f's passes.
func Guard(f func()) (err error) {
	if watches.Load() == 0 {
		f()
		return nil
	}
	before := debug.SetPanicOnFault(true)
	defer func() {
		debug.SetPanicOnFault(before)
		if v := recover(); v != nil {
			if err = lostMemory(v); err == nil {
				panic(v)
			}
		}
	}()
	f()
	return nil
}

// Watch says that parts of mem may be lost while they are used, as a file's pages are when the file is
// made shorter. Work of the device that meets such a part, and Guard, end with the error that explain
// gives for its offset; without Watch the process ends. forget is for before mem is given back.
func Watch(mem []byte, explain func(offset int) error) (forget func()) {
	if len(mem) == 0 {
		return func() {}
	}
	at := uintptr(unsafe.Pointer(unsafe.SliceData(mem)))
	watched.Store(at, &watch{size: len(mem), explain: explain})
	watches.Add(1)
	return func() {
		watched.Delete(at)
		watches.Add(-1)
	}
}

// watched are the memories that Watch was told of, each by its address, and watches is how many there are.
var (
	watched sync.Map
	watches atomic.Int64
)

type watch struct {
	size    int
	explain func(offset int) error
}

// lostMemory is the error behind a panic, nil if it is not that a part of watched memory was lost.
func lostMemory(panicked any) (err error) {
	fault, ok := panicked.(interface{ Addr() uintptr })
	if !ok {
		return nil
	}
	addr := fault.Addr()
	watched.Range(func(at, w any) bool {
		if offset := addr - at.(uintptr); offset < uintptr(w.(*watch).size) {
			err = w.(*watch).explain(int(offset))
		}
		return err == nil
	})
	return err
}
