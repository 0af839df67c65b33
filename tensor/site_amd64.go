//go:build !purego

package tensor

// returnPC is where the function will return to that is so many frames above the one that calls it, by frame pointers.
//
//go:noescape
func returnPC(frames int) uintptr
