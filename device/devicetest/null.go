// Package devicetest tests devices: a conformance suite that any device must pass (Run), a device
// that computes nothing (Null), one that forgives nothing (Strict), and one that fails on demand
// (FailAt).
package devicetest

import (
	"context"
	"sync/atomic"
	"unsafe"

	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/internal/ir"
)

// Null is a device that plans and counts, and computes nothing: its buffers have a size and no
// memory, so that plans for terabytes can be run and their ledger read. A copy from it leaves the
// host memory as it is. Its memory is not the host's, and without bound.
func Null() device.Device { return NullOf(device.Info{Name: "null", Kind: "null", Workers: 1}) }

// NullOf is a Null that says it is another device: for a GPU of 80 GiB on which nothing runs, Info
// with its name and memory.
func NullOf(info device.Info) device.Device { return &null{info: info} }

type null struct {
	info   device.Info
	closed atomic.Bool
}

func (n *null) Info() device.Info { return n.info }

func (n *null) begin(ctx context.Context) error {
	if n.closed.Load() {
		return device.ErrClosed
	}
	return ctx.Err()
}

func (n *null) Alloc(ctx context.Context, bytes int) (device.Buffer, error) {
	if err := n.begin(ctx); err != nil {
		return nil, err
	}
	if bytes < 0 {
		return nil, &device.SizeError{Bytes: bytes}
	}
	return nullBuffer(bytes), nil
}

func (n *null) Copy(ctx context.Context, dst, src device.Span) error {
	if err := n.begin(ctx); err != nil {
		return err
	}
	return device.CheckCopy(dst, src)
}

func (n *null) Compile(op ir.Op) (device.Program, error) {
	if err := n.begin(context.Background()); err != nil {
		return nil, err
	}
	if err := ir.Verify(op); err != nil {
		return nil, err
	}
	return nullProgram{n}, nil
}

func (n *null) Sync(ctx context.Context) error { return n.begin(ctx) }

func (n *null) Close() error {
	n.closed.Store(true)
	return nil
}

// nullBuffer is a size.
type nullBuffer int

func (b nullBuffer) Size() int          { return int(b) }
func (nullBuffer) Host() unsafe.Pointer { return nil }
func (nullBuffer) Free()                {}

type nullProgram struct{ dev *null }

func (nullProgram) Workspace() int { return 0 }

func (p nullProgram) Run(ctx context.Context, _ []device.Arg, _ device.Span) error {
	return p.dev.begin(ctx)
}

func (nullProgram) Close() error { return nil }
