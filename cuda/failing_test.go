package cuda

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tare-go/tare/cuda/internal/driver"
	"github.com/tare-go/tare/cuda/internal/simulated"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/ir/irtest"
	np "github.com/tare-go/tare/tensor"
)

// failing is a driver that numbers its calls and lets some fail before they do anything. Calls that give something back do
// so, and fail then.
type failing struct {
	driver.Table
	code        driver.Code
	first, last int64
	calls       atomic.Int64
}

// entry is nil or the error of the next call.
func (f *failing) entry(name string) error {
	n := f.calls.Add(1)
	if n < f.first || n > f.last {
		return nil
	}
	e := driver.NewError(name, f.code)
	e.Text = fmt.Sprintf("injected in call %d", n)
	return e
}

// failed reports whether a call was made to fail.
func (f *failing) failed() bool { return f.calls.Load() >= f.first }

// made is a call that makes something.
func made1[T any](f *failing, name string, call func() (T, error)) (T, error) {
	if err := f.entry(name); err != nil {
		var none T
		return none, err
	}
	return call()
}

// done is a call that starts or waits for something.
func (f *failing) done(name string, call func() error) error {
	if err := f.entry(name); err != nil {
		return err
	}
	return call()
}

// given is a call that gives something back.
func (f *failing) given(name string, call func() error) error {
	err := f.entry(name)
	return firstError(call(), err)
}

func (f *failing) Version() (int, error) { return made1(f, "version", f.Table.Version) }
func (f *failing) DeviceName(d driver.Device) (string, error) {
	return made1(f, "name", func() (string, error) { return f.Table.DeviceName(d) })
}
func (f *failing) DeviceMemory(d driver.Device) (int, error) {
	return made1(f, "memory", func() (int, error) { return f.Table.DeviceMemory(d) })
}
func (f *failing) DeviceAttribute(d driver.Device, a driver.Attribute) (int, error) {
	return made1(f, "attribute", func() (int, error) { return f.Table.DeviceAttribute(d, a) })
}
func (f *failing) RetainContext(d driver.Device) (driver.Context, error) {
	return made1(f, "retain", func() (driver.Context, error) { return f.Table.RetainContext(d) })
}
func (f *failing) ReleaseContext(d driver.Device) error {
	return f.given("release", func() error { return f.Table.ReleaseContext(d) })
}
func (f *failing) LoadModule(c driver.Context, ptx string) (driver.Module, error) {
	return made1(f, "load", func() (driver.Module, error) { return f.Table.LoadModule(c, ptx) })
}
func (f *failing) UnloadModule(c driver.Context, m driver.Module) error {
	return f.given("unload", func() error { return f.Table.UnloadModule(c, m) })
}
func (f *failing) ModuleFunction(c driver.Context, m driver.Module, name string) (driver.Function, error) {
	return made1(f, "function", func() (driver.Function, error) { return f.Table.ModuleFunction(c, m, name) })
}
func (f *failing) AllowShared(c driver.Context, fn driver.Function, bytes int) error {
	return f.done("shared", func() error { return f.Table.AllowShared(c, fn, bytes) })
}
func (f *failing) Alloc(c driver.Context, bytes int) (driver.Address, error) {
	return made1(f, "alloc", func() (driver.Address, error) { return f.Table.Alloc(c, bytes) })
}
func (f *failing) Free(c driver.Context, a driver.Address) error {
	return f.given("free", func() error { return f.Table.Free(c, a) })
}
func (f *failing) MemoryInfo(c driver.Context) (free, total int, err error) {
	if err := f.entry("info"); err != nil {
		return 0, 0, err
	}
	return f.Table.MemoryInfo(c)
}
func (f *failing) AllocHost(c driver.Context, bytes int) (unsafe.Pointer, error) {
	return made1(f, "pin", func() (unsafe.Pointer, error) { return f.Table.AllocHost(c, bytes) })
}
func (f *failing) FreeHost(c driver.Context, p unsafe.Pointer) error {
	return f.given("unpin", func() error { return f.Table.FreeHost(c, p) })
}
func (f *failing) CopyToDevice(c driver.Context, dst driver.Address, src unsafe.Pointer, n int, s driver.Stream) error {
	return f.done("to device", func() error { return f.Table.CopyToDevice(c, dst, src, n, s) })
}
func (f *failing) CopyToHost(c driver.Context, dst unsafe.Pointer, src driver.Address, n int, s driver.Stream) error {
	return f.done("to host", func() error { return f.Table.CopyToHost(c, dst, src, n, s) })
}
func (f *failing) CopyOnDevice(c driver.Context, dst, src driver.Address, n int, s driver.Stream) error {
	return f.done("on device", func() error { return f.Table.CopyOnDevice(c, dst, src, n, s) })
}
func (f *failing) CopyPeer(c driver.Context, dst driver.Address, dc driver.Context, src driver.Address, sc driver.Context, n int, s driver.Stream) error {
	return f.done("peer", func() error { return f.Table.CopyPeer(c, dst, dc, src, sc, n, s) })
}
func (f *failing) CreateStream(c driver.Context) (driver.Stream, error) {
	return made1(f, "stream", func() (driver.Stream, error) { return f.Table.CreateStream(c) })
}
func (f *failing) DestroyStream(c driver.Context, s driver.Stream) error {
	return f.given("destroy stream", func() error { return f.Table.DestroyStream(c, s) })
}
func (f *failing) SynchronizeStream(c driver.Context, s driver.Stream) error {
	return f.done("wait for stream", func() error { return f.Table.SynchronizeStream(c, s) })
}
func (f *failing) WaitEvent(c driver.Context, s driver.Stream, e driver.Event) error {
	return f.done("follow", func() error { return f.Table.WaitEvent(c, s, e) })
}
func (f *failing) CreateEvent(c driver.Context, timed bool) (driver.Event, error) {
	return made1(f, "event", func() (driver.Event, error) { return f.Table.CreateEvent(c, timed) })
}
func (f *failing) DestroyEvent(c driver.Context, e driver.Event) error {
	return f.given("destroy event", func() error { return f.Table.DestroyEvent(c, e) })
}
func (f *failing) RecordEvent(c driver.Context, e driver.Event, s driver.Stream) error {
	return f.done("record", func() error { return f.Table.RecordEvent(c, e, s) })
}
func (f *failing) QueryEvent(c driver.Context, e driver.Event) (bool, error) {
	return made1(f, "query", func() (bool, error) { return f.Table.QueryEvent(c, e) })
}
func (f *failing) SynchronizeEvent(c driver.Context, e driver.Event) error {
	return f.done("wait for event", func() error { return f.Table.SynchronizeEvent(c, e) })
}
func (f *failing) ElapsedTime(c driver.Context, from, to driver.Event) (float64, error) {
	return made1(f, "elapsed", func() (float64, error) { return f.Table.ElapsedTime(c, from, to) })
}
func (f *failing) Launch(c driver.Context, l *driver.Launch) error {
	return f.done("launch", func() error { return f.Table.Launch(c, l) })
}

