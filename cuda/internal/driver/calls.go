//go:build linux && !android && (amd64 || arm64) && !nocuda && (!gorgonia || cgo)

package driver

import (
	"math"
	"runtime"
	"unsafe"

	"github.com/ebitengine/purego"
)

// Binding is libcuda.so.1, or the path that TARE_LIBCUDA gave.
func (l *library) Binding() string { return l.name }

// describe is the driver's name or text for a code.
func (l *library) describe(e entry, code Code) string {
	f := frames.take()
	defer frames.give(f)
	r, _, _ := purego.SyscallN(l.at[e], uintptr(code), uintptr(unsafe.Pointer(&f.pointer)))
	if uint32(r) != 0 {
		return ""
	}
	return textAt(f.pointer)
}

// get calls an entry point that gives a number of 32 bits by its first argument.
func (l *library) get(e entry, args ...uintptr) (int, error) {
	f := frames.take()
	defer frames.give(f)
	err := l.call(e, append([]uintptr{f.word(0)}, args...)...)
	return int(int32(f.words[0])), err
}

// Version is the newest CUDA that the driver knows.
func (l *library) Version() (int, error) { return l.get(cuDriverGetVersion) }

// DeviceCount is the number of devices.
func (l *library) DeviceCount() (int, error) { return l.get(cuDeviceGetCount) }

// device is the driver's handle of a device.
func (l *library) device(d Device) (uintptr, error) {
	handle, err := l.get(cuDeviceGet, uintptr(d))
	return uintptr(handle), err
}

// DeviceName is what the maker calls the device.
func (l *library) DeviceName(d Device) (string, error) {
	handle, err := l.device(d)
	if err != nil {
		return "", err
	}
	f := frames.take()
	defer frames.give(f)
	if err := l.call(cuDeviceGetName, uintptr(unsafe.Pointer(&f.text)), uintptr(len(f.text)), handle); err != nil {
		return "", err
	}
	return textOf(f.text[:]), nil
}

// DeviceMemory is the memory of a device in bytes.
func (l *library) DeviceMemory(d Device) (int, error) {
	handle, err := l.device(d)
	if err != nil {
		return 0, err
	}
	f := frames.take()
	defer frames.give(f)
	err = l.call(cuDeviceTotalMem, f.word(0), handle)
	return int(f.words[0]), err
}

// DeviceAttribute is a property of a device.
func (l *library) DeviceAttribute(d Device, a Attribute) (int, error) {
	handle, err := l.device(d)
	if err != nil {
		return 0, err
	}
	return l.get(cuDeviceGetAttribute, uintptr(a), handle)
}

// RetainContext is the device's primary context.
func (l *library) RetainContext(d Device) (Context, error) {
	handle, err := l.device(d)
	if err != nil {
		return 0, err
	}
	f := frames.take()
	defer frames.give(f)
	err = l.call(cuDevicePrimaryCtxRetain, f.word(0), handle)
	return Context(f.words[0]), err
}

// ReleaseContext gives a RetainContext back.
func (l *library) ReleaseContext(d Device) error {
	handle, err := l.device(d)
	if err != nil {
		return err
	}
	return l.call(cuDevicePrimaryCtxRelease, handle)
}

// LoadModule compiles PTX.
func (l *library) LoadModule(c Context, ptx string) (Module, error) {
	f := frames.take()
	defer frames.give(f)
	var pin runtime.Pinner
	defer pin.Unpin()
	logs := newJITLogs(&pin)
	image := terminated(ptx)
	err := l.callIn(c, cuModuleLoadDataEx, f.word(0), uintptr(unsafe.Pointer(&image[0])),
		uintptr(len(logs.options)), uintptr(unsafe.Pointer(&logs.options)), uintptr(unsafe.Pointer(&logs.values)))
	return Module(f.words[0]), withLog(err, logs.info[:], logs.errors[:])
}

// UnloadModule forgets a module and its functions.
func (l *library) UnloadModule(c Context, m Module) error {
	return l.callIn(c, cuModuleUnload, uintptr(m))
}

// ModuleFunction is a kernel of a module.
func (l *library) ModuleFunction(c Context, m Module, name string) (Function, error) {
	f := frames.take()
	defer frames.give(f)
	symbol := terminated(name)
	err := l.callIn(c, cuModuleGetFunction, f.word(0), uintptr(m), uintptr(unsafe.Pointer(&symbol[0])))
	return Function(f.words[0]), err
}

// AllowShared lets launches of the function have bytes of dynamic shared memory.
func (l *library) AllowShared(c Context, f Function, bytes int) error {
	if bytes < 0 || bytes > math.MaxInt32 {
		return NewError(entryNames[cuFuncSetAttribute], InvalidValue)
	}
	return l.callIn(c, cuFuncSetAttribute, uintptr(f), maxDynamicShared, uintptr(bytes))
}

// Alloc is memory of the context's device.
func (l *library) Alloc(c Context, bytes int) (Address, error) {
	f := frames.take()
	defer frames.give(f)
	err := l.callIn(c, cuMemAlloc, f.word(0), uintptr(bytes))
	return Address(f.words[0]), err
}

// Free gives memory of the device back.
func (l *library) Free(c Context, a Address) error { return l.callIn(c, cuMemFree, uintptr(a)) }

