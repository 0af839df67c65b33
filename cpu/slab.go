package cpu

import (
	"sync"
	"unsafe"

	"github.com/tare-go/tare/device"
)

// slabBytes is how much is taken from the system at a time for small buffers.
const slabBytes = 512 << 10

// slabs are pages, outside the Go heap, that are cut into the blocks of small buffers. Kernels step
// past the ends of their operands, by a stride that may be anything, before they see that they are
// done: an address into the Go heap where no object is would end the process when the collector meets
// it. Blocks that are given back are kept for buffers of the same class.
type slabs struct {
	mu   sync.Mutex
	free map[int][]unsafe.Pointer // blocks by class
}

// small is where the small buffers of all CPU devices come from.
var small = slabs{free: map[int][]unsafe.Pointer{}}

// take is a block for so many bytes, at a multiple of 64 bytes.
func (s *slabs) take(bytes int) (unsafe.Pointer, error) {
	class := blockClass(bytes)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.free[class]) == 0 {
		pages, err := mapPages(slabBytes)
		if err != nil {
			return nil, err
		}
		for at := 0; at+class <= len(pages); at += class {
			s.free[class] = append(s.free[class], unsafe.Pointer(&pages[at]))
		}
	}
	blocks := s.free[class]
	last := len(blocks) - 1
	s.free[class] = blocks[:last]
	return blocks[last], nil
}

// give keeps a block of so many bytes for later.
func (s *slabs) give(block unsafe.Pointer, bytes int) {
	class := blockClass(bytes)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free[class] = append(s.free[class], block)
}

func blockClass(bytes int) int { return device.SizeClass(max(bytes, alignment)) }
