package tensor

import (
	"context"
	"fmt"
	"runtime"
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
	if t == nil {
		return nil, errNil
	}
	if err := isOf[T](t); err != nil {
		return nil, err
	}
	if !t.IsContiguous() {
		return nil, fmt.Errorf("data: the array of shape %s has strides %v and is not contiguous; use ToSlice, or Copy it first", broadcast.FormatShape(t.at.Shape), t.at.Strides)
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
		return nil, fmt.Errorf("data: the array is on %s, out of the processor's reach; use ToSlice, or To the CPU first", t.mem.dev.Info().Name)
	}
	p := unsafe.Add(host, t.at.Offset)
	if uintptr(p)%unsafe.Alignof(*new(T)) != 0 {
		return nil, fmt.Errorf("data: the elements are not aligned in memory; use ToSlice")
	}
	return unsafe.Slice((*T)(p), t.Size()), nil
}

func isOf[T dtype.Element](t *Tensor) error {
	if want := dtype.Of[T](); t.typ != want {
		return fmt.Errorf("the array is %v, not %v; convert it with AsType(t, %v)", t.typ, want, want)
	}
	return nil
}

// ToSlice copies the elements in C order, from any device and layout.
func ToSlice[T dtype.Element](t *Tensor) ([]T, error) {
	if t == nil {
		return nil, errNil
	}
	if err := isOf[T](t); err != nil {
		return nil, err
	}
	out := make([]T, t.Size())
	err := t.read(context.Background(), elementBytes(out))
	return out, err
}

// read copies the elements in C order into host memory.
func (t *Tensor) read(ctx context.Context, dst []byte) error {
	if len(dst) == 0 {
		_, err := t.mem.Buffer()
		return err
	}
	if !t.IsContiguous() {
		c, err := t.Copy(ctx)
		if err != nil {
			return err
		}
		defer c.Free()
		t = c
	}
	defer runtime.KeepAlive(t)
	buf, err := t.mem.Buffer()
	if err != nil {
		return err
	}
	return t.mem.dev.Copy(ctx, device.HostSpan(dst), device.Span{Buffer: buf, Off: t.at.Offset, Len: len(dst)})
}

// Item is the only element of a tensor of one.
func Item[T dtype.Element](t *Tensor) (T, error) {
	var v [1]T
	if t == nil {
		return v[0], errNil
	}
	if t.Size() != 1 {
		return v[0], fmt.Errorf("item: the array of shape %s has %d elements, not 1", broadcast.FormatShape(t.at.Shape), t.Size())
	}
	s, err := ToSlice[T](t)
	if err != nil {
		return v[0], err
	}
	return s[0], nil
}

// Copy is a new contiguous array with the same elements, on the same device.
func (t *Tensor) Copy(ctx context.Context) (*Tensor, error) {
	return (&Expr{n: t.node()}).Eval(device.WithPurpose(ctx, device.Operand))
}

// To is a copy of the tensor on another device, in C order; the ledger counts what moves. On its own
// device a tensor is returned as it is.
func (t *Tensor) To(ctx context.Context, dev device.Device) (*Tensor, error) {
	if dev == t.mem.dev {
		return t, nil
	}
	ctx = device.WithSite(ctx, caller(1))
	src := t
	if !t.IsContiguous() {
		c, err := t.Copy(ctx)
		if err != nil {
			return nil, err
		}
		defer c.Free()
		src = c
	}
	out, err := creation{typ: t.typ, dev: dev}.alloc("to", caller(1), t.at.Shape)
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
// reach.
func move(ctx context.Context, dst, src *Tensor) error {
	defer runtime.KeepAlive(dst)
	defer runtime.KeepAlive(src)
	to, err := dst.mem.Buffer()
	if err != nil {
		return err
	}
	from, err := src.mem.Buffer()
	if err != nil || src.NBytes() == 0 {
		return err
	}
	dev := dst.mem.dev
	if to.Host() != nil {
		dev = src.mem.dev
	}
	n := src.NBytes()
	return dev.Copy(ctx, device.Span{Buffer: to, Off: dst.at.Offset, Len: n}, device.Span{Buffer: from, Off: src.at.Offset, Len: n})
}

// Assign writes the elements of src, broadcast to the shape of dst, into dst: NumPy's dst[...] = src.
// The type of dst decides, within the kind.
func Assign[A Operand](ctx context.Context, dst *Tensor, src A) error {
	n, err := operand(src)
	if err != nil {
		return err
	}
	if dst == nil {
		return errNil
	}
	if n.Weak {
		n = ir.CastTo(n, dtype.Result(dtype.Arg{Type: dst.typ}, dtype.Arg{Type: n.Type, Weak: true}))
	}
	if n, err = ir.BroadcastTo(n, dst.at.Shape); err != nil {
		return &Error{Op: "assign", Site: device.Site(caller(1)), Err: err}
	}
	_, err = made("assign", caller(1), n, nil).Eval(ctx, Out(dst))
	return err
}
