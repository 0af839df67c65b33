package device_test

import (
	"context"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/device/devicetest"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
)

var background = context.Background()

// hosted is a device whose memory the processor can reach, as a CPU's.
type hosted struct{ device.Device }

func (hosted) Alloc(_ context.Context, bytes int) (device.Buffer, error) {
	return device.HostBuffer(make([]byte, bytes)), nil
}

func (hosted) Copy(_ context.Context, dst, src device.Span) error {
	to, _ := dst.Bytes()
	from, _ := src.Bytes()
	copy(to, from)
	return nil
}

func mustAlloc(t testing.TB, ctx context.Context, dev device.Device, bytes int) device.Buffer {
	t.Helper()
	b, err := dev.Alloc(ctx, bytes)
	require.NoError(t, err)
	return b
}

// identity is a kernel that loads n bytes and stores them.
func identity(n int) ir.Op {
	o := ir.Operand{Type: dtype.Uint8, Strides: []int{1}}
	none := [3]int{-1, -1, -1}
	return &ir.Kernel{Space: []int{n}, Lo: 1, Hi: 1, In: []ir.Operand{o}, Out: []ir.Operand{o}, Code: []ir.Inst{
		{Kind: ir.Load, Type: dtype.Uint8, Args: none},
		{Kind: ir.Store, Type: dtype.Uint8, Args: [3]int{0, -1, -1}},
	}}
}

func TestLedgerCountsAllocationsInClasses(t *testing.T) {
	l := device.Ledger(devicetest.Null())
	ctx, rec := device.Record(background)
	result := mustAlloc(t, device.WithPurpose(ctx, device.Result), l, 100)
	temp := mustAlloc(t, device.WithPurpose(ctx, device.Intermediate), l, 1000)
	mustAlloc(t, device.WithPurpose(ctx, device.Workspace), l, 1).Free()
	temp.Free()
	operand := mustAlloc(t, ctx, l, 65)

	s := rec.Stats()
	assert.Equal(t, 4, s.Allocs)
	assert.Equal(t, 128+1024+64+128, s.AllocBytes)
	assert.Equal(t, []int{128, 1024, 64, 128}, []int{s.ResultBytes, s.IntermediateBytes, s.WorkspaceBytes, s.OperandBytes})
	assert.Equal(t, 128+1024+64, s.PeakBytes)
	assert.Equal(t, 2, s.Buffers)
	assert.Equal(t, 256, s.LiveBytes)

	result.Free()
	result.Free()
	operand.Free()
	assert.Zero(t, rec.Stats().LiveBytes, "a second Free counts nothing")
	assert.Zero(t, l.Stats().Buffers)
}

func TestScopesNest(t *testing.T) {
	l := device.Ledger(devicetest.Null())
	ctx, outer := device.Record(background)
	a := mustAlloc(t, ctx, l, 640)
	innerCtx, inner := device.Record(ctx)
	b := mustAlloc(t, innerCtx, l, 320)
	a.Free()
	mustAlloc(t, background, l, 64)

	assert.Equal(t, 320, inner.Stats().PeakBytes, "only what was allocated in the scope")
	assert.Equal(t, 960, outer.Stats().PeakBytes)
	assert.Equal(t, 320, outer.Stats().LiveBytes)
	assert.Equal(t, 384, l.Stats().LiveBytes)
	b.Free()
	assert.Zero(t, outer.Stats().LiveBytes+inner.Stats().LiveBytes)
	assert.Equal(t, 64, l.Stats().LiveBytes)
}

func TestLedgerCountsCopiesByDirection(t *testing.T) {
	l := device.Ledger(devicetest.Strict())
	ctx, rec := device.Record(background)
	a, b := mustAlloc(t, ctx, l, 100), mustAlloc(t, ctx, l, 100)
	host := make([]byte, 100)
	require.NoError(t, l.Copy(ctx, device.Span{Buffer: a, Len: 100}, device.HostSpan(host)))
	require.NoError(t, l.Copy(ctx, device.Span{Buffer: b, Off: 10, Len: 50}, device.Span{Buffer: a, Len: 50}))
	require.NoError(t, l.Copy(ctx, device.HostSpan(host[:7]), device.Span{Buffer: b, Len: 7}))
	require.NoError(t, l.Copy(ctx, device.HostSpan(host[:3]), device.Span{Buffer: b, Len: 3}))

	s := rec.Stats()
	assert.Equal(t, device.Transfer{Count: 1, Bytes: 100}, s.H2D)
	assert.Equal(t, device.Transfer{Count: 1, Bytes: 50}, s.D2D)
	assert.Equal(t, device.Transfer{Count: 2, Bytes: 10}, s.D2H)
	assert.Equal(t, device.Transfer{Count: 4, Bytes: 160}, s.Transfers())
	assert.Zero(t, s.Host)
	assert.NoError(t, rec.MaxTransfers(4))
	var over *device.TransferError
	require.ErrorAs(t, rec.MaxTransfers(3), &over)
	assert.Equal(t, "4 transfers of 160 bytes, at most 3 wanted; moved by:\n       160 B  (unknown site)", over.Error())
}

