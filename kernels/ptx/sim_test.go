package ptx

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"sync"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/cuda/ptxsim"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
)

// simulated is a device that runs this package's kernels in the simulator, with as little around them as will do.
type simulated struct {
	machine ptxsim.Machine
	form    form
	target  Target
	mu      sync.Mutex
	modules map[string]*ptxsim.Module // by text
	stats   []ptxsim.Stats            // of each launch
	closed  bool
}

func newSimulated(f form, target Target) *simulated {
	return &simulated{form: f, target: target, modules: map[string]*ptxsim.Module{}}
}

func (d *simulated) Info() device.Info {
	return device.Info{Name: "ptxsim", Kind: "sim", Workers: 1}
}

func (d *simulated) begin(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return device.ErrClosed
	}
	return ctx.Err()
}

type simBuffer struct {
	d    *simulated
	at   uint64
	size int
	once *sync.Once
}

func (b simBuffer) Size() int          { return b.size }
func (simBuffer) Host() unsafe.Pointer { return nil }
func (b simBuffer) Free() {
	b.once.Do(func() {
		if err := b.d.machine.Free(b.at); err != nil {
			panic(err)
		}
	})
}

func (d *simulated) Alloc(ctx context.Context, bytes int) (device.Buffer, error) {
	if err := d.begin(ctx); err != nil {
		return nil, err
	}
	if bytes < 0 {
		return nil, &device.SizeError{Bytes: bytes}
	}
	at, err := d.machine.Alloc(max(bytes, 1))
	return simBuffer{d, at, bytes, new(sync.Once)}, err
}

func (d *simulated) Copy(ctx context.Context, dst, src device.Span) error {
	if err := d.begin(ctx); err != nil {
		return err
	}
	if err := device.CheckCopy(dst, src); err != nil || src.Len == 0 {
		return err
	}
	to, toDevice := dst.Buffer.(simBuffer)
	from, fromDevice := src.Buffer.(simBuffer)
	host := func(s device.Span) []byte {
		return unsafe.Slice((*byte)(unsafe.Add(s.Buffer.Host(), s.Off)), s.Len)
	}
	switch {
	case toDevice && fromDevice:
		return d.machine.Copy(to.at+uint64(dst.Off), from.at+uint64(src.Off), src.Len)
	case toDevice:
		return d.machine.Write(to.at+uint64(dst.Off), host(src))
	case fromDevice:
		return d.machine.Read(from.at+uint64(src.Off), host(dst))
	}
	copy(host(dst), host(src))
	return nil
}

type simProgram struct {
	d      *simulated
	op     ir.Op
	module *Module
	parsed *ptxsim.Module
}

func (d *simulated) Compile(op ir.Op) (device.Program, error) {
	if err := d.begin(context.Background()); err != nil {
		return nil, err
	}
	m, err := lower(op, d.target, d.form)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	parsed := d.modules[m.PTX]
	if parsed == nil && m.PTX != "" {
		if parsed, err = ptxsim.Parse(m.PTX); err != nil {
			return nil, fmt.Errorf("%w\n%s", err, m.PTX)
		}
		d.modules[m.PTX] = parsed
	}
	return &simProgram{d, op, m, parsed}, nil
}

func (p *simProgram) Workspace() int { return p.module.Workspace }
func (p *simProgram) Close() error   { return nil }

func (p *simProgram) Run(ctx context.Context, args []device.Arg, work device.Span) error {
	if err := p.d.begin(ctx); err != nil {
		return err
	}
	var operands, scalars []uint64
	n := len(p.op.Inputs()) + len(p.op.Outputs())
	for i, a := range args {
		if i < n {
			operands = append(operands, a.Buffer.(simBuffer).at+uint64(a.Off))
		} else {
			scalars = append(scalars, a.Bits)
		}
	}
	scratch := uint64(0)
	if work.Len > 0 {
		scratch = work.Buffer.(simBuffer).at + uint64(work.Off)
	}
	for _, l := range p.module.Launches {
		stats, err := p.d.machine.Launch(ctx, p.parsed, l.Kernel, l.Grid, l.Block, l.Shared, l.Pack(nil, operands, scalars, scratch))
		if err != nil {
			return fmt.Errorf("%w\n%+v\n%s", err, l, p.module.PTX)
		}
		p.d.mu.Lock()
		p.d.stats = append(p.d.stats, stats)
		p.d.mu.Unlock()
	}
	return nil
}

