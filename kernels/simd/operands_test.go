//go:build !exhaustive

package simd

// operands is how many float32 TestFloat32OfLevels tries for each function.
const operands = 1 << 22
