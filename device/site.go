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
	frame, _ := runtime.CallersFrames([]uintptr{uintptr(s)}).Next()
	if frame.File == "" {
		return fmt.Sprintf("(pc %#x)", uintptr(s))
	}
	dir, file := path.Split(frame.File)
	return fmt.Sprintf("%s/%s:%d", path.Base(dir), file, frame.Line)
}
