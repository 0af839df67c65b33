package roof

import (
	"context"
	"time"

	"github.com/tare-go/tare/device"
)

// DeviceOptions say how a device's memory is copied.
type DeviceOptions struct {
	Bytes   int // of each side of the copy
	Rounds  int
	Repeats int // copies in a round, started one after another without a wait between
}

// OptionsFor are a GiB or, on devices with less than 16 GiB, a sixteenth of their memory. A simulation copies a MiB.
func OptionsFor(info device.Info) DeviceOptions {
	o := DeviceOptions{Bytes: 1 << 30, Rounds: 8, Repeats: 8}
	if info.Memory > 0 {
		o.Bytes = min(o.Bytes, info.Memory/16)
	}
	if info.Kind == "sim" {
		o = DeviceOptions{Bytes: 1 << 20, Rounds: 2, Repeats: 1}
	}
	return o
}

// MeasureDevice is the bytes a second, read and written together, of the fastest round of copies from one place of a
// device's memory to another.
func MeasureDevice(ctx context.Context, dev device.Device, o DeviceOptions) (float64, error) {
	src, err := filled(ctx, dev, o.Bytes)
	if err != nil {
		return 0, err
	}
	defer src.Free()
	dst, err := filled(ctx, dev, o.Bytes)
	if err != nil {
		return 0, err
	}
	defer dst.Free()
	best := 0.0
	for range o.Rounds {
		if err := dev.Sync(ctx); err != nil {
			return 0, err
		}
		start := time.Now()
		for range o.Repeats {
			if err := dev.Copy(ctx, device.Span{Buffer: dst, Len: o.Bytes}, device.Span{Buffer: src, Len: o.Bytes}); err != nil {
				return 0, err
			}
		}
		if err := dev.Sync(ctx); err != nil {
			return 0, err
		}
		best = max(best, 2*float64(o.Bytes)*float64(o.Repeats)/time.Since(start).Seconds())
	}
	return best, nil
}

// filled is memory of a device with numbers in it: pages that nothing was written to are all one page.
func filled(ctx context.Context, dev device.Device, bytes int) (device.Buffer, error) {
	buf, err := dev.Alloc(device.WithPurpose(ctx, device.Workspace), bytes)
	if err != nil {
		return nil, err
	}
	values := make([]byte, min(bytes, 16<<20))
	for i := range values {
		values[i] = byte(i)
	}
	for at := 0; at < bytes; at += len(values) {
		n := min(len(values), bytes-at)
		if err := dev.Copy(ctx, device.Span{Buffer: buf, Off: at, Len: n}, device.HostSpan(values[:n])); err != nil {
			buf.Free()
			return nil, err
		}
	}
	return buf, nil
}
