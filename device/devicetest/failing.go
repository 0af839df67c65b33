package devicetest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"testing"

	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/internal/ir"
)

// InjectedError is the failure of a FailingDevice.
type InjectedError struct {
	Call string // "alloc", "copy", "compile", "run", "sync"
	N    int    // the number of the call, from 1
}

// Error names the call.
func (e *InjectedError) Error() string {
	return fmt.Sprintf("injected failure of call %d, %s", e.N, e.Call)
}

// FailingDevice numbers the calls of a device that can fail, and lets some fail before they do
// anything.
type FailingDevice struct {
	device.Device
	first, last int64
	calls       atomic.Int64
}

// FailAt is dev whose k-th call, from 1, of Alloc, Copy, Compile, Sync and Run fails, once.
func FailAt(dev device.Device, k int) *FailingDevice {
	return &FailingDevice{Device: dev, first: int64(k), last: int64(k)}
}

// FailFrom is dev whose k-th call and all after it fail, as they do when a device is lost.
func FailFrom(dev device.Device, k int) *FailingDevice {
	return &FailingDevice{Device: dev, first: int64(k), last: math.MaxInt64}
}

// Failed reports whether a call was made to fail.
func (f *FailingDevice) Failed() bool { return f.calls.Load() >= f.first }

// Unwrap is the device inside.
func (f *FailingDevice) Unwrap() device.Device { return f.Device }

func (f *FailingDevice) call(name string) error {
	n := f.calls.Add(1)
	if n < f.first || n > f.last {
		return nil
	}
	return &InjectedError{name, int(n)}
}

// Alloc allocates or fails.
func (f *FailingDevice) Alloc(ctx context.Context, bytes int) (device.Buffer, error) {
	if err := f.call("alloc"); err != nil {
		return nil, err
	}
	return f.Device.Alloc(ctx, bytes)
}

// Copy copies or fails.
func (f *FailingDevice) Copy(ctx context.Context, dst, src device.Span) error {
	if err := f.call("copy"); err != nil {
		return err
	}
	return f.Device.Copy(ctx, dst, src)
}

// Compile compiles or fails.
func (f *FailingDevice) Compile(op ir.Op) (device.Program, error) {
	if err := f.call("compile"); err != nil {
		return nil, err
	}
	p, err := f.Device.Compile(op)
	if err != nil {
		return nil, err
	}
	return failingProgram{p, f}, nil
}

// Sync waits or fails.
func (f *FailingDevice) Sync(ctx context.Context) error {
	if err := f.call("sync"); err != nil {
		return err
	}
	return f.Device.Sync(ctx)
}

type failingProgram struct {
	device.Program
	dev *FailingDevice
}

func (p failingProgram) Run(ctx context.Context, args []device.Arg, work device.Span) error {
	if err := p.dev.call("run"); err != nil {
		return err
	}
	return p.Program.Run(ctx, args, work)
}

// maxFailures bounds the number of calls that EachFailure lets fail.
const maxFailures = 10_000

// EachFailure runs body again and again, on a device from open under a ledger and a pool, and lets
// the k-th call fail, once and from k on, for k = 1, 2, … until body makes fewer calls. Each time body
// must return the injected error, or succeed in spite of it, and whatever it allocated and compiled
// must be freed and closed when it returns.
func EachFailure(t testing.TB, open func() device.Device, body func(dev device.Device) error) {
	t.Helper()
	for _, fail := range []func(device.Device, int) *FailingDevice{FailAt, FailFrom} {
		for k := 1; oneFailure(t, fail(open(), k), k, body); k++ {
			if k == maxFailures {
				t.Fatalf("the body makes more than %d calls", k)
			}
		}
	}
}

// oneFailure reports whether a call failed.
func oneFailure(t testing.TB, failing *FailingDevice, k int, body func(dev device.Device) error) bool {
	t.Helper()
	dev := device.Ledger(device.Pool(failing))
	err := body(dev)
	var injected *InjectedError
	if err != nil && !errors.As(err, &injected) {
		t.Errorf("call %d failed: not the injected error: %v", k, err)
	}
	if err != nil && !failing.Failed() {
		t.Fatalf("no call failed, and yet: %v", err)
	}
	if s := dev.Stats(); s.Buffers != 0 || s.LiveBytes != 0 || s.Programs != 0 {
		t.Errorf("call %d failed (%v): left behind are\n%v", k, err, s)
	}
	if err := dev.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	return failing.Failed()
}
