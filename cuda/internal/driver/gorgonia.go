//go:build linux && !android && (amd64 || arm64) && !nocuda && gorgonia && cgo

package driver

import (
	"errors"
	"runtime"
	"unsafe"

	"github.com/ebitengine/purego"
	"gorgonia.org/cu"
)

// gorgonia is the driver by way of gorgonia.org/cu. What that package lacks (pinned memory, leave for shared memory
// above 48 KiB, the driver's words for its codes) is called as in the other binding: the library is linked in.
//
// A program with this binding needs cuda.h of CUDA 12 or older and a libcuda.so to be built, does not start without
// libcuda.so.1, and is ended by gorgonia.org/cu where cuInit fails.
type gorgonia struct{ *library }

// Load is the driver that the program is linked with. Errors are *OldDriverError, *InitError and *NoDeviceError.
func Load() (Table, error) {
	l, err := resolve("gorgonia.org/cu", purego.RTLD_DEFAULT)
	if err != nil {
		return nil, err
	}
	g := gorgonia{l}
	count, err := g.DeviceCount()
	if err := started(l.name, count, err); err != nil {
		return nil, err
	}
	return g, nil
}

// Binding is gorgonia.
func (gorgonia) Binding() string { return "gorgonia" }

// as is a handle in the type that another package has for it.
func as[To, From any](handle From) To {
	if unsafe.Sizeof(handle) != unsafe.Sizeof(*new(To)) {
		panic("BUG: a handle of the driver has another size in gorgonia.org/cu")
	}
	return *(*To)(unsafe.Pointer(&handle))
}

// fail is an error of gorgonia.org/cu as one of the driver.
func (g gorgonia) fail(e entry, err error) error {
	if err == nil {
		return nil
	}
	code := cu.Success
	if !errors.As(err, &code) {
		return err
	}
	return g.result(e, uintptr(code))
}

// in makes a call with the context current.
func (g gorgonia) in(c Context, e entry, call func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cu.SetCurrentContext(as[cu.CUContext](c)); err != nil {
		return g.fail(cuCtxSetCurrent, err)
	}
	return g.fail(e, call())
}

// Version is the newest CUDA that the driver knows.
func (g gorgonia) Version() (int, error) {
	if version := cu.Version(); version >= 0 {
		return version, nil
	}
	return 0, NewError(entryNames[cuDriverGetVersion], Unknown)
}

// DeviceCount is the number of devices.
func (g gorgonia) DeviceCount() (int, error) {
	count, err := cu.NumDevices()
	return count, g.fail(cuDeviceGetCount, err)
}

// device is what gorgonia.org/cu has for a device.
func (g gorgonia) device(d Device) (cu.Device, error) {
	device, err := cu.GetDevice(int(d))
	return device, g.fail(cuDeviceGet, err)
}

// DeviceName is what the maker calls the device.
func (g gorgonia) DeviceName(d Device) (string, error) {
	device, err := g.device(d)
	if err != nil {
		return "", err
	}
	name, err := device.Name()
	return name, g.fail(cuDeviceGetName, err)
}

// DeviceMemory is the memory of a device in bytes.
func (g gorgonia) DeviceMemory(d Device) (int, error) {
	device, err := g.device(d)
	if err != nil {
		return 0, err
	}
	bytes, err := device.TotalMem()
	return int(bytes), g.fail(cuDeviceTotalMem, err)
}

// DeviceAttribute is a property of a device.
func (g gorgonia) DeviceAttribute(d Device, a Attribute) (int, error) {
	device, err := g.device(d)
	if err != nil {
		return 0, err
	}
	value, err := device.Attribute(cu.DeviceAttribute(a))
	return value, g.fail(cuDeviceGetAttribute, err)
}

// RetainContext is the device's primary context.
func (g gorgonia) RetainContext(d Device) (Context, error) {
	device, err := g.device(d)
	if err != nil {
		return 0, err
	}
	c, err := device.RetainPrimaryCtx()
	return as[Context](c), g.fail(cuDevicePrimaryCtxRetain, err)
}

