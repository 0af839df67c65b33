// Package ptxsim runs PTX, the assembly of CUDA, on a machine without a GPU.
//
// It is a functional simulator and a second reading of the PTX ISA: it shares no code with the package
// that writes the kernels, so that a kernel which says the wrong thing fails here. [Parse] is strict:
// an unknown instruction or modifier, an operand of the wrong type, an instruction newer than .version or
// .target, or a float operation without .rn is an error with its line. [Machine] holds the memory of a
// device and runs kernels; a kernel that breaks a rule of the programming model (a race, a read of
// something never written, an access outside an allocation, a barrier that not all threads reach) stops
// with a [*Fault] that names kernel, line, block, thread and address.
//
// # Execution
//
// A warp runs in lockstep; where its lanes diverge, those at the lowest instruction go first. Warps run one
// after another from barrier to barrier. Blocks (CTAs) run on several goroutines, or in order if the
// kernel has atomics on global memory. Machine.Reverse turns all three orders round, Machine.BothOrders runs
// each kernel both ways and compares the memory.
//
// # Arithmetic
//
// float32 and float64 operations round to nearest even, once, and keep subnormals; fma is fused. A float32
// NaN result is 0x7fffffff, as the ISA says; float64 NaN results are 0x7ff8000000000000, of which the ISA says
// nothing. mma.sync on float64 is the chain of fmas in ascending k that hardware computes. .ftz, .approx,
// .rz, .rm, .rp and .sat on floats are refused: no kernel of ours may have them.
//
// # What is checked
//
// See [Kind]. Addresses are checked to the byte, races and initialisation to the smallest access in the
// kernel, so accesses of one byte cost more than accesses of 16. Every allocation has a 4 GiB window of
// addresses to itself, and freed windows are not used again.
//
// # What is not modelled
//
// Functions, local memory, textures, float16, mbarriers, bulk copies, wgmma, barriers of part of a block,
// clocks, register pressure and time. A lane of a warp sees the global stores of other warps at once.
package ptxsim
