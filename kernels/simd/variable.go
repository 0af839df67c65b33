package simd

import (
	"fmt"
	"os"
	"slices"
)

// Variable is the environment variable that says which instructions are used at first: no more than
// those of the level that it names, generic, avx2 or avx512. It is for comparisons, and for machines on
// which a better level is at fault.
const Variable = "TARE_CPU"

// levelNames are the levels of all architectures, each with more instructions than the one before.
var levelNames = []string{"generic", "avx2", "avx512"}

// most is the number among them of the best that may be used at first.
var most = mostOf(os.Getenv(Variable))

// mostOf reports a name that is none on the standard error, and then takes it for the best.
func mostOf(name string) int {
	most := slices.Index(levelNames, name)
	if most < 0 && name != "" {
		fmt.Fprintf(os.Stderr, "simd: %s=%q is none of %v, and changes nothing\n", Variable, name, levelNames)
	}
	if most < 0 {
		most = len(levelNames) - 1
	}
	return most
}

// atFirst is the number of the level to begin with, of those that this machine has.
func atFirst(levels []string, most int) int {
	best := 0
	for i, l := range levels {
		if slices.Index(levelNames, l) <= most {
			best = i
		}
	}
	return best
}
