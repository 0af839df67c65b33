package cuda

import (
	"cmp"
	"context"
	"slices"

	"github.com/tare-go/tare/cuda/internal/driver"
	"github.com/tare-go/tare/device"
)

// smallCopy is the most bytes of a copy between host and device that takes its place in the compute stream: it is not worth
// the events that let a lane run beside it.
const smallCopy = 256 << 10

// Copy copies between buffers of the device, of two devices of the same driver, and the host's memory. It comes after what
// was started before. When it returns, the host's memory holds what was copied to it, and may change if it was copied from.
func (g *gpu) Copy(ctx context.Context, dst, src device.Span) error {
	leave, err := enterAll(ctx, g, owner(dst.Buffer), owner(src.Buffer))
	if err != nil {
		return err
	}
	defer leave()
	if err := device.CheckCopy(dst, src); err != nil {
		return err
	}
	to, from, err := g.ends(dst, src)
	if err != nil || dst.Len == 0 {
		return err
	}
	for _, b := range []*buffer{to, from} {
		if b == nil {
			continue
		}
		if err := b.hold(); err != nil {
			return err
		}
		defer b.letGo()
	}
	return g.transfer(ctx, dst, src, to, from)
}

// owner is the device of a buffer, nil if that is not of this package.
func owner(b device.Buffer) *gpu {
	if own, ok := b.(*buffer); ok {
		return own.gpu
	}
	return nil
}

// enterAll enters devices, each once and always in the same order, so that no two calls and Closes wait for each other.
func enterAll(ctx context.Context, gpus ...*gpu) (leave func(), err error) {
	gpus = slices.DeleteFunc(gpus, func(g *gpu) bool { return g == nil })
	slices.SortFunc(gpus, func(a, b *gpu) int { return cmp.Compare(a.number, b.number) })
	gpus = slices.Compact(gpus)
	for i, g := range gpus {
		if err := g.enter(ctx); err != nil {
			leaveAll(gpus[:i])
			return nil, err
		}
	}
	return func() { leaveAll(gpus) }, nil
}

func leaveAll(gpus []*gpu) {
	for _, g := range gpus {
		g.life.RUnlock()
	}
}

// ends are the sides of a copy that are memory of devices, nil for the host's.
func (g *gpu) ends(dst, src device.Span) (to, from *buffer, err error) {
	to, toDevice := dst.Buffer.(*buffer)
	from, fromDevice := src.Buffer.(*buffer)
	switch {
	case !toDevice && dst.Buffer.Host() == nil, toDevice && to.gpu != g && (!fromDevice || from.gpu != g):
		return nil, nil, g.elsewhere("copy", dst.Buffer)
	case !fromDevice && src.Buffer.Host() == nil, fromDevice && from.gpu != g && (!toDevice || to.gpu != g):
		return nil, nil, g.elsewhere("copy", src.Buffer)
	case toDevice && fromDevice && to.gpu.table != from.gpu.table:
		return nil, nil, g.elsewhere("copy", src.Buffer)
	}
	return to, from, nil
}

// transfer copies between the ends.
func (g *gpu) transfer(ctx context.Context, dst, src device.Span, to, from *buffer) error {
	switch {
	case to == nil && from == nil:
		return copyOnHost(ctx, dst, src)
	case from == nil:
		host, _ := src.Bytes()
		return g.check("copy to the device", g.upload(ctx, to, dst.Off, host))
	case to == nil:
		host, _ := dst.Bytes()
		return g.check("copy to the host", g.download(ctx, host, from, src.Off))
	case to.gpu != from.gpu:
		return g.check("copy between devices", peer(ctx, to, dst.Off, from, src.Off, dst.Len))
	}
	return g.check("copy on the device", g.onDevice(ctx, to, dst.Off, from, src.Off, dst.Len))
}

// copyOnHost copies memory of the host, which may overlap.
func copyOnHost(ctx context.Context, dst, src device.Span) error {
	to, _ := dst.Bytes()
	from, _ := src.Bytes()
	copy(to, from)
	return ctx.Err()
}

// upload copies from the host.
func (g *gpu) upload(ctx context.Context, to *buffer, off int, from []byte) error {
	g.up.mu.Lock()
	defer g.up.mu.Unlock()
	at := to.address + driver.Address(off)
	if len(from) <= smallCopy {
		if err := g.use(to); err != nil {
			return err
		}
		defer g.use(to)
		return g.up.send(ctx, at, from, g.compute)
	}
	if err := g.after(g.up.stream, to); err != nil {
		return err
	}
	err := g.up.send(ctx, at, from, g.up.stream)
	err = firstError(err, g.arrive(to))
	g.up.endAfter(err, g.up.stream)
	return err
}

