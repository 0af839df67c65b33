package roof

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/kernels/simd"
)

func TestMeasure(t *testing.T) {
	r, err := Measure(t.Context(), Options{Bytes: 1 << 20, Rounds: 1, Threads: 2})
	require.NoError(t, err)
	assert.Greater(t, r.Copy, 1e8)
	assert.Contains(t, r.String(), "GB/s on 2 threads, in blocks of ")
	if run, _ := simd.Peak(dtype.Float64); run == nil {
		assert.Contains(t, r.String(), "multiply-adds not measured")
		return
	}
	assert.Greater(t, r.FMA[dtype.Float64], 1e9)
	assert.Greater(t, r.FMA[dtype.Float32], 1e9)
	assert.Contains(t, r.String(), "multiply-adds in float32")
}

func TestMeasureEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Measure(ctx, Options{Bytes: 1 << 10, Rounds: 1, Threads: 1})
	assert.ErrorIs(t, err, context.Canceled)
}

func TestEveryByteIsCopied(t *testing.T) {
	src := []byte("every byte is copied")
	dst := make([]byte, len(src))
	for i := range 3 {
		copyPart(dst, src, i, 3, 4)
	}
	assert.Equal(t, src, dst)
}
