package cuda

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"sync"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/cuda/internal/driver"
	"github.com/tare-go/tare/cuda/internal/simulated"
	"github.com/tare-go/tare/device"
	np "github.com/tare-go/tare/tensor"
)

var background = context.Background()

// sizes are around the pieces of copies and the limit of small ones.
var sizes = []int{1, 63, 4096, smallCopy - 1, smallCopy, smallCopy + 1, minPiece + 5, stageBytes, stageBytes + 1, 5*stageBytes + 12345}

// uploaded is a buffer with contents.
func uploaded(t testing.TB, g *gpu, contents []byte) *buffer {
	t.Helper()
	b, err := g.Alloc(background, len(contents))
	require.NoError(t, err)
	require.NoError(t, g.Copy(background, whole(b), device.HostSpan(contents)))
	return b.(*buffer)
}

func whole(b device.Buffer) device.Span { return device.Span{Buffer: b, Len: b.Size()} }

// downloaded is the contents of a buffer.
func downloaded(t testing.TB, g *gpu, b device.Buffer) []byte {
	t.Helper()
	got := make([]byte, b.Size())
	require.NoError(t, g.Copy(background, device.HostSpan(got), whole(b)))
	return got
}

// closed closes a device and checks that nothing is left in its driver.
func closed(t testing.TB, table *simulated.Table, gpus ...*gpu) {
	t.Helper()
	for _, g := range gpus {
		require.NoError(t, g.Close())
	}
	assert.Zero(t, table.Live())
}

// TestCopiesOfAllSizes sends bytes to the device, overwrites them on the host, and brings them back.
func TestCopiesOfAllSizes(t *testing.T) {
	g, table := simulate(t, simulated.Options{}, options{})
	for _, n := range sizes {
		want := pattern(n)
		host := bytes.Clone(want)
		b := uploaded(t, g, host)
		clear(host) // the copy is done with it
		assert.True(t, bytes.Equal(want, downloaded(t, g, b)), "%d bytes", n)
		b.Free()
	}
	closed(t, table, g)
}

// TestCopiesFollowOneAnother writes to the same buffers again and again, by lanes and in the compute stream, with no Sync.
func TestCopiesFollowOneAnother(t *testing.T) {
	g, table := simulate(t, simulated.Options{}, options{})
	const n = 3 << 20
	a, b := uploaded(t, g, make([]byte, n)), uploaded(t, g, make([]byte, n))
	for i := range 5 {
		large := bytes.Repeat([]byte{byte(i + 1)}, n)
		require.NoError(t, g.Copy(background, whole(a), device.HostSpan(large)))
		require.NoError(t, g.Copy(background, whole(b), whole(a)))
		require.NoError(t, g.Copy(background, device.Span{Buffer: a, Off: 100, Len: 100}, device.HostSpan(bytes.Repeat([]byte{99}, 100))))
		require.NoError(t, g.Copy(background, device.Span{Buffer: b, Off: 100, Len: 200}, device.Span{Buffer: a, Off: 50, Len: 200}))
		require.NoError(t, g.Copy(background, whole(a), device.HostSpan(make([]byte, n))))
		want := large
		copy(want[150:250], bytes.Repeat([]byte{99}, 100))
		assert.True(t, bytes.Equal(want, downloaded(t, g, b)), "round %d", i)
	}
	closed(t, table, g)
}

// TestOverlappingCopies moves a part of a buffer over itself.
func TestOverlappingCopies(t *testing.T) {
	g, table := simulate(t, simulated.Options{}, options{})
	for _, c := range []struct{ dst, src int }{{10, 0}, {0, 10}, {5, 5}, {500, 0}} {
		want := pattern(1000)
		b := uploaded(t, g, want)
		require.NoError(t, g.Copy(background, device.Span{Buffer: b, Off: c.dst, Len: 500}, device.Span{Buffer: b, Off: c.src, Len: 500}))
		copy(want[c.dst:c.dst+500], want[c.src:c.src+500])
		assert.Equal(t, want, downloaded(t, g, b), "%+v", c)
		b.Free()
	}
	require.NoError(t, g.Sync(background))
	assert.Zero(t, table.Live().Allocations)
	closed(t, table, g)
}

