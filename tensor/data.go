package tensor

import (
	"context"
	"errors"
	"fmt"
	"unsafe"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
)

// Data is the elements of a contiguous tensor as a Go slice of the same memory: what is written to
// one is seen in the other. It is an error if the tensor has another type, is strided, or is in memory
// that the processor cannot reach; ToSlice copies instead. The slice must not be used after Free, nor
// when the tensor is forgotten, and that of a mapped file must not be written.
func Data[T dtype.Element](t *Tensor) ([]T, error) {
	values, err := data[T](t)
	return values, placed("data", caller(1), err)
}

func data[T dtype.Element](t *Tensor) ([]T, error) {
	if err := isOf[T](t); err != nil {
		return nil, err
	}
	if !t.IsContiguous() {
		return nil, fmt.Errorf("the array of shape %s has strides %v and is not contiguous; use ToSlice, or Copy it first", broadcast.FormatShape(t.at.Shape), t.at.Strides)
	}
	buf, err := t.mem.Buffer()
	if err != nil {
		return nil, err
	}
	if t.Size() == 0 {
		return []T{}, nil
	}
	host := buf.Host()
	if host == nil {
		return nil, fmt.Errorf("the array is on %s, out of the processor's reach; use ToSlice, or To the CPU first", t.mem.dev.Info().Name)
	}
	p := unsafe.Add(host, t.at.Offset)
	if uintptr(p)%unsafe.Alignof(*new(T)) != 0 {
		return nil, fmt.Errorf("the elements are not aligned in memory; use ToSlice")
	}
	return unsafe.Slice((*T)(p), t.Size()), nil
}

func isOf[T dtype.Element](t *Tensor) error {
	if t == nil {
		return errNil
	}
	if want := dtype.Of[T](); t.typ != want {
		return fmt.Errorf("the array is %v, not %v; convert it with AsType(t, %v)", t.typ, want, want)
	}
	return nil
}

// ToSlice copies the elements in C order, from any device and layout. It has no context, as it is a last step and takes
// what is there: scopes neither count nor guard what it moves, but the device's own ledger and guard
// do. Where a scope has to, move the array with To first.
func ToSlice[T dtype.Element](t *Tensor) ([]T, error) {
	site := caller(1)
	values, err := toSlice[T](t, site)
	return values, placed("to_slice", site, err)
}

func toSlice[T dtype.Element](t *Tensor, site uintptr) ([]T, error) {
	if err := isOf[T](t); err != nil {
		return nil, err
	}
	if left, why := device.ProcessLimits().Available(); t.NBytes() > left {
		return nil, &device.BudgetError{Op: "to_slice", Need: t.NBytes(), Budget: left, Why: why}
	}
	out := make([]T, t.Size())
	return out, t.read(context.Background(), site, elementBytes(out))
}

// read copies the elements in C order into host memory.
func (t *Tensor) read(ctx context.Context, site uintptr, dst []byte) error {
	if len(dst) == 0 {
		_, err := t.mem.Buffer()
		return err
	}
	if !t.IsContiguous() {
		c, err := t.copyAt(ctx, site)
		if err != nil {
			return err
		}
		defer c.Free()
		t = c
	}
	buf, err := t.mem.Hold()
	if err != nil {
		return err
	}
	defer t.mem.Release()
	return t.mem.dev.Copy(device.WithSite(ctx, site), device.HostSpan(dst), device.Span{Buffer: buf, Off: t.at.Offset, Len: len(dst)})
}

// Item is the only element of a tensor of one. Of contexts the same holds as for ToSlice.
func Item[T dtype.Element](t *Tensor) (T, error) {
	site := caller(1)
	v, err := item[T](t, site)
	return v, placed("item", site, err)
}

func item[T dtype.Element](t *Tensor, site uintptr) (v T, err error) {
	if t != nil && t.Size() != 1 {
		return v, fmt.Errorf("the array of shape %s has %d elements, not 1: index it down to one, or use ToSlice", broadcast.FormatShape(t.at.Shape), t.Size())
	}
	s, err := toSlice[T](t, site)
	if err == nil {
		v = s[0]
	}
	return v, err
}

// Copy is a new contiguous array with the same elements, on the same device.
func (t *Tensor) Copy(ctx context.Context) (*Tensor, error) { return t.copyAt(ctx, caller(1)) }

// copyAt is Copy on behalf of a call of the user's.
func (t *Tensor) copyAt(ctx context.Context, site uintptr) (*Tensor, error) {
	if ctx == nil {
		return nil, placed("copy", site, &NilError{"context"})
	}
	if t == nil {
		return nil, placed("copy", site, errNil)
	}
	return (&Expr{n: t.node()}).evalAt(device.WithPurpose(ctx, device.Operand), "copy", site)
}

