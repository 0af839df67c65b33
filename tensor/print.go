package tensor

import (
	"context"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/format"
	"github.com/tare-go/tare/internal/ir"
)

// PrintOptions are NumPy's print options.
type PrintOptions = format.Options

// DefaultPrint is how NumPy prints without being told otherwise.
func DefaultPrint() PrintOptions { return format.Default() }

// String is the elements as NumPy prints them, summarised when there are many.
func (t *Tensor) String() string { return t.Str(format.Default()) }

// Str is NumPy's str of the array.
func (t *Tensor) Str(o PrintOptions) string { return t.show(o, format.Str) }

// Repr is NumPy's repr of the array: array([…], dtype=…).
func (t *Tensor) Repr(o PrintOptions) string { return t.show(o, format.Repr) }

func (t *Tensor) show(o PrintOptions, show func(format.Source, format.Options) string) string {
	if t == nil {
		return "<nil>"
	}
	s := &printed{t: t}
	text := show(s, o)
	if s.err != nil {
		return "<" + s.err.Error() + ">"
	}
	return text
}

// printed reads single elements.
type printed struct {
	t   *Tensor
	err error
}

// DType is the type of the elements.
func (p *printed) DType() dtype.DType { return p.t.typ }

// Shape is the shape of the array.
func (p *printed) Shape() []int { return p.t.at.Shape }

// At is the bits of one element, integers extended by their sign.
func (p *printed) At(index []int) uint64 {
	off := p.t.at.Offset
	for d, i := range index {
		off += i * p.t.at.Strides[d]
	}
	bits, err := p.t.peek(off)
	if err != nil {
		p.err = err
	}
	if p.t.typ.Kind() == dtype.SignedKind {
		shift := 64 - 8*p.t.typ.Size()
		return uint64(int64(bits<<shift) >> shift)
	}
	return bits
}

// peek reads the element at an offset of the memory.
func (t *Tensor) peek(off int) (uint64, error) {
	buf, err := t.mem.Hold()
	if err != nil {
		return 0, err
	}
	defer t.mem.Release()
	b := make([]byte, t.typ.Size())
	err = t.mem.dev.Copy(context.Background(), device.HostSpan(b), device.Span{Buffer: buf, Off: off, Len: len(b)})
	return ir.ReadBits(b), err
}

// String is the expression's shape and type, or its error: elements exist only after Eval.
func (e *Expr) String() string {
	if e == nil {
		return "<nil>"
	}
	if e.err != nil {
		return "<" + e.err.Error() + ">"
	}
	return "<" + e.n.Name() + " " + e.n.Type.String() + " " + broadcast.FormatShape(e.n.Shape) + ">"
}
