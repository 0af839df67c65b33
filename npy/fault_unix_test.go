//go:build unix && !aix && !solaris && !illumos

package npy

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	_ "github.com/tare-go/tare/cuda"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/dtype"
	np "github.com/tare-go/tare/tensor"
)

// child runs this test again in a process of its own, which may die, with a variable set, and is false
// there.
func child(t *testing.T, env ...string) bool {
	const inside = "TARE_TEST_CHILD"
	if os.Getenv(inside) == t.Name() {
		return false
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(append(os.Environ(), inside+"="+t.Name()), env...)
	out, err := cmd.CombinedOutput()
	require.NoErrorf(t, err, "%v\n%s", env, out)
	if strings.Contains(string(out), "--- SKIP") {
		t.Skip(string(out))
	}
	assert.Contains(t, string(out), "--- PASS")
	return true
}

// sparse is a file of zeros, with room for none of them.
func sparse(t testing.TB, d dtype.DType, shape ...int) (path string) {
	header := AppendHeader(nil, d, false, shape)
	path = writeFile(t, "sparse.npy", header)
	n := d.Size()
	for _, e := range shape {
		n *= e
	}
	if err := os.Truncate(path, int64(len(header)+n)); err != nil {
		t.Skip("no sparse files here: ", err)
	}
	return path
}

// requireLost fails unless err says that a file was made shorter.
func requireLost(t *testing.T, err error, path string) {
	t.Helper()
	var lost *LostError
	require.ErrorAs(t, err, &lost)
	assert.Equal(t, path, lost.Path)
	assert.Less(t, lost.Has, lost.Needs)
	assert.ErrorContains(t, err, "made shorter")
}

// faulting are expressions that read an array of 1024 columns in all the ways that programs have: maps,
// casts, strided tiles, folds along rows and columns, index folds, scans, products.
var faulting = map[string]func(x *np.Tensor) *np.Expr{
	"map":     func(x *np.Tensor) *np.Expr { return np.Add(np.Multiply(x, 2), 1) },
	"exp":     func(x *np.Tensor) *np.Expr { return np.Exp(x) },
	"cast":    func(x *np.Tensor) *np.Expr { return np.AsType(x, dtype.Int32) },
	"reverse": func(x *np.Tensor) *np.Expr { return np.Negative(np.Flip(x)) },
	"sum":     func(x *np.Tensor) *np.Expr { return np.Sum(x) },
	"rows":    func(x *np.Tensor) *np.Expr { return np.Subtract(x, np.Mean(x, np.Axis(1), np.KeepDims)) },
	"columns": func(x *np.Tensor) *np.Expr { return np.Sum(x, np.Axis(0)) },
	"argmax":  func(x *np.Tensor) *np.Expr { return np.ArgMax(x, np.Axis(1)) },
	"scan":    func(x *np.Tensor) *np.Expr { return np.CumSum(x, np.Axis(1)) },
	"product": func(x *np.Tensor) *np.Expr { return np.MatMul(x, np.Transpose(x)) },
	"vector":  func(x *np.Tensor) *np.Expr { return np.MatMul(x, np.Mean(x, np.Axis(0))) },
}

func TestATruncatedFileIsAnError(t *testing.T) {
	if child(t, "TARE_CPU=generic") {
		child(t, "TARE_CPU=avx2")
		child(t, "TARE_CPU=")
		child(t, "GOMAXPROCS=1")
		return
	}
	for _, rows := range []int{1, 8, 300} {
		for name, expr := range faulting {
			path := sparse(t, dtype.Float32, rows, 1024)
			x := kept(t)(Open(path))
			e := expr(x)
			y, err := e.Eval(t.Context())
			require.NoError(t, err, name)
			y.Free()
			require.NoError(t, Intact(x))
			require.NoError(t, os.Truncate(path, 1000))
			_, err = e.Eval(t.Context())
			requireLost(t, err, path)
			requireLost(t, Intact(x), path)
			require.NoError(t, os.Truncate(path, int64(128+rows*4096)))
			y, err = e.Eval(t.Context())
			require.NoError(t, err, "%s works again when the file does", name)
			y.Free()
		}
	}
}

func TestSavingATruncatedFileLeavesNoFile(t *testing.T) {
	if child(t) {
		return
	}
	path := sparse(t, dtype.Float32, 300, 1024)
	x := kept(t)(Open(path))
	stepped, err := x.Slice(np.Whole(), np.Step(2))
	require.NoError(t, err)
	for _, left := range []int64{1000, 128 + 300*4096 - 8} {
		require.NoError(t, os.Truncate(path, left))
		for _, a := range []*np.Tensor{x, stepped} {
			dir := t.TempDir()
			requireLost(t, Save(filepath.Join(dir, "y.npy"), a), path)
			assert.Empty(t, names(t, dir))
			requireLost(t, Write(&bytes.Buffer{}, a), path)
		}
	}
}

func TestBoolsOfATruncatedFile(t *testing.T) {
	if child(t) {
		return
	}
	m, err := Map(sparse(t, dtype.Bool, 1<<20))
	require.NoError(t, err)
	defer m.Close()
	require.NoError(t, os.Truncate(m.path, 4096))
	requireLost(t, m.checkBools(), m.path)
}

// A hole in a file is room that is missing when it is written to, if the storage is full.
func TestWritingToAFullStorageIsAnError(t *testing.T) {
	if child(t) {
		return
	}
	dir := smallStorage(t, 1<<20)
	path := filepath.Join(dir, "x.bin")
	require.NoError(t, os.WriteFile(path, nil, 0o666))
	require.NoError(t, os.Truncate(path, 4<<20))
	x := kept(t)(OpenRaw(path, dtype.Uint8, nil, ReadWrite))
	_, err := np.Add(np.Multiply(x, 0), 7).Eval(t.Context(), np.Out(x))
	var lost *LostError
	require.ErrorAs(t, err, &lost)
	assert.Zero(t, lost.Needs)
	assert.ErrorContains(t, err, "is full")
}

func TestRoomIsTakenBeforeTheWork(t *testing.T) {
	if child(t) {
		return
	}
	dir := smallStorage(t, 1<<20)
	path := filepath.Join(dir, "x.npy")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o666))
	w, err := Create(path, dtype.Float64, []int{1 << 20}, false)
	require.NoError(t, err)
	defer w.Abort()
	_, err = w.Array()
	requireFull(t, err, path, 8<<20+128)
	requireFull(t, w.Commit(), path, 8<<20+128)
	requireOld(t, dir)

	_, err = OpenRaw(path, dtype.Float64, []int{1 << 20}, Overwrite)
	requireFull(t, err, path, 8<<20)
	requireOld(t, dir)
}

