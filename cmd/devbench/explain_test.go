package main

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/internal/plan"
)

func TestExplainAsJSON(t *testing.T) {
	args := []string{"explain", "(x - x.mean(axis=0)) / x.std(axis=0)", "--shape", "x=500x200:f64"}
	o := devbench(t, append(args, "--json", "-")...)
	require.Equal(t, exitOK, o.code, o.err)
	var r plan.Report
	require.NoError(t, json.Unmarshal([]byte(o.out), &r))
	assert.Equal(t, "cpu", r.Device)
	assert.Equal(t, r.Launches, len(r.Calls))
	assert.Positive(t, r.PeakBytes)
	assert.NotEmpty(t, r.Steps)
	assert.Zero(t, o.stats.Allocs)

	file := filepath.Join(t.TempDir(), "plan.json")
	o = devbench(t, append(args, "--json", file)...)
	require.Equal(t, exitOK, o.code, o.err)
	assert.Contains(t, o.out, "plan on cpu, fused", "the text is where it was")
	written, err := os.ReadFile(file)
	require.NoError(t, err)
	var same plan.Report
	require.NoError(t, json.Unmarshal(written, &same))
	assert.Equal(t, r, same)
}

func TestExplainAsAPicture(t *testing.T) {
	file := filepath.Join(t.TempDir(), "plan.svg")
	o := devbench(t, "explain", "(x - x.mean(axis=0)) / x.std(axis=0)", "--shape", "x=500x200:f64", "--svg", file)
	require.Equal(t, exitOK, o.code, o.err)
	assert.Contains(t, o.out, "plan on cpu, fused")
	svg, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Contains(t, string(svg), "live bytes on cpu: peak ")
	d := xml.NewDecoder(strings.NewReader(string(svg)))
	for err == nil {
		_, err = d.Token()
	}
	assert.True(t, errors.Is(err, io.EOF), "it is well-formed: %v", err)
	o = devbench(t, "explain", "x", "--shape", "x=3", "--svg", filepath.Join(t.TempDir(), "no", "folder"))
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.err, "no such file or directory")
}

func TestExplainPredictsAndAnalyzes(t *testing.T) {
	args := []string{"explain", "x - x.mean(axis=0)", "--in", "x=" + digits}
	plain := devbench(t, args...)
	require.Equal(t, exitOK, plain.code, plain.err)
	assert.NotContains(t, plain.out, "at least")
	assert.Zero(t, plain.stats.Launches)

	predicted := devbench(t, append(args, "--predict")...)
	require.Equal(t, exitOK, predicted.code, predicted.err)
	assert.Regexp(t, `(?m)^  at least .*s, at [0-9.]+ GB/s and [0-9.]+ Gflop/s$`, predicted.out)
	assert.NotContains(t, predicted.out, "measured")

	analyzed := devbench(t, append(args, "--analyze")...)
	require.Equal(t, exitOK, analyzed.code, analyzed.err)
	assert.Regexp(t, `(?m)^  at least `, analyzed.out, "it implies --predict")
	assert.Regexp(t, `(?m)^call +runs +predicted +measured +of roof +path$`, analyzed.out)
	assert.Regexp(t, `(?m)^peak +([0-9]+) +([0-9]+)$`, analyzed.out)
	assert.Greater(t, analyzed.stats.Launches, predicted.stats.Launches)

	both := devbench(t, append(args, "--analyze", "--json", "-")...)
	require.Equal(t, exitOK, both.code, both.err)
	assert.True(t, json.Valid([]byte(both.out)), "words do not stand among JSON")
	assert.Regexp(t, `(?m)^in all `, both.err)
}

func TestAnalyzeKeepsToTheBudget(t *testing.T) {
	o := devbench(t, "explain", "a + b", "--shape", "a=1000x1:f64", "--shape", "b=1000:f64", "--analyze", "--budget", "1MiB")
	assert.Equal(t, exitOverBudget, o.code)
	assert.NotContains(t, o.out, "measured")
	assert.Contains(t, o.err, "add: needs ")
}
