package devicetest

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/tare-go/tare/device"
)

// patience is how long Main waits for the collector and for goroutines that are about to end.
const patience = 5 * time.Second

// Main runs the tests of a package and returns the exit code for os.Exit, which is not 0 where they leave buffers of
// the CPU or goroutines behind. Arrays that tests forget are the collector's, which Main asks for them.
//
//	func TestMain(m *testing.M) { os.Exit(devicetest.Main(m)) }
func Main(m *testing.M) int {
	dev, err := device.Open("cpu")
	if err != nil {
		panic(err)
	}
	cpu, goroutines := dev.(*device.Ledgered), runtime.NumGoroutine() // with the device's own
	code := m.Run()
	clean := func() bool { return cpu.Stats().Buffers == 0 && runtime.NumGoroutine() <= goroutines }
	for end := time.Now().Add(patience); !clean() && time.Now().Before(end); {
		runtime.GC()
		time.Sleep(time.Millisecond)
	}
	if clean() || code != 0 {
		return code
	}
	stacks := make([]byte, 1<<20)
	fmt.Printf("left behind: %d goroutines instead of %d, and\n%v\n%s\n",
		runtime.NumGoroutine(), goroutines, cpu.Stats(), stacks[:runtime.Stack(stacks, true)])
	return 1
}
