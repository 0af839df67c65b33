package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/cmd/devbench/internal/record"
	"github.com/tare-go/tare/cmd/devbench/internal/suite"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/kernels/simd"
	"github.com/tare-go/tare/npy"
	np "github.com/tare-go/tare/tensor"
)

// outcome is what a run of the command wrote, its exit code, and what the ledger counted.
type outcome struct {
	out, err string
	code     int
	stats    device.Stats
}

// devbench runs the command in this process.
func devbench(t *testing.T, args ...string) outcome {
	t.Helper()
	t.Setenv(device.Variable, "")
	ctx, ledger := device.Record(t.Context())
	var out, err bytes.Buffer
	code := Main(ctx, args, &out, &err)
	return outcome{out.String(), err.String(), code, ledger.Stats()}
}

const (
	digits  = "../../testdata/digits.npy"
	raccoon = "../../testdata/raccoon.npy"
)

func TestUsageErrorsExitWith2AndSayWhat(t *testing.T) {
	for _, c := range []struct{ args, says string }{
		{"measure x", "there is no command measure\n"},
		{"evla x --shape x=3", "there is no command evla; did you mean eval?"},
		{"run add", "unexpected argument add"},
		{"eval", "<expr>"},
		{"explain x --shpae x=3:f64", "did you mean \"--shape\"?"},
		{"explain x --shape x", "name=value"},
		{"explain x --shape x=3:f16", "--shape x: unknown dtype"},
		{"explain x --shape x=3,4", "--shape x: "},
		{"explain x --shape np=3", "another name"},
		{"explain x --shape x=3 --shape x=4", "x is given twice"},
		{"eval x --shape x=3 --in x=x.npy", "x is given twice"},
		{"explain x --shape x=3 --budget 2G", "GB for a power of 1000 or GiB"},
		{"run --workloads softmax_row", "did you mean softmax_rows?"},
		{"run --dtype f16", "unknown dtype"},
		{"run --dtype i32", "f32 and f64"},
		{"run --size 0", "at least one element"},
		{"run --size many", "--size"},
		{"run --workloads transfer --devices cuda:sim --data resident", "nothing to measure"},
		{"run --data moved", "resident"},
		{"run --workloads transfer", "and needs one among --devices"},
		{"run --peers numpi", "goloop"},
	} {
		o := devbench(t, strings.Fields(c.args)...)
		assert.Equal(t, exitUsage, o.code, c.args)
		assert.Contains(t, o.err, c.says, c.args)
		assert.Contains(t, o.err, "devbench --help", c.args)
		assert.Empty(t, o.out, c.args)
	}
}

func TestHelp(t *testing.T) {
	o := devbench(t, "--help")
	assert.Equal(t, exitOK, o.code)
	for _, command := range []string{"run", "devices", "explain", "eval"} {
		assert.Contains(t, o.out, "\n  "+command, command)
	}
	o = devbench(t, "eval", "--help")
	assert.Equal(t, exitOK, o.code)
	assert.Contains(t, o.out, "--budget=2GiB")
}

func TestDevicesListsTheCPU(t *testing.T) {
	o := devbench(t, "devices")
	assert.Equal(t, exitOK, o.code, o.err)
	assert.Regexp(t, `(?m)^device +model`, o.out)
	assert.Regexp(t, `(?m)^cpu `, o.out)
}

func TestAnUnknownDeviceFails(t *testing.T) {
	o := devbench(t, "explain", "x", "--shape", "x=3", "--device", "tpu")
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.err, "tpu")
}

func TestExplainPointsAtAMissingKeepdims(t *testing.T) {
	o := devbench(t, "explain", "x - x.mean(axis=1)", "--shape", "x=50000x5000:f64")
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.err, "line 1, column 3: shapes (50000,5000) and (50000,) do not broadcast")
	assert.Contains(t, o.err, "did you mean x.mean(axis=1, keepdims=True), whose shape is (50000,1)?")
	assert.Contains(t, o.err, "    x - x.mean(axis=1)\n      ^")
	assert.Empty(t, o.out)
}

