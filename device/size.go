package device

import "math/bits"

// Sizes at which the steps of the size classes change.
const (
	smallest  = 64      // bytes of the first class, and what all classes are multiples of
	quartered = 8 << 20 // up to here each doubling has four classes
	huge      = 2 << 20 // from there on classes are multiples of a huge page
)

// SizeClass is the number of bytes that an allocation of that many bytes takes. The planner, the
// pool and the ledger all count in classes, so that what is predicted is what is measured.
//
// Classes are multiples of 64 bytes, four for each doubling (…, 512, 640, 768, 896, 1024, …) up to
// 8 MiB, where a quarter of a doubling reaches a huge page, and multiples of 2 MiB from there on.
// From 256 bytes on a class is at most a quarter larger than what it holds. Nothing takes nothing:
// the class of 0 is 0.
func SizeClass(bytes int) int {
	step := huge
	switch {
	case bytes <= 0:
		return 0
	case bytes <= quartered:
		step = max(smallest, 1<<bits.Len(uint(bytes-1))>>3)
	}
	class := (bytes + step - 1) &^ (step - 1)
	if class < bytes { // past the largest int
		return bytes
	}
	return class
}
