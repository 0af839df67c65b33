package devicetest

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
)

// trial is one run of an operation: the blocks of memory that it works on, and where in them its
// operands are. An operand may share a block with another, or with an output.
type trial struct {
	op      ir.Op
	blocks  [][]byte
	args    []spot // inputs, then outputs
	scalars []uint64
}

// spot is the place of an operand's element at index 0.
type spot struct{ block, off int }

// input adds a block with a drawn array, and returns the operand.
func (tr *trial) input(l layout, t dtype.DType, space []int, lead int, draw func() uint64) ir.Operand {
	o := tr.output(l, t, space, lead)
	block := tr.blocks[len(tr.blocks)-1]
	for at := 0; at+t.Size() <= len(block); at += t.Size() {
		ir.WriteBits(block[at:at+t.Size()], draw())
	}
	return o
}

// output adds a block for an array, filled with a marker.
func (tr *trial) output(l layout, t dtype.DType, space []int, lead int) ir.Operand {
	o, off, size := l.place(t, space, lead)
	tr.args = append(tr.args, spot{len(tr.blocks), off})
	tr.blocks = append(tr.blocks, bytes.Repeat([]byte{guardByte}, size))
	return o
}

// drawn is a source of elements of type t.
func drawn(r *rand.Rand, t dtype.DType, draw func(*rand.Rand, dtype.DType) uint64) func() uint64 {
	return func() uint64 { return draw(r, t) }
}

// on runs the trial on a device, and returns the blocks afterwards.
func (tr *trial) on(ctx context.Context, dev device.Device) (after [][]byte, err error) {
	program, err := device.Compile(ctx, dev, tr.op)
	if err != nil {
		return nil, fmt.Errorf("compile: %w", err)
	}
	defer func() { err = first(err, program.Close()) }()
	return tr.with(ctx, dev, program)
}

// with runs the trial's program.
func (tr *trial) with(ctx context.Context, dev device.Device, program device.Program) (after [][]byte, err error) {
	buffers := make([]device.Buffer, len(tr.blocks))
	defer func() { free(buffers) }()
	for i, block := range tr.blocks {
		if buffers[i], err = upload(ctx, dev, block); err != nil {
			return nil, err
		}
	}
	work := device.Span{Len: program.Workspace()}
	if work.Len > 0 {
		if work.Buffer, err = dev.Alloc(ctx, work.Len); err != nil {
			return nil, err
		}
		defer work.Buffer.Free()
	}
	args := tr.deviceArgs(buffers)
	if err := program.Run(ctx, args, work); err != nil {
		return nil, fmt.Errorf("run: %w", err)
	}
	clear(args) // which are the caller's again, even where the run has not ended
	after = make([][]byte, len(buffers))
	for i, b := range buffers {
		if after[i], err = download(ctx, dev, b, len(tr.blocks[i])); err != nil {
			return nil, err
		}
	}
	return after, nil
}

func (tr *trial) deviceArgs(buffers []device.Buffer) []device.Arg {
	var args []device.Arg
	for _, s := range tr.args {
		args = append(args, device.Arg{Buffer: buffers[s.block], Off: s.off})
	}
	for _, bits := range tr.scalars {
		args = append(args, device.Arg{Bits: bits})
	}
	return args
}

// interpreted is the blocks after the reference interpreter ran the trial.
func (tr *trial) interpreted() ([][]byte, error) {
	blocks := make([][]byte, len(tr.blocks))
	for i, b := range tr.blocks {
		blocks[i] = bytes.Clone(b)
	}
	memory := make([]ir.Memory, len(tr.args))
	for i, s := range tr.args {
		memory[i] = ir.Memory{Data: blocks[s.block], Off: s.off}
	}
	return blocks, ir.Interpret(tr.op, memory, tr.scalars)
}

// differ says where two outcomes of the trial differ, in an output or outside of it; nil if nowhere.
// Any NaN equals any NaN.
func (tr *trial) differ(got, want [][]byte) error {
	inputs := len(tr.op.Inputs())
	for i, o := range tr.op.Outputs() {
		s := tr.args[inputs+i]
		if err := differIn(o, ir.Extents(tr.op, inputs+i), s.off, got[s.block], want[s.block]); err != nil {
			return fmt.Errorf("output %d: %w", i, err)
		}
	}
	for i := range got {
		if !bytes.Equal(got[i], want[i]) {
			return fmt.Errorf("block %d: memory outside of the outputs was written", i)
		}
	}
	return nil
}

// differIn compares the elements of an output, and makes their NaNs alike.
func differIn(o ir.Operand, space []int, off int, got, want []byte) (err error) {
	if low, high := o.Reach(space); low == high {
		return nil
	}
	size := o.Type.Size()
	for i := range count(space) {
		at := off + offset(o.Strides, space, i)
		g, w := got[at:at+size], want[at:at+size]
		if isNaN(o.Type, ir.ReadBits(g)) && isNaN(o.Type, ir.ReadBits(w)) {
			copy(g, w)
		}
		if !bytes.Equal(g, w) {
			return fmt.Errorf("element %d of %v %v: got bits %#x, want %#x", i, o.Type, space, ir.ReadBits(g), ir.ReadBits(w))
		}
	}
	return nil
}

func isNaN(t dtype.DType, bits uint64) bool {
	switch t {
	case dtype.Float32:
		return math.IsNaN(float64(math.Float32frombits(uint32(bits))))
	case dtype.Float64:
		return math.IsNaN(math.Float64frombits(bits))
	}
	return false
}

// count is the number of elements of a space.
func count(space []int) int {
	n := 1
	for _, e := range space {
		n *= e
	}
	return n
}

// offset is the sum of the strides to the i-th element in C order.
func offset(strides, space []int, i int) (off int) {
	for d := len(space) - 1; d >= 0; d-- {
		off += i % space[d] * strides[d]
		i /= space[d]
	}
	return off
}

// upload makes a buffer with the bytes of a block.
func upload(ctx context.Context, dev device.Device, block []byte) (device.Buffer, error) {
	b, err := dev.Alloc(ctx, len(block))
	if err != nil {
		return nil, fmt.Errorf("alloc: %w", err)
	}
	if err := dev.Copy(ctx, device.Span{Buffer: b, Len: len(block)}, device.HostSpan(block)); err != nil {
		b.Free()
		return nil, fmt.Errorf("copy to the device: %w", err)
	}
	return b, nil
}

// download is the first size bytes of a buffer.
func download(ctx context.Context, dev device.Device, b device.Buffer, size int) ([]byte, error) {
	block := make([]byte, size)
	err := dev.Copy(ctx, device.HostSpan(block), device.Span{Buffer: b, Len: size})
	if err == nil {
		err = dev.Sync(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("copy from the device: %w", err)
	}
	return block, nil
}

func free(buffers []device.Buffer) {
	for _, b := range buffers {
		if b != nil {
			b.Free()
		}
	}
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
