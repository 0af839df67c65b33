package pypeer

import (
	"cmp"
	"context"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/cmd/devbench/internal/record"
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
	_, err := Start(t.Context(), "no-python-here", "numpy", CPU, 2)
	var missing *MissingError
	require.ErrorAs(t, err, &missing)
	assert.Contains(t, err.Error(), "pip install numpy")
	assert.Contains(t, err.Error(), "--python")
}

func TestAMissingLibraryIsInstalledForItsPlace(t *testing.T) {
	for want, e := range map[string]MissingError{
		"pip install cupy-cuda12x\n": {Peer: "cupy", Place: "cuda:0"}, "pip install 'jax[cuda12]'\n": {Peer: "jax", Place: "cuda:0"},
		"pip install jax\n": {Peer: "jax", Place: CPU}, "pip install torch\n": {Peer: "torch", Place: "cuda:0"},
	} {
		assert.Contains(t, e.Error(), want)
	}
}

func TestALibraryThatIsNotThere(t *testing.T) {
	_, err := Start(t.Context(), fake(t, `{"missing":"No module named 'jax'"}`), "jax", CPU, 2)
	var missing *MissingError
	require.ErrorAs(t, err, &missing)
	assert.Contains(t, err.Error(), "No module named 'jax'")
}

func TestAProcessAnswers(t *testing.T) {
	p, err := Start(t.Context(), fake(t, greeting+"\n"+`{"bytes":24,"settle":0.25,"ways":["resident"]}`+"\n"+`{"ns":1500}`+"\n"+`{}`), "numpy", CPU, 2)
	require.NoError(t, err)
	assert.Equal(t, []string{"2.0", "2 threads", "3.11"}, []string{p.Version, p.About, p.Python})
	loaded, err := p.Load(Work{Name: "add", Text: "x + y"}, map[string]string{"x": "x.npy"}, "y.npy")
	require.NoError(t, err)
	assert.Equal(t, Loaded{24, []string{record.Resident}}, loaded)
	assert.Equal(t, 250*time.Millisecond, p.Settle)
	took, err := p.Time(record.Resident)(t.Context(), 3)
	require.NoError(t, err)
	assert.Equal(t, 1500*time.Nanosecond, took)
	require.NoError(t, p.Drop())
	assert.NoError(t, p.Close())
}

func TestFailuresSayWhose(t *testing.T) {
	p, err := Start(t.Context(), fake(t, greeting+"\n"+`{"unsupported":"no products"}`+"\n"+`{"error":"MemoryError: no"}`+"\nnonsense"), "numba", CPU, 1)
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

func TestNoLibraryOnAGPURoundsOrTakesAllItsMemory(t *testing.T) {
	env := environment([]string{"CUPY_TF32=1", "NVIDIA_TF32_OVERRIDE=1", "CUDA_VISIBLE_DEVICES=1"}, 1)
	for _, want := range []string{"CUPY_TF32=0", "NVIDIA_TF32_OVERRIDE=0", "XLA_PYTHON_CLIENT_PREALLOCATE=false", "CUDA_VISIBLE_DEVICES=1"} {
		assert.Contains(t, env, want)
	}
	assert.NotContains(t, env, "CUPY_TF32=1")
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

func python() string { return cmp.Or(os.Getenv("TARE_PYTHON"), "python3") }

// interpreter is a Python for tests with the library.
func interpreter(t *testing.T, peer, place string) *Process {
	t.Helper()
	p, err := Start(context.Background(), python(), peer, place, 2) // the test's own context ends before Close
	if err != nil {
		t.Skipf("there is no %s to compare with: %v", peer, err)
	}
	t.Cleanup(func() { assert.NoError(t, p.Close()) })
	return p
}

func TestPythonComputes(t *testing.T) {
	for _, peer := range Names {
		t.Run(peer, func(t *testing.T) {
			p := interpreter(t, peer, CPU)
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
				loaded, err := p.Load(w, map[string]string{"x": in}, out)
				require.NoError(t, err)
				assert.Equal(t, Loaded{24, []string{record.Resident}}, loaded)
				took, err := p.Time(record.Resident)(t.Context(), 2)
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

// stubs makes Python import the stubs of CuPy and PyTorch.
func stubs(t *testing.T) {
	t.Helper()
	folder, err := filepath.Abs("testdata/stub")
	require.NoError(t, err)
	t.Setenv("PYTHONPATH", folder)
	t.Setenv("PYTHONDONTWRITEBYTECODE", "1")
}

// stubWait is how long the stubs wait for a GPU.
const stubWait = 2 * time.Millisecond

func TestLibrariesOnAGPUAreTimedUntilItHasEnded(t *testing.T) {
	stubs(t)
	for _, peer := range []string{"torch", "cupy"} {
		t.Run(peer, func(t *testing.T) {
			p := interpreter(t, peer, "cuda:0")
			assert.Contains(t, p.About, "on cuda:0, Imagined GPU, CUDA ")
			folder := t.TempDir()
			x, err := np.FromSlice([]float64{0, 3, 4, 5}, 2, 2)
			require.NoError(t, err)
			defer x.Free()
			in, out := filepath.Join(folder, "x.npy"), filepath.Join(folder, "y.npy")
			require.NoError(t, npy.Save(in, x))
			both := []string{record.EndToEnd, record.Resident}
			for _, c := range []struct {
				work Work
				ways []string
				want []float64
			}{
				{Work{Text: "np.sqrt(x * x)", Call: "prepared"}, both, []float64{0, 3, 4, 5}},
				{Work{Text: "x.std()", Call: "written"}, both, []float64{math.Sqrt(3.5)}},
				{Work{Text: "x + x", Call: "reused", Into: "np.add(x, x, out=out)"}, both, []float64{0, 6, 8, 10}},
				{Work{Text: "x", Call: "transferred"}, both[:1], []float64{0, 3, 4, 5}},
			} {
				loaded, err := p.Load(c.work, map[string]string{"x": in}, out)
				require.NoError(t, err)
				assert.Equal(t, c.ways, loaded.Ways, c.work.Text)
				for _, data := range loaded.Ways {
					took, err := p.Time(data)(t.Context(), 2)
					require.NoError(t, err)
					assert.GreaterOrEqual(t, took, stubWait, "the clock stops after the wait")
				}
				y, err := npy.Load(out)
				require.NoError(t, err)
				got, err := np.ToSlice[float64](y)
				require.NoError(t, err)
				assert.InDeltaSlice(t, c.want, got, 1e-15)
				y.Free()
				require.NoError(t, p.Drop())
			}
		})
	}
}

func TestLibrariesSayWhereTheyCannotCompute(t *testing.T) {
	stubs(t)
	interpreter(t, "cupy", "cuda:0")
	for _, c := range []struct{ peer, place, says string }{
		{"cupy", CPU, "it computes on GPUs only"},
		{"cupy", "cuda:1", "invalid device ordinal"},
		{"torch", "cuda:1", "cuda:1: it finds no such GPU"},
		{"numpy", "cuda:0", "it computes on the processor only"},
		{"jax", "cuda:99", ""}, // what it says differs
	} {
		_, err := Start(t.Context(), python(), c.peer, c.place, 1)
		var missing *MissingError
		require.ErrorAs(t, err, &missing, c.peer)
		assert.Contains(t, missing.Why, c.says)
		assert.NotEmpty(t, missing.Why)
	}
}
