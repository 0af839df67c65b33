package cpu_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/cpu"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/ir"
)

// steady are operations of every kind of program: maps, units, split units, columns, products, dots.
func steady() map[string]ir.Op {
	return map[string]ir.Op{
		"small map":     addKernel(dtype.Float64, 100),
		"map":           addKernel(dtype.Float64, 200_000),
		"pattern":       rowAddKernel(dtype.Float64, 30_000, 3),
		"transpose":     transposeKernel(dtype.Float64, 300),
		"rows":          sumKernel(dtype.Float64, 300, 1000, canon.Lane),
		"split row":     sumKernel(dtype.Float64, 1, 300_000, canon.Lane),
		"columns":       sumKernel(dtype.Float64, 5000, 3, canon.Lane),
		"chunks":        sumKernel(dtype.Float64, 600, 400, canon.Chunk),
		"softmax":       softmaxKernel(dtype.Float64, 20, 500),
		"index":         argKernel(dtype.Float64, 3, 30_000),
		"product":       matmul(dtype.Float64, 100, 70, 80),
		"split product": matmul(dtype.Float64, 3, 3, 9000),
		"dot":           matmul(dtype.Float64, 1, 1, 100_000),
	}
}

// raceDetector says that tests run with the race detector, which empties sync.Pools at random.
var raceDetector bool

func TestRunsAllocateNothing(t *testing.T) {
	for _, workers := range []int{1, 3} {
		dev := devices(t, workers)[0]
		for name, o := range steady() {
			if raceDetector && name == "softmax" {
				continue // a pair of operators at the end of a row takes memory from one
			}
			r := prepare(t, dev, o)
			allocs := testing.AllocsPerRun(10, func() { assert.NoError(t, r.run(context.Background())) })
			assert.Zero(t, allocs, "%s with %d workers", name, workers)
			r.free()
		}
	}
}

func TestCloseEndsGoroutines(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 10 {
		dev := cpu.New(8)
		r := prepare(t, dev, addKernel(dtype.Float64, 200_000))
		require.NoError(t, r.run(context.Background()))
		r.free()
		require.NoError(t, dev.Close())
		require.NoError(t, dev.Close())
	}
	for end := time.Now().Add(time.Second); runtime.NumGoroutine() > before && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	assert.LessOrEqual(t, runtime.NumGoroutine(), before)
}

func TestClosedDevice(t *testing.T) {
	dev := cpu.New(2)
	r := prepare(t, dev, addKernel(dtype.Float64, 200_000))
	defer r.free()
	require.NoError(t, dev.Close())
	ctx := context.Background()
	assert.ErrorIs(t, r.run(ctx), device.ErrClosed)
	_, err := dev.Alloc(ctx, 8)
	assert.ErrorIs(t, err, device.ErrClosed)
	_, err = dev.Compile(addKernel(dtype.Float64, 1))
	assert.ErrorIs(t, err, device.ErrClosed)
	assert.ErrorIs(t, dev.Sync(ctx), device.ErrClosed)
	assert.ErrorIs(t, dev.Copy(ctx, device.HostSpan(nil), device.HostSpan(nil)), device.ErrClosed)
}

// countdown is a context that is cancelled when it was asked for the n-th time.
type countdown struct {
	context.Context
	left atomic.Int64
	stop context.CancelFunc
}

func cancelAfter(n int) *countdown {
	ctx, stop := context.WithCancel(context.Background())
	c := &countdown{Context: ctx, stop: stop}
	c.left.Store(int64(n))
	return c
}

func (c *countdown) Err() error {
	if c.left.Add(-1) == 0 {
		c.stop()
	}
	return c.Context.Err()
}

func TestCancelledRun(t *testing.T) {
	for _, workers := range []int{1, 3} {
		dev := devices(t, workers)[0]
		for name, o := range steady() {
			if raceDetector && name == "softmax" {
				continue // a pair of operators at the end of a row takes memory from one
			}
			r := prepare(t, dev, o)
			for n := 1; ; n++ {
				ctx := cancelAfter(n)
				err := r.run(ctx)
				ctx.stop()
				if err == nil {
					assert.Greater(t, n, 1, "%s looks at its context", name)
					break
				}
				assert.ErrorIs(t, err, context.Canceled, name)
			}
			assert.NoError(t, r.run(context.Background()), "%s after it was cancelled", name)
			r.free()
		}
	}
}

func TestCancelWhileRunning(t *testing.T) {
	dev := devices(t, 2)[0]
	r := prepare(t, dev, softmaxKernel(dtype.Float64, 20000, 500))
	defer r.free()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Millisecond)
	defer cancel()
	assert.ErrorIs(t, r.run(ctx), context.DeadlineExceeded)
}

