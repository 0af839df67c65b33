package npy

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/dtype"
)

// names lists a folder.
func names(t testing.TB, dir string) []string {
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	list := []string{}
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func TestWriterRoundTrip(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.npy")
	rapid.Check(t, func(t *rapid.T) {
		h := drawHeader(t)
		data := make([]byte, h.NBytes())
		for i := range data {
			data[i] = byte(i % 2)
		}
		w, err := Create(path, h.DType, h.Shape, h.Fortran)
		require.NoError(t, err)
		for rest := data; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "piece")
			k, err := w.Write(rest[:n])
			require.NoError(t, err)
			require.Equal(t, n, k)
			rest = rest[n:]
		}
		require.NoError(t, w.Commit())
		m, err := Map(path)
		require.NoError(t, err)
		defer m.Close()
		assert.Equal(t, data, append([]byte{}, m.Data...))
		assert.Equal(t, h.Shape, m.Header.Shape)
		assert.Equal(t, h.Fortran, m.Header.Fortran)
	})
	assert.Equal(t, []string{"x.npy"}, names(t, dir))
}

func TestWriteViewInPieces(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.npy")
	mem := []byte{1, 2, 3, 4, 5, 6}
	v, err := broadcast.Contiguous([]int{3, 2}, 1).Transpose()
	require.NoError(t, err)
	w, err := Create(path, dtype.Uint8, []int{2, 3}, false)
	require.NoError(t, err)
	for row := range 2 {
		part, err := v.Index(broadcast.At(row))
		require.NoError(t, err)
		require.NoError(t, w.WriteView(context.Background(), mem, part))
	}
	require.NoError(t, w.Commit())
	m, err := Map(path)
	require.NoError(t, err)
	defer m.Close()
	assert.Equal(t, []byte{1, 3, 5, 2, 4, 6}, append([]byte{}, m.Data...))
}

// start makes a folder with an old x.npy, and a Writer of four bytes that is to replace it.
func start(t *testing.T) (dir string, w *Writer) {
	dir = t.TempDir()
	path := filepath.Join(dir, "x.npy")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o666))
	w, err := Create(path, dtype.Uint8, []int{4}, false)
	require.NoError(t, err)
	require.Len(t, names(t, dir), 2)
	return dir, w
}

// requireOld fails unless the folder is as start found it.
func requireOld(t *testing.T, dir string) {
	t.Helper()
	require.Equal(t, []string{"x.npy"}, names(t, dir))
	old, err := os.ReadFile(filepath.Join(dir, "x.npy"))
	require.NoError(t, err)
	require.Equal(t, "old", string(old))
}

func TestAbortLeavesNothing(t *testing.T) {
	dir, w := start(t)
	_, err := w.Write([]byte{1, 2, 3, 4})
	require.NoError(t, err)
	require.NoError(t, w.Abort())
	requireOld(t, dir)
	assert.NoError(t, w.Abort())
	assert.ErrorIs(t, w.Commit(), ErrClosed)
	_, err = w.Write([]byte{1})
	assert.ErrorIs(t, err, ErrClosed)
}

func TestCommitOfTooFewBytes(t *testing.T) {
	dir, w := start(t)
	_, err := w.Write([]byte{1, 2, 3})
	require.NoError(t, err)
	assert.ErrorContains(t, w.Commit(), "1 bytes of the data of shape (4,) of uint8 were not written")
	requireOld(t, dir)
}

func TestTooManyBytes(t *testing.T) {
	dir, w := start(t)
	_, err := w.Write([]byte{1, 2, 3})
	require.NoError(t, err)
	n, err := w.Write([]byte{4, 5})
	assert.ErrorContains(t, err, "1 bytes beyond the data of shape (4,) of uint8")
	assert.Zero(t, n)
	_, again := w.Write([]byte{4})
	assert.Equal(t, err, again)
	assert.ErrorIs(t, w.Commit(), err)
	requireOld(t, dir)
}

func TestFailingWrites(t *testing.T) {
	dir, w := start(t)
	require.NoError(t, w.file.Close())
	_, err := w.Write([]byte{1, 2, 3, 4})
	assert.ErrorIs(t, err, fs.ErrClosed)
	assert.ErrorIs(t, w.Commit(), fs.ErrClosed)
	requireOld(t, dir)
}

func TestFailingClose(t *testing.T) {
	dir, w := start(t)
	_, err := w.Write([]byte{1, 2, 3, 4})
	require.NoError(t, err)
	require.NoError(t, w.file.Close())
	assert.ErrorIs(t, w.Commit(), fs.ErrClosed)
	requireOld(t, dir)
}