// ReleaseContext gives a RetainContext back.
func (g gorgonia) ReleaseContext(d Device) error {
	device, err := g.device(d)
	if err != nil {
		return err
	}
	return g.fail(cuDevicePrimaryCtxRelease, device.ReleasePrimaryCtx())
}

// LoadModule compiles PTX. The logs are pinned because gorgonia.org/cu passes their addresses as numbers.
func (g gorgonia) LoadModule(c Context, ptx string) (m Module, err error) {
	var pin runtime.Pinner
	defer pin.Unpin()
	info, failures := make([]byte, jitLog), make([]byte, jitLog)
	pin.Pin(&info[0])
	pin.Pin(&failures[0])
	err = g.in(c, cuModuleLoadDataEx, func() error {
		module, err := cu.LoadDataEx(ptx, &cu.JITInfoLogBuffer{Buffer: info}, &cu.JITErrorLogBuffer{Buffer: failures})
		m = as[Module](module)
		return err
	})
	return m, withLog(err, info, failures)
}

// UnloadModule forgets a module and its functions.
func (g gorgonia) UnloadModule(c Context, m Module) error {
	return g.in(c, cuModuleUnload, as[cu.Module](m).Unload)
}

// ModuleFunction is a kernel of a module.
func (g gorgonia) ModuleFunction(c Context, m Module, name string) (f Function, err error) {
	err = g.in(c, cuModuleGetFunction, func() error {
		function, err := as[cu.Module](m).Function(name)
		f = as[Function](function)
		return err
	})
	return f, err
}

// Alloc is memory of the context's device.
func (g gorgonia) Alloc(c Context, bytes int) (a Address, err error) {
	err = g.in(c, cuMemAlloc, func() error {
		at, err := cu.MemAlloc(int64(bytes))
		a = Address(at)
		return err
	})
	return a, err
}

// Free gives memory of the device back.
func (g gorgonia) Free(c Context, a Address) error {
	return g.in(c, cuMemFree, func() error { return cu.MemFree(cu.DevicePtr(a)) })
}

// MemoryInfo is what is free on the context's device, and all of it.
func (g gorgonia) MemoryInfo(c Context) (free, total int, err error) {
	err = g.in(c, cuMemGetInfo, func() error {
		f, t, err := cu.MemInfo()
		free, total = int(f), int(t)
		return err
	})
	return free, total, err
}

// FreeHost gives pinned memory back.
func (g gorgonia) FreeHost(c Context, p unsafe.Pointer) error {
	return g.in(c, cuMemFreeHost, func() error { return cu.MemFreeHost(p) })
}

// CopyToDevice copies from the host.
func (g gorgonia) CopyToDevice(c Context, dst Address, src unsafe.Pointer, bytes int, s Stream) error {
	return g.in(c, cuMemcpyHtoDAsync, func() error {
		return cu.MemcpyHtoDAsync(cu.DevicePtr(dst), src, int64(bytes), as[cu.Stream](s))
	})
}

// CopyToHost copies to the host.
func (g gorgonia) CopyToHost(c Context, dst unsafe.Pointer, src Address, bytes int, s Stream) error {
	return g.in(c, cuMemcpyDtoHAsync, func() error {
		return cu.MemcpyDtoHAsync(dst, cu.DevicePtr(src), int64(bytes), as[cu.Stream](s))
	})
}

// CopyOnDevice copies on the device.
func (g gorgonia) CopyOnDevice(c Context, dst, src Address, bytes int, s Stream) error {
	return g.in(c, cuMemcpyDtoDAsync, func() error {
		return cu.MemcpyDtoDAsync(cu.DevicePtr(dst), cu.DevicePtr(src), int64(bytes), as[cu.Stream](s))
	})
}

// CopyPeer copies between the memories of two contexts.
func (g gorgonia) CopyPeer(c Context, dst Address, dstContext Context, src Address, srcContext Context, bytes int, s Stream) error {
	return g.in(c, cuMemcpyPeerAsync, func() error {
		return cu.MemcpyPeerAsync(cu.DevicePtr(dst), as[cu.CUContext](dstContext),
			cu.DevicePtr(src), as[cu.CUContext](srcContext), int64(bytes), as[cu.Stream](s))
	})
}