func (d *simulated) Sync(ctx context.Context) error { return d.begin(ctx) }

func (d *simulated) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil
	}
	d.closed = true
	return nil
}

// spot is where an operand's element at index 0 is.
type spot struct{ block, off int }

// trial is an operation, the memory that it works on, and where in that its operands are.
type trial struct {
	op      ir.Op
	blocks  [][]byte
	args    []spot
	scalars []uint64
}

// run is the blocks after a device ran the trial.
func (tr *trial) run(t require.TestingT, d *simulated) [][]byte {
	ctx := context.Background()
	p, err := d.Compile(tr.op)
	require.NoError(t, err)
	buffers := make([]device.Buffer, len(tr.blocks))
	for i, b := range tr.blocks {
		buffers[i], err = d.Alloc(ctx, len(b))
		require.NoError(t, err)
		require.NoError(t, d.Copy(ctx, device.Span{Buffer: buffers[i], Len: len(b)}, device.HostSpan(b)))
	}
	var args []device.Arg
	for _, s := range tr.args {
		args = append(args, device.Arg{Buffer: buffers[s.block], Off: s.off})
	}
	for _, s := range tr.scalars {
		args = append(args, device.Arg{Bits: s})
	}
	work := device.Span{Len: p.Workspace()}
	if work.Len > 0 {
		work.Buffer, err = d.Alloc(ctx, work.Len)
		require.NoError(t, err)
		defer work.Buffer.Free()
	}
	require.NoError(t, p.Run(ctx, args, work), "%v", tr.op)
	after := make([][]byte, len(buffers))
	for i, b := range buffers {
		after[i] = make([]byte, len(tr.blocks[i]))
		require.NoError(t, d.Copy(ctx, device.HostSpan(after[i]), device.Span{Buffer: b, Len: b.Size()}))
		b.Free()
	}
	return after
}

// interpret is the blocks after the reference interpreter ran the trial.
func (tr *trial) interpret(t require.TestingT) [][]byte {
	after := make([][]byte, len(tr.blocks))
	for i, b := range tr.blocks {
		after[i] = bytes.Clone(b)
	}
	memory := make([]ir.Memory, len(tr.args))
	for i, s := range tr.args {
		memory[i] = ir.Memory{Data: after[s.block], Off: s.off}
	}
	require.NoError(t, ir.Interpret(tr.op, memory, tr.scalars))
	return after
}

// check compares the device with the interpreter: all memory, bit for bit, but that NaNs are alike in outputs.
func (tr *trial) check(t require.TestingT, d *simulated, name string) {
	got, want := tr.run(t, d), tr.interpret(t)
	for i, o := range tr.op.Outputs() {
		b := tr.args[len(tr.op.Inputs())+i].block
		alikeNaNs(o.Type, got[b], want[b])
	}
	for i := range want {
		if bytes.Equal(got[i], want[i]) {
			continue
		}
		at := 0
		for got[i][at] == want[i][at] {
			at++
		}
		at &^= 7
		end := min(at+8, len(got[i]))
		require.Failf(t, "different", "%s: block %d of %d at byte %d: got %x, want %x\n%v", name, i, len(want), at, got[i][at:end], want[i][at:end], tr.op)
	}
}

func alikeNaNs(t dtype.DType, got, want []byte) {
	size := t.Size()
	for at := 0; at+size <= len(got) && t.IsFloat(); at += size {
		if g, w := got[at:at+size], want[at:at+size]; isNaN(t, ir.ReadBits(g)) && isNaN(t, ir.ReadBits(w)) {
			copy(g, w)
		}
	}
}

func isNaN(t dtype.DType, bits uint64) bool {
	if t == dtype.Float32 {
		return math.IsNaN(float64(math.Float32frombits(uint32(bits))))
	}
	return t == dtype.Float64 && math.IsNaN(math.Float64frombits(bits))
}
