package device

import (
	"fmt"
	"path"
	"runtime"
	"sync"
)

// Site is a place in a program, as a program counter of runtime.Callers. It is resolved only when
// printed. The zero Site is unknown.
type Site uintptr

// String is the site's folder, file and line: "app/main.go:42".
func (s Site) String() string {
	if s == 0 {
		return "(unknown site)"
	}
	frame := s.Frame()
	if frame.File == "" {
		return fmt.Sprintf("(pc %#x)", uintptr(s))
	}
	dir, file := path.Split(frame.File)
	return fmt.Sprintf("%s/%s:%d", path.Base(dir), file, frame.Line)
}

// Frame is the site's function, file and line; of the zero Site it is empty.
func (s Site) Frame() runtime.Frame {
	if s == 0 {
		return runtime.Frame{}
	}
	frame, _ := runtime.CallersFrames([]uintptr{uintptr(s)}).Next()
	return frame
}

// lines knows for each site that was seen the first site of the same line: a line has as many program
// counters as it has calls.
var lines struct {
	mu    sync.RWMutex
	first map[Site]Site
	of    map[line]Site
}

type line struct {
	file   string
	number int
}

// line is the site that stands for all sites of its line. A site that is in no file stands for itself.
func (s Site) line() Site {
	lines.mu.RLock()
	first, ok := lines.first[s]
	lines.mu.RUnlock()
	if ok {
		return first
	}
	frame := s.Frame()
	lines.mu.Lock()
	defer lines.mu.Unlock()
	if lines.first == nil {
		lines.first, lines.of = map[Site]Site{}, map[line]Site{}
	}
	at := line{frame.File, frame.Line}
	first, ok = lines.of[at]
	if frame.File == "" {
		first, ok = s, true
	}
	if !ok {
		first = s
		lines.of[at] = s
	}
	lines.first[s] = first
	return first
}
