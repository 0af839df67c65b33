// Command devbench says what an expression will allocate and move, evaluates it, and measures how
// fast this machine's devices are at what arrays are used for.
//
//	devbench                                                      devices, and the quick suite
//	devbench explain "x - x.mean(axis=1, keepdims=True)" --shape x=50000x5000:f64
//	devbench eval "(x > 0.5) & ~np.isnan(x)" --in x=features.npy --out mask.npy
//	devbench run --workloads "gemm_*" --dtype f64 --json -
//
// Expressions are Python's, with NumPy's names: the same text runs in Python. The exit code is 0, or
// 1 where something failed, 2 for a mistake on the command line, and 3 for work that does not fit in
// the budget.
package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/tare-go/tare/cmd/devbench/internal/contract"
	_ "github.com/tare-go/tare/cuda"
	"github.com/tare-go/tare/device"
)

func main() {
	contract.Main(ownDevice)
	device.SetLogger(slog.New(slog.DiscardHandler)) // warnings are printed with what they are about
	// The signals are caught until the process ends, so that one that comes late does not make a failure of what is done.
	ctx, _ := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	os.Exit(Main(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// ownDevice opens a device for the conformance suite, which closes it.
func ownDevice(name string) (device.Device, error) {
	dev, err := device.OpenOwn(name)
	if err != nil {
		return nil, err
	}
	return dev, nil
}