// To is a copy of the tensor on another device, in C order; the ledger counts what moves. On its own
// device a tensor is returned as it is.
func (t *Tensor) To(ctx context.Context, dev device.Device) (*Tensor, error) {
	site := caller(1)
	switch {
	case t == nil:
		return nil, placed("to", site, errNil)
	case dev == nil:
		return nil, placed("to", site, &NilError{"device"})
	case ctx == nil:
		return nil, placed("to", site, &NilError{"context"})
	case dev == t.mem.dev:
		return t, nil
	}
	out, err := t.to(device.Explicit(device.WithOp(device.WithSite(ctx, site), "to")), site, dev)
	return out, placed("to", site, err)
}

func (t *Tensor) to(ctx context.Context, site uintptr, dev device.Device) (*Tensor, error) {
	src := t
	if !t.IsContiguous() {
		c, err := t.copyAt(ctx, site)
		if err != nil {
			return nil, err
		}
		defer c.Free()
		src = c
	}
	out, err := creation{name: "to", site: site, typ: t.typ, dev: dev}.allocIn(ctx, t.at.Shape)
	if err != nil {
		return nil, err
	}
	if err := move(ctx, out, src); err != nil {
		out.Free()
		return nil, err
	}
	return out, nil
}

// move copies contiguous elements between devices: by the one whose memory the processor cannot
// reach. Where that holds for both, and they are no peers, it goes by way of host memory, a piece at a time.
func move(ctx context.Context, dst, src *Tensor) error {
	to, err := dst.mem.Hold()
	if err != nil {
		return err
	}
	defer dst.mem.Release()
	from, err := src.mem.Hold()
	if err != nil {
		return err
	}
	defer src.mem.Release()
	if src.NBytes() == 0 {
		return nil
	}
	n, dev := src.NBytes(), dst.mem.dev
	if to.Host() != nil {
		dev = src.mem.dev
	}
	err = dev.Copy(ctx, device.Span{Buffer: to, Off: dst.at.Offset, Len: n}, device.Span{Buffer: from, Off: src.at.Offset, Len: n})
	var apart *device.MismatchError
	if to.Host() == nil && from.Host() == nil && errors.As(err, &apart) {
		return relay(ctx, dst, src, make([]byte, min(n, piece)))
	}
	return err
}

// relay moves contiguous elements through host memory.
func relay(ctx context.Context, dst, src *Tensor, host []byte) error {
	to, err := dst.mem.Buffer()
	if err != nil {
		return err
	}
	from, err := src.mem.Buffer()
	for off := 0; off < src.NBytes() && err == nil; off += len(host) {
		host = host[:min(len(host), src.NBytes()-off)]
		err = src.mem.dev.Copy(ctx, device.HostSpan(host), device.Span{Buffer: from, Off: src.at.Offset + off, Len: len(host)})
		if err == nil {
			err = dst.mem.dev.Copy(ctx, device.Span{Buffer: to, Off: dst.at.Offset + off, Len: len(host)}, device.HostSpan(host))
		}
	}
	return err
}

// Assign writes the elements of src, broadcast to the shape of dst, into dst: NumPy's dst[...] = src.
// The type of dst decides, within the kind.
func Assign[A Operand](ctx context.Context, dst *Tensor, src A) error {
	n, err := operand(src)
	return assign(ctx, caller(1), dst, n, err)
}

func assign(ctx context.Context, site uintptr, dst *Tensor, n *ir.Node, err error) error {
	if err == nil && dst == nil {
		err = errNil
	}
	if err == nil && n.Weak {
		n, err = settled(n, dst.typ)
	}
	if err == nil {
		n, err = ir.BroadcastTo(n, dst.at.Shape)
	}
	if err == nil {
		_, err = made("assign", site, n, nil).evalAt(ctx, "assign", site, Out(dst))
	}
	return placed("assign", site, err)
}

// settled is a Go number in the type that it has beside an array of type t, which must hold it.
func settled(n *ir.Node, t dtype.DType) (*ir.Node, error) {
	if !ir.Fits(n.Type, n.Bits, t) {
		return nil, &ir.RangeError{Op: "assign", From: n.Type, Bits: n.Bits, Type: t}
	}
	return ir.CastTo(n, dtype.Result(dtype.Arg{Type: t}, dtype.Arg{Type: n.Type, Weak: true})), nil
}
