package device_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/device/devicetest"
)

// A loop that must not move anything, but for its results.
func ExampleGuard() {
	dev := device.Ledger(device.Pool(devicetest.Strict()))
	b, err := dev.Alloc(context.Background(), 64)
	if err != nil {
		log.Fatal(err)
	}
	loop := device.Guard(context.Background(), device.Deny)
	loop = device.Guard(loop, device.Allow, device.D2H)

	onDevice, host := device.Span{Buffer: b, Len: 64}, device.HostSpan(make([]byte, 64))
	err = dev.Copy(loop, onDevice, host)
	var denied *device.GuardError
	fmt.Println(errors.As(err, &denied), denied.Direction, denied.Bytes)
	fmt.Println(dev.Copy(loop, host, onDevice))
	// Output:
	// true host to device 64
	// <nil>
}
