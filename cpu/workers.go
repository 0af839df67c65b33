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
	eager   bool // wakes helpers for short jobs, too: for tests

	// The job that runs.
	work     tasks
	n        int
	done     <-chan struct{}
	governor *device.Governor
	next     atomic.Int64
	left     atomic.Int32           // workers that have not ended their part; the caller is one until it sleeps
	over     chan struct{}          // a token for a caller that sleeps until the last of them has
	end      atomic.Pointer[broken] // what ended the job early, apart from its context

	// Of jobs on offer that a helper slept through, each soon after the one before.
	missed time.Duration // how long they took
	last   time.Time     // when the last one was over
}

// helper is a worker that waits for calls: a short while it watches for the next one, as it takes
// longer to wake than a small job does; then it sleeps. A call that it has not taken up when the
// job is over is taken back; one that was asleep wakes nevertheless, and watches.
type helper struct {
	state atomic.Int32
	alarm alarm    // rings once for each call from sleep; over when the pool is closed
	_     [64]byte // keeps the states of two helpers in different lines of the caches
}

// The states of a helper.
const (
	asleep int32 = iota
	watching
	called
	working
)

// How long a helper watches for the next call, and a caller for the helpers to end. To wake takes 50 to 100 µs on a
// virtual machine: a caller that slept for the last of its helpers would find them asleep at its next call, and they it.
const (
	patience = 100 * time.Microsecond
	waiting  = time.Millisecond
)

// enough is how long jobs on offer take, one soon after the other, before helpers that sleep are woken for those that
// follow: about what it costs to wake them.
const enough = 50 * time.Microsecond

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
	p := &pool{workers: max(1, workers), turn: make(chan struct{}, 1), over: make(chan struct{}, 1)}
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
	for h.alarm.sleep() {
		for h.watch(p) {
			p.claim(w)
			h.state.Store(watching)
			p.leave()
		}
	}
}

// leave ends a worker's part, and wakes a caller that sleeps until all have.
func (p *pool) leave() {
	if p.left.Add(-1) == 0 {
		p.over <- struct{}{}
	}
}

