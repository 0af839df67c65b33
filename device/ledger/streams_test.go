package ledger_test

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	_ "github.com/tare-go/tare/cuda"
	"github.com/tare-go/tare/device"
	np "github.com/tare-go/tare/tensor"
)

// The file of a program of arrays on a GPU has a track for each stream, whose slices name the program's lines.
func TestTraceOfStreams(t *testing.T) {
	dev, err := device.OpenOwn("cuda:sim")
	require.NoError(t, err)
	trace := device.NewTrace(0)
	ctx, rec := device.Record(trace.In(t.Context()))
	x, err := np.Ones([]int{300, 1000})
	require.NoError(t, err)
	there, err := x.To(ctx, dev)
	to := above(1)
	require.NoError(t, err)
	y, err := np.Exp(there).Eval(ctx)
	exp := above(1)
	require.NoError(t, err)
	back, err := y.To(ctx, x.Device())
	from := above(1)
	require.NoError(t, err)

	file := written(t, trace)
	valid(t, file)
	tracks := tracksOf(file, "cuda:sim")
	assert.Equal(t, []string{"exp 0"}, tracks["compute stream"])
	for name, want := range map[string]device.Transfer{"host to device": rec.Stats().H2D, "device to host": rec.Stats().D2H} {
		assert.Equal(t, []string{fmt.Sprint("to ", float64(want.Bytes))}, tracks[name], "the call")
		total := 0.0
		for _, s := range tracks[name+" stream"] {
			var bytes float64
			_, err := fmt.Sscanf(s, "to %g", &bytes)
			require.NoError(t, err)
			total += bytes
		}
		assert.Equal(t, float64(want.Bytes), total, name)
		assert.NotContains(t, tracks, name+" stream 2", "a stream does one thing at a time")
	}
	var lines []string
	for _, e := range trace.Events() {
		if e.Track != "" {
			lines = append(lines, e.Track+" "+path.Base(e.Site.String()))
		}
	}
	slices.Sort(lines)
	assert.Equal(t, []string{"compute stream " + exp, "device to host stream " + from, "host to device stream " + to}, slices.Compact(lines), strings.Join(lines, "\n"))
	for _, z := range []*np.Tensor{x, there, y, back} {
		z.Free()
	}
	require.NoError(t, dev.Close())
}
