package plan

import (
	"context"
	"time"

	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
)

// Roof is the most that a device was seen to do: what predicted times come from.
type Roof struct {
	BytesPerSecond float64 // to and from memory together, in a copy
	FlopsPerSecond float64 // operations of a float32 product, a multiply-add as two
}

// Sizes with which the roof is measured.
const (
	roofBytes  = 64 << 20 // of a copy, more than caches hold
	roofSide   = 768      // of square matrices
	roofRounds = 3
)

// MeasureRoof copies 64 MiB and multiplies matrices, a few times each, and keeps the fastest. It takes about a tenth of
// a second, and 128 MiB of the device's memory.
func MeasureRoof(ctx context.Context, dev device.Device) (Roof, error) {
	n := roofBytes / 8
	bytes, err := fastest(ctx, dev, &ir.Kernel{
		Space: []int{n}, Lo: 1, Hi: 1,
		In: []ir.Operand{{Type: dtype.Float64, Strides: []int{8}}}, Out: []ir.Operand{{Type: dtype.Float64, Strides: []int{8}}},
		Code: []ir.Inst{{Kind: ir.Load, Type: dtype.Float64, Args: [3]int{-1, -1, -1}}, {Kind: ir.Store, Type: dtype.Float64, Args: [3]int{0, -1, -1}}},
	}, roofBytes)
	if err != nil {
		return Roof{}, err
	}
	square := ir.Operand{Type: dtype.Float32, Strides: []int{4 * roofSide, 4}}
	flops, err := fastest(ctx, dev, &ir.MatMul{Type: dtype.Float32, M: roofSide, N: roofSide, K: roofSide, A: square, B: square, To: square}, 4*roofSide*roofSide)
	return Roof{BytesPerSecond: 2 * roofBytes / bytes, FlopsPerSecond: 2 * roofSide * roofSide * roofSide / flops}, err
}

// fastest is the seconds of the fastest of a few runs of an operation, whose operands have bytes each.
func fastest(ctx context.Context, dev device.Device, op ir.Op, bytes int) (float64, error) {
	prog, err := device.Compile(ctx, dev, op)
	if err != nil {
		return 0, err
	}
	defer prog.Close()
	var bufs []device.Buffer
	defer func() {
		for _, b := range bufs {
			b.Free()
		}
	}()
	room := func(n int) (device.Buffer, error) {
		b, err := dev.Alloc(device.WithPurpose(ctx, device.Workspace), n)
		if err == nil {
			bufs = append(bufs, b)
		}
		return b, err
	}
	zero := make([]byte, bytes)
	var args []device.Arg
	for range len(op.Inputs()) + len(op.Outputs()) {
		b, err := room(bytes)
		if err != nil {
			return 0, err
		}
		if err := dev.Copy(ctx, device.Span{Buffer: b, Len: bytes}, device.HostSpan(zero)); err != nil {
			return 0, err
		}
		args = append(args, device.Arg{Buffer: b})
	}
	var work device.Span
	if n := prog.Workspace(); n > 0 {
		b, err := room(n)
		if err != nil {
			return 0, err
		}
		work = device.Span{Buffer: b, Len: n}
	}
	best := 0.0
	for range roofRounds {
		took, err := timed(ctx, dev, func() error { return prog.Run(ctx, args, work) })
		if err != nil {
			return 0, err
		}
		if best == 0 || took < best {
			best = took
		}
	}
	return best, nil
}

// timed is the seconds that something takes on a device.
func timed(ctx context.Context, dev device.Device, run func() error) (float64, error) {
	start := time.Now()
	if err := run(); err != nil {
		return 0, err
	}
	err := dev.Sync(ctx)
	return max(time.Since(start), time.Nanosecond).Seconds(), err
}

// Seconds is the least time that an operation takes under the roof: that of its bytes or that of its arithmetic,
// whichever is longer.
func (r Roof) Seconds(op ir.Op) float64 {
	c := op.Cost()
	halves := 2 * c.Prims // an operation takes as long as a multiply-add, which counts as two
	if m, product := op.(*ir.MatMul); product {
		first, _ := m.Apart()
		halves -= first.Cost().Prims
	}
	return max(float64(c.BytesIn+c.BytesOut)/r.BytesPerSecond, float64(halves)/r.FlopsPerSecond)
}
