package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAnExpressionMayBeginWithAMinusSign(t *testing.T) {
	o := devbench(t, "eval", "-x[0, 2]", "--in", "x="+digits)
	assert.Equal(t, exitOK, o.code, o.err)
	assert.Equal(t, "251\n", o.out, "5 of uint8, negated")
	o = devbench(t, "explain", "-x + y", "--shape", "x=3")
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.err, "line 1, column 6: there is no y", "the space before it is not counted")
	o = devbench(t, "explain", "-h")
	assert.Equal(t, exitOK, o.code)
	assert.Contains(t, o.out, "Usage: ")
}

func TestABudgetErrorSpeaksOfTheCommandLine(t *testing.T) {
	o := devbench(t, "eval", "x + 1", "--shape", "x=300:f64", "--budget", "1KiB")
	assert.Equal(t, exitOverBudget, o.code)
	assert.Regexp(t, `^devbench: add: needs .*, and the budget is 1.00 KiB`, o.err)
	assert.Contains(t, o.err, "--out FILE.npy")
	assert.NotContains(t, o.err, ".go:")
	o = devbench(t, "eval", "x", "--shape", "x=100000000000000:f32")
	assert.Equal(t, exitOverBudget, o.code)
	assert.Regexp(t, `^devbench: --shape x: fromfunc: needs 364 TiB`, o.err)
}

// A command speaks of options that it has.
func TestABudgetErrorOfARunSpeaksOfItsSize(t *testing.T) {
	brisk(t)
	for _, command := range []string{"run", "quick"} {
		o := devbench(t, command, "--workloads", "add", "--size", "1000000000000", "--peers", "none")
		assert.Equal(t, exitOverBudget, o.code)
		assert.Contains(t, o.err, "add in float32 on cpu: add of size 1000000000000: needs 43.7 TiB")
		assert.Contains(t, o.err, "\nways out: a smaller --size; --workloads that need less; --dtype f32\n")
	}
}

func TestABudgetSmallerThanARowIsAnErrorOfTheRow(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out.npy")
	for _, budget := range []string{"0", "1", "1KiB"} {
		o := devbench(t, "eval", "x * 2.5", "--in", "x="+digits, "--out", out, "--budget", budget)
		assert.Equal(t, exitOverBudget, o.code, budget)
		assert.Contains(t, o.err, "devbench: a row of multiply: needs 3.00 KiB (3072 bytes), and the budget is ")
		assert.NotContains(t, o.err, "--out", "which was said")
		assert.NoFileExists(t, out)
	}
	o := devbench(t, "eval", "x * 2.5", "--in", "x="+digits, "--out", out, "--budget", "3KiB")
	assert.Equal(t, exitOK, o.code)
	assert.Contains(t, o.err, "in 1797 parts of 1 row,")
	o = devbench(t, "eval", "x * 2.5", "--in", "x="+digits, "--budget=-1")
	assert.Equal(t, exitUsage, o.code)
}

func TestJSONHasTheWarningsAndTheParts(t *testing.T) {
	o := devbench(t, "eval", "x[:, :1] + x[0]", "--in", "x="+digits, "--json")
	require.Equal(t, exitOK, o.code, o.err)
	assert.Contains(t, o.out, `"parts":1,"part_rows":0,"warnings":["add: (1797,1) and (64,) are both broadcast`)
	o = devbench(t, "eval", "x + 1", "--in", "x="+digits, "--json", "--out", filepath.Join(t.TempDir(), "out.npy"), "--budget", "60KiB")
	require.Equal(t, exitOK, o.code, o.err)
	assert.Regexp(t, `"parts":[2-9],"part_rows":\d{2,},"warnings":\[\]`, o.out)
}

func TestExplainNamesTheFileThatItCannotRead(t *testing.T) {
	whole, err := os.ReadFile(digits)
	require.NoError(t, err)
	short := filepath.Join(t.TempDir(), "short.npy")
	require.NoError(t, os.WriteFile(short, whole[:50], 0o600))
	o := devbench(t, "explain", "x", "--in", "x="+short)
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.err, "--in x: "+short+": byte 50: ")
	o = devbench(t, "explain", "x", "--in", "x="+t.TempDir())
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.err, "is not a regular file")
}

// full is a place that takes nothing.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestOutputThatCannotBeWrittenFails(t *testing.T) {
	for _, args := range [][]string{
		{"devices"}, {"explain", "x", "--shape", "x=3"}, {"eval", "1"}, {"eval", "1", "--json"},
	} {
		var stderr bytes.Buffer
		assert.Equal(t, exitFailed, Main(t.Context(), args, full{}, &stderr), args)
		assert.Contains(t, stderr.String(), "no space left", args)
	}
}
