package npy

import (
	"context"
	"encoding/binary"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/dtype"
	np "github.com/tare-go/tare/tensor"
)

// floats are numbers as this machine stores them.
func floats(values ...float32) (b []byte) {
	for _, v := range values {
		b = binary.NativeEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

func TestRawFilesReadAsTheyAreSaidToLie(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.bin")
	rapid.Check(t, func(t *rapid.T) {
		h, _, data := drawFile(t)
		offset := rapid.IntRange(0, 100).Draw(t, "offset")
		tail := rapid.IntRange(0, 20).Draw(t, "tail")
		opts := []MapOption{nil, Offset(offset)}
		if h.Fortran {
			opts = append(opts, FortranOrder)
		}
		if h.BigEndian {
			opts = append(opts, BigEndian)
		}
		file := append(make([]byte, offset), data...)
		if h.BigEndian != hostBig {
			swapBytes(file[offset:], h.DType.Size())
		}
		require.NoError(t, os.WriteFile(path, append(file, make([]byte, tail)...), 0o666))

		x, err := LoadRaw(path, h.DType, h.Shape, opts...)
		require.NoError(t, err)
		defer x.Free()
		want := elements(t, tensorOf(t, data, h.DType, h.View()))
		assert.Equal(t, want, elements(t, x))

		m, err := OpenRaw(path, h.DType, h.Shape, opts...)
		if offset%h.DType.Size() != 0 || h.swapped() {
			var refused *MapError
			require.ErrorAs(t, err, &refused)
			assert.ErrorContains(t, err, "npy.LoadRaw reads it into memory")
			return
		}
		require.NoError(t, err)
		defer m.Free()
		assert.Equal(t, want, elements(t, m))
	})
}

func TestRawFilesAreAsLongAsTheyAre(t *testing.T) {
	path := writeFile(t, "x.bin", append([]byte("headhead"), floats(1, 2, 3)...))
	x := kept(t)(OpenRaw(path, dtype.Float32, nil, Offset(8)))
	assert.Equal(t, []int{3}, x.Shape())
	x = kept(t)(OpenRaw(path, dtype.Float32, nil, Offset(20)))
	assert.Equal(t, []int{0}, x.Shape())
	h, err := RawHeader(path, dtype.Uint16, nil)
	require.NoError(t, err)
	assert.Equal(t, []int{10}, h.Shape)
}

func TestRawFilesThatAreTooShort(t *testing.T) {
	path := writeFile(t, "x.bin", floats(1, 2, 3))
	for _, open := range []func(string, dtype.DType, []int, ...MapOption) (*np.Tensor, error){OpenRaw, LoadRaw} {
		_, err := open(path, dtype.Float32, []int{2, 2}, Offset(4))
		assert.Equal(t, &SizeError{Path: path, Needs: 20, Has: 12, For: "shape (2,2) of float32 from byte 4 on"}, err)
		assert.EqualError(t, err, path+": shape (2,2) of float32 from byte 4 on needs a file of 20 bytes; it has 12")
		_, err = open(path, dtype.Float64, nil)
		assert.Equal(t, &SizeError{Path: path, Needs: 16, Has: 12, For: "a whole number of float64 from byte 0 on"}, err)
		_, err = open(path, dtype.Float64, []int{0}, Offset(16))
		assert.ErrorContains(t, err, "needs a file of 16 bytes")
	}
}

func TestRawMistakes(t *testing.T) {
	path := writeFile(t, "x.bin", floats(1, 2, 3))
	var option *OptionError
	var shape *broadcast.ShapeError
	_, err := OpenRaw(path, dtype.Float32, []int{3}, Offset(-4))
	assert.ErrorAs(t, err, &option)
	_, err = OpenRaw(path, dtype.Uint8, []int{3}, Offset(math.MaxInt64))
	assert.ErrorAs(t, err, &option)
	_, err = OpenRaw(path, dtype.Float32, []int{3}, Mode(9))
	assert.ErrorContains(t, err, "option Mode(9): there is no such mode")
	_, err = OpenRaw(path, dtype.Float32, []int{-3})
	assert.ErrorAs(t, err, &shape)
	_, err = OpenRaw(path, dtype.Float32, []int{1 << 40, 1 << 40}, Overwrite)
	assert.ErrorAs(t, err, &shape)
	_, err = OpenRaw(path, dtype.Invalid, nil)
	assert.ErrorContains(t, err, "the element type is invalid")
	_, err = OpenRaw(path+".missing", dtype.Float32, nil, ReadWrite)
	assert.ErrorIs(t, err, fs.ErrNotExist)
	_, err = OpenRaw(t.TempDir(), dtype.Float32, nil)
	assert.ErrorContains(t, err, "not a regular file")
	_, err = LoadRaw(os.DevNull, dtype.Float32, nil)
	assert.ErrorContains(t, err, "not a regular file")
	_, err = OpenRaw(path, dtype.Uint16, []int{3}, Overwrite, Offset(1))
	assert.ErrorAs(t, err, &option)
	for _, o := range []MapOption{Offset(8), FortranOrder, BigEndian, Overwrite} {
		_, err = Open(path, o)
		assert.ErrorAs(t, err, &option)
	}
}

// added is x + 1, written to x.
func added(t *testing.T, x *np.Tensor) {
	_, err := np.Add(x, 1).Eval(context.Background(), np.Out(x))
	require.NoError(t, err)
}

// values are the elements of a float32 array.
func values(t *testing.T, x *np.Tensor) []float32 {
	v, err := np.ToSlice[float32](x)
	require.NoError(t, err)
	return v
}

func TestReadWriteReachesTheFile(t *testing.T) {
	path := writeFile(t, "x.bin", append(floats(7, 1, 2, 3), "tail"...))
	x := kept(t)(OpenRaw(path, dtype.Float32, []int{3}, Offset(4), ReadWrite))
	row, err := x.Slice(np.From(1))
	require.NoError(t, err)
	added(t, row)
	require.NoError(t, Sync(row))
	file, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, append(floats(7, 1, 3, 4), "tail"...), file)

	added(t, x)
	x.Free()
	file, err = os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, append(floats(7, 2, 4, 5), "tail"...), file, "Free writes what Sync did not")
	assert.ErrorIs(t, Sync(x), device.ErrFreed)

	path = filepath.Join(t.TempDir(), "x.npy")
	require.NoError(t, Save(path, tensorOf(t, floats(1, 2), dtype.Float32, broadcast.Contiguous([]int{2}, 4))))
	x = kept(t)(Open(path, ReadWrite))
	added(t, x)
	require.NoError(t, Sync(x))
	assert.Equal(t, []float32{2, 3}, values(t, kept(t)(Load(path))))
}

