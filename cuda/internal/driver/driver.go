// Package driver is the part of the CUDA driver API that tare uses, as one table of calls.
//
// The table has three fillings: libcuda.so.1, loaded when a device is first asked for (the default); gorgonia.org/cu,
// under the build tag gorgonia; and the simulator of package ptxsim. What is above the table cannot tell them apart,
// and package drivertest is what each of them must pass.
//
// Calls are safe for concurrent use. Those that need a context name it, and make it current on their thread
// before anything else: the driver keeps the current context by thread, and goroutines change threads.
//
// # What a program needs
//
// With the default binding a program is linked dynamically with glibc, with cgo or without: libc.so.6, libdl.so.2,
// libpthread.so.0 and the loader must be there, or it does not start. No library of CUDA is needed to build or to start
// it. The build tag nocuda leaves the binding out, and the need for libc with it.
//
// The build tag gorgonia needs cgo, NVIDIA's cuda.h of CUDA 12 or older, and a libcuda.so to link with. Such a program does not
// start where there is no libcuda.so.1, and gorgonia.org/cu ends it where the driver does not start.
package driver

import "unsafe"

// Handles of the driver. Their values mean nothing outside it.
type (
	Device   int32 // a GPU, by its place in the driver's list
	Context  uintptr
	Module   uintptr
	Function uintptr
	Stream   uintptr
	Event    uintptr
	Address  uint64 // in the memory of a device
)

// Table is the driver. Errors are *Error, with the driver's code.
type Table interface {
	// Binding is how the driver is reached: "libcuda.so.1", "gorgonia", "simulator".
	Binding() string
	// Version is the newest CUDA that the driver knows: 12040 for 12.4.
	Version() (int, error)

	DeviceCount() (int, error)
	DeviceName(d Device) (string, error)
	DeviceMemory(d Device) (int, error) // bytes in all
	DeviceAttribute(d Device, a Attribute) (int, error)

	// RetainContext is the device's primary context, which everyone in the process shares.
	RetainContext(d Device) (Context, error)
	ReleaseContext(d Device) error

	// LoadModule compiles PTX. Its error has the compiler's log.
	LoadModule(c Context, ptx string) (Module, error)
	UnloadModule(c Context, m Module) error
	ModuleFunction(c Context, m Module, name string) (Function, error)
	// AllowShared lets launches of the function have bytes of dynamic shared memory, which needs leave above 48 KiB.
	AllowShared(c Context, f Function, bytes int) error

	Alloc(c Context, bytes int) (Address, error)
	Free(c Context, a Address) error
	// MemoryInfo is what is free on the context's device, and all of it, in bytes.
	MemoryInfo(c Context) (free, total int, err error)
	// AllocHost is pinned memory of the host, which copies run from and to while the processor does other work.
	AllocHost(c Context, bytes int) (unsafe.Pointer, error)
	FreeHost(c Context, p unsafe.Pointer) error

	// Copies are in the order of the stream. Host memory stays where it is until the stream has passed them. Host memory
	// that is not pinned may be read or written before the call returns or after.
	CopyToDevice(c Context, dst Address, src unsafe.Pointer, bytes int, s Stream) error
	CopyToHost(c Context, dst unsafe.Pointer, src Address, bytes int, s Stream) error
	CopyOnDevice(c Context, dst, src Address, bytes int, s Stream) error
	// CopyPeer copies between the memories of two contexts, in the order of a stream of c.
	CopyPeer(c Context, dst Address, dstContext Context, src Address, srcContext Context, bytes int, s Stream) error

	// CreateStream makes a stream that does not wait for the default one.
	CreateStream(c Context) (Stream, error)
	DestroyStream(c Context, s Stream) error
	SynchronizeStream(c Context, s Stream) error
	// WaitEvent makes what is put in the stream from now on wait for the event.
	WaitEvent(c Context, s Stream, e Event) error

	// CreateEvent makes an event, which keeps times if timed.
	CreateEvent(c Context, timed bool) (Event, error)
	DestroyEvent(c Context, e Event) error
	RecordEvent(c Context, e Event, s Stream) error
	// QueryEvent reports whether the event has passed.
	QueryEvent(c Context, e Event) (bool, error)
	SynchronizeEvent(c Context, e Event) error
	// ElapsedTime is the seconds between two timed events.
	ElapsedTime(c Context, from, to Event) (float64, error)

	// Launch starts a kernel.
	Launch(c Context, l *Launch) error
}

// Launch is a kernel with its grid and its parameters.
type Launch struct {
	Function Function
	Grid     [3]uint32
	Block    [3]uint32
	Shared   int    // bytes of dynamic shared memory
	Params   []byte // packed: each parameter at the next multiple of its size
	Offsets  []int  // where in Params each parameter begins
	Stream   Stream
}

// Attribute is a property of a device, by the driver's number.
type Attribute int32

// The attributes that are asked for.
const (
	ClockRate            Attribute = 13 // kHz
	MultiprocessorCount  Attribute = 16
	ComputeMode          Attribute = 20 // see ComputeModeProhibited
	L2CacheSize          Attribute = 38 // bytes
	MemoryClockRate      Attribute = 36 // kHz
	MemoryBusWidth       Attribute = 37 // bits
	UnifiedAddressing    Attribute = 41
	CapabilityMajor      Attribute = 75
	CapabilityMinor      Attribute = 76
	SharedMemoryPerBlock Attribute = 97 // bytes that a block can have if it is allowed to
	PCIBusID             Attribute = 33
	PCIDeviceID          Attribute = 34
)

// Compute modes that keep a process out.
const (
	ComputeModeProhibited = 2
	ComputeModeExclusive  = 3
)
