package cpu

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/device"
)

// counting tasks count themselves, and one of them may panic.
type counting struct {
	done    []atomic.Int32
	workers int
	bad     int
}

func (c *counting) task(worker, i int) {
	if worker < 0 || worker >= c.workers {
		panic("no such worker")
	}
	if i == c.bad {
		panic("a bad task")
	}
	c.done[i].Add(1)
}

func TestPoolDoesEachTaskOnce(t *testing.T) {
	for _, workers := range []int{1, 2, 7} {
		p := newPool(workers)
		for _, n := range []int{0, 1, 2, 5, 1000} {
			c := &counting{done: make([]atomic.Int32, n), workers: workers, bad: -1}
			require.NoError(t, p.run(context.Background(), n, c))
			for i := range c.done {
				assert.EqualValues(t, 1, c.done[i].Load(), "task %d of %d", i, n)
			}
		}
		p.close()
		p.close()
	}
}

// lasting tasks take a while each, and note who did them.
type lasting struct {
	by    []atomic.Int32 // the tasks of each worker
	takes time.Duration
}

func (l *lasting) task(worker, _ int) {
	l.by[worker].Add(1)
	for start := time.Now(); time.Since(start) < l.takes; {
	}
}

func TestOffersWakeNobody(t *testing.T) {
	p := newPool(3)
	defer p.close()
	work := &lasting{by: make([]atomic.Int32, 3)}
	for range 10 {
		require.NoError(t, p.offer(context.Background(), 5, work))
		time.Sleep(2 * patience)
	}
	assert.EqualValues(t, 50, work.by[0].Load())
	for _, h := range p.helpers {
		assert.Equal(t, asleep, h.state.Load())
	}
}

func TestOffersThatComeOftenFindHelp(t *testing.T) {
	if runtime.GOMAXPROCS(0) < 2 {
		t.Skip("helpers do not watch where workers have no processors of their own")
	}
	p := newPool(2)
	defer p.close()
	work := &lasting{by: make([]atomic.Int32, 2), takes: 10 * time.Microsecond}
	offers := 0
	for start := time.Now(); work.by[1].Load() == 0 && time.Since(start) < 10*time.Second; offers++ {
		require.NoError(t, p.offer(context.Background(), 2, work))
	}
	assert.EqualValues(t, 2*offers, work.by[0].Load()+work.by[1].Load())
	assert.NotZero(t, work.by[1].Load())
	assert.Greater(t, offers, 2)
}

// waitingTasks wait until they may end.
type waitingTasks struct{ started, end chan struct{} }

func (b *waitingTasks) task(int, int) {
	b.started <- struct{}{}
	<-b.end
}

func TestOffersDoNotWaitForOtherJobs(t *testing.T) {
	p := newPool(2)
	defer p.close()
	other := &waitingTasks{make(chan struct{}, 2), make(chan struct{})}
	var all sync.WaitGroup
	all.Go(func() { assert.NoError(t, p.run(context.Background(), 2, other)) })
	<-other.started
	c := &counting{done: make([]atomic.Int32, 4), workers: 1, bad: -1}
	require.NoError(t, p.offer(context.Background(), 4, c))
	for i := range c.done {
		assert.EqualValues(t, 1, c.done[i].Load(), "task %d", i)
	}
	close(other.end)
	all.Wait()
}

func TestJobsAndOffersOfManyCallers(t *testing.T) {
	p := newPool(3)
	var all sync.WaitGroup
	for caller := range 4 {
		all.Go(func() {
			for i := range 2000 {
				c := &counting{done: make([]atomic.Int32, 2+i%5), workers: 3, bad: -1}
				do := []func(context.Context, int, tasks) error{p.run, p.offer}[(i/3+caller)%2]
				assert.NoError(t, do(context.Background(), len(c.done), c))
				for j := range c.done {
					assert.EqualValues(t, 1, c.done[j].Load(), "task %d", j)
				}
				if i%100 == 0 {
					time.Sleep(2 * patience)
				}
			}
		})
	}
	all.Wait()
	p.close()
	assert.ErrorIs(t, p.offer(context.Background(), 2, &counting{bad: -1, workers: 3}), device.ErrClosed)
}

func TestPoolPassesPanicsOn(t *testing.T) {
	p := newPool(3)
	defer p.close()
	c := &counting{done: make([]atomic.Int32, 100), workers: 3, bad: 50}
	func() {
		defer func() { assert.Contains(t, recover(), "BUG: cpu: a task panicked: a bad task") }()
		_ = p.run(context.Background(), 100, c)
	}()
	c.bad = -1
	assert.NoError(t, p.run(context.Background(), 100, c), "the pool works on")
}

func TestPoolAfterClose(t *testing.T) {
	p := newPool(2)
	p.close()
	assert.ErrorIs(t, p.run(context.Background(), 2, &counting{bad: -1, workers: 2}), device.ErrClosed)
}

func TestCopyInPartsAndOverlapping(t *testing.T) {
	d := New(1)
	defer func() { require.NoError(t, d.Close()) }()
	ctx := context.Background()
	x := make([]byte, 2*copyPart+100)
	for i := range x {
		x[i] = byte(i * 7)
	}
	y := make([]byte, len(x))
	require.NoError(t, d.Copy(ctx, device.HostSpan(y), device.HostSpan(x)))
	assert.Equal(t, x, y)
	all := device.HostBuffer(y)
	n := len(x) - 10
	require.NoError(t, d.Copy(ctx, device.Span{Buffer: all, Off: 10, Len: n}, device.Span{Buffer: all, Len: n}))
	assert.Equal(t, x[:n], y[10:])
	assert.Error(t, d.Copy(ctx, device.HostSpan(y), device.HostSpan(x[1:])))
}
