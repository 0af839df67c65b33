package record

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWriteNamesEveryField(t *testing.T) {
	ulp := 0.5
	r := Record{
		Workload: "add", Device: "cpu", DType: "float32", Shape: [][]int{{2, 3}, {}}, Impl: "tare", Data: EndToEnd, Runs: 3,
		Seconds: Seconds{0.25, 0.5, 1}, Flops: 6, BytesMin: 72, AllocBytes: 64, PeakBytes: 64,
		PredictedPeakBytes: 64, IntermediateBytes: 1, H2DBytes: 2, D2HBytes: 3, Launches: 4, Parts: 2, PartRows: 7,
		Warnings: []string{"large"}, MaxULP: &ulp, CopyBytesPerSecond: 5,
	}
	var b strings.Builder
	require.NoError(t, Write(&b, r, Record{Workload: "a < b & c"}))
	lines := strings.Split(b.String(), "\n")
	require.Len(t, lines, 3)
	assert.Equal(t, `{"workload":"add","device":"cpu","dtype":"float32","shape":[[2,3],[]],"impl":"tare","data":"end to end","runs":3,`+
		`"seconds":{"min":0.25,"median":0.5,"max":1},"flops":6,"bytes_min":72,"alloc_bytes":64,"peak_bytes":64,`+
		`"predicted_peak_bytes":64,"intermediate_bytes":1,"h2d_bytes":2,"d2h_bytes":3,"launches":4,`+
		`"parts":2,"part_rows":7,"warnings":["large"],"max_ulp":0.5,"ratio":null,"copy_bytes_per_second":5}`, lines[0])
	assert.Contains(t, lines[1], `"workload":"a < b & c"`)
	assert.Contains(t, lines[1], `"max_ulp":null`)
	assert.Contains(t, lines[1], `"data":"resident"`)
	assert.Contains(t, lines[1], `"parts":1,"part_rows":0,"warnings":[]`)
}

func TestSecondsOf(t *testing.T) {
	odd := SecondsOf([]time.Duration{3 * time.Second, time.Second, 2 * time.Second})
	assert.Equal(t, Seconds{1, 2, 3}, odd)
	even := SecondsOf([]time.Duration{4 * time.Second, time.Second, 2 * time.Second, 3 * time.Second})
	assert.Equal(t, Seconds{1, 2.5, 4}, even)
}
