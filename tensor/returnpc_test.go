package tensor

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
)

//go:noinline
func byFrame() uintptr { return callerOfCaller() }

//go:noinline
func byCallers() uintptr { return caller(1) }

func inlined() (a, b uintptr) { return byFrame(), byCallers() }

// Both ways name the same function, also where the caller is inlined into its own.
func TestCallerOfCaller(t *testing.T) {
	assert.True(t, framed)
	name := func(pc uintptr) string {
		frame, _ := runtime.CallersFrames([]uintptr{pc}).Next()
		return frame.Function
	}
	a, b := inlined()
	assert.Equal(t, "github.com/tare-go/tare/tensor.inlined", name(a))
	assert.Equal(t, name(b), name(a))
	a, b = byFrame(), byCallers()
	assert.Equal(t, "github.com/tare-go/tare/tensor.TestCallerOfCaller", name(a))
	assert.Equal(t, name(b), name(a))
}
