//go:build exhaustive

package ptx

import (
	"testing"

	"github.com/tare-go/tare/device/devicetest"
)

// The conformance suite of devices, in the simulator: every loop of the operator table in all layouts, and folds
// in every form.
func TestConformance(t *testing.T) {
	for name, f := range map[string]form{"auto": formAuto, "cta": formCTA, "cut": formCut} {
		t.Run(name, func(t *testing.T) { devicetest.Run(t, newSimulated(f, Target{})) })
	}
}