func TestStreamingToAFullStorage(t *testing.T) {
	if child(t) {
		return
	}
	dir := smallStorage(t, 1<<20)
	path := filepath.Join(dir, "x.npy")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o666))
	x := kept(t)(np.Zeros([]int{1 << 20}))
	requireFull(t, Save(path, x), path, 8<<20+128)
	requireOld(t, dir)
	requireFull(t, SaveZ(path, map[string]*np.Tensor{"x": x, "y": x}), path, 16<<20)
	noise := kept(t)(np.FromFunc([]int{1 << 18}, func(i []int) uint64 { return uint64(i[0]) * 0x9e3779b97f4a7c15 }))
	requireFull(t, SaveZCompressed(t.Context(), path, map[string]*np.Tensor{"x": noise}), path, 0)
	requireOld(t, dir)
}

// requireFull requires an error that says how much the file takes, which is more than there is room for.
func requireFull(t *testing.T, err error, path string, bytes int64) {
	t.Helper()
	require.ErrorIs(t, err, syscall.ENOSPC)
	var full *SpaceError
	require.ErrorAs(t, err, &full)
	assert.Equal(t, []any{path, bytes}, []any{full.Path, full.Bytes})
	if bytes > 0 {
		assert.ErrorContains(t, err, device.ExactBytes(int(bytes)))
	}
	assert.ErrorContains(t, err, "make room for")
}

func TestElementsThatAreCutOffTheLastPage(t *testing.T) {
	if child(t) {
		return
	}
	path := sparse(t, dtype.Float32, 300, 1024)
	x := kept(t)(Open(path))
	require.NoError(t, os.Truncate(path, 128+300*4096-8))
	_, err := np.Add(x, 1).Eval(t.Context())
	requireLost(t, err, path)
}

func TestCopyingATruncatedFileIsAnError(t *testing.T) {
	if child(t) {
		return
	}
	path := sparse(t, dtype.Float32, 300, 1024)
	x := kept(t)(Open(path))
	require.NoError(t, os.Truncate(path, 1000))
	_, err := np.ToSlice[float32](x)
	requireLost(t, err, path)
	_, err = x.Copy(t.Context())
	requireLost(t, err, path)
}

// Files that are copied to a device, and results that come back to one, are looked at in the same way.
func TestATruncatedFileIsAnErrorThroughADevice(t *testing.T) {
	if child(t) {
		return
	}
	sim, err := device.Open("cuda:sim")
	require.NoError(t, err)
	for _, budget := range []int{64 << 20, 1 << 20} {
		path := sparse(t, dtype.Float32, 300, 1024)
		x := kept(t)(Open(path))
		e := np.Add(np.Multiply(x, 2), 1)
		require.NoError(t, os.Truncate(path, 300_000))
		_, err := e.Eval(t.Context(), np.Through(sim), np.Budget(budget))
		requireLost(t, err, path)

		y := kept(t)(np.Ones([]int{300, 1024}, np.DType(dtype.Float32)))
		w, err := Create(filepath.Join(t.TempDir(), "y.npy"), dtype.Float32, []int{300, 1024}, false)
		require.NoError(t, err)
		out := kept(t)(w.Array())
		require.NoError(t, os.Truncate(w.temp, 300_000))
		_, err = np.Exp(y).Eval(t.Context(), np.Through(sim), np.Out(out), np.Budget(budget))
		require.ErrorAs(t, err, new(*LostError))
		require.NoError(t, w.Abort())

		z := kept(t)(np.Exp(y).Eval(t.Context(), np.Through(sim), np.Budget(budget))) // which works on
		assert.Equal(t, []int{300, 1024}, z.Shape())
	}
	assert.Zero(t, device.LedgerOf(sim).Stats().Buffers)
}