func TestFailingRename(t *testing.T) {
	dir, w := start(t)
	_, err := w.Write([]byte{1, 2, 3, 4})
	require.NoError(t, err)
	path := filepath.Join(dir, "x.npy")
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.Mkdir(path, 0o777))
	assert.Error(t, w.Commit())
	assert.Equal(t, []string{"x.npy"}, names(t, dir))
}

func TestCancelledView(t *testing.T) {
	dir, w := start(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err := w.WriteView(ctx, []byte{1, 2, 3, 4}, broadcast.Contiguous([]int{4}, 1))
	assert.ErrorIs(t, err, context.Canceled)
	assert.ErrorIs(t, w.Commit(), context.Canceled)
	requireOld(t, dir)
}

func TestCreateRefuses(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.npy")
	var shapeError *broadcast.ShapeError
	_, err := Create(path, dtype.Float64, []int{3, -1}, false)
	assert.ErrorAs(t, err, &shapeError)
	_, err = Create(path, dtype.Float64, []int{1 << 40, 1 << 40}, false)
	assert.ErrorAs(t, err, &shapeError)
	_, err = Create(path, dtype.Invalid, []int{3}, false)
	assert.ErrorContains(t, err, "the element type is invalid")
	_, err = Create(filepath.Join(dir, "missing", "x.npy"), dtype.Float64, []int{3}, false)
	assert.ErrorIs(t, err, fs.ErrNotExist)
	assert.NotContains(t, err.Error(), ".tmp", "the name that the caller gave, and no other")
	_, err = Create(dir, dtype.Float64, []int{3}, false)
	assert.Error(t, err)
	assert.Empty(t, names(t, dir))
}

func save(t *testing.T, path string) {
	t.Helper()
	w, err := Create(path, dtype.Uint8, []int{}, false)
	require.NoError(t, err)
	defer w.Abort()
	_, err = w.Write([]byte{42})
	require.NoError(t, err)
	require.NoError(t, w.Commit())
}

func permissions(t *testing.T, path string) fs.FileMode {
	info, err := os.Stat(path)
	require.NoError(t, err)
	return info.Mode().Perm()
}

func TestPermissionsAreThoseOfOtherFiles(t *testing.T) {
	dir := t.TempDir()
	plain, err := os.Create(filepath.Join(dir, "plain"))
	require.NoError(t, err)
	require.NoError(t, plain.Close())
	path := filepath.Join(dir, "x.npy")
	save(t, path)
	assert.Equal(t, permissions(t, plain.Name()), permissions(t, path))
	if runtime.GOOS == "windows" {
		return
	}
	require.NoError(t, os.Chmod(path, 0o640))
	save(t, path)
	assert.EqualValues(t, 0o640, permissions(t, path), "what is replaced keeps its own")
}

func TestSymbolicLinksAreFollowed(t *testing.T) {
	real, linked := t.TempDir(), t.TempDir()
	target, link := filepath.Join(real, "x.npy"), filepath.Join(linked, "link.npy")
	require.NoError(t, os.WriteFile(target, nil, 0o666))
	if err := os.Symlink(target, link); err != nil {
		t.Skip("no symbolic links here: ", err)
	}
	save(t, link)
	info, err := os.Lstat(link)
	require.NoError(t, err)
	assert.NotZero(t, info.Mode()&fs.ModeSymlink)
	file, err := os.ReadFile(target)
	require.NoError(t, err)
	assert.Equal(t, append(AppendHeader(nil, dtype.Uint8, false, []int{}), 42), file)
}

func TestFullDevice(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full here")
	}
	_, err := Create("/dev/full", dtype.Uint8, []int{1}, false)
	assert.ErrorContains(t, err, "no space left")
	_, err = os.Stat("/dev/full")
	assert.NoError(t, err)
}

func TestWritersOfOneNameDoNotMix(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.npy")
	done := make(chan error)
	for i := range 8 {
		go func() {
			w, err := Create(path, dtype.Uint8, []int{100000}, false)
			if err == nil {
				_, err = w.Write(bytes.Repeat([]byte{byte(i)}, 100000))
				err = errors.Join(err, w.Commit())
			}
			done <- err
		}()
	}
	for range 8 {
		require.NoError(t, <-done)
	}
	m, err := Map(path)
	require.NoError(t, err)
	defer m.Close()
	assert.Equal(t, 100000, bytes.Count(m.Data, m.Data[:1]))
	assert.Equal(t, []string{"x.npy"}, names(t, filepath.Dir(path)))
}
