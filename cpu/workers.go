package cpu

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/tare-go/tare/device"
)

// tasks is work in parts that can be done in any order and at once. worker is less than the number
// of workers of the pool, and no two parts that run at once have the same.
type tasks interface{ task(worker, i int) }

// A pool is the workers of a device: goroutines that sleep until there is work, and the goroutine
// that brings it, as worker 0. One job runs at a time; jobs of a single task take nobody's time but
// their caller's.
type pool struct {
	workers int
	turn    chan struct{}   // holds a token while no job runs
	wake    []chan struct{} // of the workers from 1 on; closed when the pool is
	ended   sync.WaitGroup  // the goroutines
	closed  atomic.Bool

	// The job that runs.
	work tasks
	n    int
	done <-chan struct{}
	next atomic.Int64
	busy sync.WaitGroup
	bug  atomic.Pointer[bug]
}

// bug is a panic in a task.
type bug struct {
	value any
	stack []byte
}

// newPool starts the goroutines.
func newPool(workers int) *pool {
	p := &pool{workers: max(1, workers), turn: make(chan struct{}, 1)}
	p.turn <- struct{}{}
	for w := 1; w < p.workers; w++ {
		wake := make(chan struct{}, 1)
		p.wake = append(p.wake, wake)
		p.ended.Add(1)
		go p.worker(w, wake)
	}
	return p
}

func (p *pool) worker(w int, wake chan struct{}) {
	defer p.ended.Done()
	for range wake {
		p.claim(w)
		p.busy.Done()
	}
}

// claim does tasks of the job until there are none left, or it was cancelled or broke.
func (p *pool) claim(w int) {
	defer func() {
		if v := recover(); v != nil {
			p.bug.CompareAndSwap(nil, &bug{v, debug.Stack()})
			p.next.Store(int64(p.n))
		}
	}()
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
			runtime.Gosched() // a service has other goroutines, which would wait for the 10 ms of a time slice
		}
	}
}

// run does n tasks and returns when no worker is at them any more: at the end, or early with the
// context's error. A task's panic is raised again here.
func (p *pool) run(ctx context.Context, n int, work tasks) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if n == 1 {
		work.task(0, 0)
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
	if b := p.bug.Swap(nil); b != nil {
		panic(fmt.Sprintf("BUG: cpu: a task panicked: %v\n%s", b.value, b.stack))
	}
	return ctx.Err()
}

// share hands a job to as many workers as have a task, and takes part.
func (p *pool) share(ctx context.Context, n int, work tasks) {
	p.work, p.n, p.done = work, n, ctx.Done()
	p.next.Store(0)
	help := max(0, min(len(p.wake), n-1))
	p.busy.Add(help)
	for _, wake := range p.wake[:help] {
		wake <- struct{}{}
	}
	p.claim(0)
	p.busy.Wait()
	p.work, p.done = nil, nil
}

// close waits for the job that runs, and ends the goroutines. A second close does nothing.
func (p *pool) close() {
	<-p.turn
	defer func() { p.turn <- struct{}{} }()
	if p.closed.Swap(true) {
		return
	}
	for _, wake := range p.wake {
		close(wake)
	}
	p.ended.Wait()
}
