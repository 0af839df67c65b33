//go:build linux && !android && (amd64 || arm64) && !nocuda && !gorgonia

package driver_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/cuda/internal/driver"
	"github.com/tare-go/tare/cuda/internal/driver/drivertest"
)

func TestOverALibrary(t *testing.T) {
	f, table := loadFake(t)
	assert.Equal(t, f.path, table.Binding())
	drivertest.Run(t, table)
	assert.Zero(t, f.live(), "all was given back")
}

func TestFaultOverALibrary(t *testing.T) {
	_, table := loadFake(t)
	drivertest.RunFault(t, table)
}

func TestNoLibrary(t *testing.T) {
	path := filepath.Join(t.TempDir(), "libcuda.so.1")
	t.Setenv(driver.Variable, path)
	_, err := driver.Load()
	var missing *driver.NoLibraryError
	require.ErrorAs(t, err, &missing)
	assert.Equal(t, []string{path}, missing.Tried, "no other")
	assert.Len(t, missing.Why, 1)
	assert.Contains(t, missing.Why[0], "No such file")
	for _, part := range []string{"tried " + path, "install NVIDIA's driver", "TARE_LIBCUDA"} {
		assert.Contains(t, err.Error(), part)
	}
}

func TestNotALibrary(t *testing.T) {
	path := filepath.Join(t.TempDir(), "libcuda.so.1")
	require.NoError(t, os.WriteFile(path, []byte("not a library"), 0o644))
	t.Setenv(driver.Variable, path)
	_, err := driver.Load()
	var missing *driver.NoLibraryError
	require.ErrorAs(t, err, &missing)
	assert.Len(t, missing.Why, 1)
}

func TestTheUsualNamesAreTried(t *testing.T) {
	t.Setenv(driver.Variable, "")
	_, err := driver.Load()
	var missing *driver.NoLibraryError
	if !errors.As(err, &missing) {
		t.Skip("this machine has a CUDA driver")
	}
	for _, name := range []string{"libcuda.so.1", "libcuda.so", "/usr/lib/wsl/lib/libcuda.so.1"} {
		assert.Contains(t, missing.Tried, name)
	}
	assert.Len(t, missing.Why, len(missing.Tried))
}

func TestOldDriver(t *testing.T) {
	f := buildFake(t, compileOld)
	_, err := driver.Load()
	var old *driver.OldDriverError
	require.ErrorAs(t, err, &old)
	assert.Equal(t, &driver.OldDriverError{Library: f.path, Lacks: []string{"cuFuncSetAttribute", "cuMemHostAlloc", "cuMemFreeHost"}}, old)
	assert.Contains(t, err.Error(), "too old")
	assert.Contains(t, err.Error(), "cuMemHostAlloc")
}

func TestADriverThatDoesNotStart(t *testing.T) {
	f := buildFake(t, compile)
	for code, do := range map[driver.Code]string{
		driver.SystemDriverMismatch: "restart the machine",
		driver.Unknown:              "nvidia-modprobe",
		driver.SystemNotReady:       "fabric manager",
		driver.StubLibrary:          "LD_LIBRARY_PATH",
		driver.DeviceUnavailable:    "exclusive mode",
		driver.OperatingSystem:      "/dev/nvidia",
		driver.InvalidValue:         "nvidia-smi",
	} {
		f.fail("cuInit", 1, code)
		_, err := driver.Load()
		var failed *driver.InitError
		require.ErrorAs(t, err, &failed, code.Name())
		assert.Equal(t, f.path, failed.Library)
		assert.Equal(t, "cuInit", failed.Err.Entry)
		assert.ErrorIs(t, err, code)
		assert.Contains(t, err.Error(), code.Name())
		assert.Contains(t, err.Error(), do)
	}
	_, err := driver.Load()
	assert.NoError(t, err, "the driver started later")
}

