package cuda

import (
	"context"
	"slices"

	"github.com/tare-go/tare/cuda/internal/driver"
	"github.com/tare-go/tare/device"
)

// Sizes of slabs, in bytes.
const (
	minBlock = 256      // what the driver aligns to
	maxBlock = 64 << 10 // of a buffer in a slab
	minSlab  = 64 << 10 // of a slab of the smallest blocks
	perSlab  = 16       // blocks of a slab of the largest
	idleSlab = 1        // slabs without a block in use that are kept for each class
)

// slabs are the memory of small buffers: allocations of the driver's, cut into blocks of one class each. A call of the
// driver's for each small buffer would cost more than what is done with it.
type slabs struct {
	gpu  *gpu
	open map[int][]*slab // by class, those that have blocks which nobody uses
	free int             // bytes of such blocks
}

// slab is one allocation.
type slab struct {
	class   int
	address driver.Address
	blocks  int
	free    []block
}

// block is a part of a slab that nobody uses, but for what was started up to a ticket.
type block struct {
	address driver.Address
	used    uint64
}

func (s *slabs) init(g *gpu) {
	s.gpu, s.open = g, map[int][]*slab{}
}

// block is a small buffer.
func (g *gpu) block(ctx context.Context, bytes int) (*buffer, error) {
	class := max(device.SizeClass(bytes), minBlock)
	g.mu.Lock()
	b := g.blocks.take(class)
	g.mu.Unlock()
	if b == nil {
		size := max(minSlab, perSlab*class)
		at, err := g.reserve(ctx, size)
		if err != nil {
			return nil, err
		}
		g.mu.Lock()
		g.blocks.add(newSlab(at, class, size))
		b = g.blocks.take(class)
		g.mu.Unlock()
	}
	b.gpu, b.size = g, bytes
	return b, nil
}

func newSlab(at driver.Address, class, size int) *slab {
	s := &slab{class: class, address: at, blocks: size / class}
	for i := range s.blocks {
		s.free = append(s.free, block{address: at + driver.Address(i*class)})
	}
	return s
}

func (s *slabs) add(x *slab) {
	s.open[x.class] = append(s.open[x.class], x)
	s.free += x.blocks * x.class
}

// take is a buffer of a class, or nil if there is no block.
func (s *slabs) take(class int) *buffer {
	open := s.open[class]
	if len(open) == 0 {
		return nil
	}
	x := open[len(open)-1]
	b := x.free[len(x.free)-1]
	x.free = x.free[:len(x.free)-1]
	if len(x.free) == 0 {
		s.open[class] = open[:len(open)-1]
	}
	s.free -= class
	return &buffer{address: b.address, slab: x, used: b.used}
}

// give takes a buffer's block back.
func (s *slabs) give(b *buffer) {
	x := b.slab
	if len(x.free) == 0 {
		s.open[x.class] = append(s.open[x.class], x)
	}
	x.free = append(x.free, block{b.address, b.used})
	s.free += x.class
	if len(x.free) == x.blocks {
		s.trim(idleSlab)
	}
}

// trim gives back slabs without a block in use, but for so many of each class.
func (s *slabs) trim(keep int) {
	for class, open := range s.open {
		idle := 0
		s.open[class] = slices.DeleteFunc(open, func(x *slab) bool {
			if len(x.free) < x.blocks {
				return false
			}
			if idle++; idle <= keep {
				return false
			}
			s.free -= x.blocks * x.class
			s.gpu.dig(grave{ticket: x.used(), address: x.address})
			return true
		})
	}
}

// used is the ticket after which nothing uses the slab.
func (x *slab) used() (ticket uint64) {
	for _, b := range x.free {
		ticket = max(ticket, b.used)
	}
	return ticket
}