// job is something done with a device, which leaves nothing behind whether it succeeds or not.
type job func(dev device.Device) error

// evaluation is a job: a drawn expression, whose results are the oracle's.
func evaluation(c *irtest.Case) job {
	return func(dev device.Device) error {
		p, err := place(c, dev)
		if err != nil {
			return err
		}
		defer p.free()
		results, err := np.EvalAll(context.Background(), p.exprs(c), np.On(dev))
		for i, x := range results {
			defer x.Free()
			if err == nil {
				err = wrong(c.Outs[i], ir.Evaluate(c.Outs[i], irtest.Read), x)
			}
		}
		return err
	}
}

// roundTrip is a job: bytes to the device by a lane, about it, and back.
func roundTrip(n int) job {
	return func(dev device.Device) error {
		ctx, want, got := context.Background(), pattern(n), make([]byte, n)
		a, err := dev.Alloc(ctx, n)
		if err != nil {
			return err
		}
		defer a.Free()
		b, err := dev.Alloc(ctx, n)
		if err != nil {
			return err
		}
		defer b.Free()
		x, y := device.Span{Buffer: a, Len: n}, device.Span{Buffer: b, Len: n}
		for _, step := range []struct{ dst, src device.Span }{{x, device.HostSpan(want)}, {y, x}, {device.HostSpan(got), y}} {
			if err := dev.Copy(ctx, step.dst, step.src); err != nil {
				return err
			}
		}
		if string(got) != string(want) {
			return errors.New("other bytes came back")
		}
		return nil
	}
}

func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8*13 + i>>16*5)
	}
	return b
}