func TestCopyOnWriteLeavesTheFile(t *testing.T) {
	path := writeFile(t, "x.bin", floats(1, 2, 3))
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.Chmod(path, 0o444))
	x := kept(t)(OpenRaw(path, dtype.Float32, nil, CopyOnWrite))
	added(t, x)
	require.NoError(t, Sync(x))
	_ = onMapping(x, func(m *Mapping) error { m.drop(); return nil })
	assert.Equal(t, []float32{2, 3, 4}, values(t, x), "also after pages are dropped")
	x.Free()
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, before, after)
}

func TestOverwriteMakesAFileOfZeros(t *testing.T) {
	path := writeFile(t, "x.bin", floats(1, 2, 3))
	old := kept(t)(OpenRaw(path, dtype.Float32, nil))
	x := kept(t)(OpenRaw(path, dtype.Float32, []int{2, 2}, Overwrite, Offset(8)))
	assert.Equal(t, []float32{0, 0, 0, 0}, values(t, x))
	assert.Equal(t, []float32{1, 2, 3}, values(t, old), "who has the old file keeps it")
	added(t, x)
	require.NoError(t, Sync(x))
	assert.Equal(t, []float32{0, 0, 1, 1, 1, 1}, values(t, kept(t)(LoadRaw(path, dtype.Float32, nil))))
	assert.Equal(t, []string{"x.bin"}, names(t, filepath.Dir(path)))

	empty := kept(t)(OpenRaw(path, dtype.Float32, nil, Overwrite))
	assert.Equal(t, []int{0}, empty.Shape())
}

func TestModesAreNamedAsInNumPy(t *testing.T) {
	for m, name := range map[Mode]string{ReadOnly: "r", ReadWrite: "r+", CopyOnWrite: "c", Overwrite: "w+"} {
		assert.Equal(t, name, m.String())
	}
	m, err := MapRaw(writeFile(t, "x.bin", floats(1)), dtype.Float32, nil, CopyOnWrite)
	require.NoError(t, err)
	assert.Equal(t, CopyOnWrite, m.Mode())
	require.NoError(t, m.Close())
}

func TestAnArrayIsWrittenIntoAFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.npy")
	x := kept(t)(np.FromFunc([]int{300, 70}, func(i []int) float32 { return float32(i[0]*70 + i[1]) }))
	for _, fortran := range []bool{false, true} {
		w, err := Create(path, dtype.Float32, []int{300, 70}, fortran)
		require.NoError(t, err)
		before := liveBytes(t)
		out := kept(t)(w.Array())
		assert.Equal(t, before, liveBytes(t), "pages of a file are not the ledger's")
		_, err = np.Multiply(x, 2).Eval(t.Context(), np.Out(out))
		require.NoError(t, err)
		_, err = w.Write([]byte{1})
		assert.ErrorContains(t, err, "beyond the data")
		assert.Error(t, w.Commit())
		assert.Empty(t, names(t, dir))

		w, err = Create(path, dtype.Float32, []int{300, 70}, fortran)
		require.NoError(t, err)
		out = kept(t)(w.Array())
		_, err = w.Array()
		assert.ErrorContains(t, err, "once")
		y, err := np.Multiply(x, 2).Eval(t.Context(), np.Out(out))
		require.NoError(t, err)
		require.NoError(t, w.Commit())
		want := elements(t, y)
		out.Free()
		z := kept(t)(Load(path))
		assert.Equal(t, want, elements(t, z))
		assert.Equal(t, fortran, !z.IsContiguous())
		require.NoError(t, os.Remove(path))
	}
	w, err := Create(path, dtype.Float32, []int{2}, false)
	require.NoError(t, err)
	out := kept(t)(w.Array())
	require.NoError(t, w.Abort())
	added(t, out)
	assert.Empty(t, names(t, dir))
	_, err = w.Array()
	assert.ErrorIs(t, err, ErrClosed)
}

func TestArrayOfADeviceIsRefused(t *testing.T) {
	w, err := Create(os.DevNull, dtype.Uint8, []int{4}, false)
	require.NoError(t, err)
	defer w.Abort()
	_, err = w.Array()
	var option *OptionError
	assert.ErrorAs(t, err, &option)
}
