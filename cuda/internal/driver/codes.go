package driver

import "strconv"

// Code is a result of a driver call, by the driver's number. As an error it stands for all errors with
// that code: errors.Is(err, driver.OutOfMemory).
type Code int32

// The codes that have names here. A driver may return others.
const (
	InvalidValue          Code = 1
	OutOfMemory           Code = 2
	NotInitialized        Code = 3
	Deinitialized         Code = 4
	StubLibrary           Code = 34
	DeviceUnavailable     Code = 46
	NoDevice              Code = 100
	InvalidDevice         Code = 101
	InvalidImage          Code = 200
	InvalidContext        Code = 201
	NoBinaryForGPU        Code = 209
	ECCUncorrectable      Code = 214
	InvalidPTX            Code = 218
	NVLinkUncorrectable   Code = 220
	JITCompilerNotFound   Code = 221
	UnsupportedPTXVersion Code = 222
	JITDisabled           Code = 223
	OperatingSystem       Code = 304
	InvalidHandle         Code = 400
	NotFound              Code = 500
	NotReady              Code = 600
	IllegalAddress        Code = 700
	LaunchOutOfResources  Code = 701
	LaunchTimeout         Code = 702
	ContextIsDestroyed    Code = 709
	Assert                Code = 710
	MisalignedAddress     Code = 716
	LaunchFailed          Code = 719
	NotPermitted          Code = 800
	NotSupported          Code = 801
	SystemNotReady        Code = 802
	SystemDriverMismatch  Code = 803
	CompatNotSupported    Code = 804
	Unknown               Code = 999
)

// Error is the code's name and what it means.
func (c Code) Error() string { return c.Name() + " (" + c.Text() + ")" }

// Name is the driver's name of the code: "CUDA_ERROR_OUT_OF_MEMORY".
func (c Code) Name() string {
	if f, ok := facts[c]; ok {
		return "CUDA_ERROR_" + f.name
	}
	return "CUDA error " + strconv.Itoa(int(c))
}

// Text says in a few words what the code means.
func (c Code) Text() string {
	if f, ok := facts[c]; ok {
		return f.text
	}
	return "a code that tare does not know"
}

// Do is what a user can do about the code, or nothing if that is unknown.
func (c Code) Do() string { return cures[c] }

// cures is what a user can do about a code.
var cures = map[Code]string{
	OutOfMemory:          "free memory of the host or of the GPU",
	StubLibrary:          "take the stubs of the CUDA toolkit out of LD_LIBRARY_PATH, or name the driver's libcuda.so.1 in " + Variable,
	DeviceUnavailable:    "end the other process that uses the GPU, or leave its exclusive mode with nvidia-smi -c DEFAULT",
	OperatingSystem:      "see whether this user may open /dev/nvidia*",
	SystemNotReady:       "start NVIDIA's fabric manager: systemctl start nvidia-fabricmanager",
	SystemDriverMismatch: "restart the machine, so that the kernel loads the module of the driver that was installed",
	CompatNotSupported:   "take the CUDA compatibility package out of LD_LIBRARY_PATH, or install a newer driver",
	Unknown:              "load the kernel module with nvidia-modprobe -u, and after a suspend reload nvidia_uvm",
}

// trait is what a code says of the context in which it came up.
type trait uint8

const (
	passing trait = iota // the call failed, and the next may succeed
	faulted              // a kernel failed, and took the context with it
	lost                 // the context or the device is gone
)

// fact is what is known of a code.
type fact struct {
	name  string // after CUDA_ERROR_
	text  string
	trait trait
}

