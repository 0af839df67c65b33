package drivertest

import (
	"runtime"
	"sync"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/cuda/internal/driver"
)

// streamOrder starts many kernels of which each needs the one before, and then a copy.
func (b *fixture) streamOrder() {
	const n, rounds = 3000, 50
	f := b.function("add")
	x := b.put(floats(n, func(i int) float32 { return float32(i % 7) }))
	sum := b.put(make([]byte, 4*n))
	for range rounds {
		require.NoError(b, b.add(f, x, sum, sum, n, b.s))
	}
	assert.Equal(b, floats(n, func(i int) float32 { return rounds * float32(i%7) }), b.get(sum, 4*n))
}

// twoStreams lets one stream wait for the kernels of another.
func (b *fixture) twoStreams() {
	const n = 100_000
	f := b.function("add")
	other, done := b.stream(), b.event(false)
	x := b.put(floats(n, func(i int) float32 { return float32(i) }))
	once, twice := b.alloc(4*n), b.alloc(4*n)
	require.NoError(b, b.add(f, x, x, once, n, other))
	require.NoError(b, b.table.RecordEvent(b.c, done, other))
	require.NoError(b, b.table.WaitEvent(b.c, b.s, done))
	require.NoError(b, b.add(f, once, once, twice, n, b.s))
	assert.Equal(b, floats(n, func(i int) float32 { return 4 * float32(i) }), b.get(twice, 4*n))
	require.NoError(b, b.table.SynchronizeStream(b.c, other))
}

func (b *fixture) events() {
	e := b.event(false)
	passed, err := b.table.QueryEvent(b.c, e)
	require.NoError(b, err)
	assert.True(b, passed, "nothing was recorded")
	require.NoError(b, b.add(b.function("add"), b.put(make([]byte, 4)), b.put(make([]byte, 4)), b.alloc(4), 1, b.s))
	require.NoError(b, b.table.RecordEvent(b.c, e, b.s))
	require.NoError(b, b.table.SynchronizeEvent(b.c, e))
	passed, err = b.table.QueryEvent(b.c, e)
	require.NoError(b, err)
	assert.True(b, passed)
}

func (b *fixture) times() {
	from, to, never := b.event(true), b.event(true), b.event(true)
	require.NoError(b, b.table.RecordEvent(b.c, from, b.s))
	a := b.put(noise(1 << 20))
	require.NoError(b, b.table.CopyOnDevice(b.c, b.alloc(1<<20), a, 1<<20, b.s))
	require.NoError(b, b.table.RecordEvent(b.c, to, b.s))
	require.NoError(b, b.table.SynchronizeEvent(b.c, to))
	seconds, err := b.table.ElapsedTime(b.c, from, to)
	require.NoError(b, err)
	assert.GreaterOrEqual(b, seconds, 0.0)
	assert.Less(b, seconds, 60.0)
	b.timesAcrossStreams()
	_, err = b.table.ElapsedTime(b.c, from, never)
	assert.ErrorIs(b, err, driver.InvalidHandle, "it was not recorded")
	_, err = b.table.ElapsedTime(b.c, from, b.event(false))
	assert.ErrorIs(b, err, driver.InvalidHandle, "it keeps no times")
}

// timesAcrossStreams measures from an event of a stream that is gone to one of another.
func (b *fixture) timesAcrossStreams() {
	s, err := b.table.CreateStream(b.c)
	require.NoError(b, err)
	base, later := b.event(true), b.event(true)
	require.NoError(b, b.table.RecordEvent(b.c, base, s))
	require.NoError(b, b.table.SynchronizeEvent(b.c, base))
	require.NoError(b, b.table.DestroyStream(b.c, s))
	require.NoError(b, b.table.RecordEvent(b.c, later, b.s))
	require.NoError(b, b.table.SynchronizeEvent(b.c, later))
	seconds, err := b.table.ElapsedTime(b.c, base, later)
	require.NoError(b, err)
	assert.GreaterOrEqual(b, seconds, 0.0)
}

// goroutines use the same context from threads that change under them.
func (b *fixture) goroutines() {
	const workers, rounds = 8, 20
	f := b.function("add")
	var all sync.WaitGroup
	for worker := range workers {
		all.Go(func() { b.work(f, worker, rounds) })
	}
	all.Wait()
}

// work is what one goroutine does, with a stream and memory of its own.
func (b *fixture) work(f driver.Function, worker, rounds int) {
	s, err := b.table.CreateStream(b.c)
	if !assert.NoError(b, err) {
		return
	}
	defer func() { assert.NoError(b, b.table.DestroyStream(b.c, s)) }()
	own := &fixture{T: b.T, table: b.table, c: b.c, s: s}
	for round := range rounds {
		own.turn(f, worker*rounds+round)
	}
}

// turn adds an array to itself, and gives the processor away between the steps.
func (b *fixture) turn(f driver.Function, value int) {
	const n = 500
	a, err := b.table.Alloc(b.c, 4*n)
	if !assert.NoError(b, err) {
		return
	}
	defer func() { assert.NoError(b, b.table.Free(b.c, a)) }()
	host := floats(n, func(i int) float32 { return float32(value + i) })
	want := floats(n, func(i int) float32 { return 2 * float32(value+i) })
	assert.NoError(b, b.table.CopyToDevice(b.c, a, pointer(host), len(host), b.s))
	runtime.Gosched()
	assert.NoError(b, b.add(f, a, a, a, n, b.s))
	runtime.Gosched()
	assert.NoError(b, b.table.CopyToHost(b.c, pointer(host), a, len(host), b.s))
	assert.NoError(b, b.table.SynchronizeStream(b.c, b.s))
	assert.Equal(b, want, host)
}
