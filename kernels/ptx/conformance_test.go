package ptx

import (
	"testing"

	"github.com/tare-go/tare/device/devicetest"
)

// The conformance suite of devices, in the simulator: the operator table, all types and layouts.
func TestConformance(t *testing.T) {
	devicetest.Run(t, newSimulated(formAuto, Target{}))
}
