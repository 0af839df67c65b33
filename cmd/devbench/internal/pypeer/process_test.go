package pypeer

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/npy"
	np "github.com/tare-go/tare/tensor"
)

// fake is an interpreter that ignores its script and answers each line with the next of its own.
func fake(t *testing.T, answers string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "python")
	text := "#!/bin/sh\nwhile read -r answer <&3 && read -r request; do echo \"$answer\"; done 3<<'END'\n" + answers + "\nEND\necho 'it broke' >&2\n"
	require.NoError(t, os.WriteFile(path, []byte(text), 0o755))
	return path
}

const greeting = `{"version":"2.0","about":"2 threads","python":"3.11"}`

func TestAnInterpreterThatIsNotThere(t *testing.T) {
	_, err := Start(t.Context(), "no-python-here", "numpy", 2)
	var missing *MissingError
	require.ErrorAs(t, err, &missing)
	assert.Contains(t, err.Error(), "pip install numpy")
	assert.Contains(t, err.Error(), "--python")
}

func TestALibraryThatIsNotThere(t *testing.T) {
	_, err := Start(t.Context(), fake(t, `{"missing":"No module named 'jax'"}`), "jax", 2)
	var missing *MissingError
	require.ErrorAs(t, err, &missing)
	assert.Contains(t, err.Error(), "No module named 'jax'")
}

func TestAProcessAnswers(t *testing.T) {
	p, err := Start(t.Context(), fake(t, greeting+"\n"+`{"bytes":24,"settle":0.25}`+"\n"+`{"ns":1500}`+"\n"+`{}`), "numpy", 2)
	require.NoError(t, err)
	assert.Equal(t, []string{"2.0", "2 threads", "3.11"}, []string{p.Version, p.About, p.Python})
	bytes, err := p.Load(Work{Name: "add", Text: "x + y"}, map[string]string{"x": "x.npy"}, "y.npy")
	require.NoError(t, err)
	assert.Equal(t, 24, bytes)
	assert.Equal(t, 250*time.Millisecond, p.Settle)
	took, err := p.Time(t.Context(), 3)
	require.NoError(t, err)
	assert.Equal(t, 1500*time.Nanosecond, took)
	require.NoError(t, p.Drop())
	assert.NoError(t, p.Close())
}

func TestFailuresSayWhose(t *testing.T) {
	p, err := Start(t.Context(), fake(t, greeting+"\n"+`{"unsupported":"no products"}`+"\n"+`{"error":"MemoryError: no"}`+"\nnonsense"), "numba", 1)
	require.NoError(t, err)
	_, err = p.Load(Work{}, nil, "")
	var unsupported *UnsupportedError
	require.ErrorAs(t, err, &unsupported)
	assert.Equal(t, "numba does not have it: no products", err.Error())
	assert.EqualError(t, p.Drop(), "numba: MemoryError: no")
	assert.ErrorContains(t, p.Drop(), "not an answer")
	err = p.Drop()
	var died *DiedError
	require.ErrorAs(t, err, &died)
	assert.Contains(t, died.Said, "it broke")
}

func TestThreadsAreEqualAndNothingSlowsThePeer(t *testing.T) {
	env := environment([]string{"HOME=/home/x", "OPENBLAS_CORETYPE=Haswell", "OPENBLAS_L2_SIZE=512", "OMP_NUM_THREADS=8", "XLA_FLAGS=--x"}, 3)
	assert.Contains(t, env, "HOME=/home/x")
	for _, want := range []string{"OPENBLAS_NUM_THREADS=3", "OMP_NUM_THREADS=3", "NUMEXPR_MAX_THREADS=3", "NUMBA_NUM_THREADS=3", "XLA_FLAGS=--xla_cpu_multi_thread_eigen=true"} {
		assert.Contains(t, env, want)
	}
	for _, entry := range env {
		assert.NotContains(t, entry, "CORETYPE")
		assert.NotContains(t, entry, "L2_SIZE")
		assert.NotEqual(t, "OMP_NUM_THREADS=8", entry)
	}
}

// interpreter is a Python for tests with the library.
func interpreter(t *testing.T, peer string) *Process {
	t.Helper()
	python := os.Getenv("TARE_PYTHON")
	if python == "" {
		python = "python3"
	}
	p, err := Start(context.Background(), python, peer, 2) // the test's own context ends before Close
	if err != nil {
		t.Skipf("there is no %s to compare with: %v", peer, err)
	}
	t.Cleanup(func() { assert.NoError(t, p.Close()) })
	return p
}

func TestPythonComputes(t *testing.T) {
	for _, peer := range Names {
		t.Run(peer, func(t *testing.T) {
			p := interpreter(t, peer)
			assert.NotEmpty(t, p.Version)
			folder := t.TempDir()
			x, err := np.FromSlice([]float64{1, 4, 9})
			require.NoError(t, err)
			defer x.Free()
			in := filepath.Join(folder, "x.npy")
			require.NoError(t, npy.Save(in, x))
			for _, w := range []Work{
				{Name: "sqrt", Text: "np.sqrt(x)", Call: "prepared"},
				{Name: "sqrt", Text: "np.sqrt(x)", Call: "written"},
				{Name: "sqrt", Text: "np.sqrt(x)", Call: "reused", Into: "np.sqrt(x, out=out)"},
			} {
				out := filepath.Join(folder, "y.npy")
				bytes, err := p.Load(w, map[string]string{"x": in}, out)
				require.NoError(t, err)
				assert.Equal(t, 24, bytes)
				took, err := p.Time(t.Context(), 2)
				require.NoError(t, err)
				assert.Positive(t, took)
				y, err := npy.Load(out)
				require.NoError(t, err)
				got, err := np.ToSlice[float64](y)
				require.NoError(t, err)
				assert.Equal(t, []float64{1, 2, 3}, got)
				y.Free()
			}
		})
	}
}
