package device

import (
	"fmt"
	"path"
	"runtime"
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