// download copies to the host.
func (g *gpu) download(ctx context.Context, to []byte, from *buffer, off int) error {
	defer g.tracks.settle()
	g.down.mu.Lock()
	defer g.down.mu.Unlock()
	at := from.address + driver.Address(off)
	if len(to) <= smallCopy {
		if err := g.use(from); err != nil {
			return err
		}
		return g.down.receive(ctx, to, at, g.compute)
	}
	if err := g.after(g.down.stream, from); err != nil {
		return err
	}
	return g.down.receive(ctx, to, at, g.down.stream)
}

// use notes that something with a buffer is started in the compute stream, now or just before.
func (g *gpu) use(b *buffer) error {
	return g.inOrder(func() error { return nil }, b)
}

// inOrder starts something that uses buffers in the compute stream.
func (g *gpu) inOrder(do func() error, uses ...*buffer) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.ordered(do, uses)
}

// ordered is inOrder for a caller that has g.mu.
func (g *gpu) ordered(do func() error, uses []*buffer) error {
	ticket := g.start()
	for _, b := range uses {
		if err := g.await(b); err != nil {
			return err
		}
		b.used = ticket
	}
	if err := do(); err != nil {
		return err
	}
	for _, b := range uses {
		if err := g.mark(b, ticket); err != nil {
			return err
		}
	}
	return nil
}

// onDevice copies memory of the device. Where the two overlap it goes by way of other memory, as the driver leaves open
// what comes of it.
func (g *gpu) onDevice(ctx context.Context, to *buffer, off int, from *buffer, fromOff, n int) error {
	dst, src := to.address+driver.Address(off), from.address+driver.Address(fromOff)
	if to != from || off+n <= fromOff || fromOff+n <= off {
		return g.copyInOrder(ctx, n, func() error { return g.table.CopyOnDevice(g.ctx, dst, src, n, g.compute) }, to, from)
	}
	at, err := g.reserve(ctx, n)
	if err != nil {
		return err
	}
	return g.copyInOrder(ctx, n, func() error {
		defer g.dig(grave{ticket: g.started, address: at})
		if err := g.table.CopyOnDevice(g.ctx, at, src, n, g.compute); err != nil {
			return err
		}
		return g.table.CopyOnDevice(g.ctx, dst, at, n, g.compute)
	}, to, from)
}

// copyInOrder starts a copy on the device in the compute stream.
func (g *gpu) copyInOrder(ctx context.Context, n int, do func() error, to, from *buffer) error {
	return g.inOrder(func() error { return g.timed(device.TracerOf(ctx), device.EventD2D, n, g.compute, do) }, to, from)
}

// CopiesWith reports whether the other device is one of the same driver.
func (g *gpu) CopiesWith(other device.Device) bool {
	o, ok := other.(*gpu)
	return ok && o.table == g.table
}

// peer copies between two devices, in the order of both: after what was started with the source and before what
// will be.
func peer(ctx context.Context, to *buffer, off int, from *buffer, fromOff, n int) error {
	a, b := from.gpu, to.gpu
	if a.number > b.number { // one order of locking
		a, b = b, a
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	g := to.gpu
	for _, b := range []*buffer{from, to} {
		if err := b.gpu.await(b); err != nil {
			return err
		}
		b.used = b.gpu.start()
	}
	if err := follow(g, from.gpu); err != nil {
		return err
	}
	err := g.timed(device.TracerOf(ctx), device.EventD2D, n, g.compute, func() error {
		dst, src := to.address+driver.Address(off), from.address+driver.Address(fromOff)
		return g.table.CopyPeer(g.ctx, dst, g.ctx, src, from.gpu.ctx, n, g.compute)
	})
	if err = firstError(err, follow(from.gpu, g)); err != nil {
		_ = g.table.SynchronizeStream(g.ctx, g.compute) // there is an error already
	}
	return err
}

// follow makes what one device computes from now on wait for what another has started. The caller has the mu of both.
func follow(later, earlier *gpu) error {
	if err := earlier.table.RecordEvent(earlier.ctx, earlier.join, earlier.compute); err != nil {
		return err
	}
	return later.table.WaitEvent(later.ctx, later.compute, earlier.join)
}
