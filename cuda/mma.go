package cuda

import (
	"context"
	"errors"
	"sync"
	"unsafe"

	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/kernels/ptx"
)

// tensorCores is what is known of the tensor cores of a device, which take float64 products if they keep the order and the
// roundings of the canonical chain. The first such product finds out.
type tensorCores struct {
	mu    sync.Mutex
	known bool
	agree bool
}

// targetFor is the target for an operation: without tensor cores where those are not known to be right.
func (g *gpu) targetFor(op ir.Op) (ptx.Target, error) {
	product, ok := op.(*ir.MatMul)
	if !ok || product.Type != dtype.Float64 {
		return g.target, nil
	}
	g.tensor.mu.Lock()
	defer g.tensor.mu.Unlock()
	t := g.target
	if !g.tensor.known {
		if err := g.tryTensorCores(); err != nil {
			return t, err
		}
	}
	t.NoMMA = !g.tensor.agree
	return t, nil
}

// tryTensorCores runs the check. An error says that the device is lost; what else goes wrong, such as too little memory,
// leaves the question open, but for a kernel that the driver does not take.
func (g *gpu) tryTensorCores() error {
	check := ptx.NewMMACheck(g.target)
	if check == nil {
		g.tensor.known = true
		return nil
	}
	got, err := g.product(check)
	var refused *KernelError
	g.tensor.agree = err == nil && check.Agrees(got)
	g.tensor.known = err == nil || errors.As(err, &refused)
	if lost := g.lost.Load(); lost != nil {
		return lost
	}
	return nil
}

// product runs the check's operation.
func (g *gpu) product(c *ptx.MMACheck) (got []float64, err error) {
	p, err := g.compile(c.Op, g.target)
	if err != nil {
		return nil, err
	}
	defer func() { err = firstError(err, p.Close()) }()
	got = make([]float64, c.Op.M*c.Op.N)
	a, b := bytesOf(c.A), bytesOf(c.B)
	buffers, err := g.allocAll(len(a), len(b), 8*len(got), max(p.workspace, 1))
	defer func() {
		for _, b := range buffers {
			g.free(b)
		}
	}()
	if err != nil {
		return nil, err
	}
	ctx := context.Background()
	for i, x := range [][]byte{a, b} {
		if err := g.check("copy to the device", g.upload(ctx, buffers[i], 0, x)); err != nil {
			return nil, err
		}
	}
	args := []device.Arg{{Buffer: buffers[0]}, {Buffer: buffers[1]}, {Buffer: buffers[2]}}
	if err := p.run(ctx, args, device.Span{Buffer: buffers[3], Len: p.workspace}); err != nil {
		return nil, err
	}
	return got, g.check("copy to the host", g.download(ctx, bytesOf(got), buffers[2], 0))
}

// allocAll makes buffers of those sizes; with an error those that it made.
func (g *gpu) allocAll(sizes ...int) (buffers []*buffer, err error) {
	for _, n := range sizes {
		b, err := g.alloc(context.Background(), n)
		if err != nil {
			return buffers, err
		}
		buffers = append(buffers, b)
	}
	return buffers, nil
}

// bytesOf is the memory of floats.
func bytesOf(x []float64) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), 8*len(x))
}
