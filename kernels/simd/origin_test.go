package simd

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/op"
)

// At level generic all functions are its own; above it, those of float64 additions are not.
func TestLevelsOfFunctions(t *testing.T) {
	active := Level()
	defer func() { assert.NoError(t, SetLevel(active)) }()
	f := dtype.Float64
	for i, name := range Levels() {
		assert.NoError(t, SetLevel(name))
		got := []string{KernelLevel(op.Add, []dtype.DType{f, f}), CastLevel(dtype.Float32, f), FoldLevel(op.Add, f)}
		if i == 0 {
			assert.Equal(t, []string{"generic", "generic", "generic"}, got)
			continue
		}
		assert.NotContains(t, got, "generic", name)
		assert.Equal(t, "generic", KernelLevel(op.FloorDivide, []dtype.DType{dtype.Int64, dtype.Int64}))
	}
}
