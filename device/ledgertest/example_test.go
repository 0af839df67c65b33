package ledgertest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/device/devicetest"
	"github.com/tare-go/tare/device/ledgertest"
)

// printing is a test that prints why it fails, for the example.
type printing struct{ testing.TB }

func (printing) Helper()                  {}
func (printing) Context() context.Context { return context.Background() }
func (printing) Error(args ...any)        { fmt.Println(strings.Split(fmt.Sprint(args...), "\n")[0]) }

// In a test, t is the test's *testing.T, and the device comes from device.Open.
func Example() {
	var t printing
	dev := device.Ledger(device.Pool(devicetest.Strict()))
	ledgertest.Run(t, dev, func(ctx context.Context) {
		b, err := dev.Alloc(ctx, 1<<20)
		if err != nil {
			t.Error(err)
			return
		}
		defer b.Free()
		if err := dev.Copy(ctx, device.Span{Buffer: b, Len: 1 << 20}, device.HostSpan(make([]byte, 1<<20))); err != nil {
			t.Error(err)
		}
	}, ledgertest.MaxPeak(2<<20), ledgertest.NoLeaks(), ledgertest.MaxTransfers(0))
	// Output:
	// ledgertest.MaxTransfers(0): transfers: 1 of 1.00 MiB, at most 0 wanted
}