func TestNoDevice(t *testing.T) {
	f := buildFake(t, compile)
	for why, hide := range map[string]func(){
		"cuInit says so":      func() { f.fail("cuInit", 0, driver.NoDevice) },
		"there are 0 of them": func() { f.fail("", 0, 0); f.hide(0) },
	} {
		hide()
		_, err := driver.Load()
		var none *driver.NoDeviceError
		require.ErrorAs(t, err, &none, why)
		assert.Equal(t, f.path, none.Library)
		assert.ErrorIs(t, err, driver.NoDevice)
		assert.Contains(t, err.Error(), "--gpus all")
		t.Run(why, func(t *testing.T) {
			t.Setenv("CUDA_VISIBLE_DEVICES", "7")
			_, err := driver.Load()
			assert.ErrorContains(t, err, "CUDA_VISIBLE_DEVICES=7")
		})
	}
}

func TestExclusiveMode(t *testing.T) {
	f, table := loadFake(t)
	f.fail("cuDevicePrimaryCtxRetain", 0, driver.DeviceUnavailable)
	_, err := table.RetainContext(0)
	assert.ErrorIs(t, err, driver.DeviceUnavailable)
	assert.Contains(t, driver.DeviceUnavailable.Do(), "exclusive")
}

// rig is what the calls of TestEveryEntryPointCanFail are made with.
type rig struct {
	driver.Table
	c    driver.Context
	m    driver.Module
	f    driver.Function
	s    driver.Stream
	e    driver.Event
	a    driver.Address
	host unsafe.Pointer
}

// newRig makes one of everything, and gives it back when the test ends.
func newRig(t testing.TB, table driver.Table) *rig {
	t.Helper()
	r := &rig{Table: table}
	check := func(err error) { t.Helper(); require.NoError(t, err) }
	var err error
	r.c, err = table.RetainContext(0)
	check(err)
	r.m, err = table.LoadModule(r.c, drivertest.PTX)
	check(err)
	r.f, err = table.ModuleFunction(r.c, r.m, "add")
	check(err)
	r.s, err = table.CreateStream(r.c)
	check(err)
	r.e, err = table.CreateEvent(r.c, true)
	check(err)
	r.a, err = table.Alloc(r.c, 1024)
	check(err)
	r.host, err = table.AllocHost(r.c, 1024)
	check(err)
	check(table.RecordEvent(r.c, r.e, r.s))
	check(table.SynchronizeEvent(r.c, r.e))
	t.Cleanup(func() { r.close(t) })
	return r
}

// close gives back what newRig made.
func (r *rig) close(t testing.TB) {
	assert.NoError(t, r.DestroyEvent(r.c, r.e))
	assert.NoError(t, r.DestroyStream(r.c, r.s))
	assert.NoError(t, r.FreeHost(r.c, r.host))
	assert.NoError(t, r.Free(r.c, r.a))
	assert.NoError(t, r.UnloadModule(r.c, r.m))
	assert.NoError(t, r.ReleaseContext(0))
}

// launch adds an array to itself.
func (r *rig) launch() error {
	params := make([]byte, 28)
	for i := range 3 {
		*(*driver.Address)(unsafe.Pointer(&params[8*i])) = r.a
	}
	params[24] = 100
	return r.Launch(r.c, &driver.Launch{Function: r.f, Grid: [3]uint32{1, 1, 1}, Block: [3]uint32{128, 1, 1},
		Params: params, Offsets: []int{0, 8, 16, 24}, Stream: r.s})
}

