package cuda

import (
	"errors"
	"fmt"

	"github.com/tare-go/tare/cuda/internal/driver"
	"github.com/tare-go/tare/device"
)

// Error is a call to a device that its driver refused, and after which the device works on.
type Error struct {
	Device string // "cuda:0"
	Doing  string // "copy to the device"
	Err    error  // the driver's word, with its name of the error
}

// Error says what was tried on which device, and what the driver said.
func (e *Error) Error() string { return fmt.Sprintf("%s: %s: %v", e.Device, e.Doing, e.Err) }

// Unwrap is the driver's error.
func (e *Error) Unwrap() error { return e.Err }

// LostError is a device that broke: a kernel faulted, or the driver lost the GPU. It is the answer to every call from
// then on, with what happened first. What was on the device is gone; buffers can still be freed. Other devices, the
// CPU among them, are as before.
type LostError struct {
	Device string
	Doing  string // the call that noticed: what failed was started before it, if that is a Sync or a copy
	Err    error  // the driver's word
}

// Error says what happened first, and what to do.
func (e *LostError) Error() string {
	do := "restart the process, and report the kernel"
	if driver.Lost(e.Err) {
		do = "see what nvidia-smi and the system's log (dmesg, NVRM: Xid) say of the GPU, then restart the process"
	}
	return fmt.Sprintf("%s is lost: %s: %v: what was on it is gone: %s; other devices work on", e.Device, e.Doing, e.Err, do)
}

// Unwrap is the driver's error.
func (e *LostError) Unwrap() error { return e.Err }

// KernelError is a kernel that the driver did not take.
type KernelError struct {
	Device string
	PTX    string // the text of the kernel
	Err    error  // the driver's word, with the compiler's log
}

// Error gives the compiler's log and says what to do.
func (e *KernelError) Error() string {
	do := "this is a mistake of tare's: please report it"
	if errors.Is(e.Err, driver.UnsupportedPTXVersion) {
		do = "the driver is older than the kernel: install a newer one"
	}
	return fmt.Sprintf("%s: the driver refused a kernel: %v: %s", e.Device, e.Err, do)
}

// Unwrap is the driver's error.
func (e *KernelError) Unwrap() error { return e.Err }

// check is the error of a driver call as users see it. One after which nothing works is kept for all calls to come.
// Errors of other origin are as users see them already.
func (g *gpu) check(doing string, err error) error {
	refused, ok := err.(*driver.Error)
	switch {
	case !ok:
		return err
	case driver.Sticky(refused):
		g.lost.CompareAndSwap(nil, &LostError{g.name, doing, err})
		return g.lost.Load()
	}
	return &Error{g.name, doing, err}
}

// outOfMemory is the error of an allocation that does not fit in the memory of the device.
func (g *gpu) outOfMemory(bytes int, err error) error {
	free, _, failure := g.table.MemoryInfo(g.ctx)
	if failure != nil {
		return g.check("ask for free memory", failure)
	}
	return &device.BudgetError{Op: "alloc", Need: bytes, Budget: free, Why: fmt.Sprintf("free memory of %s, whose driver says: %v", g.name, err)}
}

// elsewhere is the error for a buffer that is not on the device.
func (g *gpu) elsewhere(op string, b device.Buffer) error {
	e := &device.MismatchError{Op: op, A: "another device", B: g.name}
	own, ok := b.(*buffer)
	switch {
	case b == nil:
		return &Error{g.name, op, errors.New("no buffer")}
	case ok:
		e.A = own.gpu.name
	case b.Host() != nil:
		e.A = "cpu"
	}
	e.Bytes = b.Size()
	return e
}