// MemoryInfo is what is free on the context's device, and all of it.
func (l *library) MemoryInfo(c Context) (free, total int, err error) {
	f := frames.take()
	defer frames.give(f)
	err = l.callIn(c, cuMemGetInfo, f.word(0), f.word(1))
	return int(f.words[0]), int(f.words[1]), err
}

// AllocHost is pinned memory of the host.
func (l *library) AllocHost(c Context, bytes int) (unsafe.Pointer, error) {
	f := frames.take()
	defer frames.give(f)
	err := l.callIn(c, cuMemHostAlloc, uintptr(unsafe.Pointer(&f.pointer)), uintptr(bytes), hostAllocPortable)
	return f.pointer, err
}

// FreeHost gives pinned memory back.
func (l *library) FreeHost(c Context, p unsafe.Pointer) error {
	return l.callIn(c, cuMemFreeHost, uintptr(p))
}

// CopyToDevice copies from the host.
func (l *library) CopyToDevice(c Context, dst Address, src unsafe.Pointer, bytes int, s Stream) error {
	return l.callIn(c, cuMemcpyHtoDAsync, uintptr(dst), uintptr(src), uintptr(bytes), uintptr(s))
}

// CopyToHost copies to the host.
func (l *library) CopyToHost(c Context, dst unsafe.Pointer, src Address, bytes int, s Stream) error {
	return l.callIn(c, cuMemcpyDtoHAsync, uintptr(dst), uintptr(src), uintptr(bytes), uintptr(s))
}

// CopyOnDevice copies on the device.
func (l *library) CopyOnDevice(c Context, dst, src Address, bytes int, s Stream) error {
	return l.callIn(c, cuMemcpyDtoDAsync, uintptr(dst), uintptr(src), uintptr(bytes), uintptr(s))
}

// CopyPeer copies between the memories of two contexts.
func (l *library) CopyPeer(c Context, dst Address, dstContext Context, src Address, srcContext Context, bytes int, s Stream) error {
	return l.callIn(c, cuMemcpyPeerAsync, uintptr(dst), uintptr(dstContext), uintptr(src), uintptr(srcContext), uintptr(bytes), uintptr(s))
}

// CreateStream makes a stream.
func (l *library) CreateStream(c Context) (Stream, error) {
	f := frames.take()
	defer frames.give(f)
	err := l.callIn(c, cuStreamCreate, f.word(0), streamNonBlocking)
	return Stream(f.words[0]), err
}

// DestroyStream forgets a stream, when what is in it has ended.
func (l *library) DestroyStream(c Context, s Stream) error {
	return l.callIn(c, cuStreamDestroy, uintptr(s))
}

// SynchronizeStream waits for what is in a stream.
func (l *library) SynchronizeStream(c Context, s Stream) error {
	return l.callIn(c, cuStreamSynchronize, uintptr(s))
}

// WaitEvent makes a stream wait for an event.
func (l *library) WaitEvent(c Context, s Stream, e Event) error {
	return l.callIn(c, cuStreamWaitEvent, uintptr(s), uintptr(e), 0)
}

// CreateEvent makes an event.
func (l *library) CreateEvent(c Context, timed bool) (Event, error) {
	f := frames.take()
	defer frames.give(f)
	err := l.callIn(c, cuEventCreate, f.word(0), eventFlags(timed))
	return Event(f.words[0]), err
}

// eventFlags is what cuEventCreate takes.
func eventFlags(timed bool) uintptr {
	if timed {
		return 0
	}
	return eventDisableTiming
}

// DestroyEvent forgets an event.
func (l *library) DestroyEvent(c Context, e Event) error {
	return l.callIn(c, cuEventDestroy, uintptr(e))
}

// RecordEvent puts an event in a stream.
func (l *library) RecordEvent(c Context, e Event, s Stream) error {
	return l.callIn(c, cuEventRecord, uintptr(e), uintptr(s))
}

// QueryEvent reports whether the event has passed.
func (l *library) QueryEvent(c Context, e Event) (bool, error) {
	return passed(l.callIn(c, cuEventQuery, uintptr(e)))
}

// SynchronizeEvent waits for an event.
func (l *library) SynchronizeEvent(c Context, e Event) error {
	return l.callIn(c, cuEventSynchronize, uintptr(e))
}

// ElapsedTime is the seconds between two timed events.
func (l *library) ElapsedTime(c Context, from, to Event) (float64, error) {
	f := frames.take()
	defer frames.give(f)
	err := l.callIn(c, cuEventElapsedTime, f.word(0), uintptr(from), uintptr(to))
	return float64(math.Float32frombits(uint32(f.words[0]))) / 1e3, err
}

// Launch starts a kernel.
func (l *library) Launch(c Context, k *Launch) error {
	if !fits(k) {
		return NewError(entryNames[cuLaunchKernel], InvalidValue)
	}
	f := frames.take()
	defer frames.give(f)
	return l.callIn(c, cuLaunchKernel, uintptr(k.Function),
		uintptr(k.Grid[0]), uintptr(k.Grid[1]), uintptr(k.Grid[2]),
		uintptr(k.Block[0]), uintptr(k.Block[1]), uintptr(k.Block[2]),
		uintptr(k.Shared), uintptr(k.Stream), 0, f.launch(k.Params))
}

// fits reports whether the driver can be given the sizes of a launch.
func fits(k *Launch) bool {
	return len(k.Params) <= maxParams && 0 <= k.Shared && k.Shared <= math.MaxInt32
}
