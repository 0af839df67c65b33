package cpu

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"unsafe"

	"github.com/tare-go/tare/device"
)

// Where buffers come from.
const (
	alignment = 64       // bytes: a cache line, and the widest vector
	mapped    = 64 << 10 // bytes from which a buffer is pages of its own
)

// AllocError is memory that the system refused.
type AllocError struct {
	Bytes int
	Err   error
}

// Error says how much was asked for, and what to do.
func (e *AllocError) Error() string {
	return fmt.Sprintf("alloc: the system refused %s: %v: free what is no longer needed, or raise the limit of the process",
		device.FormatBytes(e.Bytes), e.Err)
}

// Unwrap is the system's reason.
func (e *AllocError) Unwrap() error { return e.Err }

// buffer is memory of the process, outside the Go heap. Large buffers are pages that Free gives back
// to the system at once; small ones are blocks of slabs.
type buffer struct {
	at    atomic.Pointer[byte] // nil once freed
	size  int
	pages []byte // nil for a block, and for Go memory
}

// Alloc returns memory of the process: at a multiple of 64 bytes, with any contents.
func (d *cpu) Alloc(ctx context.Context, bytes int) (device.Buffer, error) {
	if err := d.usable(ctx); err != nil {
		return nil, err
	}
	if bytes < 0 {
		return nil, &device.SizeError{Bytes: bytes}
	}
	b := &buffer{size: bytes}
	if !canMap {
		b.at.Store(aligned(bytes))
		return b, nil
	}
	if bytes < mapped {
		block, err := small.take(bytes)
		if err != nil {
			return nil, &AllocError{bytes, err}
		}
		b.at.Store((*byte)(block))
		return b, nil
	}
	pages, err := mapPages(bytes)
	if err != nil {
		return nil, &AllocError{bytes, err}
	}
	b.pages = pages
	b.at.Store(&pages[0])
	return b, nil
}

// aligned is Go memory at a multiple of the alignment.
func aligned(bytes int) *byte {
	m := make([]byte, bytes+alignment)
	skip := -int(uintptr(unsafe.Pointer(&m[0]))) & (alignment - 1)
	return &m[skip]
}

// Size is the number of bytes.
func (b *buffer) Size() int { return b.size }

// Host is the address, nil once the buffer is freed.
func (b *buffer) Host() unsafe.Pointer { return unsafe.Pointer(b.at.Load()) }

// Free gives the memory back. A second Free does nothing.
func (b *buffer) Free() {
	at := b.at.Swap(nil)
	switch {
	case at == nil:
	case b.pages != nil:
		unmapPages(b.pages)
	case canMap:
		small.give(unsafe.Pointer(at), b.size)
	}
}

// Copy moves bytes between buffers, or buffers and other memory of the process. The two may overlap.
func (d *cpu) Copy(ctx context.Context, dst, src device.Span) error {
	if err := d.usable(ctx); err != nil {
		return err
	}
	if err := device.CheckCopy(dst, src); err != nil {
		return err
	}
	to, ok := dst.Bytes()
	from, ok2 := src.Bytes()
	if !ok || !ok2 {
		return device.ErrFreed
	}
	var err error
	lost := Guard(func() { err = copyParts(ctx, to, from) })
	return errors.Join(lost, err)
}

// copyParts copies memory, and looks at the context now and then.
func copyParts(ctx context.Context, to, from []byte) error {
	for len(from) > copyPart && !overlap(to, from) {
		copy(to[:copyPart], from)
		to, from = to[copyPart:], from[copyPart:]
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	copy(to, from)
	return nil
}

// copyPart is the bytes copied between two looks at the context.
const copyPart = 16 << 20

func overlap(a, b []byte) bool {
	x, y := uintptr(unsafe.Pointer(&a[0])), uintptr(unsafe.Pointer(&b[0]))
	return x < y+uintptr(len(b)) && y < x+uintptr(len(a))
}