// calls is each entry point, and a call that uses it.
var calls = map[string]func(r *rig) error{
	"cuDriverGetVersion":           func(r *rig) error { _, err := r.Version(); return err },
	"cuDeviceGetCount":             func(r *rig) error { _, err := r.DeviceCount(); return err },
	"cuDeviceGet":                  func(r *rig) error { _, err := r.DeviceName(0); return err },
	"cuDeviceGetName":              func(r *rig) error { _, err := r.DeviceName(0); return err },
	"cuDeviceTotalMem_v2":          func(r *rig) error { _, err := r.DeviceMemory(0); return err },
	"cuDeviceGetAttribute":         func(r *rig) error { _, err := r.DeviceAttribute(0, driver.ComputeMode); return err },
	"cuDevicePrimaryCtxRetain":     func(r *rig) error { _, err := r.RetainContext(0); return err },
	"cuDevicePrimaryCtxRelease_v2": func(r *rig) error { return r.ReleaseContext(0) },
	"cuCtxSetCurrent":              func(r *rig) error { return r.SynchronizeStream(r.c, r.s) },
	"cuModuleLoadDataEx":           func(r *rig) error { _, err := r.LoadModule(r.c, drivertest.PTX); return err },
	"cuModuleUnload":               func(r *rig) error { return r.UnloadModule(r.c, r.m) },
	"cuModuleGetFunction":          func(r *rig) error { _, err := r.ModuleFunction(r.c, r.m, "add"); return err },
	"cuFuncSetAttribute":           func(r *rig) error { return r.AllowShared(r.c, r.f, 60000) },
	"cuMemAlloc_v2":                func(r *rig) error { _, err := r.Alloc(r.c, 64); return err },
	"cuMemFree_v2":                 func(r *rig) error { return r.Free(r.c, r.a) },
	"cuMemGetInfo_v2":              func(r *rig) error { _, _, err := r.MemoryInfo(r.c); return err },
	"cuMemHostAlloc":               func(r *rig) error { _, err := r.AllocHost(r.c, 64); return err },
	"cuMemFreeHost":                func(r *rig) error { return r.FreeHost(r.c, r.host) },
	"cuMemcpyHtoDAsync_v2":         func(r *rig) error { return r.CopyToDevice(r.c, r.a, r.host, 1024, r.s) },
	"cuMemcpyDtoHAsync_v2":         func(r *rig) error { return r.CopyToHost(r.c, r.host, r.a, 1024, r.s) },
	"cuMemcpyDtoDAsync_v2":         func(r *rig) error { return r.CopyOnDevice(r.c, r.a, r.a+512, 512, r.s) },
	"cuMemcpyPeerAsync":            func(r *rig) error { return r.CopyPeer(r.c, r.a, r.c, r.a+512, r.c, 512, r.s) },
	"cuStreamCreate":               func(r *rig) error { _, err := r.CreateStream(r.c); return err },
	"cuStreamDestroy_v2":           func(r *rig) error { return r.DestroyStream(r.c, r.s) },
	"cuStreamSynchronize":          func(r *rig) error { return r.SynchronizeStream(r.c, r.s) },
	"cuStreamWaitEvent":            func(r *rig) error { return r.WaitEvent(r.c, r.s, r.e) },
	"cuEventCreate":                func(r *rig) error { _, err := r.CreateEvent(r.c, false); return err },
	"cuEventDestroy_v2":            func(r *rig) error { return r.DestroyEvent(r.c, r.e) },
	"cuEventRecord":                func(r *rig) error { return r.RecordEvent(r.c, r.e, r.s) },
	"cuEventQuery":                 func(r *rig) error { _, err := r.QueryEvent(r.c, r.e); return err },
	"cuEventSynchronize":           func(r *rig) error { return r.SynchronizeEvent(r.c, r.e) },
	"cuEventElapsedTime":           func(r *rig) error { _, err := r.ElapsedTime(r.c, r.e, r.e); return err },
	"cuLaunchKernel":               func(r *rig) error { return r.launch() },
}

// The codes are one with words from the driver, one with ours, and one that nobody knows.
func TestEveryEntryPointCanFail(t *testing.T) {
	f, table := loadFake(t)
	wants := []driver.Error{
		{Code: driver.OutOfMemory, Name: "CUDA_ERROR_OUT_OF_MEMORY", Text: "out of memory, says the fake"},
		{Code: 4711, Name: "CUDA_ERROR_OF_THE_FUTURE", Text: "the future is not here"},
		{Code: driver.IllegalAddress, Name: "CUDA_ERROR_ILLEGAL_ADDRESS", Text: driver.IllegalAddress.Text()},
		{Code: 4712, Name: "CUDA error 4712", Text: driver.Code(4712).Text()},
	}
	r := newRig(t, table)
	before := f.live()
	for entry, call := range calls {
		for _, want := range wants {
			want.Entry = entry
			f.fail(entry, 1, want.Code)
			var got *driver.Error
			require.ErrorAs(t, call(r), &got, entry)
			assert.Equal(t, &want, got)
			assert.Equal(t, before, f.live(), "%s: nothing was made and nothing given back", entry)
		}
	}
	require.NoError(t, r.launch(), "nothing is left of the failures")
	require.NoError(t, r.SynchronizeStream(r.c, r.s))
}