// CreateStream makes a stream.
func (g gorgonia) CreateStream(c Context) (s Stream, err error) {
	err = g.in(c, cuStreamCreate, func() error {
		stream, err := cu.MakeStream(cu.NonBlocking)
		s = as[Stream](stream)
		return err
	})
	return s, err
}

// DestroyStream forgets a stream, when what is in it has ended.
func (g gorgonia) DestroyStream(c Context, s Stream) error {
	stream := as[cu.Stream](s)
	return g.in(c, cuStreamDestroy, stream.Destroy)
}

// SynchronizeStream waits for what is in a stream.
func (g gorgonia) SynchronizeStream(c Context, s Stream) error {
	return g.in(c, cuStreamSynchronize, as[cu.Stream](s).Synchronize)
}

// WaitEvent makes a stream wait for an event.
func (g gorgonia) WaitEvent(c Context, s Stream, e Event) error {
	return g.in(c, cuStreamWaitEvent, func() error { return as[cu.Stream](s).Wait(as[cu.Event](e), 0) })
}

// CreateEvent makes an event.
func (g gorgonia) CreateEvent(c Context, timed bool) (e Event, err error) {
	err = g.in(c, cuEventCreate, func() error {
		event, err := cu.MakeEvent(cu.EventFlags(eventFlags(timed)))
		e = as[Event](event)
		return err
	})
	return e, err
}

// DestroyEvent forgets an event.
func (g gorgonia) DestroyEvent(c Context, e Event) error {
	event := as[cu.Event](e)
	return g.in(c, cuEventDestroy, func() error { return cu.DestroyEvent(&event) })
}

// RecordEvent puts an event in a stream.
func (g gorgonia) RecordEvent(c Context, e Event, s Stream) error {
	return g.in(c, cuEventRecord, func() error { return as[cu.Event](e).Record(as[cu.Stream](s)) })
}

// QueryEvent reports whether the event has passed.
func (g gorgonia) QueryEvent(c Context, e Event) (bool, error) {
	return passed(g.in(c, cuEventQuery, as[cu.Event](e).Query))
}

// SynchronizeEvent waits for an event.
func (g gorgonia) SynchronizeEvent(c Context, e Event) error {
	return g.in(c, cuEventSynchronize, as[cu.Event](e).Synchronize)
}

// ElapsedTime is the seconds between two timed events.
func (g gorgonia) ElapsedTime(c Context, from, to Event) (seconds float64, err error) {
	err = g.in(c, cuEventElapsedTime, func() error {
		milliseconds, err := as[cu.Event](from).Elapsed(as[cu.Event](to))
		seconds = milliseconds / 1e3
		return err
	})
	return seconds, err
}

// Launch starts a kernel. gorgonia.org/cu takes parameters of up to 8 bytes, and reads 8 of each.
func (g gorgonia) Launch(c Context, k *Launch) error {
	params, err := unpacked(k)
	if err != nil {
		return err
	}
	return g.in(c, cuLaunchKernel, func() error {
		return as[cu.Function](k.Function).Launch(
			int(k.Grid[0]), int(k.Grid[1]), int(k.Grid[2]),
			int(k.Block[0]), int(k.Block[1]), int(k.Block[2]),
			k.Shared, as[cu.Stream](k.Stream), params)
	})
}

// unpacked is the parameters of a launch, each in 8 bytes of its own.
func unpacked(k *Launch) ([]unsafe.Pointer, error) {
	if !fits(k) {
		return nil, NewError(entryNames[cuLaunchKernel], InvalidValue)
	}
	room := make([][8]byte, len(k.Offsets))
	params := make([]unsafe.Pointer, len(k.Offsets))
	for i, from := range k.Offsets {
		to := len(k.Params)
		if i+1 < len(k.Offsets) {
			to = k.Offsets[i+1]
		}
		if to-from > len(room[i]) {
			return nil, &UnsupportedError{Binding: "gorgonia", Call: "Launch with a parameter of more than 8 bytes", Do: "build without the tag gorgonia"}
		}
		copy(room[i][:], k.Params[from:to])
		params[i] = unsafe.Pointer(&room[i])
	}
	return params, nil
}
