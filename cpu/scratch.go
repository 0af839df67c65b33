package cpu

import (
	"fmt"
	"sync"
	"unsafe"

	"github.com/tare-go/tare/device"
)

// scratches are workspaces of products that are called directly, without a plan that holds one. They lie
// outside the Go heap where the system has such memory, and are kept: there are as many as there were calls
// at once, each as large as its largest call needed.
type scratches struct {
	mu   sync.Mutex
	free [][]byte
}

// spare is where the workspaces of all direct calls come from.
var spare scratches

// take is at least so many bytes, at a multiple of 64; nil if none are needed.
func (s *scratches) take(bytes int) []byte {
	if bytes == 0 {
		return nil
	}
	last := s.last()
	if len(last) >= bytes {
		return last
	}
	bytes = device.SizeClass(max(bytes, mapped))
	if !canMap {
		return unsafe.Slice(aligned(bytes), bytes)
	}
	if last != nil {
		unmapPages(last)
	}
	pages, err := mapPages(bytes)
	if err != nil {
		panic(fmt.Sprintf("cpu: a product needs a workspace: %v", &AllocError{bytes, err}))
	}
	return pages
}

// last is the workspace that was given back last, nil if there is none.
func (s *scratches) last() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.free)
	if n == 0 {
		return nil
	}
	b := s.free[n-1]
	s.free = s.free[:n-1]
	return b
}

// give keeps a workspace for later calls.
func (s *scratches) give(b []byte) {
	if b == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free = append(s.free, b)
}
