package cpu

import (
	"context"
	"runtime"

	"github.com/tare-go/tare/device"
)

// launched is one run of a program: start points it to its operands and its workspace, and reset makes it
// forget them, for the collector must not find pointers to what was freed.
type launched interface {
	start(args []device.Arg, work device.Span) error
	run(ctx context.Context) error
	reset()
}

// launch runs a program with a run that is free, or a fresh one. Whatever it has started is over when it returns, also with
// an error.
func launch[T any, R interface {
	*T
	launched
}](ctx context.Context, p *pool, runs *freeList[T], fresh func() *T, args []device.Arg, work device.Span) error {
	if p.closed.Load() {
		return device.ErrClosed
	}
	t := runs.get()
	if t == nil {
		t = fresh()
	}
	r := R(t)
	if err := r.start(args, work); err != nil {
		return err
	}
	err := r.run(ctx)
	runtime.KeepAlive(args)
	r.reset()
	runs.put(t)
	return err
}
