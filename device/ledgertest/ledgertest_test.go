package ledgertest_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/device/devicetest"
	"github.com/tare-go/tare/device/ledgertest"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
)

// recording is a test that notes what it is told, as a failing test prints it.
type recording struct {
	testing.TB
	ctx    context.Context
	errors []string
	fatal  string
}

func (r *recording) Helper()                  {}
func (r *recording) Context() context.Context { return r.ctx }
func (r *recording) Error(args ...any)        { r.errors = append(r.errors, fmt.Sprint(args...)) }
func (r *recording) Fatalf(format string, args ...any) {
	r.fatal = fmt.Sprintf(format, args...)
}

// fake is a test within a test.
func fake(t testing.TB) *recording { return &recording{TB: t, ctx: t.Context()} }

// gpu is a device whose memory the processor cannot reach.
func gpu() *device.Ledgered { return device.Ledger(device.Pool(devicetest.Strict())) }

// here is a context for the line of its caller, and that line as the ledger prints it.
func here(ctx context.Context) (context.Context, string) {
	var pc [1]uintptr
	runtime.Callers(2, pc[:])
	return device.WithSite(ctx, pc[0]), device.Site(pc[0]).String()
}

func alloc(t testing.TB, ctx context.Context, dev device.Device, bytes int, p device.Purpose) device.Buffer {
	t.Helper()
	b, err := dev.Alloc(device.WithPurpose(ctx, p), bytes)
	require.NoError(t, err)
	return b
}

func upload(t testing.TB, ctx context.Context, dev device.Device, to device.Buffer, bytes int) {
	t.Helper()
	require.NoError(t, dev.Copy(ctx, device.Span{Buffer: to, Len: bytes}, device.HostSpan(make([]byte, bytes))))
}

func copyKernel(n int) ir.Op {
	o := ir.Operand{Type: dtype.Uint8, Strides: []int{1}}
	none := [3]int{-1, -1, -1}
	return &ir.Kernel{Space: []int{n}, Lo: 1, Hi: 1, In: []ir.Operand{o}, Out: []ir.Operand{o}, Code: []ir.Inst{
		{Kind: ir.Load, Type: dtype.Uint8, Args: none},
		{Kind: ir.Store, Type: dtype.Uint8, Args: [3]int{0, -1, -1}},
	}}
}

func TestChecksThatHold(t *testing.T) {
	dev := gpu()
	before := alloc(t, t.Context(), dev, 1<<20, device.Operand)
	rec := ledgertest.Run(t, dev, func(ctx context.Context) {
		b := alloc(t, ctx, dev, 4096, device.Result)
		upload(t, ctx, dev, b, 4096)
		b.Free()
		before.Free()
	}, ledgertest.MaxTransfers(1), ledgertest.MaxTransferBytes(4096), ledgertest.MaxPeak(4096), ledgertest.MaxAlloc(4096),
		ledgertest.NoIntermediates(), ledgertest.MaxIntermediates(0), ledgertest.NoLeaks(), ledgertest.MaxLaunches(0), ledgertest.MaxCompiles(0))
	assert.Equal(t, 4096, rec.Stats().AllocBytes)
	assert.Zero(t, rec.Stats().LiveBytes, "what was there before is not counted when it goes")
}

