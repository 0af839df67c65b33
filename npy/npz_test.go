package npy

import (
	"archive/zip"
	"bytes"
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/dtype"
	np "github.com/tare-go/tare/tensor"
)

// isMapped says whether an array's memory is a file's pages.
func isMapped(t require.TestingT, a *np.Tensor) (mapped bool) {
	src, err := layoutOf(a)
	require.NoError(t, err)
	buf, err := src.mem.Hold()
	require.NoError(t, err)
	defer src.mem.Release()
	_, mapped = buf.(*pages)
	return mapped
}

func TestArchiveRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.npz")
	rapid.Check(t, func(t *rapid.T) {
		arrays := map[string]*np.Tensor{}
		for _, name := range rapid.SliceOfNDistinct(rapid.StringMatching(`[a-zé_/]{1,30}`), 0, 4, rapid.ID).Draw(t, "names") {
			d := rapid.SampledFrom(dtype.All()).Draw(t, "dtype")
			mem, at := drawView(t, d.Size())
			if d == dtype.Bool {
				for i := range mem {
					mem[i] %= 2
				}
			}
			arrays[name] = tensorOf(t, mem, d, at)
		}
		compressed := rapid.Bool().Draw(t, "compressed")
		if compressed {
			require.NoError(t, SaveZCompressed(context.Background(), path, arrays))
		} else {
			require.NoError(t, SaveZ(path, arrays))
		}
		z, err := OpenZ(path)
		require.NoError(t, err)
		defer z.Close()
		require.Len(t, z.Names(), len(arrays))
		for _, name := range z.Names() {
			h, err := z.Header(name)
			require.NoError(t, err)
			assert.Equal(t, arrays[name].Shape(), h.Shape)
			want := elements(t, arrays[name])
			for _, read := range []func(string) (*np.Tensor, error){z.Open, z.Load} {
				a, err := read(name)
				require.NoError(t, err)
				assert.Equal(t, want, elements(t, a))
				a.Free()
			}
			a, err := z.Open(name)
			require.NoError(t, err)
			assert.Equal(t, !compressed, isMapped(t, a), name)
			a.Free()
		}
	})
}

func TestArraysOutliveTheirArchive(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.npz")
	x := kept(t)(np.FromSlice([]float64{1, 2, 3}, 3))
	require.NoError(t, SaveZ(path, map[string]*np.Tensor{"x": x}))
	z, err := OpenZ(path)
	require.NoError(t, err)
	y := kept(t)(z.Open("x"))
	require.NoError(t, z.Close())
	assert.Equal(t, elements(t, x), elements(t, y))
	assert.ErrorContains(t, np.Assign(t.Context(), y, 0), "read-only")
}

func TestArchivesThatAreNone(t *testing.T) {
	var format *FormatError
	_, err := OpenZ(writeFile(t, "x.npz", []byte("goat")))
	require.ErrorAs(t, err, &format)
	assert.ErrorContains(t, err, "not a .npz file: it does not end as a zip archive does")
	_, err = OpenZ(writeFile(t, "x.npy", AppendHeader(nil, dtype.Float32, false, []int{0})))
	require.ErrorAs(t, err, &format)
	assert.ErrorContains(t, err, "not a .npz file but a .npy file: Open and Load read it")
	_, err = OpenZ(filepath.Join(t.TempDir(), "x.npz"))
	assert.ErrorIs(t, err, fs.ErrNotExist)
	_, err = OpenZ(t.TempDir())
	assert.ErrorContains(t, err, "not a regular file")
}

// archiveOf is a zip archive of members that are not compressed.
func archiveOf(t *testing.T, members map[string]string) (path string) {
	var file bytes.Buffer
	z := zip.NewWriter(&file)
	for name, contents := range members {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		require.NoError(t, err)
		_, err = w.Write([]byte(contents))
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	return writeFile(t, "x.npz", file.Bytes())
}

func TestMembersThatAreNoArrays(t *testing.T) {
	header := string(AppendHeader(nil, dtype.Float64, false, []int{1 << 50}))
	path := archiveOf(t, map[string]string{"read.me": "hello, reader", "big.npy": header + "goat", "python.npy": string(fileOf("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", 0))})
	z, err := OpenZ(path)
	require.NoError(t, err)
	defer z.Close()
	assert.ElementsMatch(t, []string{"read.me", "big", "python"}, z.Names())
	for _, read := range []func(string) (*np.Tensor, error){z.Open, z.Load} {
		var format *FormatError
		_, err = read("read.me")
		require.ErrorAs(t, err, &format)
		assert.Equal(t, path+"[read.me]", format.Path)
		var element *DTypeError
		_, err = read("python")
		assert.ErrorAs(t, err, &element)
		var missing *MemberError
		_, err = read("small")
		require.ErrorAs(t, err, &missing)
		assert.ErrorIs(t, err, fs.ErrNotExist)
		assert.ErrorContains(t, err, `has no array "small"; its arrays are [`)
	}
	var budget *device.BudgetError
	_, err = z.Load("big")
	assert.ErrorAs(t, err, &budget)
	_, err = z.Open("big")
	assert.ErrorContains(t, err, "the file ends after 4 bytes of data")
}

func TestDamagedMembers(t *testing.T) {
	x := kept(t)(np.FromSlice([]float64{1, 2, 3}, 3))
	path := filepath.Join(t.TempDir(), "x.npz")
	require.NoError(t, SaveZ(path, map[string]*np.Tensor{"x": x}))
	file, err := os.ReadFile(path)
	require.NoError(t, err)
	at := bytes.Index(file, elements(t, x).Data)
	require.Positive(t, at)
	file[at] ^= 1
	before := liveBytes(t)
	z, err := OpenZ(writeFile(t, "x.npz", file))
	require.NoError(t, err)
	defer z.Close()
	_, err = z.Load("x")
	assert.ErrorIs(t, err, zip.ErrChecksum)
	assert.Equal(t, before, liveBytes(t))
}

func TestSaveZOfNothingAndOfNoArray(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.npz")
	assert.ErrorContains(t, SaveZ(path, map[string]*np.Tensor{"x": nil}), `array "x": `)
	x := kept(t)(np.FromSlice([]float64{1}, 1))
	assert.ErrorContains(t, SaveZ(path, map[string]*np.Tensor{"": x}), "has a name")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.ErrorIs(t, SaveZContext(ctx, path, map[string]*np.Tensor{"x": x}), context.Canceled)
	assert.Empty(t, names(t, dir))
	require.NoError(t, SaveZ(path, nil))
	z, err := OpenZ(path)
	require.NoError(t, err)
	assert.Empty(t, z.Names())
	require.NoError(t, z.Close())
}

func FuzzOpenZ(f *testing.F) {
	dir := f.TempDir()
	path := filepath.Join(dir, "x.npz")
	x, err := np.FromSlice([]float64{1, 2, 3}, 3)
	require.NoError(f, err)
	f.Cleanup(x.Free)
	for _, save := range []func(context.Context, string, map[string]*np.Tensor) error{SaveZContext, SaveZCompressed} {
		require.NoError(f, save(context.Background(), path, map[string]*np.Tensor{"x": x, "y": x}))
		file, err := os.ReadFile(path)
		require.NoError(f, err)
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		path := writeFile(t, "x.npz", file)
		z, err := OpenZ(path)
		if err != nil {
			return
		}
		defer z.Close()
		for _, name := range z.Names() {
			for _, read := range []func(string) (*np.Tensor, error){z.Open, z.Load} {
				if a, err := read(name); err == nil {
					elements(t, a)
					a.Free()
				}
			}
		}
	})
}

