package tensor

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
)

//go:noinline
func near() (site, walked uintptr) { return siteOf(returnPC(0), 1), caller(1) }

//go:noinline
func far() (site, walked uintptr) { return farther() }

//go:noinline
func farther() (site, walked uintptr) { return siteOf(returnPC(1), 2), caller(2) }

func inlined() (site, walked uintptr) { return near() }

type receiver struct{}

//go:noinline
func (receiver) near() (site, walked uintptr) { return siteOf(returnPC(0), 1), caller(1) }

// A site is what the stack says, the first time and afterwards, also where there are wrappers and inlined functions
// between.
func TestSites(t *testing.T) {
	value, method, through := near, receiver{}.near, interface{ near() (uintptr, uintptr) }(&receiver{})
	for range 3 {
		for name, ask := range map[string]func() (uintptr, uintptr){
			"a call":             func() (uintptr, uintptr) { return near() },
			"two frames":         func() (uintptr, uintptr) { return far() },
			"inlined":            func() (uintptr, uintptr) { return inlined() },
			"a function's value": func() (uintptr, uintptr) { return value() },
			"a method's value":   func() (uintptr, uintptr) { return method() },
			"an interface":       func() (uintptr, uintptr) { return through.near() },
		} {
			site, walked := ask()
			assert.Equal(t, walked, site, name)
			frame, _ := runtime.CallersFrames([]uintptr{site}).Next()
			assert.Contains(t, frame.Function, "tensor.", name)
		}
	}
}

// Where the stack has been walked once, it is not again.
func TestSitesAreKnown(t *testing.T) {
	if returnPC(0) == 0 {
		t.Skip("there is no assembly")
	}
	for range 2 {
		site, _ := near()
		assert.Equal(t, site, known[site%uintptr(len(known))].Load())
		site, _ = far()
		assert.Equal(t, site, known[site%uintptr(len(known))].Load())
	}
}