func TestCopiesInHostMemoryAreNoTransfers(t *testing.T) {
	l := device.Ledger(hosted{devicetest.Null()})
	ctx, rec := device.Record(background)
	a := mustAlloc(t, ctx, l, 100)
	require.NoError(t, l.Copy(ctx, device.Span{Buffer: a, Len: 100}, device.HostSpan(make([]byte, 100))))
	assert.Equal(t, device.Transfer{Count: 1, Bytes: 100}, rec.Stats().Host)
	assert.Zero(t, rec.Stats().Transfers())
	a.Free()
	assert.Nil(t, a.Host(), "a freed buffer has no address")
}

func TestLedgerCountsProgramsAndLaunches(t *testing.T) {
	l := device.Ledger(devicetest.Null())
	ctx, rec := device.Record(background)
	p, err := device.Compile(ctx, l, identity(64))
	require.NoError(t, err)
	q, err := l.Compile(identity(64))
	require.NoError(t, err)
	a := mustAlloc(t, ctx, l, 64)
	for range 3 {
		require.NoError(t, p.Run(ctx, []device.Arg{{Buffer: a}, {Buffer: a}}, device.Span{}))
	}
	require.NoError(t, l.Sync(ctx))

	assert.Equal(t, 3, rec.Stats().Launches)
	assert.Equal(t, 1, rec.Stats().Compiles)
	assert.Equal(t, 2, l.Stats().Compiles, "a compile without a context counts for the device only")
	assert.Equal(t, 2, l.Stats().Programs)
	assert.Positive(t, rec.Stats().Time)
	require.NoError(t, p.Close())
	require.NoError(t, p.Close())
	require.NoError(t, q.Close())
	assert.Zero(t, l.Stats().Programs)
	assert.ErrorIs(t, p.Run(ctx, nil, device.Span{}), device.ErrClosed)
}

func TestUseAfterFree(t *testing.T) {
	l := device.Ledger(device.Pool(devicetest.Strict()))
	a, b := mustAlloc(t, background, l, 64), mustAlloc(t, background, l, 64)
	p, err := l.Compile(identity(64))
	require.NoError(t, err)
	a.Free()
	sa, sb := device.Span{Buffer: a, Len: 64}, device.Span{Buffer: b, Len: 64}
	assert.ErrorIs(t, l.Copy(background, sa, sb), device.ErrFreed)
	assert.ErrorIs(t, l.Copy(background, sb, sa), device.ErrFreed)
	assert.ErrorIs(t, p.Run(background, []device.Arg{{Buffer: a}, {Buffer: b}}, device.Span{}), device.ErrFreed)
	assert.Zero(t, l.Stats().Launches)

	bare := device.Ledger(devicetest.Null())
	c := mustAlloc(t, background, bare, 64)
	c.Free()
	err = bare.Copy(background, device.Span{Buffer: c, Len: 64}, device.HostSpan(make([]byte, 64)))
	assert.ErrorIs(t, err, device.ErrFreed)
	assert.ErrorContains(t, err, "copy: the buffer allocated at (unknown site) was freed before")
}

func TestBuffersOfAnotherDevice(t *testing.T) {
	here := device.Ledger(devicetest.NullOf(device.Info{Name: "cuda:0"}))
	there := device.Ledger(devicetest.NullOf(device.Info{Name: "cuda:1"}))
	a, b := mustAlloc(t, background, here, 4096), mustAlloc(t, background, there, 4096)
	p, err := here.Compile(identity(4096))
	require.NoError(t, err)
	for _, err := range []error{
		p.Run(background, []device.Arg{{Buffer: a}, {Buffer: b}}, device.Span{}),
		here.Copy(background, device.Span{Buffer: a, Len: 4096}, device.Span{Buffer: b, Len: 4096}),
	} {
		var mismatch *device.MismatchError
		require.ErrorAs(t, err, &mismatch)
		assert.Equal(t, "cuda:1", mismatch.A)
		assert.Equal(t, "cuda:0", mismatch.B)
		assert.Contains(t, err.Error(), "x.To(ctx, dev) with the device cuda:0 on the operand that is on cuda:1 (this moves 4.00 KiB (4096 bytes))")
	}
}

