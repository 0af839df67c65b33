// Package cuda is the device of NVIDIA GPUs: "cuda:0", "cuda:1" and so on, and "cuda:sim", a GPU that is simulated.
//
// Import it for its effect, and open devices by name:
//
//	import _ "github.com/tare-go/tare/cuda"
//
//	gpu, err := device.Open("cuda:0")
//
// Nothing else is needed but NVIDIA's driver, 450 or newer, on Linux: no CUDA toolkit, no C compiler and no cgo. Importing
// the package touches no driver. The driver's library is loaded when a device is first asked for, and where there is none
// the answer is an error that says so; device.List says of each GPU whether it can be used and, if not, what to do.
// GPUs of compute capability 7.0 (Volta) and later are supported. A program that imports the package on Linux is linked
// dynamically and needs libc. The build tag nocuda makes it static again; then, and on other systems, there is "cuda:sim"
// only.
//
// # Order
//
// Operations are started and run one after another, in the order in which they were started, while the processor goes
// on; Sync waits for them. Large copies from and to the host's memory go beside operations that do not use the
// same buffer: a copy to the device waits for what used its buffer last, and what computes with it then for the copy. A copy returns when the host's memory may be used again.
//
// # Memory
//
// A buffer of more than 64 KiB is an allocation of the driver's, which takes pages of 2 MiB from the GPU and puts
// several smaller allocations in one. Smaller buffers are blocks of slabs, of 64 KiB to 1 MiB each, one size class a slab. What the
// ledger counts therefore differs from what the driver has given out by less than 2 MiB for each large buffer, 1 MiB for
// each size class of small buffers that is in use, and 32 MiB of the host's memory for copies, which is none of the GPU's.
// The context itself takes memory of the GPU, too, before anything is allocated.
//
// # Errors
//
// A kernel that faults, or a GPU that goes away, is a [LostError], which every later call on that device returns too.
// Buffers can still be freed, and other devices work on. Memory that cannot be had is a *device.BudgetError, after what the
// pools keep has been given back.
//
// # The simulation
//
// "cuda:sim" runs the same kernels in a simulator that checks each access: races, memory read before it was written, addresses
// outside of buffers. It is there so that programs which use a GPU can be tested where there is none, and slow. Its results
// have the same bits. Its memory is 1 GiB, or less where the machine has little.
package cuda