func TestFreedOperand(t *testing.T) {
	dev := devices(t, 2)[0]
	for name, o := range steady() {
		r := prepare(t, dev, o)
		for _, b := range r.buffers {
			b.Free()
			assert.Nil(t, b.Host())
			b.Free()
		}
		assert.ErrorIs(t, r.run(context.Background()), device.ErrFreed, name)
	}
}

func TestConcurrentRuns(t *testing.T) {
	dev := devices(t, 3)[0]
	var all sync.WaitGroup
	for name, o := range steady() {
		p, err := dev.Compile(o)
		require.NoError(t, err)
		for range 3 {
			r := prepare(t, dev, o)
			r.p = p
			all.Go(func() {
				defer r.free()
				for range 5 {
					assert.NoError(t, r.run(context.Background()), name)
				}
			})
		}
	}
	all.Wait()
}

// A program that is given too little workspace is a mistake of ours, also in a worker.
func TestBugsPanic(t *testing.T) {
	dev := devices(t, 2)[0]
	r := prepare(t, dev, softmaxKernel(dtype.Float64, 300, 500))
	defer r.free()
	r.work.Len--
	assert.Contains(t, panicOf(func() { _ = r.run(context.Background()) }), "BUG: cpu: a workspace")
	r.work.Len++
	r.args = r.args[1:]
	assert.Contains(t, panicOf(func() { _ = r.run(context.Background()) }), "BUG: cpu: 1 arguments")
}

func panicOf(f func()) (value any) {
	defer func() { value = recover() }()
	f()
	return nil
}

func TestUnknownLoops(t *testing.T) {
	dev := devices(t, 1)[0]
	k := addKernel(dtype.Float64, 3)
	k.Code[2].Args[1] = 0
	k.Code[0].Type, k.In[0].Type = dtype.Bool, dtype.Bool
	k.Code[2] = apply(k.Code[2].Code, dtype.Float64, 0, 1)
	_, err := dev.Compile(k)
	var loop *cpu.LoopError
	require.ErrorAs(t, err, &loop)
	assert.Contains(t, loop.Error(), "add")
	assert.True(t, strings.Contains(loop.Error(), "float64"))
}

func TestAllocation(t *testing.T) {
	dev := devices(t, 1)[0]
	ctx := context.Background()
	for _, n := range []int{0, 1, 63, 64, 65, 1 << 16, 1<<16 + 1, 1 << 20} {
		b, err := dev.Alloc(ctx, n)
		require.NoError(t, err)
		assert.Equal(t, n, b.Size())
		assert.Zero(t, uintptr(b.Host())%64)
		bytes, ok := device.Span{Buffer: b, Len: n}.Bytes()
		require.True(t, ok)
		for i := range bytes {
			bytes[i] = 1
		}
		b.Free()
	}
	_, err := dev.Alloc(ctx, -1)
	var size *device.SizeError
	assert.ErrorAs(t, err, &size)
	_, err = dev.Alloc(ctx, 1<<60)
	var refused *cpu.AllocError
	if assert.ErrorAs(t, err, &refused) {
		assert.Contains(t, refused.Error(), "1.00 EiB")
		assert.Error(t, errors.Unwrap(err))
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	_, err = dev.Alloc(cancelled, 8)
	assert.ErrorIs(t, err, context.Canceled)
}

func TestOpen(t *testing.T) {
	dev, err := device.Open("cpu")
	require.NoError(t, err)
	info := dev.Info()
	assert.Equal(t, "cpu", info.Name)
	assert.Equal(t, runtime.GOMAXPROCS(0), info.Workers)
	assert.NotEmpty(t, info.Model)
	_, err = device.Open("cpu:1")
	var open *device.OpenError
	assert.ErrorAs(t, err, &open)
	found := false
	for _, s := range device.List() {
		found = found || s.Name == "cpu" && s.Err == nil
	}
	assert.True(t, found)
}

// ending is a context that was cancelled just after it was asked for the first time.
type ending struct {
	context.Context
	asked atomic.Bool
}

func (e *ending) Err() error {
	if !e.asked.Swap(true) {
		return nil
	}
	return e.Context.Err()
}

// One block of results with a long chain: it begins, and stops early. Times are the least of several,
// for other work may hold any one of them up.
func TestCancelInsideProduct(t *testing.T) {
	dev := devices(t, 1)[0]
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	for _, o := range []ir.Op{matmul(dtype.Float64, 40, 40, 200_000), matmul(dtype.Float64, 100, 1, 100_000)} {
		r := prepare(t, dev, o)
		cut, whole := time.Hour, time.Hour
		for range 5 {
			start := time.Now()
			require.ErrorIs(t, r.run(&ending{Context: cancelled}), context.Canceled)
			cut = min(cut, time.Since(start))
			start = time.Now()
			require.NoError(t, r.run(context.Background()))
			whole = min(whole, time.Since(start))
		}
		assert.Less(t, cut, whole/2, "it stops early")
		r.free()
	}
}