func TestSitesAreTheUsersLines(t *testing.T) {
	l := device.Ledger(devicetest.Null())
	pcs := make([]uintptr, 1)
	runtime.Callers(1, pcs)
	_, file, line, _ := runtime.Caller(0)
	require.True(t, strings.HasSuffix(file, "ledger_test.go"))
	ctx := device.WithSite(background, pcs[0])
	mustAlloc(t, ctx, l, 1<<20)
	mustAlloc(t, background, l, 64)

	sites := l.Sites()
	require.Len(t, sites, 2)
	assert.Equal(t, 1<<20, sites[0].LiveBytes)
	assert.Equal(t, device.Site(pcs[0]), device.SiteOf(ctx))
	assert.Regexp(t, `^device/ledger_test.go:\d+$`, sites[0].Site.String())
	assert.Contains(t, sites[0].Site.String(), ":"+strconv.Itoa(line-1))
	assert.Equal(t, "(unknown site)", sites[1].Site.String())
	table := device.SiteTable(sites)
	assert.Contains(t, table, "1.00 MiB")
	assert.Contains(t, table, sites[0].Site.String())
}

func TestStatsTable(t *testing.T) {
	s := device.Stats{Allocs: 2, AllocBytes: 3 << 20, ResultBytes: 3 << 20, PeakBytes: 2 << 20,
		H2D: device.Transfer{Count: 1, Bytes: 1000}, Launches: 7}
	text := s.String()
	assert.Regexp(t, `(?m)^allocated +2 +3145728 +3\.00 MiB$`, text)
	assert.Regexp(t, `(?m)^host to device +1 +1000 +0\.98 KiB$`, text)
	assert.Regexp(t, `(?m)^launches +7$`, text)
	assert.NotContains(t, text, "device to host", "what did not happen has no line")
}

func TestLedgerUnderConcurrency(t *testing.T) {
	l := device.Ledger(device.Pool(devicetest.Null()))
	ctx, rec := device.Record(background)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 200 {
				b, err := l.Alloc(device.WithSite(ctx, uintptr(g+1)), (i%50)*100)
				if assert.NoError(t, err) {
					b.Free()
				}
			}
		})
	}
	wg.Wait()
	s := rec.Stats()
	assert.Equal(t, 1600, s.Allocs)
	assert.Zero(t, s.Buffers)
	assert.Zero(t, s.LiveBytes)
	assert.Len(t, rec.Sites(), 8)
	assert.LessOrEqual(t, s.PeakBytes, 8*device.SizeClass(4900))
}

func TestLedgerAfterClose(t *testing.T) {
	l := device.Ledger(device.Pool(devicetest.Strict()))
	b := mustAlloc(t, background, l, 64)
	p, err := l.Compile(identity(64))
	require.NoError(t, err)
	require.NoError(t, l.Close())
	require.NoError(t, l.Close())
	_, err = l.Alloc(background, 1)
	assert.ErrorIs(t, err, device.ErrClosed)
	assert.ErrorIs(t, p.Run(background, []device.Arg{{Buffer: b}, {Buffer: b}}, device.Span{}), device.ErrClosed)
	b.Free()
	require.NoError(t, p.Close())
	assert.Zero(t, l.Stats().LiveBytes+l.Stats().Programs)
	assert.Zero(t, l.CachedBytes(), "nothing is kept by a pool that is closed")
}

func TestEveryCallMayFail(t *testing.T) {
	runs := 0
	devicetest.EachFailure(t, func() device.Device { return devicetest.Strict() }, func(dev device.Device) error {
		runs++
		return roundTrip(dev)
	})
	assert.Equal(t, 2*8, runs, "seven calls fail, once and from then on, and then none")
}

// roundTrip moves bytes through a program: seven calls that can fail.
func roundTrip(dev device.Device) error {
	p, err := dev.Compile(identity(64))
	if err != nil {
		return err
	}
	defer p.Close()
	in, err := dev.Alloc(background, 64)
	if err != nil {
		return err
	}
	defer in.Free()
	out, err := dev.Alloc(background, 64)
	if err != nil {
		return err
	}
	defer out.Free()
	data := make([]byte, 64)
	if err := dev.Copy(background, device.Span{Buffer: in, Len: 64}, device.HostSpan(data)); err != nil {
		return err
	}
	if err := p.Run(background, []device.Arg{{Buffer: in}, {Buffer: out}}, device.Span{}); err != nil {
		return err
	}
	if err := dev.Copy(background, device.HostSpan(data), device.Span{Buffer: out, Len: 64}); err != nil {
		return err
	}
	return dev.Sync(background)
}
