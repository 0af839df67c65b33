package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/cmd/devbench/internal/record"
	"github.com/tare-go/tare/cmd/devbench/internal/roof"
)

func TestWriteResultsPutsThePeerBeside(t *testing.T) {
	ours := record.Record{Workload: "add", Device: "cpu", DType: "float32", Shape: [][]int{{10, 20}, {10, 20}}, Impl: "tare",
		Seconds: record.Seconds{Median: 2e-6}, Flops: 200, BytesMin: 2400, PeakBytes: 832}
	loop, slow := ours, ours
	half := 0.5
	loop.Impl, loop.Ratio = "goloop", &half
	slow.Workload, slow.Shape = "outer_add", [][]int{{10, 1}, {1, 20}}
	slow.Seconds.Median = 0.5
	var b strings.Builder
	r := results{peers: []string{"goloop"}, roof: roof.Roof{Copy: 1.5e9}, records: []record.Record{ours, loop, slow}}
	require.NoError(t, r.write(&b))
	assert.Equal(t, ""+
		"workload   device  dtype  inputs      median   GB/s  Gflop/s       roof   peak  goloop\n"+
		"add        cpu     f32    10x20      2.00 µs   1.20    0.100  80 % copy  832 B  0.500×\n"+
		"outer_add  cpu     f32    10x1 1x20   500 ms  0.000    0.000   0 % copy  832 B\n", b.String())
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