// unpinnable is a driver that pins no memory, or only a few times.
type unpinnable struct {
	*simulated.Table
	mu   sync.Mutex
	left int
}

func (u *unpinnable) AllocHost(c driver.Context, bytes int) (unsafe.Pointer, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.left == 0 {
		return nil, driver.NewError("cuMemHostAlloc", driver.OutOfMemory)
	}
	u.left--
	return u.Table.AllocHost(c, bytes)
}

func TestCopiesWithoutPinnedMemory(t *testing.T) {
	for _, left := range []int{0, 1, 2, 5} {
		table := &unpinnable{Table: simulated.New(simulated.Options{}), left: left}
		g, err := open(table, 0, options{name: Simulated, kind: simKind})
		require.NoError(t, err)
		for _, n := range []int{100, 5*stageBytes + 3} {
			want := pattern(n)
			host := bytes.Clone(want)
			b := uploaded(t, g, host)
			clear(host)
			assert.True(t, bytes.Equal(want, downloaded(t, g, b)), "%d stages, %d bytes", left, n)
		}
		closed(t, table.Table, g)
	}
}

// countdown is a context that is done after it was asked so often.
type countdown struct {
	context.Context
	left int
}

func (c *countdown) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

// TestCopiesAreCancelledBetweenPieces cancels copies wherever they look, and then uses the device.
func TestCopiesAreCancelledBetweenPieces(t *testing.T) {
	g, table := simulate(t, simulated.Options{}, options{})
	const n = 6 * stageBytes
	want := pattern(n)
	for left := range 8 {
		b := uploaded(t, g, want)
		err := g.Copy(&countdown{background, left}, whole(b), device.HostSpan(make([]byte, n)))
		assert.ErrorIs(t, err, context.Canceled, "to the device, after %d", left)
		err = g.Copy(&countdown{background, left}, device.HostSpan(make([]byte, n)), whole(b))
		assert.ErrorIs(t, err, context.Canceled, "to the host, after %d", left)
		b.Free()
		require.NoError(t, g.Sync(background))
		b = uploaded(t, g, want)
		assert.True(t, bytes.Equal(want, downloaded(t, g, b)))
		b.Free()
	}
	closed(t, table, g)
}

// pair is two devices of one driver.
func pair(t testing.TB) (a, b *gpu, table *simulated.Table) {
	t.Helper()
	table = simulated.New(simulated.Options{Devices: 2})
	var gpus [2]*gpu
	for i := range gpus {
		var err error
		gpus[i], err = open(table, driver.Device(i), options{name: fmt.Sprint("sim:", i), kind: simKind})
		require.NoError(t, err)
	}
	return gpus[0], gpus[1], table
}

// TestPeerCopies copies between two devices, by either, in the order of both.
func TestPeerCopies(t *testing.T) {
	for _, by := range []int{0, 1} {
		a, b, table := pair(t)
		const n = 1 << 20
		want := pattern(n)
		x, y := uploaded(t, a, want), uploaded(t, b, make([]byte, n))
		through := []*gpu{a, b}[by]
		require.NoError(t, through.Copy(background, whole(y), whole(x)))
		require.NoError(t, a.Copy(background, whole(x), device.HostSpan(make([]byte, n)))) // after it was read
		x.Free()                                                                           // and not before
		assert.True(t, bytes.Equal(want, downloaded(t, b, y)), "by %v", through)
		assert.Equal(t, make([]byte, 10), downloaded(t, a, x0(t, a, 10)))
		closed(t, table, a, b)
	}
}

// x0 is a buffer of zeros.
func x0(t testing.TB, g *gpu, n int) *buffer { return uploaded(t, g, make([]byte, n)) }

