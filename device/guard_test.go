package device_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/device/devicetest"
)

// mover copies on a device in each direction.
type mover struct {
	dev  *device.Ledgered
	a, b device.Buffer
}

func newMover(t testing.TB) mover {
	dev := device.Ledger(device.Pool(devicetest.Strict()))
	return mover{dev, mustAlloc(t, background, dev, 64), mustAlloc(t, background, dev, 64)}
}

func (m mover) move(ctx context.Context, d device.Direction) error {
	dst, src := device.HostSpan(make([]byte, 64)), device.HostSpan(make([]byte, 64))
	if d == device.H2D || d == device.D2D {
		dst = device.Span{Buffer: m.a, Len: 64}
	}
	if d == device.D2H || d == device.D2D {
		src = device.Span{Buffer: m.b, Len: 64}
	}
	return m.dev.Copy(ctx, dst, src)
}

var directions = []device.Direction{device.H2D, device.D2H, device.D2D, device.HostOnly}

// denied is whether a copy in each direction is.
func (m mover) denied(t testing.TB, ctx context.Context) (list []bool) {
	t.Helper()
	for _, d := range directions {
		err := m.move(ctx, d)
		if err != nil {
			require.ErrorIs(t, err, device.ErrDenied)
		}
		list = append(list, err != nil)
	}
	return list
}

func TestGuardDenies(t *testing.T) {
	m := newMover(t)
	ctx, rec := device.Record(device.WithSite(background, 1))
	err := m.move(device.Guard(ctx, device.Deny), device.D2H)
	var denied *device.GuardError
	require.ErrorAs(t, err, &denied)
	assert.Equal(t, device.GuardError{Direction: device.D2H, Bytes: 64, Site: 1, Device: m.dev.Info().Name}, *denied)
	assert.EqualError(t, err, "an implicit transfer of 64 bytes, device to host (strict), is denied by a guard: move the array with To before the scope begins, or allow it there with device.Guard(ctx, device.Allow)")
	assert.Zero(t, rec.Stats().Transfers(), "nothing moved")
	err = m.move(device.Explicit(device.Guard(ctx, device.Deny)), device.H2D)
	assert.ErrorContains(t, err, "a transfer of 64 bytes, host to device (strict), is denied by a guard: move it before the scope begins")
}

func TestGuardsByDirectionAndNesting(t *testing.T) {
	m := newMover(t)
	loop := device.Guard(background, device.Deny)
	assert.Equal(t, []bool{false, false, false, false}, m.denied(t, background))
	assert.Equal(t, []bool{true, true, true, false}, m.denied(t, loop), "all but copies within host memory")
	edge := device.Guard(loop, device.Allow, device.D2H)
	assert.Equal(t, []bool{true, false, true, false}, m.denied(t, edge), "the innermost decides, by direction")
	assert.Equal(t, []bool{true, true, true, false}, m.denied(t, device.Guard(edge, device.Deny, device.D2H, device.HostOnly)))
	assert.Equal(t, []bool{false, true, false, false}, m.denied(t, device.Guard(background, device.Deny, device.D2H)))
}

func TestGuardsOfImplicitTransfers(t *testing.T) {
	m := newMover(t)
	ctx := device.GuardImplicit(background, device.Deny)
	assert.Equal(t, []bool{true, true, true, false}, m.denied(t, ctx))
	assert.Equal(t, []bool{false, false, false, false}, m.denied(t, device.Explicit(ctx)))
	assert.Equal(t, []bool{true, true, true, false}, m.denied(t, device.Explicit(device.Guard(ctx, device.Deny))))
	reopened := device.GuardImplicit(device.Guard(background, device.Deny), device.Allow)
	assert.Equal(t, []bool{false, false, false, false}, m.denied(t, reopened))
	assert.Equal(t, []bool{true, true, true, false}, m.denied(t, device.Explicit(reopened)))
}

// A device's guard is for contexts without one: calls that take no context cannot be in a scope.
func TestGuardOfADevice(t *testing.T) {
	m := newMover(t)
	m.dev.Guard(device.Deny, device.D2H)
	assert.Equal(t, []bool{false, true, false, false}, m.denied(t, background))
	assert.Equal(t, []bool{false, false, false, false}, m.denied(t, device.Guard(background, device.Allow)))
	m.dev.Guard(device.Allow)
	m.dev.GuardImplicit(device.Deny, device.H2D)
	assert.Equal(t, []bool{true, false, false, false}, m.denied(t, background))
	assert.Equal(t, []bool{false, false, false, false}, m.denied(t, device.Explicit(background)))
}

func TestGuardsLogTheLine(t *testing.T) {
	m := newMover(t)
	text := logged(t, func() {
		ctx := device.WithOp(device.WithSite(device.Guard(background, device.Log, device.H2D), 1), "to")
		require.NoError(t, m.move(ctx, device.H2D))
		require.NoError(t, m.move(ctx, device.D2H))
		require.NoError(t, m.move(ctx, device.HostOnly))
	})
	assert.Equal(t, 1, strings.Count(text, "\n"), "one direction is logged: %s", text)
	for _, want := range []string{"level=INFO", `msg="tare: transfer"`, `direction="host to device"`, "bytes=64", `site="`, "op=to", "device=strict", "explicit=false"} {
		assert.Contains(t, text, want)
	}
	assert.Equal(t, 1, m.dev.Stats().H2D.Count)
}

func TestGuardsUnderConcurrency(t *testing.T) {
	m := newMover(t)
	var wg sync.WaitGroup
	for i, d := range []device.Direction{device.H2D, device.D2H, device.D2D} {
		wg.Go(func() {
			for range 100 {
				m.dev.GuardImplicit(device.Policy(1+i), d)
				m.dev.Guard(device.Deny, d)
			}
		})
	}
	wg.Wait()
	assert.Equal(t, []bool{true, true, true, false}, m.denied(t, background), "no setting is lost")
}

// logged is what f logs, as text.
func logged(t testing.TB, f func()) string {
	t.Helper()
	var out bytes.Buffer
	device.ForgetWarnings()
	device.SetLogger(slog.New(slog.NewTextHandler(&out, nil)))
	defer device.SetLogger(nil)
	f()
	return out.String()
}

func TestWarnings(t *testing.T) {
	text := logged(t, func() {
		for range 3 {
			device.Warn(background, "the result is large", 11, "bytes", 5)
		}
		device.Warn(background, "the result is large", 12, "bytes", 6)
		device.Warn(background, "something else", 11)
	})
	assert.Equal(t, 3, strings.Count(text, "\n"), "once a line and message: %s", text)
	assert.Contains(t, text, "level=WARN msg=\"the result is large\" site=")
	assert.Contains(t, text, "bytes=6")
}

func TestTheDefaultLogger(t *testing.T) {
	device.ForgetWarnings()
	var out bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&out, nil)))
	defer slog.SetDefault(before)
	device.Warn(background, "to the default", 1)
	assert.Contains(t, out.String(), "to the default")

	out.Reset()
	device.SetLogger(slog.New(slog.DiscardHandler))
	device.Warn(background, "to nobody", 1)
	device.SetLogger(nil)
	assert.Empty(t, out.String())
	device.Warn(background, "to nobody", 1)
	assert.Contains(t, out.String(), "to nobody", "what nobody saw is written when somebody looks")
}

func TestWarningsAreBounded(t *testing.T) {
	text := logged(t, func() {
		for i := range 5000 {
			device.Warn(background, "many", device.Site(i+1))
		}
	})
	assert.Equal(t, 1024, strings.Count(text, "\n"))
}
