//go:build !amd64 || purego

package simd

// archLevels are the levels of this architecture's vector instructions, those that the machine has:
// there are none.
func archLevels() []level { return nil }
