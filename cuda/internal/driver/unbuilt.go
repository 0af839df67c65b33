//go:build nocuda || !linux || android || !(amd64 || arm64) || (gorgonia && !cgo)

package driver

import "runtime"

// Load says why this program has no way to a driver.
func Load() (Table, error) {
	switch {
	case nocuda:
		return nil, &NotBuiltError{Why: "the build tag nocuda", Do: "build without it"}
	case runtime.GOOS == "linux" && (runtime.GOARCH == "amd64" || runtime.GOARCH == "arm64"):
		return nil, &NotBuiltError{Why: "the build tag gorgonia without cgo", Do: "build without the tag, or with CGO_ENABLED=1"}
	}
	return nil, &NotBuiltError{
		Why: "the platform " + runtime.GOOS + "/" + runtime.GOARCH,
		Do:  "build for linux/amd64 or linux/arm64",
	}
}
