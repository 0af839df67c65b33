package npy

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/device/devicetest"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/golden"
	np "github.com/tare-go/tare/tensor"
)

// tensorOf is an array that sees mem.
func tensorOf(t require.TestingT, mem []byte, d dtype.DType, at broadcast.View) *np.Tensor {
	dev, err := device.Open("cpu")
	require.NoError(t, err)
	a, err := np.FromMemory(dev, device.HostBuffer(mem), d, at)
	require.NoError(t, err)
	return a
}

// kept is an array that is freed after the test.
func kept(t *testing.T) func(a *np.Tensor, err error) *np.Tensor {
	return func(a *np.Tensor, err error) *np.Tensor {
		t.Helper()
		require.NoError(t, err)
		t.Cleanup(a.Free)
		return a
	}
}

// elements is an array as NumPy's answers have them, read through its view.
func elements(t require.TestingT, a *np.Tensor) golden.Array {
	src, err := layoutOf(a)
	require.NoError(t, err)
	buf, err := src.mem.Hold()
	require.NoError(t, err)
	defer src.mem.Release()
	mem, ok := device.Span{Buffer: buf, Len: buf.Size()}.Bytes()
	require.True(t, ok)
	size := a.DType().Size()
	data := elementwise(mem, src.at, size, false)
	if hostBig {
		swapBytes(data, size)
	}
	return golden.Array{DType: a.DType(), Shape: a.Shape(), Data: data}
}

// liveBytes is what arrays of the CPU take.
func liveBytes(t require.TestingT) int {
	dev, err := device.Open("cpu")
	require.NoError(t, err)
	return dev.(*device.Ledgered).Stats().LiveBytes
}

func TestMain(m *testing.M) { os.Exit(devicetest.Main(m)) }

func TestTensorsReadAsNumPy(t *testing.T) {
	for _, c := range golden.Cases(t, "npy.jsonl") {
		if c.F != "read" {
			continue
		}
		file := decodeHex(t, c.A[0])
		path := writeFile(t, "x.npy", file)
		before := liveBytes(t)
		for _, read := range []func() (*np.Tensor, error){
			func() (*np.Tensor, error) { return Load(path) },
			func() (*np.Tensor, error) { return Read(iotest.HalfReader(bytes.NewReader(file))) },
			func() (*np.Tensor, error) { return openOrLoad(path) },
		} {
			a, err := read()
			if c.E != "" || isUnsupported(c.R) {
				assert.Errorf(t, err, "%s %s", c.ID, c.K["name"])
				assert.Nil(t, a)
				continue
			}
			require.NoErrorf(t, err, "%s %s", c.ID, c.K["name"])
			want, err := golden.Decode(c.R)
			require.NoError(t, err)
			assert.Equalf(t, want, elements(t, a), "%s %s", c.ID, c.K["name"])
			a.Free()
		}
		assert.Equal(t, before, liveBytes(t), c.ID)
	}
}

// open maps a file read-only.
func open(path string) (*np.Tensor, error) { return Open(path) }

// openOrLoad maps a file, and loads one that cannot be mapped.
func openOrLoad(path string) (*np.Tensor, error) {
	a, err := Open(path)
	var refused *MapError
	if errors.As(err, &refused) {
		return Load(path)
	}
	return a, err
}

func TestTensorsAreWrittenAsNumPyWritesThem(t *testing.T) {
	for _, c := range golden.Cases(t, "npy.jsonl") {
		_, version := c.K["version"]
		if c.F != "write" || len(c.Lacks()) > 0 || version || bytes.ContainsRune(c.K["descr"], '>') || hostBig {
			continue
		}
		value, err := golden.Decode(c.A[0])
		require.NoError(t, err)
		a := value.(golden.Array)
		x := tensorOf(t, a.Data, a.DType, broadcast.Contiguous(a.Shape, a.DType.Size()))
		want := string(decodeHex(t, c.R))

		var stream bytes.Buffer
		require.NoError(t, Write(&stream, x))
		assert.Equal(t, want, stream.String(), c.ID)

		path := filepath.Join(t.TempDir(), "x.npy")
		require.NoError(t, Save(path, x))
		file, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, want, string(file), c.ID)
	}
}