func TestExplainSuggestsNames(t *testing.T) {
	for expr, says := range map[string]string{
		"np.sqr(x)": "did you mean np.sqrt?", "x.maen()": "did you mean mean?", "sqrt(x)": "did you mean np.sqrt?",
		"X + 1": "did you mean x?", "x.sum(axes=1)": "did you mean axis?", "x +": "column 4",
	} {
		o := devbench(t, "explain", expr, "--shape", "x=3")
		assert.Equal(t, exitFailed, o.code, expr)
		assert.Contains(t, o.err, says, expr)
	}
}

func TestExplainOfEightTerabytesAllocatesNothing(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	o := devbench(t, "explain", "a + b", "--shape", "a=1x1000000:f64", "--shape", "b=1000000x1:f64")
	took := time.Since(start)
	runtime.ReadMemStats(&after)

	assert.Equal(t, exitOverBudget, o.code, o.err)
	assert.Contains(t, o.out, "7.28 TiB")
	assert.Contains(t, o.out, "budget ")
	assert.Contains(t, o.out, "both broadcast")
	assert.Contains(t, o.err, "add: needs 7.28 TiB (80000")
	assert.Less(t, took, 500*time.Millisecond)
	assert.Zero(t, o.stats.Allocs)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(4<<20))
}

func TestExplainOfFilesReadsTheirHeaders(t *testing.T) {
	o := devbench(t, "explain", "x.mean(axis=(0, 1))", "--in", "x="+raccoon)
	assert.Equal(t, exitOK, o.code, o.err)
	assert.Contains(t, o.out, "operand x uint8 (768,1024,3)")
	assert.Contains(t, o.out, "mapped")

	o = devbench(t, "explain", "x", "--in", "x=nothing.npy")
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.err, "--in x: ")
}

func TestEagerExplainShowsIntermediates(t *testing.T) {
	args := []string{"explain", "np.sqrt(x*x + 1) * 2", "--shape", "x=1000x1000:f64"}
	fused := devbench(t, args...)
	eager := devbench(t, append(args, "--eager")...)
	assert.Equal(t, []int{exitOK, exitOK}, []int{fused.code, eager.code}, fused.err+eager.err)
	assert.Contains(t, fused.out, "intermediates 0 B")
	assert.NotContains(t, eager.out, "intermediates 0 B")
}

func TestStrictRefusesMutualExpansion(t *testing.T) {
	o := devbench(t, "explain", "a + b", "--shape", "a=3x1", "--shape", "b=4", "--strict")
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.err, "strict: add: (3,1) and (4,) are both broadcast")
}

func TestEvalPrintsTheResultAndItsCost(t *testing.T) {
	o := devbench(t, "eval", "x[0].reshape(8, 8).sum(axis=1)", "--in", "x="+digits)
	assert.Equal(t, exitOK, o.code, o.err)
	assert.Equal(t, "[28 58 39 32 30 35 43 29]\n", o.out)
	assert.Regexp(t, `^uint64 \(8,\), 64 B; peak .* predicted, .* measured; .* launches; `, o.err)
}

func TestEvalWritesAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "bright.npy")
	o := devbench(t, "eval", "g = x.mean(axis=2)\ng > g.mean()", "--in", "x="+raccoon, "--out", file)
	require.Equal(t, exitOK, o.code, o.err)
	assert.Empty(t, o.out)
	y, err := npy.Load(file)
	require.NoError(t, err)
	defer y.Free()
	assert.Equal(t, []int{768, 1024}, y.Shape())
	bright, err := np.ToSlice[bool](y)
	require.NoError(t, err)
	n := 0
	for _, b := range bright {
		if b {
			n++
		}
	}
	assert.Greater(t, n, len(bright)/4)
	assert.Less(t, n, len(bright)*3/4)
}

