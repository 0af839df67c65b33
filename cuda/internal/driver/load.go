//go:build linux && !android && (amd64 || arm64) && !nocuda && !gorgonia

package driver

import (
	"os"

	"github.com/ebitengine/purego"
)

// libraries is where the driver's library may be, the likeliest first. The last is what the CUDA toolkit calls its
// stub, too.
var libraries = []string{
	"libcuda.so.1",
	"/usr/lib/wsl/lib/libcuda.so.1",        // Linux in Windows
	"/usr/local/nvidia/lib64/libcuda.so.1", // containers on some clusters
	"/run/opengl-driver/lib/libcuda.so.1",  // NixOS
	"libcuda.so",
}

// Load opens the driver's library and starts the driver. Each call gives a table of its own of the one driver that the
// process has. Errors are *NoLibraryError, *OldDriverError, *InitError, *NoDeviceError and, of builds without a
// binding, *NotBuiltError.
func Load() (Table, error) {
	l, err := open(names())
	if err != nil {
		return nil, err
	}
	if err := l.start(); err != nil {
		return nil, err
	}
	return l, nil
}

// names is the names to try.
func names() []string {
	if name := os.Getenv(Variable); name != "" {
		return []string{name}
	}
	return libraries
}

// open loads the first library that there is.
func open(names []string) (*library, error) {
	missing := &NoLibraryError{Tried: names}
	for _, name := range names {
		handle, err := purego.Dlopen(name, purego.RTLD_NOW|purego.RTLD_LOCAL)
		if err != nil {
			missing.Why = append(missing.Why, err.Error())
			continue
		}
		return resolve(name, handle)
	}
	return nil, missing
}