// watch waits a while for a call. The helper is asleep if there was none.
func (h *helper) watch(p *pool) bool {
	taken := func() bool { return h.state.Load() == called && h.state.CompareAndSwap(called, working) }
	h.alarm.settled()
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

// invite calls a helper that watches.
func (p *pool) invite(h *helper) bool { return p.ask(h, watching) }

// rouse calls a helper that sleeps.
func (p *pool) rouse(h *helper) bool {
	if !p.ask(h, asleep) {
		return false
	}
	p.part(h, true)
	h.alarm.ring()
	return true
}

// call calls a helper, awake or not.
func (p *pool) call(h *helper) {
	for !p.rouse(h) {
		if p.invite(h) {
			p.part(h, false)
			return
		}
	}
}

// part keeps a helper away from its caller's processor, if there are processors for all.
func (p *pool) part(h *helper, asleep bool) {
	if p.spare() {
		h.alarm.apart(asleep)
	}
}

// ask calls a helper if it is in a state.
func (p *pool) ask(h *helper, state int32) bool {
	p.left.Add(1)
	if h.state.CompareAndSwap(state, called) {
		return true
	}
	p.left.Add(-1)
	return false
}

// recall takes a call back, unless it was taken up or there was none.
func (h *helper) recall() bool { return h.state.CompareAndSwap(called, watching) }

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
	for start := (time.Time{}); start.IsZero() || time.Since(start) < most; {
		for range 300 {
			if done() {
				return true
			}
		}
		if start.IsZero() {
			start = time.Now()
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
	var yielded time.Time
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
		if i+p.workers < p.n {
			yielded = yield(yielded)
		}
	}
}

// yield gives other goroutines a turn if the last one was long ago, and is when that was; the first time it only looks at
// the clock. Without it they would wait for the 10 ms of a time slice of Go's.
func yield(last time.Time) time.Time {
	switch {
	case last.IsZero():
		return time.Now()
	case time.Since(last) > slice:
		runtime.Gosched()
		return time.Now()
	}
	return last
}

// run does n tasks and returns when no worker is at them any more: at the end, or early with the error
// of the context or of watched memory that was lost. Any other panic of a task is raised again here.
func (p *pool) run(ctx context.Context, n int, work tasks) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if n == 1 {
		return single(ctx, n, work)
	}
	select {
	case <-p.turn:
		return p.take(ctx, n, work, false)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// offer is run for tasks that are done before a helper would wake: those who watch take part. Others are woken for what
// may follow, once enough of such jobs have come one soon after the other.
func (p *pool) offer(ctx context.Context, n int, work tasks) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if n == 1 {
		return single(ctx, n, work)
	}
	select {
	case <-p.turn:
		return p.take(ctx, n, work, true)
	default: // the helpers are at another job
		return single(ctx, n, work)
	}
}

// do is offer for tasks that are over before a helper would wake, and run for others.
func (p *pool) do(ctx context.Context, n int, work tasks, short bool) error {
	if short && !p.eager {
		return p.offer(ctx, n, work)
	}
	return p.run(ctx, n, work)
}

// single does n tasks without help.
func single(ctx context.Context, n int, work tasks) error {
	err := Guard(func() {
		for i := range n {
			work.task(0, i)
		}
	})
	if err != nil {
		return err
	}
	return ctx.Err()
}

// take runs a job for a caller that has the turn, and gives that back.
func (p *pool) take(ctx context.Context, n int, work tasks, offer bool) error {
	defer func() { p.turn <- struct{}{} }()
	if p.closed.Load() {
		return device.ErrClosed
	}
	p.share(ctx, n, work, offer)
	if b := p.end.Swap(nil); b != nil {
		return b.err()
	}
	return ctx.Err()
}

// share hands a job to as many workers as have a task, and takes part.
func (p *pool) share(ctx context.Context, n int, work tasks, offer bool) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	p.work, p.n, p.done = work, n, ctx.Done()
	p.governor = device.GovernorOf(ctx)
	p.next.Store(0)
	p.left.Store(1)
	helpers := p.helpers[:max(0, min(len(p.helpers), n-1))]
	if offer {
		p.claimOffer(helpers)
	} else {
		p.callAll(helpers)
		p.claim(0)
	}
	p.await(helpers)
	p.work, p.done, p.governor = nil, nil, nil
}

// callAll calls helpers, awake or not.
func (p *pool) callAll(helpers []*helper) {
	for _, h := range helpers {
		p.call(h)
	}
}

// callAwake calls the helpers that watch, and reports whether these are all.
func (p *pool) callAwake(helpers []*helper) (all bool) {
	all = true
	for _, h := range helpers {
		all = p.invite(h) && all
	}
	return all
}

// claimOffer takes part in a job for which only the helpers that watch are called, unless some have slept through enough
// of such jobs.
func (p *pool) claimOffer(helpers []*helper) {
	if p.callAwake(helpers) {
		p.missed = 0
		p.claim(0)
		return
	}
	start := time.Now()
	if start.Sub(p.last) > patience {
		p.missed = 0
	}
	if p.missed > enough && p.spare() {
		for _, h := range helpers {
			p.rouse(h)
		}
	}
	p.claim(0)
	p.last = time.Now()
	p.missed += p.last.Sub(start)
}

// await takes back what calls were not taken up, and waits for the helpers that came.
func (p *pool) await(helpers []*helper) {
	for _, h := range helpers {
		if h.recall() {
			p.left.Add(-1)
		}
	}
	if p.spare() && spin(waiting, func() bool { return p.left.Load() == 1 }) {
		return
	}
	if p.left.Add(-1) > 0 {
		<-p.over
	}
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
