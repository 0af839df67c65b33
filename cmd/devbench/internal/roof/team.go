package roof

import (
	"runtime"
	"sync/atomic"
	"time"
)

// team are goroutines that do one thing after another together. They never sleep between two: a system may put a thread
// that wakes behind the one that woke it, and two would take turns on one processor for as long as things are short.
type team struct {
	n     int
	task  func(i int)
	begun atomic.Int64 // tasks that were given
	ended atomic.Int64 // members that are done with theirs, of all tasks
}

// gather is a team of n, of which the caller is one.
func gather(n int) *team {
	t := &team{n: n}
	for i := 1; i < n; i++ {
		go t.serve(i)
	}
	return t
}

// timed runs a task on all of the team at once, and says how long all of them took.
func (t *team) timed(task func(i int)) time.Duration {
	start := time.Now()
	t.task = task
	ends := t.begun.Add(1) * int64(t.n)
	task(0)
	t.ended.Add(1)
	for t.ended.Load() < ends {
		runtime.Gosched()
	}
	return time.Since(start)
}

// part lets the others go.
func (t *team) part() {
	t.task = nil
	t.begun.Add(1)
}

// serve does task after task, until there is none.
func (t *team) serve(i int) {
	for next := int64(1); ; next++ {
		for t.begun.Load() < next {
			runtime.Gosched()
		}
		if t.task == nil {
			return
		}
		t.task(i)
		t.ended.Add(1)
	}
}