// mapped, loaded and streamed arrays are the array that was saved, whatever its layout.
func TestTensorRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.npy")
	rapid.Check(t, func(t *rapid.T) {
		d := rapid.SampledFrom(dtype.All()).Draw(t, "dtype")
		mem, at := drawView(t, d.Size())
		if d == dtype.Bool {
			for i := range mem {
				mem[i] %= 2
			}
		}
		a := tensorOf(t, mem, d, at)
		require.NoError(t, Save(path, a))
		want := elements(t, a)
		file, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, read := range []func() (*np.Tensor, error){
			func() (*np.Tensor, error) { return Open(path) },
			func() (*np.Tensor, error) { return Load(path) },
			func() (*np.Tensor, error) { return Read(bytes.NewReader(file)) },
		} {
			b, err := read()
			require.NoError(t, err)
			assert.Equal(t, want, elements(t, b))
			assert.Equal(t, !at.IsContiguous(d.Size()) && at.IsFortran(d.Size()), !b.IsContiguous(),
				"what is contiguous in Fortran order alone stays so; all else is in C order")
			b.Free()
		}
	})
}

func TestOpenIsReadOnlyAndReadsNothing(t *testing.T) {
	path := writeFile(t, "x.npy", append(AppendHeader(nil, dtype.Uint8, false, []int{2, 3}), 1, 2, 3, 4, 5, 6))
	before := liveBytes(t)
	x, err := Open(path)
	require.NoError(t, err)
	assert.Equal(t, before, liveBytes(t), "pages of a file are not the ledger's")
	values, err := np.Data[uint8](x)
	require.NoError(t, err)
	assert.Equal(t, []uint8{1, 2, 3, 4, 5, 6}, append([]uint8{}, values...))
	assert.ErrorContains(t, np.Assign(context.Background(), x, 0), "read-only")
	x.Free()
	x.Free()
	_, err = np.ToSlice[uint8](x)
	assert.ErrorIs(t, err, device.ErrFreed)
}

func TestOpenedArraysCompute(t *testing.T) {
	path := writeFile(t, "x.npy", nil)
	x := kept(t)(np.FromSlice([]float64{1, 2, 3, 4, 5, 6}, 2, 3))
	require.NoError(t, Save(path, x))
	for _, read := range []func(string) (*np.Tensor, error){open, Load} {
		m := kept(t)(read(path))
		y := kept(t)(np.Sum(np.Add(m, x), np.Axis(0)).Eval(context.Background()))
		sums, err := np.ToSlice[float64](y)
		require.NoError(t, err)
		assert.Equal(t, []float64{10, 14, 18}, sums)
	}
}

func TestSaveOverTheFileThatIsMapped(t *testing.T) {
	path := writeFile(t, "x.npy", append(AppendHeader(nil, dtype.Int8, false, []int{2, 2}), 1, 2, 3, 4))
	x := kept(t)(Open(path))
	transposed, err := x.Transpose()
	require.NoError(t, err)
	require.NoError(t, Save(path, transposed))
	old, err := np.ToSlice[int8](x)
	require.NoError(t, err)
	assert.Equal(t, []int8{1, 2, 3, 4}, old)
	y := kept(t)(Load(path))
	swapped, err := np.ToSlice[int8](y)
	require.NoError(t, err)
	assert.Equal(t, []int8{1, 3, 2, 4}, swapped)
}

func TestSaveOfNoArray(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.npy")
	assert.ErrorContains(t, Save(path, nil), "nil array")
	assert.ErrorContains(t, Write(&bytes.Buffer{}, nil), "nil array")
	x, err := np.FromSlice([]float64{1, 2}, 2)
	require.NoError(t, err)
	x.Free()
	assert.ErrorIs(t, Save(path, x), device.ErrFreed)
	assert.ErrorIs(t, Write(&bytes.Buffer{}, x), device.ErrFreed)
	assert.Empty(t, names(t, dir))
}

func TestCancelledSave(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	dir := t.TempDir()
	x := kept(t)(np.FromSlice([]float64{1, 2}, 2))
	assert.ErrorIs(t, SaveContext(ctx, filepath.Join(dir, "x.npy"), x), context.Canceled)
	assert.Empty(t, names(t, dir))
}

func TestArraysOutOfTheProcessorsReachAreSaved(t *testing.T) {
	strict := devicetest.Strict()
	dev := device.Ledger(device.Pool(strict))
	x, err := np.FromFunc([]int{200, 300, 5}, func(i []int) int32 { return int32(i[0]*1500 + i[1]*5 + i[2]) }, np.On(dev))
	require.NoError(t, err)
	transposed, err := x.Transpose()
	require.NoError(t, err)
	stepped, err := x.Slice(np.RangeStep(1, 200, 2), np.Whole(), np.At(3))
	require.NoError(t, err)
	tail, err := x.Slice(np.From(190))
	require.NoError(t, err)
	for _, a := range []*np.Tensor{x, transposed, stepped, tail} {
		var file bytes.Buffer
		require.NoError(t, Write(&file, a))
		b := kept(t)(Read(&file))
		want, err := np.ToSlice[int32](a)
		require.NoError(t, err)
		got, err := np.ToSlice[int32](b)
		require.NoError(t, err)
		assert.Equal(t, a.Shape(), b.Shape())
		assert.Equal(t, want, got)
	}
	x.Free()
	require.NoError(t, dev.Close())
	strict.Check(t)
}