var facts = map[Code]fact{
	1:   {name: "INVALID_VALUE", text: "an argument is out of range"},
	2:   {name: "OUT_OF_MEMORY", text: "out of memory"},
	3:   {name: "NOT_INITIALIZED", text: "the driver is not initialised", trait: lost},
	4:   {name: "DEINITIALIZED", text: "the driver is shutting down", trait: lost},
	5:   {name: "PROFILER_DISABLED", text: "the profiler is off"},
	6:   {name: "PROFILER_NOT_INITIALIZED", text: "the profiler is not initialised"},
	7:   {name: "PROFILER_ALREADY_STARTED", text: "the profiler runs already"},
	8:   {name: "PROFILER_ALREADY_STOPPED", text: "the profiler does not run"},
	34:  {name: "STUB_LIBRARY", text: "the library is the stub that programs are linked with, not a driver"},
	46:  {name: "DEVICE_UNAVAILABLE", text: "the device is busy or may not be used", trait: lost},
	100: {name: "NO_DEVICE", text: "no device that CUDA can use", trait: lost},
	101: {name: "INVALID_DEVICE", text: "no device of that number"},
	102: {name: "DEVICE_NOT_LICENSED", text: "the device has no licence"},
	200: {name: "INVALID_IMAGE", text: "the module is not one that the driver reads"},
	201: {name: "INVALID_CONTEXT", text: "no such context", trait: lost},
	202: {name: "CONTEXT_ALREADY_CURRENT", text: "the context is current already"},
	205: {name: "MAP_FAILED", text: "memory could not be mapped"},
	206: {name: "UNMAP_FAILED", text: "memory could not be unmapped"},
	207: {name: "ARRAY_IS_MAPPED", text: "the array is mapped"},
	208: {name: "ALREADY_MAPPED", text: "the resource is mapped already"},
	209: {name: "NO_BINARY_FOR_GPU", text: "the module has no code for this generation of GPU"},
	210: {name: "ALREADY_ACQUIRED", text: "the resource is taken already"},
	211: {name: "NOT_MAPPED", text: "the resource is not mapped"},
	212: {name: "NOT_MAPPED_AS_ARRAY", text: "the resource is not mapped as an array"},
	213: {name: "NOT_MAPPED_AS_POINTER", text: "the resource is not mapped as a pointer"},
	214: {name: "ECC_UNCORRECTABLE", text: "the device's memory lost bits that it could not correct", trait: lost},
	215: {name: "UNSUPPORTED_LIMIT", text: "the device has no such limit"},
	216: {name: "CONTEXT_ALREADY_IN_USE", text: "another thread uses the context"},
	217: {name: "PEER_ACCESS_UNSUPPORTED", text: "the devices cannot reach each other's memory"},
	218: {name: "INVALID_PTX", text: "the PTX does not compile"},
	219: {name: "INVALID_GRAPHICS_CONTEXT", text: "no such graphics context"},
	220: {name: "NVLINK_UNCORRECTABLE", text: "NVLink lost bits that it could not correct", trait: lost},
	221: {name: "JIT_COMPILER_NOT_FOUND", text: "the driver's PTX compiler, libnvidia-ptxjitcompiler, is not there"},
	222: {name: "UNSUPPORTED_PTX_VERSION", text: "the PTX is newer than the driver"},
	223: {name: "JIT_COMPILATION_DISABLED", text: "compiling PTX is switched off: see CUDA_DISABLE_PTX_JIT"},
	224: {name: "UNSUPPORTED_EXEC_AFFINITY", text: "the device cannot be divided so"},
	225: {name: "UNSUPPORTED_DEVSIDE_SYNC", text: "the code waits on the device for its own launches"},
	226: {name: "CONTAINED", text: "an error of the hardware was contained to this process", trait: lost},
	300: {name: "INVALID_SOURCE", text: "the source does not compile"},
	301: {name: "FILE_NOT_FOUND", text: "no such file"},
	302: {name: "SHARED_OBJECT_SYMBOL_NOT_FOUND", text: "a library of the driver lacks a function"},
	303: {name: "SHARED_OBJECT_INIT_FAILED", text: "a library of the driver did not start"},
	304: {name: "OPERATING_SYSTEM", text: "a call to the operating system failed"},
	400: {name: "INVALID_HANDLE", text: "no such stream, event, function or module"},
	401: {name: "ILLEGAL_STATE", text: "the object is not in a state for this"},
	402: {name: "LOSSY_QUERY", text: "the answer would leave something out"},
	500: {name: "NOT_FOUND", text: "no such name"},
	600: {name: "NOT_READY", text: "what was started has not ended"},
	700: {name: "ILLEGAL_ADDRESS", text: "a kernel used an address that it does not have", trait: faulted},
	701: {name: "LAUNCH_OUT_OF_RESOURCES", text: "a block needs more registers or shared memory than there are"},
	702: {name: "LAUNCH_TIMEOUT", text: "a kernel ran longer than a device with a screen allows", trait: faulted},
	703: {name: "LAUNCH_INCOMPATIBLE_TEXTURING", text: "a kernel uses textures in another way"},
	704: {name: "PEER_ACCESS_ALREADY_ENABLED", text: "the devices can reach each other's memory already"},
	705: {name: "PEER_ACCESS_NOT_ENABLED", text: "the devices do not reach each other's memory"},
	708: {name: "PRIMARY_CONTEXT_ACTIVE", text: "the device's primary context is in use"},
	709: {name: "CONTEXT_IS_DESTROYED", text: "the context is gone", trait: lost},
	710: {name: "ASSERT", text: "an assertion in a kernel failed", trait: faulted},
	711: {name: "TOO_MANY_PEERS", text: "too many devices reach each other's memory"},
	712: {name: "HOST_MEMORY_ALREADY_REGISTERED", text: "the memory is pinned already"},
	713: {name: "HOST_MEMORY_NOT_REGISTERED", text: "the memory is not pinned"},
	714: {name: "HARDWARE_STACK_ERROR", text: "a kernel broke its stack", trait: faulted},
	715: {name: "ILLEGAL_INSTRUCTION", text: "a kernel has an instruction that the device has not", trait: faulted},
	716: {name: "MISALIGNED_ADDRESS", text: "a kernel used an address that is not a multiple of the access", trait: faulted},
	717: {name: "INVALID_ADDRESS_SPACE", text: "a kernel used an address of another kind of memory", trait: faulted},
	718: {name: "INVALID_PC", text: "a kernel left its code", trait: faulted},
	719: {name: "LAUNCH_FAILED", text: "a kernel failed", trait: faulted},
	720: {name: "COOPERATIVE_LAUNCH_TOO_LARGE", text: "more blocks than can run at once"},
	721: {name: "TENSOR_MEMORY_LEAK", text: "a kernel left tensor memory taken", trait: faulted},
	800: {name: "NOT_PERMITTED", text: "not allowed now"},
	801: {name: "NOT_SUPPORTED", text: "the device or the driver cannot do this"},
	802: {name: "SYSTEM_NOT_READY", text: "the system's drivers are not all running", trait: lost},
	803: {name: "SYSTEM_DRIVER_MISMATCH", text: "the library and the kernel's module are of two versions", trait: lost},
	804: {name: "COMPAT_NOT_SUPPORTED_ON_DEVICE", text: "this device does not run CUDA newer than its kernel's module"},
	805: {name: "MPS_CONNECTION_FAILED", text: "no connection to the multi-process service", trait: lost},
	806: {name: "MPS_RPC_FAILURE", text: "the multi-process service did not answer", trait: lost},
	807: {name: "MPS_SERVER_NOT_READY", text: "the multi-process service is not ready", trait: lost},
	808: {name: "MPS_MAX_CLIENTS_REACHED", text: "the multi-process service has as many clients as it takes", trait: lost},
	809: {name: "MPS_MAX_CONNECTIONS_REACHED", text: "the multi-process service has as many connections as it takes", trait: lost},
	810: {name: "MPS_CLIENT_TERMINATED", text: "the multi-process service ended this client", trait: lost},
	811: {name: "CDP_NOT_SUPPORTED", text: "the device cannot start kernels itself"},
	812: {name: "CDP_VERSION_MISMATCH", text: "the code starts kernels itself in two ways"},
	900: {name: "STREAM_CAPTURE_UNSUPPORTED", text: "not while a stream is captured"},
	901: {name: "STREAM_CAPTURE_INVALIDATED", text: "the capture of the stream has failed"},
	902: {name: "STREAM_CAPTURE_MERGE", text: "two captures would be merged"},
	903: {name: "STREAM_CAPTURE_UNMATCHED", text: "the capture began in another stream"},
	904: {name: "STREAM_CAPTURE_UNJOINED", text: "a branch of the capture was not joined"},
	905: {name: "STREAM_CAPTURE_ISOLATION", text: "the capture would depend on what is outside it"},
	906: {name: "STREAM_CAPTURE_IMPLICIT", text: "the capture would wait for the default stream"},
	907: {name: "CAPTURED_EVENT", text: "the event belongs to a capture"},
	908: {name: "STREAM_CAPTURE_WRONG_THREAD", text: "the capture belongs to another thread"},
	909: {name: "TIMEOUT", text: "it took too long"},
	910: {name: "GRAPH_EXEC_UPDATE_FAILURE", text: "the graph cannot be changed so"},
	911: {name: "EXTERNAL_DEVICE", text: "another device failed"},
	912: {name: "INVALID_CLUSTER_SIZE", text: "no such size of cluster"},
	913: {name: "FUNCTION_NOT_LOADED", text: "the function is not loaded"},
	914: {name: "INVALID_RESOURCE_TYPE", text: "no such type of resource"},
	915: {name: "INVALID_RESOURCE_CONFIGURATION", text: "the resources cannot be divided so"},
	916: {name: "KEY_ROTATION", text: "the keys of confidential computing are being changed"},
	999: {name: "UNKNOWN", text: "the driver does not know what failed", trait: lost},
}
