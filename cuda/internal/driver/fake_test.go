//go:build linux && !android && (amd64 || arm64) && !nocuda && !gorgonia

package driver_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"unsafe"

	"github.com/ebitengine/purego"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/cuda/internal/driver"
)

// fake is the library of testdata/fake, with a state of its own.
type fake struct {
	path    string
	symbols map[string]uintptr // what steers it
}

// compile is the library, and the library of an old driver. Each is compiled once.
var compile = sync.OnceValues(func() ([]byte, error) { return compiled() })
var compileOld = sync.OnceValues(func() ([]byte, error) { return compiled("-DOLD") })

// compiled is the library, or nothing where there is no C compiler.
func compiled(defines ...string) ([]byte, error) {
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		return nil, nil
	}
	folder, err := os.MkdirTemp("", "fake")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "libcuda.so.1")
	args := append(defines, "-shared", "-fPIC", "-O1", "-o", path, "testdata/fake/libcuda.c", "-lpthread")
	if out, err := exec.Command(gcc, args...).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	return os.ReadFile(path)
}

// buildFake makes the library the one that Load opens.
func buildFake(t testing.TB, compile func() ([]byte, error)) *fake {
	t.Helper()
	library, err := compile()
	require.NoError(t, err)
	if library == nil {
		t.Skip("there is no gcc to compile the stand-in for the CUDA driver with")
	}
	path := filepath.Join(t.TempDir(), "libcuda.so.1")
	require.NoError(t, os.WriteFile(path, library, 0o755))
	t.Setenv(driver.Variable, path)
	f := &fake{path: path, symbols: map[string]uintptr{}}
	handle, err := purego.Dlopen(path, purego.RTLD_NOW)
	require.NoError(t, err)
	for _, name := range []string{"fake_fail", "fake_hide", "fake_live"} {
		f.symbols[name], err = purego.Dlsym(handle, name)
		require.NoError(t, err)
	}
	return f
}

// loadFake is the library with a table over it.
func loadFake(t testing.TB) (*fake, driver.Table) {
	t.Helper()
	f := buildFake(t, compile)
	table, err := driver.Load()
	require.NoError(t, err)
	return f, table
}

// fail makes the n-th call of an entry point from now on return a code; all of them if n is 0. The code -1 makes it succeed
// and do nothing.
func (f *fake) fail(entry string, n int, code driver.Code) {
	name := append([]byte(entry), 0)
	purego.SyscallN(f.symbols["fake_fail"], uintptr(unsafe.Pointer(&name[0])), uintptr(n), uintptr(code))
}

// hide leaves the first n devices.
func (f *fake) hide(n int) { purego.SyscallN(f.symbols["fake_hide"], uintptr(n)) }

// live is how many things were made and not given back.
func (f *fake) live() int {
	n, _, _ := purego.SyscallN(f.symbols["fake_live"])
	return int(n)
}
