// Package drivertest is what each binding of the CUDA driver, and each stand-in for it, must pass.
package drivertest

import (
	_ "embed"
	"encoding/binary"
	"math"
	"runtime"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/cuda/internal/driver"
)

// PTX is the module that the tests load. It is for sm_70, and its kernels are add, parameters, reverse and stray:
// the text says what they do.
//
//go:embed kernels.ptx
var PTX string

// Run tests a binding on its device 0.
func Run(t *testing.T, table driver.Table) {
	t.Run("version", func(t *testing.T) { testVersion(t, table) })
	t.Run("devices", func(t *testing.T) { testDevices(t, table) })
	t.Run("attributes", func(t *testing.T) { testAttributes(t, table) })
	t.Run("context", func(t *testing.T) { testContext(t, table) })
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.run(bench(t, table)) })
	}
}

// tests are those that need a context.
var tests = []struct {
	name string
	run  func(b *fixture)
}{
	{"memory", (*fixture).memory},
	{"out of memory", (*fixture).outOfMemory},
	{"free twice", (*fixture).freeTwice},
	{"copies", (*fixture).copies},
	{"copies of parts", (*fixture).copiesOfParts},
	{"pinned copies", (*fixture).pinnedCopies},
	{"peer copy", (*fixture).peerCopy},
	{"module", (*fixture).module},
	{"module that does not compile", (*fixture).badPTX},
	{"module of the future", (*fixture).futurePTX},
	{"launch", (*fixture).launch},
	{"launch of small blocks", (*fixture).launchSmallBlocks},
	{"packed parameters", (*fixture).parameters},
	{"shared memory", (*fixture).sharedMemory},
	{"refused launches", (*fixture).refusedLaunches},
	{"order of a stream", (*fixture).streamOrder},
	{"two streams and an event", (*fixture).twoStreams},
	{"events", (*fixture).events},
	{"times", (*fixture).times},
	{"goroutines that change threads", (*fixture).goroutines},
}

// RunFault tests what a kernel that writes where it must not does to its context. Afterwards the table may be of no use,
// and with a real driver the process's primary context is: run it last, or in a process of its own.
func RunFault(t *testing.T, table driver.Table) {
	b := bench(t, table)
	f := b.function("stray")
	err := table.Launch(b.c, &driver.Launch{Function: f, Grid: [3]uint32{1, 1, 1}, Block: [3]uint32{1, 1, 1}, Stream: b.s,
		Params: pack(uint64(stray)), Offsets: []int{0}})
	if err == nil {
		err = table.SynchronizeStream(b.c, b.s)
	}
	require.Error(t, err)
	assert.ErrorIs(t, err, driver.IllegalAddress)
	assert.True(t, driver.Faulted(err), "%v", err)
	assert.True(t, driver.Sticky(err), "%v", err)
	_, err = table.Alloc(b.c, 256)
	assert.True(t, driver.Sticky(err), "the context is of no use any more: %v", err)
}

// stray is an address that no allocation has.
const stray = 0x40

// fixture is a context with a stream, for one test.
type fixture struct {
	*testing.T
	table driver.Table
	c     driver.Context
	s     driver.Stream
}

// bench makes a fixture, which goes when the test ends.
func bench(t *testing.T, table driver.Table) *fixture {
	t.Helper()
	c, err := table.RetainContext(0)
	require.NoError(t, err)
	s, err := table.CreateStream(c)
	require.NoError(t, err)
	b := &fixture{T: t, table: table, c: c, s: s}
	t.Cleanup(func() {
		b.end(table.DestroyStream(c, s))
		b.end(table.ReleaseContext(0))
	})
	return b
}

// end checks a call that gives something back, which fails if a kernel has spoilt the context.
func (b *fixture) end(err error) {
	if !driver.Sticky(err) {
		assert.NoError(b, err)
	}
}

// alloc is memory of the device that goes when the test ends.
func (b *fixture) alloc(bytes int) driver.Address {
	b.Helper()
	a, err := b.table.Alloc(b.c, bytes)
	require.NoError(b, err)
	b.Cleanup(func() { b.end(b.table.Free(b.c, a)) })
	return a
}

// put is an allocation with contents.
func (b *fixture) put(contents []byte) driver.Address {
	b.Helper()
	a := b.alloc(len(contents))
	require.NoError(b, b.table.CopyToDevice(b.c, a, pointer(contents), len(contents), b.s))
	b.sync()
	runtime.KeepAlive(contents)
	return a
}

// get is the contents of memory of the device, when the stream has ended.
func (b *fixture) get(a driver.Address, bytes int) []byte {
	b.Helper()
	got := make([]byte, bytes)
	require.NoError(b, b.table.CopyToHost(b.c, pointer(got), a, bytes, b.s))
	b.sync()
	return got
}

func (b *fixture) sync() {
	b.Helper()
	require.NoError(b, b.table.SynchronizeStream(b.c, b.s))
}

// event is an event that goes when the test ends.
func (b *fixture) event(timed bool) driver.Event {
	b.Helper()
	e, err := b.table.CreateEvent(b.c, timed)
	require.NoError(b, err)
	b.Cleanup(func() { b.end(b.table.DestroyEvent(b.c, e)) })
	return e
}

// stream is one more stream, which goes when the test ends.
func (b *fixture) stream() driver.Stream {
	b.Helper()
	s, err := b.table.CreateStream(b.c)
	require.NoError(b, err)
	b.Cleanup(func() { b.end(b.table.DestroyStream(b.c, s)) })
	return s
}

// load loads the module, which goes when the test ends.
func (b *fixture) load() driver.Module {
	b.Helper()
	m, err := b.table.LoadModule(b.c, PTX)
	require.NoError(b, err)
	b.Cleanup(func() { b.end(b.table.UnloadModule(b.c, m)) })
	return m
}

// function is a kernel of the module.
func (b *fixture) function(name string) driver.Function {
	b.Helper()
	f, err := b.table.ModuleFunction(b.c, b.load(), name)
	require.NoError(b, err)
	return f
}

// add starts out = x + y on n float32.
func (b *fixture) add(f driver.Function, x, y, out driver.Address, n int, s driver.Stream) error {
	return b.table.Launch(b.c, &driver.Launch{
		Function: f,
		Grid:     [3]uint32{uint32((n + 255) / 256), 1, 1},
		Block:    [3]uint32{256, 1, 1},
		Params:   pack(uint64(x), uint64(y), uint64(out), uint32(n)),
		Offsets:  []int{0, 8, 16, 24},
		Stream:   s,
	})
}

// pack lays out parameters of which each needs no room before it.
func pack(values ...any) []byte {
	var packed []byte
	for _, v := range values {
		packed, _ = binary.Append(packed, binary.LittleEndian, v)
	}
	return packed
}

// floats is the bytes of n float32: value(0), value(1), …
func floats(n int, value func(i int) float32) []byte {
	packed := make([]byte, 0, 4*n)
	for i := range n {
		packed = binary.LittleEndian.AppendUint32(packed, math.Float32bits(value(i)))
	}
	return packed
}

// noise is bytes in which no place looks like its neighbour.
func noise(bytes int) []byte {
	packed := make([]byte, bytes)
	state := uint32(bytes) + 1
	for i := range packed {
		state = state*1664525 + 1013904223
		packed[i] = byte(state >> 24)
	}
	return packed
}

// pointer is where the bytes are.
func pointer(bytes []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(bytes)) }