// Each check that fails says what is bounded, by how much it was missed, and who did it.
func TestFailuresNameTheLines(t *testing.T) {
	var big, small string
	work := func(dev device.Device) func(ctx context.Context) {
		return func(ctx context.Context) {
			var bigCtx, smallCtx context.Context
			bigCtx, big = here(ctx)
			smallCtx, small = here(ctx)
			b := alloc(t, bigCtx, dev, 8192, device.Intermediate)
			s := alloc(t, smallCtx, dev, 1024, device.Intermediate)
			upload(t, bigCtx, dev, b, 8192)
			upload(t, smallCtx, dev, s, 1000)
			upload(t, smallCtx, dev, s, 24)
			p, err := device.Compile(smallCtx, dev, copyKernel(64))
			require.NoError(t, err)
			for range 3 {
				require.NoError(t, p.Run(bigCtx, []device.Arg{{Buffer: b}, {Buffer: s}}, device.Span{}))
			}
			require.NoError(t, p.Run(smallCtx, []device.Arg{{Buffer: b}, {Buffer: s}}, device.Span{}))
		}
	}
	lines := func(first, bigAmount, smallAmount string) string {
		return fmt.Sprintf("ledgertest.%s wanted\n  %16s  %s\n  %16s  %s", first, bigAmount, big, smallAmount, small)
	}
	tests := []struct {
		check               ledgertest.Check
		first, big, smaller string
	}{
		{ledgertest.MaxTransfers(0), "MaxTransfers(0): transfers: 3 of 9.00 KiB, at most 0", "1 of 8.00 KiB", "2 of 1.00 KiB"},
		{ledgertest.MaxTransferBytes(9000), "MaxTransferBytes(9000): transferred: 9.00 KiB (9216 bytes), at most 8.79 KiB (9000 bytes)", "8.00 KiB", "1.00 KiB"},
		{ledgertest.MaxPeak(9215), "MaxPeak(9215): peak: 9.00 KiB (9216 bytes), at most 9.00 KiB (9215 bytes)", "8.00 KiB", "1.00 KiB"},
		{ledgertest.MaxAlloc(0), "MaxAlloc(0): allocated: 9.00 KiB (9216 bytes), at most 0 bytes", "8.00 KiB", "1.00 KiB"},
		{ledgertest.NoIntermediates(), "NoIntermediates(): intermediates: 2 of 9.00 KiB, at most 0", "1 of 8.00 KiB", "1 of 1.00 KiB"},
		{ledgertest.MaxIntermediates(100), "MaxIntermediates(100): intermediates: 9.00 KiB (9216 bytes), at most 100 bytes", "8.00 KiB", "1.00 KiB"},
		{ledgertest.NoLeaks(), "NoLeaks(): not freed: 2 of 9.00 KiB, at most 0", "1 of 8.00 KiB", "1 of 1.00 KiB"},
		{ledgertest.MaxLaunches(3), "MaxLaunches(3): launches: 4, at most 3", "3", "1"},
	}
	for _, test := range tests {
		r, dev := fake(t), gpu()
		ledgertest.Run(r, dev, work(dev), test.check)
		assert.Equal(t, []string{lines(test.first, test.big, test.smaller)}, r.errors)
	}
	r, dev := fake(t), gpu()
	ledgertest.Run(r, nil, work(dev), ledgertest.MaxCompiles(0), ledgertest.MaxTransfers(3), ledgertest.MaxLaunches(0))
	require.Len(t, r.errors, 2, "a scope counts too, and a check that holds says nothing")
	assert.Equal(t, fmt.Sprintf("ledgertest.MaxCompiles(0): compiles: 1, at most 0 wanted\n  %16s  %s", "1", small), r.errors[0])
}

func TestALongListOfLinesIsCut(t *testing.T) {
	r, dev := fake(t), gpu()
	ledgertest.Run(r, dev, func(ctx context.Context) {
		for i := range 7 {
			alloc(t, device.WithSite(ctx, uintptr(i+1)), dev, 64<<i, device.Operand)
		}
	}, ledgertest.MaxPeak(0))
	require.Len(t, r.errors, 1)
	lines := strings.Split(r.errors[0], "\n")
	require.Len(t, lines, 7)
	assert.Contains(t, lines[1], "4.00 KiB", "the biggest first")
	assert.Equal(t, "and  2 more lines", strings.TrimSpace(lines[6]))
}

func TestWithADeviceContextsDoNotMatter(t *testing.T) {
	dev := gpu()
	b := alloc(t, t.Context(), dev, 64, device.Operand)
	stray := func(context.Context) { upload(t, context.Background(), dev, b, 64) }
	counted, uncounted := fake(t), fake(t)
	ledgertest.Run(counted, dev, stray, ledgertest.MaxTransfers(0))
	ledgertest.Run(uncounted, nil, stray, ledgertest.MaxTransfers(0))
	assert.Len(t, counted.errors, 1)
	assert.Empty(t, uncounted.errors)
	stray(nil)
	assert.Equal(t, 3, dev.Stats().H2D.Count)
}

func TestADeviceWithoutALedger(t *testing.T) {
	r := fake(t)
	ledgertest.Run(r, devicetest.Null(), func(context.Context) { t.Error("ran") }, ledgertest.MaxTransfers(0))
	assert.Equal(t, "ledgertest: the device null has no ledger: use one from device.Open, or device.Ledger(dev)", r.fatal)
}

func TestAssertOnAScopeOfTheTests(t *testing.T) {
	dev := gpu()
	ctx, rec := device.Record(t.Context())
	b := alloc(t, ctx, dev, 100, device.Operand)
	r := fake(t)
	ledgertest.Assert(r, rec, ledgertest.NoLeaks(), ledgertest.MaxPeak(128))
	assert.Len(t, r.errors, 1)
	b.Free()
	ledgertest.Assert(t, rec, ledgertest.NoLeaks())
}
