//go:build linux && !android && (amd64 || arm64) && !nocuda && (!gorgonia || cgo)

package driver

import (
	"runtime"
	"unsafe"
)

// jitLog is the size of each of the compiler's logs in bytes.
const jitLog = 16 << 10

// jitLogs is the options that make the compiler write down what it says.
type jitLogs struct {
	options [4]int32
	values  [4]uintptr // an address, or a number in the place of one
	info    [jitLog]byte
	errors  [jitLog]byte
}

// newJITLogs makes logs that stay where they are until pin is undone.
func newJITLogs(pin *runtime.Pinner) *jitLogs {
	logs := new(jitLogs)
	pin.Pin(logs)
	logs.options = [4]int32{jitInfoLog, jitInfoLogSize, jitErrorLog, jitErrorLogSize}
	logs.values = [4]uintptr{uintptr(unsafe.Pointer(&logs.info)), jitLog, uintptr(unsafe.Pointer(&logs.errors)), jitLog}
	return logs
}