func TestFailingMemory(t *testing.T) {
	h := Header{DType: dtype.Uint8, Shape: []int{5 * firstRead}}
	data := bytes.Repeat([]byte("goat"), 5*firstRead/4)
	openCPU := func() device.Device {
		dev, err := device.Open("cpu")
		require.NoError(t, err)
		return dev
	}
	devicetest.EachFailure(t, openCPU, func(dev device.Device) error {
		m := &room{ctx: context.Background(), dev: dev}
		a, err := m.tensor(h, readStream(bytes.NewReader(data), h, m.resize))
		if err != nil {
			return err
		}
		assert.Equal(t, data, elements(t, a).Data)
		a.Free()
		return nil
	})
}

func TestFailingDeviceLeavesNoFile(t *testing.T) {
	var opened []*devicetest.StrictDevice
	open := func() device.Device {
		opened = append(opened, devicetest.Strict())
		return opened[len(opened)-1]
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "x.npy")
	devicetest.EachFailure(t, open, func(dev device.Device) error {
		x, err := np.FromFunc([]int{4, 6}, func(i []int) int32 { return int32(i[0]*6 + i[1]) }, np.On(dev))
		if err != nil {
			return err
		}
		defer x.Free()
		stepped, err := x.Slice(np.Step(2))
		require.NoError(t, err)
		if err := Save(path, stepped); err != nil {
			assert.Empty(t, names(t, dir))
			return err
		}
		return os.Remove(path)
	})
	for _, strict := range opened {
		strict.Check(t)
	}
}

func TestStreamsThatPromiseTooMuch(t *testing.T) {
	var short bytes.Buffer
	short.Write(AppendHeader(nil, dtype.Float64, false, []int{1000}))
	short.WriteString("goat")
	before := liveBytes(t)
	_, err := Read(&short)
	assert.EqualError(t, err, "npy: byte 132: the file ends after 4 bytes of data; shape (1000,) of float64 needs 8000")

	huge := bytes.NewReader(AppendHeader(nil, dtype.Float64, false, []int{1 << 50}))
	_, err = Read(huge)
	var budget *device.BudgetError
	assert.ErrorAs(t, err, &budget)
	assert.Equal(t, before, liveBytes(t))
}

func TestLoadNamesTheFile(t *testing.T) {
	path := writeFile(t, "x.npy", []byte("\x93NUMPY\x09\x00"))
	for _, read := range []func(string) (*np.Tensor, error){open, Load} {
		_, err := read(path)
		assert.ErrorContains(t, err, path+": byte 6: version 9.0")
		_, err = read(path + ".missing")
		assert.ErrorIs(t, err, fs.ErrNotExist)
	}
	_, err := Load(os.DevNull)
	assert.ErrorContains(t, err, os.DevNull+": byte 0: the file ends within")
}

func TestSeveralArraysInAStream(t *testing.T) {
	var stream bytes.Buffer
	for i := range 3 {
		x := kept(t)(np.FromSlice([]int64{int64(i), 7}, 2))
		require.NoError(t, Write(&stream, x))
	}
	for i := range 3 {
		x := kept(t)(Read(&stream))
		values, err := np.ToSlice[int64](x)
		require.NoError(t, err)
		assert.Equal(t, []int64{int64(i), 7}, values)
	}
	assert.Zero(t, stream.Len())
}

func FuzzRead(f *testing.F) {
	f.Add(append(AppendHeader(nil, dtype.Float64, true, []int{2, 1}), make([]byte, 16)...))
	f.Add(Header{DType: dtype.Int16, BigEndian: !hostBig, Shape: []int{1 << 40}}.Append(nil))
	f.Add(append(AppendHeader(nil, dtype.Bool, false, []int{3}), 0, 1, 2))
	f.Fuzz(func(t *testing.T, file []byte) {
		a, err := Read(bytes.NewReader(file))
		if err != nil {
			var budget *device.BudgetError
			if !errors.As(err, &budget) {
				requireTyped(t, err, int64(len(file)))
			}
			return
		}
		defer a.Free()
		var again bytes.Buffer
		require.NoError(t, Write(&again, a))
		b, err := Read(&again)
		require.NoError(t, err)
		defer b.Free()
		require.Equal(t, elements(t, a), elements(t, b))
	})
}
