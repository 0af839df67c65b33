package main

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/cmd/devbench/internal/record"
	"github.com/tare-go/tare/cmd/devbench/internal/roof"
	"github.com/tare-go/tare/cmd/devbench/internal/suite"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/dtype"
)

func TestWriteResultsPutsThePeerBeside(t *testing.T) {
	ours := record.Record{Workload: "add", Device: "cpu", DType: "float32", Shape: [][]int{{10, 20}, {10, 20}}, Impl: "tare",
		Seconds: record.Seconds{Median: 2e-6}, Flops: 200, BytesMin: 2400, PeakBytes: 832, CopyBytesPerSecond: 1.5e9}
	loop, slow := ours, ours
	half := 0.5
	loop.Impl, loop.Ratio = "goloop", &half
	slow.Workload, slow.Shape = "outer_add", [][]int{{10, 1}, {1, 20}}
	slow.Seconds.Median = 0.5
	var b strings.Builder
	r := results{peers: []string{"goloop"}, records: []record.Record{ours, loop, slow}}
	require.NoError(t, r.write(&b))
	assert.Equal(t, ""+
		"workload   type  inputs      median        rate  roof   peak  goloop\n"+
		"add        f32   10x20      2.00 µs   1.20 GB/s   80%  832 B  0.500×\n"+
		"outer_add  f32   10x1 1x20   500 ms  0.000 GB/s    0%  832 B\n"+
		"\n"+
		"peer columns: the peer's time as a multiple of tare's; below 1 it is faster\n"+
		"roof: the part of what a copy moves; with fma, of what multiply-adds reach\n", b.String())
}

func TestRowsOfSeveralDevicesSayWhere(t *testing.T) {
	on := func(device, data string) record.Record {
		return record.Record{Workload: "gemm_64", Device: device, Data: data, DType: "float64", Shape: [][]int{{64, 64}}, Impl: "tare",
			Seconds: record.Seconds{Median: 1e-6}, Flops: 2_500_000, BytesMin: 1000}
	}
	table := func(records ...record.Record) string {
		var b strings.Builder
		require.NoError(t, results{records: records}.write(&b))
		return b.String()
	}
	assert.Equal(t, ""+
		"workload  on          type  inputs   median       rate  peak\n"+
		"gemm_64   cpu         f64   64x64   1.00 µs  2.50 Tf/s   0 B\n"+
		"gemm_64   cuda:0      f64   64x64   1.00 µs  2.50 Tf/s   0 B\n"+
		"gemm_64   cuda:0 e2e  f64   64x64   1.00 µs  2.50 Tf/s   0 B\n"+
		"\n"+
		"e2e: end to end, inputs copied to the device and the result back\n", table(on("cpu", record.Resident), on("cuda:0", record.Resident), on("cuda:0", record.EndToEnd)))
	assert.NotContains(t, table(on("cuda:0", record.Resident)), "cuda:0")
	assert.Regexp(t, `(?m)^gemm_64   e2e  f64`, table(on("cuda:0", record.EndToEnd)))
}

func TestATableOfTheQuickSuiteFitsATerminal(t *testing.T) {
	r := results{peers: []string{"goloop"}, moments: []roof.Roof{{FMA: map[dtype.DType]float64{dtype.Float64: 1e11}}}}
	for _, w := range suite.Quick() {
		m := record.Record{Workload: w.Name, Device: "cpu", DType: "float64", Impl: "tare", Seconds: record.Seconds{Median: 123e-6}, Flops: 1e7, BytesMin: 1.5e6, PeakBytes: 100 << 20, CopyBytesPerSecond: 12.2e9}
		if w.Product {
			m.BytesMin = 1e3
		}
		for _, in := range w.Inputs(1 << 20) {
			m.Shape = append(m.Shape, in.Shape)
		}
		loop, ratio := m, 0.123
		loop.Impl, loop.Ratio = "goloop", &ratio
		r.records = append(r.records, m, loop)
	}
	var b strings.Builder
	require.NoError(t, r.write(&b))
	assert.Contains(t, b.String(), "81.3 Gf/s  81% fma  100 MiB  0.123×")
	assert.Contains(t, b.String(), "12.2 GB/s     100%  100 MiB  0.123×")
	for line := range strings.Lines(b.String()) {
		assert.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), 80, line)
	}
}

func TestExtentsAreShort(t *testing.T) {
	for want, shape := range map[string][]int{"1e6x32": {1_000_000, 32}, "2e7": {20_000_000}, "10000": {10_000}, "1048576": {1 << 20}, "120000": {120_000}, "": {}, "0x3": {0, 3}} {
		assert.Equal(t, want, extents(shape))
	}
}

func TestFormatSeconds(t *testing.T) {
	for seconds, want := range map[float64]string{
		12.34: "12.3 s", 1: "1.00 s", 0.0999999: "100 ms", 0.00123: "1.23 ms", 1.5e-6: "1.50 µs", 2e-9: "2.00 ns", 0.5: "500 ms",
	} {
		assert.Equal(t, want, formatSeconds(seconds))
	}
}

func TestSignificant(t *testing.T) {
	for v, want := range map[float64]string{0: "0.000", 0.0123: "0.012", 0.5: "0.500", 9.994: "9.99", 9.996: "10.0", 99.96: "100", 1234.5: "1234"} {
		assert.Equal(t, want, significant(v), v)
	}
}

func TestTheProcessorIsMeasuredAgainAfterAWhile(t *testing.T) {
	brisk(t)
	dev, err := device.Open("cpu")
	require.NoError(t, err)
	r := results{}
	require.NoError(t, r.measureRoofs(t.Context(), []device.Device{dev}))
	require.NoError(t, r.measureProcessor(t.Context(), dev))
	assert.Len(t, r.moments, 1, "it is still good")
	r.until = time.Time{}
	require.NoError(t, r.measureProcessor(t.Context(), dev))
	require.Len(t, r.moments, 2)
	assert.Equal(t, r.moments[1].Copy, r.copies["cpu"])
	r.moments[0].Copy, r.moments[1].Copy = 48e9, 84.8e9
	assert.Contains(t, r.roofs()[0], "roof: copy 84.8 GB/s (48.0 to 84.8) on ")
	assert.Contains(t, r.legend(), "copies moved 48.0 to 84.8 GB/s, measured 2 times during the run")
}