func TestEvalOfRandomInputsIsTheSameEachTime(t *testing.T) {
	args := []string{"eval", "a @ b + c.sum()", "--shape", "a=4x3:f32", "--shape", "b=3:f32", "--shape", "c=5:int32"}
	first, second := devbench(t, args...), devbench(t, args...)
	assert.Equal(t, exitOK, first.code, first.err)
	assert.NotEmpty(t, first.out)
	assert.Equal(t, first.out, second.out)
}

func TestEvalAsARecord(t *testing.T) {
	o := devbench(t, "eval", "x - x.mean(axis=0)", "--in", "x="+digits, "--json")
	require.Equal(t, exitOK, o.code, o.err)
	var r record.Record
	require.NoError(t, json.Unmarshal([]byte(o.out), &r))
	assert.Equal(t, "x - x.mean(axis=0)", r.Workload)
	assert.Equal(t, "tare", r.Impl)
	assert.Equal(t, "float64", r.DType)
	assert.Equal(t, [][]int{{1797, 64}}, r.Shape)
	assert.Equal(t, 1797*64*9, r.BytesMin)
	assert.Equal(t, r.PredictedPeakBytes, r.PeakBytes)
	assert.Positive(t, r.Launches)
	assert.Positive(t, r.Flops)
	assert.Positive(t, r.Seconds.Median)
}

func TestEvalOverBudgetExitsWith3(t *testing.T) {
	o := devbench(t, "eval", "x * 2.5", "--in", "x="+digits, "--budget", "100KiB")
	assert.Equal(t, exitOverBudget, o.code)
	assert.Empty(t, o.out)
	assert.Contains(t, o.err, "multiply: needs ")
	assert.Zero(t, o.stats.Allocs)
}

func TestEvalStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, err bytes.Buffer
	assert.Equal(t, exitFailed, Main(ctx, []string{"eval", "x + 1", "--in", "x=" + digits}, &out, &err))
	assert.Contains(t, err.String(), "interrupted")
}

// brisk makes measurements as short as they can be.
func brisk(t *testing.T) {
	quick, full, roof := quickLimits, fullLimits, roofOptions
	quickLimits.Time, quickLimits.Least, quickLimits.Batch, quickLimits.Warm = 0, 1, 0, 0
	fullLimits.Time, fullLimits.Least, fullLimits.Batch, fullLimits.Warm = 0, 1, 0, 0
	roofOptions.Bytes, roofOptions.Rounds = 1<<20, 1
	t.Cleanup(func() { quickLimits, fullLimits, roofOptions = quick, full, roof })
}

// intermediates are the bytes that fused workloads of 100 columns may store between steps: none, or
// the statistics of the columns, of which a float64 row takes one size class.
var intermediates = map[string]int{"zscore_cols": 2 * device.SizeClass(100*8)}

func TestRunMeasuresEveryWorkloadAgainstItsLoop(t *testing.T) {
	brisk(t)
	names := slices.DeleteFunc(suite.Names(), func(name string) bool { // of the products the smallest
		return slices.Contains([]string{"gemm_128", "gemm_256", "gemm_512", "gemm_1024", "gemm_2048", "add_1e7", "exp_1e7"}, name)
	})
	o := devbench(t, "run", "--workloads", strings.Join(names, ","), "--size", "10000", "--json", "-")
	require.Equal(t, exitOK, o.code, o.err)

	var records []record.Record
	for dec := json.NewDecoder(strings.NewReader(o.out)); dec.More(); {
		var r record.Record
		require.NoError(t, dec.Decode(&r))
		records = append(records, r)
	}
	require.Len(t, records, 2*2*len(names))
	for i, r := range records {
		assert.Equal(t, []string{"tare", "goloop"}[i%2], r.Impl)
		assert.Equal(t, 1, r.Runs)
		assert.Positive(t, r.Seconds.Min, r.Workload)
		assert.Positive(t, r.BytesMin, r.Workload)
		assert.Positive(t, r.Flops, r.Workload)
		if r.Impl == "tare" {
			assert.Equal(t, r.PredictedPeakBytes, r.PeakBytes, r.Workload)
			assert.LessOrEqual(t, r.IntermediateBytes, intermediates[r.Workload], "%s is fused", r.Workload)
			assert.NotNil(t, r.MaxULP, r.Workload)
		}
	}
	assert.Regexp(t, `(?m)^workload +type +inputs +median +rate +roof +peak +goloop$`, o.err)
	assert.Regexp(t, `(?m)^outer_add +f32 +100x1 1x100 `, o.err)
	assert.Contains(t, o.err, "peer columns: the peer's time as a multiple of tare's")
}

