package npy

import (
	"context"
	"fmt"
	"runtime"

	"github.com/tare-go/tare/device"
	np "github.com/tare-go/tare/tensor"
)

// room is memory of the CPU for the elements of a file.
type room struct {
	ctx context.Context
	dev device.Device
	buf device.Buffer // nil before the first resize
	len int
}

// newRoom is room for the elements of an array, none of it allocated. A *[device.BudgetError] says
// that they do not fit; op names the call in it.
func newRoom(op string, site uintptr, h Header) (*room, error) {
	dev, err := device.Open("cpu")
	if err != nil {
		return nil, err
	}
	ctx := device.WithSite(context.Background(), site)
	if err := device.Check(ctx, dev, op, device.SizeClass(h.NBytes()), nil); err != nil {
		return nil, err
	}
	return &room{ctx: ctx, dev: dev}, nil
}

// resize is n bytes that begin with those that were there before.
func (m *room) resize(n int) ([]byte, error) {
	buf, err := m.dev.Alloc(m.ctx, n)
	if err != nil {
		return nil, err
	}
	data, ok := device.Span{Buffer: buf, Len: n}.Bytes()
	if !ok {
		panic(fmt.Sprintf("BUG: npy: the memory of %s is not the processor's", m.dev.Info().Name))
	}
	if m.buf != nil {
		old, _ := device.Span{Buffer: m.buf, Len: m.len}.Bytes()
		copy(data, old)
		m.buf.Free()
	}
	m.buf, m.len = buf, n
	return data, nil
}

// tensor is an array of what was read, which takes the memory over; after a failure to read there
// is none.
func (m *room) tensor(h Header, failure error) (*np.Tensor, error) {
	if failure == nil {
		t, err := np.FromMemory(m.dev, m.buf, h.DType, h.View())
		if err == nil {
			return t, nil
		}
		failure = err
	}
	if m.buf != nil {
		m.buf.Free()
	}
	return nil, failure
}

// caller is the program counter of the call of the exported function that calls this.
func caller() uintptr {
	var pc [1]uintptr
	runtime.Callers(3, pc[:])
	return pc[0]
}
