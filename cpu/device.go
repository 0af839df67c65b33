// Package cpu is the device that every machine has: its processor and the memory of the process.
//
// An operation becomes a program over tiles: a few thousand elements at a time are brought to
// contiguous memory, if they do not lie there anyway, and pass through all instructions of the
// operation while they are in the first cache. A pool of workers shares the tiles. Which worker takes which
// tile, how many there are and how operands lie in memory never changes a bit of a result: the
// orders of package canon are kept by all of them.
//
// Importing the package registers the device "cpu".
package cpu

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync/atomic"

	"github.com/klauspost/cpuid/v2"

	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/internal/ir"
)

// Kind is the kind of the device, and its name.
const Kind = "cpu"

func init() { device.Register(Kind, driver{}) }

// cpu is the device.
type cpu struct {
	pool   *pool
	closed atomic.Bool
}

// New makes a device with a number of workers; 0 means as many as Go runs at once (GOMAXPROCS). The
// number of workers changes no result. Close ends their goroutines.
func New(workers int) device.Device {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	return &cpu{pool: newPool(workers)}
}

// Info describes the processor.
func (d *cpu) Info() device.Info {
	model := strings.TrimSpace(cpuid.CPU.BrandName)
	if model == "" {
		model = runtime.GOARCH
	}
	return device.Info{
		Name: Kind, Kind: Kind, Model: model, Memory: memoryOfMachine(),
		Workers: d.pool.workers, Features: features(),
	}
}

// features are those for which kernels may exist.
func features() []string {
	var names []string
	for _, f := range []cpuid.FeatureID{cpuid.AVX2, cpuid.FMA3, cpuid.AVX512F, cpuid.AVX512DQ, cpuid.AVX512VL, cpuid.ASIMD, cpuid.SVE} {
		if cpuid.CPU.Supports(f) {
			names = append(names, strings.ToLower(f.String()))
		}
	}
	return names
}

// UnsupportedError is an operation of which the device knows nothing.
type UnsupportedError struct{ Op ir.Op }

// Error prints the operation.
func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("cpu: no program for the operation %v", e.Op)
}

// Compile makes a program of a *ir.Kernel, *ir.MatMul or *ir.Scan. The error is device.ErrSplit for a product that has no
// blocks of results with which a map could go on.
func (d *cpu) Compile(o ir.Op) (device.Program, error) {
	if d.closed.Load() {
		return nil, device.ErrClosed
	}
	if err := ir.Verify(o); err != nil {
		return nil, err
	}
	switch o := o.(type) {
	case *ir.Kernel:
		return compileKernel(d.pool, o)
	case *ir.MatMul:
		if o.Then != nil {
			return compileEpilogue(d.pool, o)
		}
		return compileUpdate(d.pool, o, update{}), nil
	case *ir.Scan:
		return compileScan(d.pool, o), nil
	}
	return nil, &UnsupportedError{o}
}

// Immediate says that every call returns when its work is done.
func (d *cpu) Immediate() {}

// Sync has nothing to wait for.
func (d *cpu) Sync(ctx context.Context) error { return d.usable(ctx) }

// Close waits for the work in flight and ends the workers. Buffers stay until they are freed.
func (d *cpu) Close() error {
	if !d.closed.Swap(true) {
		d.pool.close()
	}
	return nil
}

func (d *cpu) usable(ctx context.Context) error {
	if d.closed.Load() {
		return device.ErrClosed
	}
	return ctx.Err()
}

// driver opens the one CPU there is.
type driver struct{}

// Open opens "cpu" or "cpu:0".
func (driver) Open(name string) (device.Device, error) {
	if name != Kind && name != Kind+":0" {
		return nil, &device.OpenError{Name: name, Err: os.ErrNotExist, Do: "there is one CPU device: open " + Kind}
	}
	return New(0), nil
}

// List has the one device, which can always be opened.
func (driver) List() []device.Status {
	d := cpu{pool: &pool{workers: runtime.GOMAXPROCS(0)}}
	return []device.Status{{Name: Kind, Info: d.Info()}}
}