func TestAWrongResultFailsTheRunAndTheOthersGoOn(t *testing.T) {
	brisk(t)
	c := runFlags{Workloads: []string{"add", "scale"}, DType: []string{"f32"}, Devices: []string{"cpu"}}
	devs, err := c.devices()
	require.NoError(t, err)
	jobs, err := c.measurements(suite.All(), 100, quickLimits, devs)
	require.NoError(t, err)
	jobs[0].workload.Text = "x - y"
	against, err := openPeers(t.Context(), []string{"goloop"}, "", devs)
	require.NoError(t, err)
	defer against.close()
	r := results{copies: map[string]float64{}}
	written := 0
	failed := r.perform(t.Context(), jobs, against, progress(io.Discard, len(jobs)), func(records ...record.Record) error {
		written += len(records)
		assert.Len(t, r.records, written, "records are written as they come")
		return nil
	})
	assert.ErrorContains(t, failed, "add in float32 on cpu: compared with goloop: element 0 is ")
	assert.NotContains(t, failed.Error(), "scale")
	assert.Len(t, r.records, 4)
	assert.Equal(t, 4, written)
	assert.Equal(t, exitFailed, report(io.Discard, "run", failed))
}

func TestRunWritesATableAndAFile(t *testing.T) {
	brisk(t)
	file := filepath.Join(t.TempDir(), "records.json")
	o := devbench(t, "run", "--workloads", "add,gemm_64", "--dtype", "f64", "--size", "100", "--peers", "none", "--json", file)
	require.Equal(t, exitOK, o.code, o.err)
	assert.Regexp(t, `(?m)^cpu `, o.out, "the devices come first")
	assert.Regexp(t, `(?m)^2 measurements on cpu, [0-9]+ threads, kernels up to `+simd.Level()+`; go`, o.out)
	assert.Regexp(t, `(?m)^add +f64 +10x10 .* GB/s`, o.out)
	assert.Regexp(t, `(?m)^gemm_64 +f64 +64x64 .* Gf/s`, o.out)
	assert.NotContains(t, o.out, "peer columns")
	assert.NotContains(t, o.out, "goloop")
	lines, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, 2, bytes.Count(lines, []byte("\n")))
	assert.Contains(t, string(lines), `"max_ulp":null`)
}

func TestWhatCannotBeWrittenIsSeenBeforeAnythingIsMeasured(t *testing.T) {
	brisk(t)
	for _, flag := range []string{"--json", "--markdown"} {
		o := devbench(t, "run", "--workloads", "add", "--size", "100", flag, filepath.Join(t.TempDir(), "no", "folder"))
		assert.Equal(t, exitFailed, o.code, flag)
		assert.Contains(t, o.err, "no such file or directory", flag)
		assert.Empty(t, o.out, flag)
		assert.Zero(t, o.stats.Allocs, flag)
	}
}

func TestAPageIsReplacedAtTheEnd(t *testing.T) {
	brisk(t)
	file := filepath.Join(t.TempDir(), "page.md")
	require.NoError(t, os.WriteFile(file, bytes.Repeat([]byte("old "), 5000), 0o600))
	c := devbench(t, "run", "--workloads", "add", "--size", "100", "--python", "no-python-here", "--peers", "numpi", "--markdown", file)
	assert.Equal(t, exitUsage, c.code)
	o := devbench(t, "run", "--workloads", "add", "--size", "100", "--markdown", file)
	require.Equal(t, exitOK, o.code, o.err)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.NotContains(t, string(text), "old old")
	assert.True(t, strings.HasPrefix(string(text), "# Performance\n"))
}
