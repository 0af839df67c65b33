//go:build linux && !android && (amd64 || arm64) && !nocuda && (!gorgonia || cgo)

package driver

import (
	"runtime"

	"github.com/ebitengine/purego"
)

// library is the driver, by way of the addresses of its entry points.
type library struct {
	name string // by which it was opened
	at   [numEntries]uintptr
}

// resolve looks up all entry points. The library stays loaded: drivers do not expect to be unloaded.
func resolve(name string, handle uintptr) (*library, error) {
	l := &library{name: name}
	old := &OldDriverError{Library: name}
	for e, symbol := range entryNames {
		at, err := purego.Dlsym(handle, symbol)
		if err != nil {
			old.Lacks = append(old.Lacks, symbol)
		}
		l.at[e] = at
	}
	if old.Lacks != nil {
		return nil, old
	}
	return l, nil
}

// start initialises the driver, and sees whether it has a device.
func (l *library) start() error {
	err := l.call(cuInit, 0)
	count := 0
	if err == nil {
		count, err = l.DeviceCount()
	}
	return started(l.name, count, err)
}

// call calls an entry point. Memory behind the arguments stays where it is until it returns.
//
//go:uintptrescapes
func (l *library) call(e entry, args ...uintptr) error {
	r, _, _ := purego.SyscallN(l.at[e], args...)
	return l.result(e, r)
}

// callIn calls an entry point with the context current.
//
//go:uintptrescapes
func (l *library) callIn(c Context, e entry, args ...uintptr) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if r, _, _ := purego.SyscallN(l.at[cuCtxSetCurrent], uintptr(c)); uint32(r) != 0 {
		return l.result(cuCtxSetCurrent, r)
	}
	r, _, _ := purego.SyscallN(l.at[e], args...)
	return l.result(e, r)
}

// result is the error of what an entry point returned, of which the upper half of the register is not part.
func (l *library) result(e entry, returned uintptr) error {
	code := Code(int32(returned))
	if code == 0 {
		return nil
	}
	err := NewError(entryNames[e], code)
	if name := l.describe(cuGetErrorName, code); name != "" {
		err.Name = name
	}
	if text := l.describe(cuGetErrorString, code); text != "" {
		err.Text = text
	}
	return err
}