func TestEntryPointsAreAllCalled(t *testing.T) {
	named := map[string]bool{"cuInit": true, "cuGetErrorName": true, "cuGetErrorString": true}
	for entry := range calls {
		named[entry] = true
	}
	assert.ElementsMatch(t, driver.EntryNames(), keys(named))
}

func keys(of map[string]bool) (all []string) {
	for key := range of {
		all = append(all, key)
	}
	return all
}

// An event is not ready until the stream has come to it.
func TestAnEventThatIsNotReady(t *testing.T) {
	_, table := loadFake(t)
	r := newRig(t, table)
	for range 3 {
		require.NoError(t, r.launch())
	}
	require.NoError(t, r.RecordEvent(r.c, r.e, r.s))
	var said []bool
	for range 5 {
		passed, err := r.QueryEvent(r.c, r.e)
		require.NoError(t, err)
		said = append(said, passed)
	}
	assert.Equal(t, []bool{false, false, false, false, true}, said)
}

func TestSizesThatTheDriverDoesNotTake(t *testing.T) {
	_, table := loadFake(t)
	r := newRig(t, table)
	for _, bytes := range []int{-1, 1 << 32, 1<<32 + 100} {
		assert.ErrorIs(t, r.AllowShared(r.c, r.f, bytes), driver.InvalidValue, "%d", bytes)
		l := &driver.Launch{Function: r.f, Grid: [3]uint32{1, 1, 1}, Block: [3]uint32{1, 1, 1}, Shared: bytes, Stream: r.s}
		assert.ErrorIs(t, r.Launch(r.c, l), driver.InvalidValue, "%d", bytes)
	}
	l := &driver.Launch{Function: r.f, Grid: [3]uint32{1, 1, 1}, Block: [3]uint32{1, 1, 1}, Params: make([]byte, 4097), Stream: r.s}
	assert.ErrorIs(t, r.Launch(r.c, l), driver.InvalidValue)
	_, err := r.Alloc(r.c, -1)
	assert.ErrorIs(t, err, driver.OutOfMemory)
}

// A context that another goroutine's thread has current does not matter.
func TestContextsOfTwoDevices(t *testing.T) {
	_, table := loadFake(t)
	var contexts [2]driver.Context
	for d := range contexts {
		c, err := table.RetainContext(driver.Device(d))
		require.NoError(t, err)
		contexts[d] = c
		defer func() { assert.NoError(t, table.ReleaseContext(driver.Device(d))) }()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before, _, err := table.MemoryInfo(contexts[1])
	require.NoError(t, err)
	a, err := table.Alloc(contexts[0], 1<<20)
	require.NoError(t, err)
	after, _, err := table.MemoryInfo(contexts[1])
	require.NoError(t, err)
	assert.Equal(t, before, after, "the memory is the other device's")
	require.NoError(t, table.Free(contexts[0], a))
}

func TestAContextThatIsGone(t *testing.T) {
	_, table := loadFake(t)
	c, err := table.RetainContext(0)
	require.NoError(t, err)
	require.NoError(t, table.ReleaseContext(0))
	_, err = table.Alloc(c, 64)
	assert.ErrorIs(t, err, driver.InvalidContext)
	assert.True(t, driver.Lost(err))
	assert.ErrorIs(t, table.ReleaseContext(0), driver.InvalidContext)
}

// BenchmarkCall is what the binding adds to a call that does next to nothing.
func BenchmarkCall(b *testing.B) {
	_, table := loadFake(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := table.Version(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCallInContext adds making a context current.
func BenchmarkCallInContext(b *testing.B) {
	_, table := loadFake(b)
	r := newRig(b, table)
	b.ReportAllocs()
	for b.Loop() {
		if err := r.SynchronizeStream(r.c, r.s); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLaunch is what the binding adds to a launch with four parameters.
func BenchmarkLaunch(b *testing.B) {
	f, table := loadFake(b)
	r := newRig(b, table)
	f.fail("cuLaunchKernel", 0, -1)
	b.ReportAllocs()
	for b.Loop() {
		if err := r.launch(); err != nil {
			b.Fatal(err)
		}
	}
}
