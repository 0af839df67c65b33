package main

import (
	"context"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/npy"
)

// asProgram is the variable that makes the program of the tests the command, and statusFile the one with
// the name of a file that what the system knows of its process is written to in the end.
const (
	asProgram  = "TARE_TEST_DEVBENCH"
	statusFile = "TARE_TEST_STATUS"
)

func TestMain(m *testing.M) {
	switch to := os.Getenv(statusFile); {
	case os.Getenv(asProgram) == "":
		os.Exit(m.Run())
	case to != "":
		code := Main(context.Background(), os.Args[1:], os.Stdout, os.Stderr)
		status, err := os.ReadFile("/proc/self/status")
		if err == nil {
			err = os.WriteFile(to, status, 0o666)
		}
		if err != nil {
			panic(err)
		}
		os.Exit(code)
	}
	bounded()
	main()
}

// fileNames lists a folder.
func fileNames(t *testing.T, dir string) []string {
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	names := []string{}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// rawFloats is a file of a header of 8 bytes and the float32 numbers from 0 up to n.
func rawFloats(t *testing.T, n int) (path string) {
	file := []byte("8 bytes.")
	for i := range n {
		file = binary.NativeEndian.AppendUint32(file, math.Float32bits(float32(i)))
	}
	path = filepath.Join(t.TempDir(), "x.bin")
	require.NoError(t, os.WriteFile(path, file, 0o666))
	return path
}

func TestEvalOfRawFiles(t *testing.T) {
	path := rawFloats(t, 6)
	for in, want := range map[string]string{
		":2x3:f32@8": "[ 3. 12.]\n", ":3x2:f32@8": "[1. 5. 9.]\n", ":2x1:f32@12": "[1. 2.]\n",
	} {
		o := devbench(t, "eval", "x.sum(axis=1)", "--in", "x="+path+in)
		assert.Equal(t, exitOK, o.code, o.err)
		assert.Equal(t, want, o.out, in)
	}
	o := devbench(t, "eval", "x.sum()", "--in", "x="+path+":f32@8")
	assert.Equal(t, "15.0\n", o.out, o.err)
	o = devbench(t, "eval", "x[:8]", "--in", "x="+path+":uint8@0")
	assert.Equal(t, "[ 56  32  98 121 116 101 115  46]\n", o.out, o.err)
	o = devbench(t, "eval", "x", "--in", "x="+path+":2:uint16@1")
	assert.Equal(t, exitOK, o.code, "what lies at odd addresses is read: %s", o.err)
	o = devbench(t, "explain", "x + 1", "--in", "x="+path+":2x3:f32@8")
	assert.Contains(t, o.out, "operand x float32 (2,3): 24 B, mapped", o.err)
}

func TestMistakesAboutRawFiles(t *testing.T) {
	path := rawFloats(t, 6)
	for in, says := range map[string]struct {
		code int
		text string
	}{
		":3x3:f32@8":                     {exitFailed, "--in x: " + path + ": shape (3,3) of float32 from byte 8 on needs a file of 44 bytes; it has 32"},
		":2x3:f16":                       {exitUsage, "unknown dtype"},
		":2x:f32":                        {exitUsage, "not a shape"},
		":2:f32@99999999999999999999999": {exitUsage, "beyond the end of any file"},
		".missing:f32":                   {exitFailed, "no such file"},
	} {
		for _, command := range []string{"eval", "explain"} {
			o := devbench(t, command, "x + 1", "--in", "x="+path+in)
			assert.Equal(t, says.code, o.code, in)
			assert.Contains(t, o.err, says.text, in)
		}
	}
}

func TestAFileWithTheNameOfARawOneIsItself(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.npy:3:f32")
	w, err := npy.Create(path, dtype.Int8, []int{1}, false)
	if err != nil {
		t.Skip("no colons in names of files here: ", err)
	}
	_, err = w.Write([]byte{42})
	require.NoError(t, err)
	require.NoError(t, w.Commit())
	o := devbench(t, "eval", "x", "--in", "x="+path)
	assert.Equal(t, "[42]\n", o.out, o.err)
}

func TestEvalInPartsGivesTheSameFile(t *testing.T) {
	dir := t.TempDir()
	whole, parts := filepath.Join(dir, "whole.npy"), filepath.Join(dir, "parts.npy")
	for _, e := range []string{"x * 2.5", "x - x.mean(axis=0)", "x - x.mean(axis=1, keepdims=True)", "x[:, ::-1].T @ x"} {
		o := devbench(t, "eval", e, "--in", "x="+digits, "--out", whole)
		require.Equal(t, exitOK, o.code, o.err)
		o = devbench(t, "eval", e, "--in", "x="+digits, "--out", parts, "--budget", "300KB")
		if e != "x[:, ::-1].T @ x" {
			require.Equal(t, exitOK, o.code, o.err)
			assert.Contains(t, o.err, "computed and written in ")
		}
		if o.code == exitOK {
			want, err := os.ReadFile(whole)
			require.NoError(t, err)
			got, err := os.ReadFile(parts)
			require.NoError(t, err)
			assert.True(t, string(want) == string(got), e)
		}
	}
}

// Arrays that the device has no room for go through it, and come back with the processor's bits.
func TestEvalThroughADevice(t *testing.T) {
	dir := t.TempDir()
	want, got := filepath.Join(dir, "cpu.npy"), filepath.Join(dir, "sim.npy")
	for _, c := range []struct {
		expr  string
		parts bool
	}{
		{"x - x.mean(axis=1, keepdims=True)", true}, {"(x - x.mean(axis=0)) / (x.std(axis=0) + 1)", true}, {"x.std(axis=1)", false},
		{"x.sum(axis=0)", false}, {"x.sum()", false}, {"x[:, ::-1].T[3:9]", false}, {"np.argmax(x, axis=1)", false},
	} {
		o := devbench(t, "eval", c.expr, "--in", "x="+digits, "--out", want)
		require.Equal(t, exitOK, o.code, o.err)
		o = devbench(t, "eval", c.expr, "--in", "x="+digits, "--out", got, "--device", "cuda:sim", "--budget", "100KB")
		require.Equal(t, exitOK, o.code, "%s: %s", c.expr, o.err)
		assert.Equal(t, c.parts, strings.Contains(o.err, "computed and written in "), "%s: %s", c.expr, o.err)
		m := regexp.MustCompile(`peak (.*) predicted, (.*) measured`).FindStringSubmatch(o.err)
		require.Len(t, m, 3, o.err)
		assert.Equal(t, m[1], m[2], c.expr)
		a, err := os.ReadFile(want)
		require.NoError(t, err)
		b, err := os.ReadFile(got)
		require.NoError(t, err)
		assert.True(t, string(a) == string(b), c.expr)
	}
	assert.Equal(t, []string{"cpu.npy", "sim.npy"}, fileNames(t, dir))
	o := devbench(t, "explain", "x * 2", "--in", "x="+digits, "--device", "cuda:sim", "--budget", "100KB")
	assert.Contains(t, o.out, "plan through cuda:sim", o.err)
	o = devbench(t, "eval", "x.argmax()", "--in", "x="+digits, "--device", "cuda:sim", "--budget", "100KB")
	assert.Equal(t, exitOverBudget, o.code, o.err)
}
