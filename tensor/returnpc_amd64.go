//go:build !purego

package tensor

// callerOfCaller is where the function that calls it will return to, by the frame pointer.
//
//go:noescape
func callerOfCaller() uintptr
