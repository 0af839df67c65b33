package tensor

import (
	"slices"
	"sync/atomic"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
)

// Tensor is an array: memory on one device, seen with a shape, an element type and strides. Several
// tensors can share memory. A Tensor's fields never change; its elements may. A nil *Tensor has no
// elements and no type, and is an error wherever an array is needed.
//
// A tensor may be read by any number of goroutines at once; writing it (Out, Assign) while others
// read or write it needs the caller's synchronisation.
type Tensor struct {
	mem  *memory
	typ  dtype.DType
	at   broadcast.View
	base *Tensor // whose memory it is; nil if its own
	leaf atomic.Pointer[ir.Node]
}

// Shape is the extent of each dimension.
func (t *Tensor) Shape() []int {
	if t == nil {
		return nil
	}
	return slices.Clone(t.at.Shape)
}

// NDim is the number of dimensions.
func (t *Tensor) NDim() int { return len(t.Shape()) }

// Size is the number of elements.
func (t *Tensor) Size() int {
	if t == nil {
		return 0
	}
	n := 1
	for _, e := range t.at.Shape {
		n *= e
	}
	return n
}

// DType is the type of the elements.
func (t *Tensor) DType() dtype.DType {
	if t == nil {
		return dtype.Invalid
	}
	return t.typ
}

// NBytes is the number of bytes of the elements, Size times the size of one: what a copy would take.
func (t *Tensor) NBytes() int { return t.Size() * t.DType().Size() }

// Strides is the number of bytes from an element to the next, for each dimension.
func (t *Tensor) Strides() []int {
	if t == nil {
		return nil
	}
	return slices.Clone(t.at.Strides)
}

// IsContiguous reports whether the elements are one behind the other in C order.
func (t *Tensor) IsContiguous() bool { return t != nil && t.at.IsContiguous(t.typ.Size()) }

// Base is the tensor whose memory a view sees, or nil if the tensor is no view.
func (t *Tensor) Base() *Tensor {
	if t == nil {
		return nil
	}
	return t.base
}

// Device is where the elements are.
func (t *Tensor) Device() device.Device {
	if t == nil {
		return nil
	}
	return t.mem.dev
}

// Version counts the writes to the tensor's memory.
func (t *Tensor) Version() uint64 {
	if t == nil {
		return 0
	}
	return t.mem.version.Load()
}

// Named gives the tensor's memory a name for plans and messages, and returns the tensor.
func (t *Tensor) Named(name string) *Tensor {
	if t != nil {
		t.mem.name = name
	}
	return t
}

// Free releases the memory at once, also under the tensor's views: what uses one of them afterwards
// gets device.ErrFreed, and an evaluation that is using it keeps it until it ends. A tensor that is merely forgotten is released by the garbage collector, some
// time. A second Free does nothing.
func (t *Tensor) Free() {
	if t != nil {
		t.mem.free()
	}
}

// node is the tensor in expressions: the same node in all of them.
func (t *Tensor) node() *ir.Node {
	n := t.leaf.Load()
	if n == nil {
		n = ir.NewLeaf(t.mem, t.typ, t.at)
		t.leaf.Store(n)
	}
	return n
}

func (t *Tensor) view(n *ir.Node) *Tensor {
	base := t.base
	if base == nil {
		base = t
	}
	return &Tensor{mem: t.mem, typ: t.typ, at: n.At, base: base}
}
