package cuda

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/tare-go/tare/cuda/internal/driver"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/kernels/ptx"
)

// program is an operation, compiled.
type program struct {
	gpu       *gpu
	module    *module // nil if there is nothing to launch
	launches  []launch
	workspace int
	operands  int
	scalars   int
	closed    atomic.Bool
}

// launch is one of a program's, ready but for its parameters.
type launch struct {
	ptx    ptx.Launch
	driver driver.Launch
}

// scratch is what a run needs, used again by the next.
type scratch struct {
	operands, scalars []uint64
	buffers           []*buffer
	params            []byte
}

// Compile makes a program of an operation. The error is device.ErrSplit for what must be cut, and a *KernelError
// if the driver does not take the kernel.
func (g *gpu) Compile(op ir.Op) (device.Program, error) {
	if err := g.enter(context.Background()); err != nil {
		return nil, err
	}
	defer g.life.RUnlock()
	if err := ir.Verify(op); err != nil {
		return nil, err
	}
	t, err := g.targetFor(op)
	if err != nil {
		return nil, err
	}
	p, err := g.compile(op, t)
	if err != nil {
		return nil, err
	}
	return p, nil
}

// compile makes a program for a target.
func (g *gpu) compile(op ir.Op, t ptx.Target) (*program, error) {
	m, err := ptx.Lower(op, t)
	if err != nil {
		return nil, err
	}
	p := &program{gpu: g, workspace: m.Workspace, operands: len(op.Inputs()) + len(op.Outputs()), scalars: len(op.Scalars())}
	if len(m.Launches) == 0 {
		return p, nil
	}
	if p.module, err = g.modules.get(m.PTX); err != nil {
		return nil, err
	}
	if err := p.prepare(m.Launches); err != nil {
		g.modules.put(p.module)
		return nil, err
	}
	return p, nil
}

// prepare finds the kernels of the launches.
func (p *program) prepare(launches []ptx.Launch) error {
	g := p.gpu
	for _, l := range launches {
		f, err := g.modules.function(p.module, l.Kernel, l.Shared)
		if err != nil {
			return err
		}
		p.launches = append(p.launches, launch{ptx: l, driver: driver.Launch{
			Function: f, Grid: l.Grid, Block: l.Block, Shared: l.Shared, Offsets: offsets(l.Args), Stream: g.compute,
		}})
	}
	return nil
}

// offsets are where parameters begin when they are packed.
func offsets(args []ptx.Arg) []int {
	at, out := 0, make([]int, len(args))
	for i, a := range args {
		at = (at + a.Size - 1) / a.Size * a.Size
		out[i] = at
		at += a.Size
	}
	return out
}

// Workspace is what the launches share.
func (p *program) Workspace() int { return p.workspace }

// Run starts the launches, in order, after what was started before, and returns. What goes wrong in them is the error
// of the next call that waits.
func (p *program) Run(ctx context.Context, args []device.Arg, work device.Span) error {
	g := p.gpu
	if err := g.enter(ctx); err != nil {
		return err
	}
	defer g.life.RUnlock()
	if p.closed.Load() {
		return device.ErrClosed
	}
	return p.run(ctx, args, work)
}

func (p *program) run(ctx context.Context, args []device.Arg, work device.Span) error {
	g := p.gpu
	g.mu.Lock()
	defer g.mu.Unlock()
	at, err := p.collect(args, work)
	if err != nil {
		return err
	}
	return g.check("run", g.ordered(func() error { return p.launch(ctx, at) }, g.args.buffers))
}

// launch starts the launches with the collected arguments.
func (p *program) launch(ctx context.Context, work uint64) error {
	g, tracer := p.gpu, device.TracerOf(ctx)
	for i := range p.launches {
		if err := ctx.Err(); err != nil {
			return err
		}
		l := &p.launches[i]
		g.args.params = l.ptx.Pack(g.args.params[:0], g.args.operands, g.args.scalars, work)
		l.driver.Params = g.args.params
		err := g.timed(tracer, device.EventLaunch, 0, g.compute, func() error { return g.table.Launch(g.ctx, &l.driver) })
		if err != nil {
			return g.check("launch "+l.ptx.Kernel, err)
		}
	}
	return nil
}

// collect takes the addresses and scalars of a run, and the address of its workspace. The caller has g.mu.
func (p *program) collect(args []device.Arg, work device.Span) (at uint64, err error) {
	g := p.gpu
	g.args.operands, g.args.scalars, g.args.buffers = g.args.operands[:0], g.args.scalars[:0], g.args.buffers[:0]
	if len(args) != p.operands+p.scalars {
		return 0, &Error{g.name, "run", fmt.Errorf("%d arguments, the operation has %d operands and %d scalars", len(args), p.operands, p.scalars)}
	}
	for _, a := range args[:p.operands] {
		address, err := g.operand(a.Buffer)
		if err != nil {
			return 0, err
		}
		g.args.operands = append(g.args.operands, address+uint64(a.Off))
	}
	for _, a := range args[p.operands:] {
		g.args.scalars = append(g.args.scalars, a.Bits)
	}
	if p.workspace == 0 {
		return 0, nil
	}
	if at, err = g.operand(work.Buffer); err != nil {
		return 0, err
	}
	if work.Len < p.workspace || work.Off < 0 || work.Off > work.Buffer.Size()-p.workspace {
		return 0, &Error{g.name, "run", errors.New("the workspace is too small")}
	}
	return at + uint64(work.Off), nil
}

// operand is the address of a buffer that a run uses.
func (g *gpu) operand(b device.Buffer) (uint64, error) {
	own, ok := b.(*buffer)
	switch {
	case !ok || own.gpu != g:
		return 0, g.elsewhere("run", b)
	case own.freed:
		return 0, device.ErrFreed
	}
	g.args.buffers = append(g.args.buffers, own)
	return uint64(own.address), nil
}

// Close ends the program. Its module stays for others like it.
func (p *program) Close() error {
	if p.closed.Swap(true) || p.module == nil {
		return nil
	}
	p.gpu.modules.put(p.module)
	return nil
}
