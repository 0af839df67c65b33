package cpu

import (
	"context"
	"sync/atomic"
	"testing"

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
