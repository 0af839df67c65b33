//go:build !amd64 || purego

package simd

import "github.com/tare-go/tare/dtype"

// Peak is a loop of multiply-adds of registers; there is none without assembly.
func Peak(dtype.DType) (run func(rounds int), flops int) { return nil, 0 }
