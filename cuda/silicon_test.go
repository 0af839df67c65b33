package cuda

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/device/devicetest"
	np "github.com/tare-go/tare/tensor"
)

// silicon opens the first GPU for the test alone. Without one the test is skipped, unless TARE_TEST_GPU says that there
// has to be one.
func silicon(t *testing.T) *device.Ledgered {
	dev, err := device.OpenOwn("cuda:0")
	if err != nil && os.Getenv("TARE_TEST_GPU") == "" {
		t.Skip(err)
	}
	require.NoError(t, err)
	t.Logf("%+v", dev.Info())
	return dev
}

func TestSiliconKeepsTheContract(t *testing.T) { devicetest.Run(t, silicon(t)) }

// What the driver says is gone is what the ledger and the pool have, but for the driver's pages of 2 MiB.
func TestSiliconMemoryIsTheLedgers(t *testing.T) {
	dev := silicon(t)
	reporter, ok := device.Reporter(dev)
	require.True(t, ok)
	before, _ := reporter.MemoryLeft()
	var bufs []device.Buffer
	for _, n := range []int{1 << 20, 64 << 20, 300<<20 + 1, 5} {
		b, err := dev.Alloc(background, n)
		require.NoError(t, err)
		bufs = append(bufs, b)
	}
	after, _ := reporter.MemoryLeft()
	assert.InDelta(t, dev.Stats().LiveBytes, before-after, float64(len(bufs))*(2<<20)+(1<<20))
	for _, b := range bufs {
		b.Free()
	}
	_, err := dev.Trim(background)
	require.NoError(t, err)
	require.NoError(t, dev.Sync(background))
	left, _ := reporter.MemoryLeft()
	assert.InDelta(t, before, left, 4<<20)
	require.NoError(t, dev.Close())
}

// A trace has what the streams did, by the GPU's clock, in the span of the calls.
func TestSiliconTimesItsStreams(t *testing.T) {
	dev := silicon(t)
	opened := time.Now()
	trace := device.NewTrace(0)
	ctx, rec := device.RecordOn(trace.In(background), dev)
	x := matrix(t, 2000, 1000)
	defer x.Free()
	there, err := x.To(ctx, dev)
	require.NoError(t, err)
	y, err := np.Exp(np.Negative(there)).Eval(ctx)
	require.NoError(t, err)
	back, err := y.To(ctx, x.Device())
	require.NoError(t, err)
	by := streamsIn(t, trace, time.Since(opened))
	assert.Len(t, by, 3)
	counted(t, by, rec.Stats())
	for name, list := range by {
		for _, e := range list {
			assert.Positive(t, e.Took, name)
			t.Log(name, e.Start, e.Took, e.Bytes)
		}
	}
	for _, z := range []*np.Tensor{there, y, back} {
		z.Free()
	}
	require.NoError(t, dev.Close())
}

// A standardised matrix has the CPU's bits.
func TestSiliconAgreesWithTheCPU(t *testing.T) {
	dev := silicon(t)
	x, err := np.FromFunc([]int{1000, 700}, func(ix []int) float32 { return float32((ix[0]*31+ix[1]*17)%1009) / 7 })
	require.NoError(t, err)
	standard := func(x *np.Tensor) *np.Expr {
		return np.MatMul(np.Tanh(np.Divide(np.Subtract(x, np.Mean(x, np.Axis(0))), np.Std(x, np.Axis(0)))), np.Transpose(x))
	}
	want, err := standard(x).Eval(background)
	require.NoError(t, err)
	there, err := x.To(background, dev)
	require.NoError(t, err)
	got, err := standard(there).Eval(background)
	require.NoError(t, err)
	a, err := np.ToSlice[float32](want)
	require.NoError(t, err)
	b, err := np.ToSlice[float32](got)
	require.NoError(t, err)
	assert.Equal(t, a, b)
	there.Free()
	got.Free()
	require.NoError(t, dev.Close())
}