// python runs a program that uses NumPy, if there is one: that of PATH, or of the variable TARE_PYTHON.
func python(t *testing.T, program string, args ...string) string {
	t.Helper()
	name := os.Getenv("TARE_PYTHON")
	if name == "" {
		name = "python3"
	}
	if out, err := exec.Command(name, "-c", "import numpy").CombinedOutput(); err != nil {
		t.Skipf("no NumPy here: %s: %v %s", name, err, lastLine(out))
	}
	out, err := exec.Command(name, append([]string{"-c", program}, args...)...).CombinedOutput()
	require.NoError(t, err, string(out))
	return strings.TrimSpace(string(out))
}

func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
}

func TestNumPyReadsWhatIsSaved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.npz")
	x := kept(t)(np.FromSlice([]float32{1, 2, 3, 4, 5, 6}, 2, 3))
	y := kept(t)(np.FromSlice([]int64{7, 8}, 2))
	xt, err := x.Transpose()
	require.NoError(t, err)
	arrays := map[string]*np.Tensor{"x": x, "transposed": xt, "y": y}
	for _, save := range []func(context.Context, string, map[string]*np.Tensor) error{SaveZContext, SaveZCompressed} {
		require.NoError(t, save(t.Context(), path, arrays))
		got := python(t, `
import numpy, sys, zipfile
assert zipfile.ZipFile(sys.argv[1]).testzip() is None
z = numpy.load(sys.argv[1])
print([(k, str(z[k].dtype), z[k].tolist()) for k in z.files])`, path)
		assert.Equal(t, "[('transposed', 'float32', [[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]), ('x', 'float32', [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), ('y', 'int64', [7, 8])]", got)
	}
}

func TestWhatNumPySavesIsRead(t *testing.T) {
	for _, save := range []string{"savez", "savez_compressed"} {
		path := filepath.Join(t.TempDir(), "x.npz")
		python(t, `
import numpy, sys
getattr(numpy, sys.argv[2])(sys.argv[1], numpy.arange(6).reshape(2, 3), swapped=numpy.arange(3, dtype='>f8'), bytes=numpy.arange(5, dtype='u1'))`, path, save)
		z, err := OpenZ(path)
		require.NoError(t, err)
		assert.ElementsMatch(t, []string{"arr_0", "swapped", "bytes"}, z.Names())
		for _, read := range []func(string) (*np.Tensor, error){z.Open, z.Load} {
			whole, err := np.ToSlice[int64](kept(t)(read("arr_0")))
			require.NoError(t, err)
			assert.Equal(t, []int64{0, 1, 2, 3, 4, 5}, whole)
			swapped, err := np.ToSlice[float64](kept(t)(read("swapped")))
			require.NoError(t, err)
			assert.Equal(t, []float64{0, 1, 2}, swapped)
		}
		assert.Equal(t, save == "savez", isMapped(t, kept(t)(z.Open("bytes"))))
		require.NoError(t, z.Close())
	}
}

func TestModesReachWhatNumPyReads(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.bin")
	x := kept(t)(OpenRaw(path, dtype.Float32, []int{2, 3}, Overwrite, Offset(16), FortranOrder))
	row, err := x.Slice(np.At(1))
	require.NoError(t, err)
	added(t, row)
	require.NoError(t, Sync(x))
	got := python(t, `
import numpy, sys
x = numpy.memmap(sys.argv[1], numpy.float32, 'r+', 16, (2, 3), 'F')
print(x.tolist())
x[0, 2] = 5
x.flush()`, path)
	assert.Equal(t, "[[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]]", got)
	assert.Equal(t, []float32{0, 0, 5, 1, 1, 1}, values(t, x), "one file, seen by both")
}
