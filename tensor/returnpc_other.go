//go:build !amd64 || purego

package tensor

// callerOfCaller is where the function that calls it will return to.
func callerOfCaller() uintptr { return caller(2) }