// jobs are what is done with failing drivers.
func jobs(t *testing.T) map[string]job {
	all := map[string]job{"large copies": roundTrip(3<<20 + 17), "small copies": roundTrip(1000), "through the device": throughInChunks(t)}
	all["traced copies"], all["traced through the device"] = traced(roundTrip(1000)), traced(throughInChunks(t))
	n := 12
	if testing.Short() {
		n = 3
	}
	small := rapid.Custom(func(t *rapid.T) *irtest.Case {
		c := irtest.Draw(t, 4)
		for c.Outs[0].Len() > 400 || c.Outs[len(c.Outs)-1].Len() > 400 {
			c = irtest.Draw(t, 4)
		}
		return c
	})
	for i := range n {
		c := small.Example(i)
		all[fmt.Sprint("expression ", i)] = evaluation(c)
	}
	return all
}

// typed reports whether an error says what happened in a way that a program can use.
func typed(err error) bool {
	var refused *Error
	var lost *LostError
	var kernel *KernelError
	var open *device.OpenError
	var budget *device.BudgetError
	return errors.As(err, &refused) || errors.As(err, &lost) || errors.As(err, &kernel) || errors.As(err, &open) || errors.As(err, &budget)
}

// TestEveryCallOfTheDriverMayFail lets each call of a driver fail once, in a way after which the driver works on. The
// job then fails with a typed error or succeeds, leaves nothing behind, and succeeds the next time.
func TestEveryCallOfTheDriverMayFail(t *testing.T) {
	for name, job := range jobs(t) {
		for _, code := range []driver.Code{driver.NotPermitted, driver.OutOfMemory} {
			t.Run(fmt.Sprint(name, " ", code.Name()), func(t *testing.T) {
				for k := int64(1); oneFailure(t, k, code, job); k++ {
				}
			})
		}
	}
}

// oneFailure reports whether the k-th call was made.
func oneFailure(t *testing.T, k int64, code driver.Code, job job) bool {
	table := simulated.New(simulated.Options{})
	held, err := table.RetainContext(0) // so that what the device leaves behind is still there when it has gone
	require.NoError(t, err)
	before := table.Live()
	f := &failing{Table: table, code: code, first: k, last: k}
	err = using(f, job, job)
	if err != nil {
		assert.True(t, f.failed() && typed(err), "call %d: %v", k, err)
	}
	assert.Equal(t, before, table.Live(), "call %d (%v): left behind", k, err)
	require.NotZero(t, held)
	return f.failed() && !t.Failed()
}

// using opens a device, does something with it, and then something else that has to succeed, even if what came
// before did not.
func using(table driver.Table, job, next job) (err error) {
	g, err := open(table, 0, options{name: Simulated, kind: simKind, slabs: true})
	if err != nil {
		return err
	}
	dev := device.Ledger(device.Pool(g))
	defer func() {
		if s := dev.Stats(); s.Buffers != 0 || s.LiveBytes != 0 || s.Programs != 0 {
			err = fmt.Errorf("left behind (%v):\n%v", err, s)
		}
		ended := dev.Close()
		if n := g.tracks.inUse; ended == nil && n != 0 {
			ended = fmt.Errorf("%d slices of a trace are left", n)
		}
		err = firstError(err, ended)
	}()
	if err = job(dev); err != nil {
		if again := next(dev); again != nil {
			return fmt.Errorf("the second time: %v, the first: %v", again, err)
		}
	}
	return err
}

// TestLostFromAnyCall lets each call and all after it fail as they do when the GPU has gone.
func TestLostFromAnyCall(t *testing.T) {
	for name, job := range jobs(t) {
		t.Run(name, func(t *testing.T) {
			for k := int64(1); oneLoss(t, k, job); k++ {
			}
		})
	}
}

func oneLoss(t *testing.T, k int64, job job) bool {
	table := simulated.New(simulated.Options{})
	f := &failing{Table: table, code: driver.LaunchFailed, first: k, last: math.MaxInt64}
	stillLost := func(dev device.Device) error {
		err := job(dev)
		var lost *LostError
		if errors.As(err, &lost) {
			return nil
		}
		return fmt.Errorf("not lost: %v", err)
	}
	err := using(f, job, stillLost)
	if err != nil {
		assert.True(t, f.failed() && typed(err), "call %d: %v", k, err)
	}
	assert.Zero(t, table.Live(), "call %d (%v): left behind", k, err)
	return f.failed() && !t.Failed()
}
