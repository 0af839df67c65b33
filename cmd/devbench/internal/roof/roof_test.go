package roof

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/kernels/simd"
)

// own is a device of the test's.
func own(t *testing.T) *device.Ledgered {
	dev, err := device.OpenOwn("cpu")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, dev.Close()) })
	return dev
}

func TestMeasure(t *testing.T) {
	dev := own(t)
	r, err := Measure(t.Context(), dev, Options{Bytes: 1 << 20, Rounds: 1, Threads: 2})
	require.NoError(t, err)
	assert.Zero(t, dev.Stats().LiveBytes)
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
	_, err := Measure(ctx, own(t), Options{Bytes: 1 << 10, Rounds: 1, Threads: 1})
	assert.ErrorIs(t, err, context.Canceled)
}

// A lucky round, or an unlucky one, is not the roof.
func TestTheCopyIsTheMedianOfTheBetterWay(t *testing.T) {
	var r Roof
	r.better([][]float64{{30, 99, 31, 32, 33}, {50, 51, 13, 85, 52}})
	assert.Equal(t, Roof{Copy: 51, How: blocks[1].name}, r)
}

func TestOverIsTheMedianOfAllAndTheirRange(t *testing.T) {
	of := func(rate, fma float64, how string) Roof {
		return Roof{Copy: rate, How: how, Threads: 2, FMA: map[dtype.DType]float64{dtype.Float64: fma}}
	}
	r := Over([]Roof{of(85e9, 1e9, "large"), of(48e9, 3e9, "small"), of(50e9, 2e9, "middle")})
	assert.Equal(t, Roof{Copy: 50e9, How: "middle", Least: 48e9, Most: 85e9, Threads: 2, FMA: map[dtype.DType]float64{dtype.Float64: 3e9}}, r)
	assert.Contains(t, r.String(), "copy 50.0 GB/s (48.0 to 85.0) on 2 threads, middle; ")
	once := Over([]Roof{of(50e9, 2e9, "only")})
	assert.Contains(t, once.String(), "copy 50.0 GB/s on 2 threads, only; ")
}

func TestEveryByteIsCopied(t *testing.T) {
	src := []byte("every byte is copied")
	dst := make([]byte, len(src))
	for i := range 3 {
		copyPart(dst, src, i, 3, 4)
	}
	assert.Equal(t, src, dst)
}
