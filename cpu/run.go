package cpu

import (
	"context"
	"fmt"
	"sync/atomic"
	"unsafe"

	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/kernels/simd"
)

// kernelRun is one run of a kernel: its operands, and a frame for each worker.
type kernelRun struct {
	p       *kernelProgram
	at      []unsafe.Pointer // of inputs and outputs
	in, out []unsafe.Pointer // parts of it
	scalars []uint64
	shared  unsafe.Pointer
	frames  []frame
	past    bool // outputs go past the caches
	phase   int
	over    atomic.Bool // the only unit is decided
}

func (p *kernelProgram) newRun() *kernelRun {
	in := len(p.k.In)
	at := make([]unsafe.Pointer, in+len(p.k.Out))
	r := &kernelRun{
		p: p, at: at, in: at[:in], out: at[in:],
		scalars: make([]uint64, len(p.k.Params)), frames: make([]frame, p.pool.workers),
	}
	for w := range r.frames {
		r.frames[w] = newFrame(r, p)
	}
	return r
}

// Run computes the kernel. Whatever it has started is over when it returns, also with an error.
func (p *kernelProgram) Run(ctx context.Context, args []device.Arg, work device.Span) error {
	return launch(ctx, p.pool, &p.runs, p.newRun, args, work)
}

// start points the run to its operands and its workspace.
func (r *kernelRun) start(args []device.Arg, work device.Span) error {
	if len(args) != len(r.at)+len(r.scalars) {
		panic(fmt.Sprintf("BUG: cpu: %d arguments for %d inputs, %d outputs and %d scalars", len(args), len(r.in), len(r.out), len(r.scalars)))
	}
	if err := addresses(r.at, args[:len(r.at)]); err != nil {
		return err
	}
	r.past = r.goesPast()
	for i, a := range args[len(r.at):] {
		put(r.p.k.Params[i].Size(), unsafe.Pointer(&r.scalars[i]), a.Bits)
	}
	at, err := workspace(work, r.p.Workspace())
	if err != nil || at == nil {
		return err
	}
	for w := range r.frames {
		r.frames[w].scratch = unsafe.Add(at, w*r.p.scratch)
	}
	if r.p.shared > 0 {
		r.shared = unsafe.Add(at, len(r.frames)*r.p.scratch)
	}
	return nil
}

func (r *kernelRun) reset() {
	clear(r.at)
	r.shared = nil
	for w := range r.frames {
		r.frames[w].reset()
	}
}

// addresses are those of the operands' first elements.
func addresses(at []unsafe.Pointer, args []device.Arg) error {
	for i, a := range args {
		base := a.Buffer.Host()
		if base == nil {
			return device.ErrFreed
		}
		at[i] = unsafe.Add(base, a.Off)
	}
	return nil
}

// workspace is the address of a workspace that has at least need bytes; nil if none are needed.
func workspace(work device.Span, need int) (unsafe.Pointer, error) {
	if need == 0 {
		return nil, nil
	}
	if work.Buffer == nil || work.Len < need {
		panic(fmt.Sprintf("BUG: cpu: a workspace of %d bytes where %d are needed", work.Len, need))
	}
	base := work.Buffer.Host()
	if base == nil {
		return nil, device.ErrFreed
	}
	return unsafe.Add(base, work.Off), nil
}

// run does all phases.
func (r *kernelRun) run(ctx context.Context) error {
	switch p := r.p; {
	case p.tasks == 0:
		return ctx.Err()
	case p.split:
		return r.runSplit(ctx)
	default:
		return p.pool.run(ctx, p.tasks, r)
	}
}

// task does one part of a phase.
func (r *kernelRun) task(worker, i int) {
	f := &r.frames[worker]
	f.worked = true
	p := r.p
	switch {
	case !p.k.Folds():
		f.boxes(i*p.group, (i+1)*p.group)
	case p.split:
		f.splitTask(r.phase, i)
	default:
		for u := i * p.group; u < min((i+1)*p.group, p.units); u++ {
			f.unit(u)
		}
	}
	if r.past {
		simd.Fence()
	}
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }
