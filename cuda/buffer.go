package cuda

import (
	"context"
	"errors"
	"unsafe"

	"github.com/tare-go/tare/cuda/internal/driver"
	"github.com/tare-go/tare/device"
)

// buffer is memory of a device: an allocation of the driver's or a block of a slab.
type buffer struct {
	gpu     *gpu
	address driver.Address // 0 if it has no bytes
	size    int
	slab    *slab // nil if the allocation is its own

	// of gpu.mu
	used    uint64 // the ticket of what used it last
	users   int    // copies that are being made
	freed   bool
	passed  driver.Event // of what computed with it last, once a lane has copied it; 0 before
	marked  uint64       // the ticket of that
	arrived driver.Event // of what was copied to it by a lane last; 0 if nothing was
	came    uint64       // the ticket of that
}

// Alloc takes memory of the device: a block of a slab for a small buffer, and for others what the driver gives, which
// rounds to pages of 2 MiB.
func (g *gpu) Alloc(ctx context.Context, bytes int) (device.Buffer, error) {
	if err := g.enter(ctx); err != nil {
		return nil, err
	}
	defer g.life.RUnlock()
	b, err := g.alloc(ctx, bytes)
	if err != nil {
		return nil, err
	}
	return b, nil
}

func (g *gpu) alloc(ctx context.Context, bytes int) (*buffer, error) {
	switch {
	case bytes < 0:
		return nil, &device.SizeError{Bytes: bytes}
	case bytes == 0:
		return &buffer{gpu: g}, nil
	case g.slabs && bytes <= maxBlock:
		return g.block(ctx, bytes)
	}
	at, err := g.reserve(ctx, bytes)
	if err != nil {
		return nil, err
	}
	return &buffer{gpu: g, address: at, size: bytes}, nil
}

// reserve takes memory of the driver. If there is none it waits for what was freed, gives back all that is idle, and
// asks once more.
func (g *gpu) reserve(ctx context.Context, bytes int) (driver.Address, error) {
	at, err := g.table.Alloc(g.ctx, bytes)
	if errors.Is(err, driver.OutOfMemory) {
		if err := g.reclaim(ctx); err != nil {
			return 0, err
		}
		at, err = g.table.Alloc(g.ctx, bytes)
	}
	switch {
	case errors.Is(err, driver.OutOfMemory):
		return 0, g.outOfMemory(bytes, err)
	case err != nil:
		return 0, g.check("alloc", err)
	}
	g.mu.Lock()
	g.memory[at] = bytes
	g.mu.Unlock()
	return at, nil
}

// reclaim gives back to the driver what nobody uses: freed memory, slabs without a block in use, modules without a
// program.
func (g *gpu) reclaim(ctx context.Context) error {
	g.modules.trim(0)
	g.mu.Lock()
	g.blocks.trim(0)
	g.mu.Unlock()
	return g.sync(ctx)
}

// Size is the number of bytes asked for.
func (b *buffer) Size() int { return b.size }

// Host is nil: the processor cannot reach the memory.
func (b *buffer) Host() unsafe.Pointer { return nil }

// Free gives the memory back when what was started with it has ended, and does not wait for that.
func (b *buffer) Free() {
	b.gpu.life.RLock()
	defer b.gpu.life.RUnlock()
	b.gpu.free(b)
}

func (g *gpu) free(b *buffer) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if b.freed {
		return
	}
	b.freed = true
	if b.users == 0 && !g.closed {
		g.giveUp(b)
	}
}

// giveUp gives back the memory of a freed buffer. The caller has g.mu.
func (g *gpu) giveUp(b *buffer) {
	g.retire(b)
	switch {
	case b.address == 0:
	case b.slab != nil:
		g.blocks.give(b)
	default:
		g.dig(grave{ticket: b.used, address: b.address})
	}
	_ = g.reap() // its error is that the device is lost, which the next call says
}

// hold keeps a buffer from going while it is copied; letGo ends that.
func (b *buffer) hold() error {
	b.gpu.mu.Lock()
	defer b.gpu.mu.Unlock()
	if b.freed {
		return device.ErrFreed
	}
	b.users++
	return nil
}

func (b *buffer) letGo() {
	b.gpu.mu.Lock()
	defer b.gpu.mu.Unlock()
	if b.users--; b.users == 0 && b.freed && !b.gpu.closed {
		b.gpu.giveUp(b)
	}
}