// TestPeersAtOnce copies both ways from many goroutines, with Closes at the end of it.
func TestPeersAtOnce(t *testing.T) {
	a, b, table := pair(t)
	x, y := uploaded(t, a, pattern(1000)), uploaded(t, b, pattern(1000))
	var wait sync.WaitGroup
	for i := range 8 {
		g, dst, src := a, x, y
		if i%2 == 0 {
			g, dst, src = b, y, x
		}
		wait.Go(func() {
			for range 20 {
				if err := g.Copy(background, whole(dst), whole(src)); err != nil {
					assert.ErrorIs(t, err, device.ErrClosed)
				}
			}
		})
	}
	wait.Wait()
	wait.Go(func() { assert.NoError(t, a.Close()) })
	wait.Go(func() { assert.NoError(t, b.Close()) })
	wait.Wait()
	assert.Zero(t, table.Live())
}

// TestBuffersOfOtherDevices are not operands, nor do they go through a device that has neither side of a copy.
func TestBuffersOfOtherDevices(t *testing.T) {
	a, b, table := pair(t)
	other, _ := simulate(t, simulated.Options{}, options{})
	x, y, z := x0(t, a, 100), x0(t, a, 100), x0(t, other, 100)
	var mismatch *device.MismatchError
	require.ErrorAs(t, b.Copy(background, whole(x), whole(y)), &mismatch)
	assert.Equal(t, device.MismatchError{Op: "copy", A: "sim:0", B: "sim:1", Bytes: 100}, *mismatch)
	require.ErrorAs(t, a.Copy(background, whole(x), whole(z)), &mismatch)
	assert.Equal(t, Simulated, mismatch.A, "another driver's")

	p, err := a.Compile(doubling(25))
	require.NoError(t, err)
	require.ErrorAs(t, p.Run(background, []device.Arg{{Buffer: x}, {Buffer: x0(t, b, 100)}}, device.Span{}), &mismatch)
	assert.Equal(t, device.MismatchError{Op: "run", A: "sim:1", B: "sim:0", Bytes: 100}, *mismatch)
	require.ErrorAs(t, p.Run(background, []device.Arg{{Buffer: x}, {Buffer: device.HostBuffer(make([]byte, 100))}}, device.Span{}), &mismatch)
	assert.Equal(t, "cpu", mismatch.A)
	assert.Error(t, p.Run(background, []device.Arg{{Buffer: x}, {}}, device.Span{}), "no buffer")
	assert.Error(t, p.Run(background, []device.Arg{{Buffer: x}}, device.Span{}), "an argument too few")
	y.Free()
	assert.ErrorIs(t, p.Run(background, []device.Arg{{Buffer: x}, {Buffer: y}}, device.Span{}), device.ErrFreed)
	assert.ErrorIs(t, a.Copy(background, whole(y), whole(x)), device.ErrFreed)
	require.NoError(t, other.Close())
	closed(t, table, a, b)
}

// TestPiecesEndSmall looks at the sizes of pieces.
func TestPiecesEndSmall(t *testing.T) {
	for _, n := range []int{1, minPiece, 1 << 20, 100 << 20, math.MaxInt} {
		assert.LessOrEqual(t, piece(n), min(n, stageBytes))
		assert.Positive(t, piece(n))
	}
	assert.Equal(t, stageBytes, piece(1<<30))
	assert.Equal(t, minPiece, piece(1<<20))
}

// TestTensorsMoveBetweenPeers moves an array from one device to another under ledger and pool: one copy, and none by way
// of the host.
func TestTensorsMoveBetweenPeers(t *testing.T) {
	a, b, table := pair(t)
	one, two := device.Ledger(device.Pool(a)), device.Ledger(device.Pool(b))
	x, err := np.FromSlice([]float32{1, 2, 3})
	require.NoError(t, err)
	there, err := x.To(background, one)
	require.NoError(t, err)
	ctx, rec := device.Record(background)
	moved, err := there.To(ctx, two)
	require.NoError(t, err)
	s := rec.Stats()
	assert.Equal(t, []int{1, 12, 0, 0}, []int{s.D2D.Count, s.D2D.Bytes, s.H2D.Count, s.D2H.Count})
	there.Free()
	got, err := np.ToSlice[float32](moved)
	require.NoError(t, err)
	assert.Equal(t, []float32{1, 2, 3}, got)
	moved.Free()
	require.NoError(t, one.Close())
	require.NoError(t, two.Close())
	assert.Zero(t, one.Stats().Buffers+two.Stats().Buffers)
	assert.Zero(t, table.Live())
}
