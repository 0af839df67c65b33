package device_test

import (
	"testing"

	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/device/devicetest"
)

// BenchmarkAllocFree is what accounting and pooling add to an allocation, in a scope with a site.
func BenchmarkAllocFree(b *testing.B) {
	l := device.Ledger(device.Pool(devicetest.Null()))
	ctx, _ := device.Record(device.WithSite(background, 1))
	for b.Loop() {
		buf, err := l.Alloc(ctx, 4<<20)
		if err != nil {
			b.Fatal(err)
		}
		buf.Free()
	}
}

// BenchmarkRun is what accounting and pooling add to a launch.
func BenchmarkRun(b *testing.B) {
	l := device.Ledger(device.Pool(devicetest.Null()))
	ctx, _ := device.Record(device.WithSite(background, 1))
	p, err := l.Compile(identity(64))
	if err != nil {
		b.Fatal(err)
	}
	x := mustAlloc(b, ctx, l, 64)
	args := []device.Arg{{Buffer: x}, {Buffer: x}}
	for b.Loop() {
		if err := p.Run(ctx, args, device.Span{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRunParallel is that of goroutines that share a device and a scope.
func BenchmarkRunParallel(b *testing.B) {
	l := device.Ledger(device.Pool(devicetest.Null()))
	ctx, _ := device.Record(device.WithSite(background, 1))
	b.RunParallel(func(pb *testing.PB) {
		p, err := l.Compile(identity(64))
		if err != nil {
			b.Error(err)
			return
		}
		x := mustAlloc(b, ctx, l, 64)
		args := []device.Arg{{Buffer: x}, {Buffer: x}}
		for pb.Next() {
			if err := p.Run(ctx, args, device.Span{}); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkBudget is a check of a large plan against the limits of the process.
func BenchmarkBudget(b *testing.B) {
	for b.Loop() {
		device.ProcessLimits().Available()
	}
}
