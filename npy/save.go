package npy

import (
	"context"
	"fmt"
	"io"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/cpu"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/plan"
	np "github.com/tare-go/tare/tensor"
)

// Save writes an array to the .npy file at path, byte for byte as numpy.save does: in Fortran order
// if the array is contiguous in that order alone, else in C order. No copy of the array is made;
// elements that lie apart are gathered, 1 MiB at a time. The path is taken as it is: no .npy is
// added.
//
// The file appears under its name when it is whole, as a [Writer]'s does. An array that is mapped
// from the file that is replaced keeps its elements.
func Save(path string, a *np.Tensor) error { return SaveContext(context.Background(), path, a) }

// SaveContext is Save until ctx is cancelled. It then removes what it wrote, and returns ctx's error.
func SaveContext(ctx context.Context, path string, a *np.Tensor) error {
	src, err := layoutOf(a)
	if err != nil {
		return fmt.Errorf("npy: save %s: %w", path, err)
	}
	w, err := Create(path, src.typ, src.at.Shape, src.fortran())
	if err != nil {
		return err
	}
	defer w.Abort()
	if err := src.write(ctx, w); err != nil {
		return err
	}
	return w.Commit()
}

// Write writes an array to w as [Save] does to a file.
func Write(w io.Writer, a *np.Tensor) error {
	src, err := layoutOf(a)
	if err != nil {
		return err
	}
	if _, err := w.Write(AppendHeader(nil, src.typ, src.fortran(), src.at.Shape)); err != nil {
		return err
	}
	return src.write(context.Background(), w)
}

// WriteTensor appends the elements of an array, in C order, from any device: a part of a file that is
// written as its parts are computed. The types of the two agree.
func (w *Writer) WriteTensor(ctx context.Context, a *np.Tensor) error {
	src, err := layoutOf(a)
	if err != nil {
		return err
	}
	if src.typ != w.header.DType || w.header.Fortran {
		return fmt.Errorf("npy: write %s: a part of type %s for a file of %s in C order", w.path, src.typ, w.header.DType)
	}
	if src.fortran() {
		c, err := a.Copy(ctx)
		if err != nil {
			return err
		}
		defer c.Free()
		return w.WriteTensor(ctx, c)
	}
	return src.write(ctx, w)
}

// layout is an array and where its elements are.
type layout struct {
	array *np.Tensor
	mem   plan.Array
	typ   dtype.DType
	at    broadcast.View
}

// layoutOf is the layout of a. No array at all is an error.
func layoutOf(a *np.Tensor) (layout, error) {
	n, err := np.E(a).Node()
	if err != nil {
		return layout{}, err
	}
	mem, ok := n.Array.(plan.Array)
	if !ok {
		panic("BUG: npy: a tensor that is not an array in memory")
	}
	return layout{array: a, mem: mem, typ: n.Type, at: n.At}, nil
}

// fortran says whether the elements are contiguous in Fortran order, and not in C order.
func (l layout) fortran() bool {
	size := l.typ.Size()
	return l.at.IsFortran(size) && !l.at.IsContiguous(size)
}

// write writes the elements, in Fortran order if they are contiguous in it alone, else in C order.
func (l layout) write(ctx context.Context, w io.Writer) error {
	buf, err := l.mem.Hold()
	if err != nil {
		return fmt.Errorf("npy: save: %w", err)
	}
	defer l.mem.Release()
	mem, ok := device.Span{Buffer: buf, Len: buf.Size()}.Bytes()
	if !ok {
		return l.writeFar(ctx, w, buf)
	}
	return l.intact(buf, func() error { return writeView(ctx, w, mem, l.at, l.typ.Size(), l.fortran()) })
}

// intact calls f, which reads buf. If that is a mapped file of which a part is lost, this is the error.
func (l layout) intact(buf device.Buffer, f func() error) error {
	var err error
	if lost := cpu.Guard(func() { err = f() }); lost != nil {
		return lost
	}
	if p, ok := buf.(*pages); ok {
		if lost := p.Intact(); lost != nil {
			return lost
		}
	}
	return err
}

// writeFar writes elements that the processor cannot reach, by way of 1 MiB that it can. Elements
// that lie apart are copied on their device first.
func (l layout) writeFar(ctx context.Context, w io.Writer, buf device.Buffer) error {
	if !l.at.IsContiguous(l.typ.Size()) && !l.fortran() {
		c, err := l.array.Copy(ctx)
		if err != nil {
			return err
		}
		defer c.Free()
		near, err := layoutOf(c)
		if err != nil {
			return err
		}
		return near.write(ctx, w)
	}
	left := l.at.Size() * l.typ.Size()
	staging := make([]byte, min(left, chunk))
	for off := l.at.Offset; left > 0; {
		n := min(left, len(staging))
		if err := l.mem.Device().Copy(ctx, device.HostSpan(staging[:n]), device.Span{Buffer: buf, Off: off, Len: n}); err != nil {
			return err
		}
		if _, err := w.Write(staging[:n]); err != nil {
			return err
		}
		off, left = off+n, left-n
	}
	return nil
}
