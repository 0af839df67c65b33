// Package device is the contract between plans and the machines that run them: buffers, programs,
// the registry of devices, the ledger that accounts for every byte, and budgets.
//
// A device is six methods. Pooling, accounting and limits are decorators around it, so that no
// backend counts anything and every device shows the same ledger for the same plan.
package device

import (
	"context"
	"unsafe"

	"github.com/tare-go/tare/internal/ir"
)

// Device runs operations on memory of its own. It is safe for concurrent use. After Close, Alloc, Copy,
// Compile, Sync and Run are ErrClosed, while Free and a program's Close still work; a context that is
// done ends Alloc, Copy and Run with its error.
type Device interface {
	Info() Info
	// Alloc returns bytes of memory, aligned to at least 64 bytes, with undefined contents. A size
	// below 0 is a *SizeError.
	Alloc(ctx context.Context, bytes int) (Buffer, error)
	// Copy moves src to dst, which have the same length. Either may be host memory. Spans that
	// are not inside their buffers are errors: see CheckCopy.
	Copy(ctx context.Context, dst, src Span) error
	// Compile makes a program of an operation; ErrSplit asks the planner to cut it. Callers with a
	// context use the function Compile, so that their scope counts it.
	Compile(op ir.Op) (Program, error)
	// Sync waits until everything that was started has ended, and returns its error.
	Sync(ctx context.Context) error
	Close() error
}

// Immediate is an optional mark of a Device whose calls return when their work is done, so that Sync never waits.
type Immediate interface {
	Immediate()
}

// PeerCopier is an optional extra of a Device that copies to and from the memory of another device without going by way
// of the host.
type PeerCopier interface {
	CopiesWith(other Device) bool
}

// Program is a compiled operation. It is safe for concurrent use.
type Program interface {
	// Workspace is the number of bytes that one run needs beside its operands.
	Workspace() int
	// Run executes the operation. args are the operation's inputs, outputs and scalars, in order;
	// work is Workspace() bytes, or empty if that is 0. args is the caller's again when Run returns:
	// a device that is not done by then has copied what it needs.
	Run(ctx context.Context, args []Arg, work Span) error
	Close() error
}

// Buffer is memory of a device.
type Buffer interface {
	// Size is the number of bytes that can be used.
	Size() int
	// Host is the address of the memory if the processor can reach it, nil otherwise.
	Host() unsafe.Pointer
	// Free gives the memory back. A second Free does nothing.
	Free()
}

// Span is a part of a buffer.
type Span struct {
	Buffer Buffer
	Off    int
	Len    int
}

// Arg is what a run passes for one operand: the place of its element at index 0 or, for a scalar,
// its bits in the low bytes.
type Arg struct {
	Buffer Buffer
	Off    int
	Bits   uint64
}

// Info describes a device.
type Info struct {
	Name     string // as given to Open: "cpu", "cuda:0"
	Kind     string // "cpu", "cuda", "sim", "null"
	Model    string // what the maker calls it
	Memory   int    // bytes in all, 0 if unknown
	Workers  int    // how many parts of a program run at once
	Features []string
}
