//go:build linux || darwin

package main

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/npy"
)

// longestFile is the variable with the most bytes that files of the command may have.
const longestFile = "TARE_TEST_FSIZE"

// bounded takes over the limit in longestFile.
func bounded() {
	n, err := strconv.ParseUint(os.Getenv(longestFile), 10, 64)
	if err != nil {
		return
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: n, Max: n}); err != nil {
		panic(err)
	}
}

// program is the command as a process of its own.
type program struct {
	*exec.Cmd
	err bytes.Buffer
}

func newProgram(args ...string) *program {
	p := &program{Cmd: exec.Command(os.Args[0], args...)}
	p.Env = append(os.Environ(), asProgram+"=1")
	p.Stderr = &p.err
	return p
}

// sparse is a .npy file of zeros, of so many rows of 4096 bytes, that takes no room, in a folder of its own.
func sparse(t *testing.T, rows int) (dir, path string) {
	dir = t.TempDir()
	path = filepath.Join(dir, "x.npy")
	header := npy.AppendHeader(nil, dtype.Float32, false, []int{rows, 1024})
	require.NoError(t, os.WriteFile(path, header, 0o666))
	require.NoError(t, os.Truncate(path, int64(len(header)+rows*4096)))
	return dir, path
}

func size(rows int) int {
	if testing.Short() {
		rows /= 8
	}
	return rows
}

func TestAnInterruptLeavesTheWholeFileOrNone(t *testing.T) {
	for _, c := range []struct {
		rows                 int
		expr, device, budget string
	}{
		{40_000, "x * 2 + 1", "cpu", "20MB"}, {40_000, "(x - x.mean(axis=0)) / (x.std(axis=0) + 1)", "cpu", "20MB"}, {40_000, "x * 2 + 1", "cpu", "4GB"},
		{2_000, "x * 2 + 1", "cuda:sim", "2MB"},
	} {
		dir, x := sparse(t, size(c.rows))
		out := filepath.Join(dir, "out.npy")
		eval := func(expr, budget string) *program {
			return newProgram("eval", expr, "--in", "x="+x, "--out", out, "--budget", budget, "--device", c.device)
		}
		start := time.Now()
		whole := eval(c.expr, c.budget)
		require.NoError(t, whole.Run(), &whole.err)
		took := time.Since(start)
		require.NoError(t, os.Remove(out))
		for range size(8) {
			p := eval(c.expr, c.budget)
			require.NoError(t, p.Start())
			time.Sleep(time.Duration(rand.Int64N(int64(took))))
			_ = p.Process.Signal(os.Interrupt) // it may have ended
			if p.Wait() == nil {
				assert.Equal(t, []string{"out.npy", "x.npy"}, fileNames(t, dir))
				require.NoError(t, os.Remove(out))
				continue
			}
			assert.Equal(t, []string{"x.npy"}, fileNames(t, dir), &p.err)
			if p.ProcessState.Exited() { // and not by a signal that came before it was waited for
				assert.Equal(t, exitFailed, p.ProcessState.ExitCode())
				assert.Contains(t, p.err.String(), "interrupted")
			}
		}
	}
}

func TestAStorageThatFillsLeavesNoFile(t *testing.T) {
	for _, c := range []struct {
		rows                    int
		device, budget, longest string
	}{{10_000, "cpu", "10MB", "20000000"}, {10_000, "cpu", "1GB", "20000000"}, {1_000, "cuda:sim", "1MB", "2000000"}} {
		dir, x := sparse(t, c.rows)
		p := newProgram("eval", "x + 1", "--in", "x="+x, "--out", filepath.Join(dir, "out.npy"), "--budget", c.budget, "--device", c.device)
		p.Env = append(p.Env, longestFile+"="+c.longest)
		assert.Error(t, p.Run())
		assert.Equal(t, exitFailed, p.ProcessState.ExitCode(), &p.err)
		assert.Contains(t, p.err.String(), "out.npy: file too large")
		assert.NotContains(t, p.err.String(), ".tmp")
		assert.Equal(t, []string{"x.npy"}, fileNames(t, dir))
	}
}

func TestAFileThatIsMadeShorterLeavesNoFile(t *testing.T) {
	rows := size(160_000)
	for _, c := range []struct {
		rows           int
		left           int64
		device, budget string
	}{ // pages are gone; a part of the last one is
		{rows, 4096, "cpu", "10MB"}, {rows, int64(128 + rows*4096 - 4), "cpu", "10MB"}, {5_000, 4096, "cuda:sim", "1MB"},
	} {
		dir, x := sparse(t, c.rows)
		p := newProgram("eval", "x + 1", "--in", "x="+x, "--out", filepath.Join(dir, "out.npy"), "--budget", c.budget, "--device", c.device)
		require.NoError(t, p.Start())
		for begun := false; !begun; time.Sleep(time.Millisecond) { // with the output, whose file is beside x
			begun = len(fileNames(t, dir)) > 1
		}
		require.NoError(t, os.Truncate(x, c.left))
		assert.Error(t, p.Wait())
		assert.Equal(t, exitFailed, p.ProcessState.ExitCode(), &p.err)
		assert.Contains(t, p.err.String(), "made shorter")
		assert.Equal(t, []string{"x.npy"}, fileNames(t, dir))
	}
}

// The process takes the budget and, beside it, at most 64 MB.
func TestEvalStaysWithinItsBudget(t *testing.T) {
	dir, x := sparse(t, size(160_000))
	for _, expr := range []string{"x * 2 + 1", "x - x.mean(axis=1, keepdims=True)"} {
		peak := peakBytes(t, "eval", expr, "--in", "x="+x, "--out", filepath.Join(dir, "out.npy"), "--budget", "50MB")
		assert.LessOrEqual(t, peak, 114_000_000, expr)
	}
}

// peakBytes is the most memory that the command had as a process: VmHWM.
func peakBytes(t *testing.T, args ...string) int {
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("no /proc here, which knows the peak of a process")
	}
	to := filepath.Join(t.TempDir(), "status")
	p := newProgram(args...)
	p.Env = append(p.Env, statusFile+"="+to)
	require.NoError(t, p.Run(), &p.err)
	status, err := os.ReadFile(to)
	require.NoError(t, err)
	for line := range strings.Lines(string(status)) {
		if kib, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, err := strconv.Atoi(strings.Fields(kib)[0])
			require.NoError(t, err)
			return n << 10
		}
	}
	require.Fail(t, "no VmHWM", string(status))
	return 0
}
