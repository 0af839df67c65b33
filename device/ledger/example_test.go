package ledger_test

import (
	"context"
	"encoding/json"
	"expvar"
	"fmt"
	"log"
	"os"

	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/device/devicetest"
	"github.com/tare-go/tare/device/ledger"
)

// A scope in the words of JSON. A device's account is written in the same way.
func ExampleDocumentOf() {
	dev := device.Ledger(device.Pool(devicetest.Null()))
	ctx, rec := device.Record(context.Background())
	b, err := dev.Alloc(ctx, 1000)
	if err != nil {
		log.Fatal(err)
	}
	b.Free()
	doc := ledger.DocumentOf(rec)
	text, err := json.Marshal(map[string]int{"version": doc.Version, "allocs": doc.Total.Allocs, "peak_bytes": doc.Total.PeakBytes})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(text))
	// Output:
	// {"allocs":1,"peak_bytes":1024,"version":1}
}

// Everything that the CPU does while the work runs, for ui.perfetto.dev.
func ExampleWriteTrace() {
	dev, err := device.Open("cpu")
	if err != nil {
		log.Fatal(err)
	}
	trace := device.NewTrace(device.DefaultTraceEvents)
	stop := trace.Watch(device.LedgerOf(dev))
	// ... the work ...
	stop()
	f, err := os.Create("tare.json")
	if err != nil {
		log.Fatal(err)
	}
	if err := ledger.WriteTrace(f, trace); err != nil {
		log.Fatal(err)
	}
	if err := f.Close(); err != nil {
		log.Fatal(err)
	}
}

// Who holds memory of any device, by stack: go tool pprof -top -lines tare.pb.gz.
func ExampleWriteProfile() {
	device.CaptureStacks(true)
	// ... the work ...
	f, err := os.Create("tare.pb.gz")
	if err != nil {
		log.Fatal(err)
	}
	if err := ledger.WriteProfile(f); err != nil {
		log.Fatal(err)
	}
	if err := f.Close(); err != nil {
		log.Fatal(err)
	}
}

// The totals of all devices at /debug/vars.
func ExampleVar() {
	expvar.Publish("tare", ledger.Var{})
}
