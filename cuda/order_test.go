package cuda

import (
	"encoding/binary"
	"math"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/cuda/internal/driver"
	"github.com/tare-go/tare/cuda/internal/simulated"
	"github.com/tare-go/tare/device"
)

// The simulated driver runs what is in a stream when somebody waits for it and gives freed memory back at once, so that
// what is freed too early is a fault, and what is not in order reads the wrong bytes.

// doubled starts y = x + x.
func doubled(t testing.TB, g *gpu, x, y device.Buffer) {
	t.Helper()
	p, err := g.Compile(doubling(x.Size() / 4))
	require.NoError(t, err)
	require.NoError(t, p.Run(background, []device.Arg{{Buffer: x}, {Buffer: y}}, device.Span{}))
	require.NoError(t, p.Close())
}

// lastFloat is the last float32 of a buffer.
func lastFloat(t testing.TB, g *gpu, b device.Buffer) float32 {
	t.Helper()
	got := downloaded(t, g, b)
	return math.Float32frombits(binary.LittleEndian.Uint32(got[len(got)-4:]))
}

// reaped has the device give back what it thinks nobody uses.
func reaped(t testing.TB, g *gpu) {
	t.Helper()
	b, err := g.Alloc(background, 1<<20)
	require.NoError(t, err)
	b.Free()
}

func TestFreeRightAfterUpload(t *testing.T) {
	for _, n := range []int{100, 1 << 20} {
		g, table := simulate(t, simulated.Options{}, options{})
		x0(t, g, n).Free()
		reaped(t, g)
		assert.NoError(t, g.Sync(background), "%d bytes", n)
		closed(t, table, g)
	}
}

func TestSlabsWaitForTheirBlocks(t *testing.T) {
	g, table := simulate(t, simulated.Options{}, options{slabs: true})
	var held []*buffer
	for range 3 * perSlab {
		held = append(held, x0(t, g, maxBlock))
	}
	for _, b := range held {
		b.Free()
	}
	reaped(t, g)
	require.NoError(t, g.Sync(background))
	x0(t, g, 100).Free()
	again, err := g.Alloc(background, 100) // the same block, not used this time
	require.NoError(t, err)
	again.Free()
	g.blocks.trim(0)
	reaped(t, g)
	assert.NoError(t, g.Sync(background))
	closed(t, table, g)
}

func TestModulesWaitForTheirKernels(t *testing.T) {
	g, table := simulate(t, simulated.Options{}, options{})
	x := uploaded(t, g, ones(100))
	doubled(t, g, x, x)
	g.modules.trim(0)
	reaped(t, g)
	assert.Equal(t, 1, table.Live().Modules)
	assert.Equal(t, float32(2), lastFloat(t, g, x))
	require.NoError(t, g.Sync(background))
	assert.Zero(t, table.Live().Modules)
	closed(t, table, g)
}

func TestOverlappingCopiesKeepTheirWay(t *testing.T) {
	g, table := simulate(t, simulated.Options{}, options{})
	want := pattern(1000)
	b := uploaded(t, g, want)
	require.NoError(t, g.Copy(background, device.Span{Buffer: b, Off: 1, Len: 999}, device.Span{Buffer: b, Len: 999}))
	reaped(t, g)
	copy(want[1:], want[:999])
	assert.Equal(t, want, downloaded(t, g, b))
	closed(t, table, g)
}

// TestPeersComeAfterOneAnother copies to another device what a kernel makes, and has it doubled there.
func TestPeersComeAfterOneAnother(t *testing.T) {
	a, b, table := pair(t)
	x, y := uploaded(t, a, ones(100)), uploaded(t, b, ones(100))
	doubled(t, a, x, x)
	require.NoError(t, b.Copy(background, whole(y), whole(x)))
	doubled(t, a, x, x) // after it was read
	x.Free()
	reaped(t, a)
	doubled(t, b, y, y)
	require.NoError(t, a.Sync(background))
	assert.Equal(t, float32(4), lastFloat(t, b, y))
	x = uploaded(t, a, ones(100))
	require.NoError(t, a.Sync(background))
	require.NoError(t, b.Sync(background))
	require.NoError(t, b.Copy(background, whole(y), whole(x)))
	x.Free()
	y.Free()
	reaped(t, a)
	reaped(t, b)
	assert.NoError(t, b.Sync(background))
	assert.NoError(t, a.Sync(background))
	closed(t, table, a, b)
}

// hooked is a driver that does something, once, when it is called to wait or to copy.
type hooked struct {
	*simulated.Table
	waiting, copying atomic.Pointer[func()]
}

func (h *hooked) SynchronizeEvent(c driver.Context, e driver.Event) error {
	err := h.Table.SynchronizeEvent(c, e)
	if do := h.waiting.Swap(nil); do != nil {
		(*do)()
	}
	return err
}

func (h *hooked) CopyToDevice(c driver.Context, dst driver.Address, src unsafe.Pointer, n int, s driver.Stream) error {
	if do := h.copying.Swap(nil); do != nil {
		(*do)()
	}
	return h.Table.CopyToDevice(c, dst, src, n, s)
}

// TestSyncIsForWhatWasStartedBefore starts more while a Sync waits: that may still be in flight when it returns.
func TestSyncIsForWhatWasStartedBefore(t *testing.T) {
	table := &hooked{Table: simulated.New(simulated.Options{})}
	g, err := open(table, 0, options{name: Simulated, kind: simKind})
	require.NoError(t, err)
	x, y := uploaded(t, g, ones(100)), uploaded(t, g, ones(100))
	meanwhile := func() {
		doubled(t, g, x, y)
		x.Free()
	}
	table.waiting.Store(&meanwhile)
	require.NoError(t, g.Sync(background))
	reaped(t, g)
	assert.Equal(t, float32(2), lastFloat(t, g, y))
	closed(t, table.Table, g)
}

// TestFreeWhileCopied frees a buffer in the middle of a copy, which goes on.
func TestFreeWhileCopied(t *testing.T) {
	table := &hooked{Table: simulated.New(simulated.Options{})}
	g, err := open(table, 0, options{name: Simulated, kind: simKind})
	require.NoError(t, err)
	x, err := g.Alloc(background, 1<<20)
	require.NoError(t, err)
	free := func() {
		x.Free()
		x.Free()
	}
	table.copying.Store(&free)
	require.NoError(t, g.Copy(background, whole(x), device.HostSpan(make([]byte, 1<<20))))
	assert.NoError(t, g.Sync(background))
	assert.Zero(t, table.Live().Allocations)
	closed(t, table.Table, g)
}
