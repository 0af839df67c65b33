//go:build exhaustive

package ptx

import (
	"testing"

	"github.com/tare-go/tare/device/devicetest"
)

// The conformance suite of devices, in the simulator: every loop of the operator table in all layouts.
func TestConformance(t *testing.T) {
	devicetest.Run(t, newSimulated(formAuto, Target{}))
}
