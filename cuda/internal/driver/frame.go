//go:build linux && !android && (amd64 || arm64) && !nocuda && (!gorgonia || cgo)

package driver

import (
	"runtime"
	"sync"
	"unsafe"
)

// maxParams is the size of a kernel's parameters in bytes, as PTX has it.
const maxParams = 4096

// frame is memory that the driver reads and writes in one call. It is pinned, so that its parts can point to each
// other.
type frame struct {
	words   [2]uint64      // what a call returns, by reference
	pointer unsafe.Pointer // to memory of the driver, which a call returns
	extra   [5]uintptr     // CU_LAUNCH_PARAM_…
	size    uint64
	params  [maxParams]byte
	text    [256]byte
}

// frameList is the frames that no call uses now. There are as many as calls that were ever made at once. A pinned
// frame must not be forgotten, so the list is one for the whole process.
type frameList struct {
	mu   sync.Mutex
	free []*frame
	pin  runtime.Pinner
}

var frames frameList

// take is a frame for a call. Its words are 0.
func (f *frameList) take() *frame {
	f.mu.Lock()
	defer f.mu.Unlock()
	if last := len(f.free) - 1; last >= 0 {
		taken := f.free[last]
		f.free = f.free[:last]
		taken.words, taken.pointer = [2]uint64{}, nil
		return taken
	}
	made := new(frame)
	f.pin.Pin(made)
	return made
}

// give takes a frame back.
func (f *frameList) give(used *frame) {
	f.mu.Lock()
	f.free = append(f.free, used)
	f.mu.Unlock()
}

// word is the address of one of the frame's words.
func (f *frame) word(i int) uintptr { return uintptr(unsafe.Pointer(&f.words[i])) }

// launch lays out the parameters of a kernel, and is the address of the list that says where they are.
func (f *frame) launch(params []byte) uintptr {
	f.size = uint64(copy(f.params[:], params))
	f.extra = [5]uintptr{
		launchBufferPointer, uintptr(unsafe.Pointer(&f.params)),
		launchBufferSize, uintptr(unsafe.Pointer(&f.size)),
		0, // CU_LAUNCH_PARAM_END
	}
	return uintptr(unsafe.Pointer(&f.extra))
}
