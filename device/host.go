package device

import "unsafe"

// HostBuffer makes a Buffer of the bytes of a Go slice, without copying them, so that either side of
// a Copy, and an operand of a device that works on host memory, may be memory that no device
// allocated. The ledger does not count it. The buffer keeps the slice alive; Free does nothing.
func HostBuffer(b []byte) Buffer { return hostBuffer{b} }

// HostSpan is the whole of b as one side of a Copy.
func HostSpan(b []byte) Span { return Span{Buffer: HostBuffer(b), Len: len(b)} }

type hostBuffer struct{ bytes []byte }

// nowhere is where host buffers of no bytes are.
var nowhere [64]byte

func (h hostBuffer) Size() int { return len(h.bytes) }

func (h hostBuffer) Host() unsafe.Pointer {
	if len(h.bytes) == 0 {
		return unsafe.Pointer(&nowhere)
	}
	return unsafe.Pointer(unsafe.SliceData(h.bytes))
}

func (h hostBuffer) Free() {}

// Bytes is the span as a slice, if the processor can reach its memory; nil and false otherwise. The
// slice does not keep the memory: it is good until the buffer is freed.
func (s Span) Bytes() ([]byte, bool) {
	if s.Buffer == nil {
		return nil, false
	}
	base := s.Buffer.Host()
	if base == nil {
		return nil, false
	}
	return unsafe.Slice((*byte)(unsafe.Add(base, s.Off)), s.Len), true
}

// CheckCopy says what is wrong with the spans of a copy before it is made: no buffer, different
// lengths, or a part that is not inside its buffer.
func CheckCopy(dst, src Span) error {
	if dst.Len != src.Len {
		return &SpanError{Span: src, Side: "source", Why: "the destination has another length", Want: dst.Len}
	}
	if err := dst.check("destination"); err != nil {
		return err
	}
	return src.check("source")
}

func (s Span) check(side string) error {
	switch {
	case s.Buffer == nil:
		return &SpanError{Span: s, Side: side, Why: "no buffer"}
	case s.Off < 0 || s.Len < 0 || s.Off > s.Buffer.Size()-s.Len:
		return &SpanError{Span: s, Side: side, Why: "not inside its buffer", Want: s.Buffer.Size()}
	}
	return nil
}
