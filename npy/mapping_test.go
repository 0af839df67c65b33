package npy

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/dtype"
)

// writeFile writes a file of the given name and contents to a new folder.
func writeFile(t testing.TB, name string, contents []byte) (path string) {
	path = filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, contents, 0o666))
	return path
}

func TestMap(t *testing.T) {
	file := AppendHeader(nil, dtype.Uint16, true, []int{2, 3})
	path := writeFile(t, "x.npy", append(file, "aabbccddeeff and more"...))
	m, err := Map(path)
	require.NoError(t, err)
	assert.Equal(t, "aabbccddeeff", string(m.Data))
	assert.Equal(t, []int{2, 3}, m.Header.Shape)
	assert.True(t, m.Header.Fortran)
	require.NoError(t, m.Close())
	assert.Nil(t, m.Data)
	assert.NoError(t, m.Close(), "a second time")
}

func TestMapOfNoElements(t *testing.T) {
	m, err := Map(writeFile(t, "x.npy", AppendHeader(nil, dtype.Float64, false, []int{3, 0})))
	require.NoError(t, err)
	assert.Empty(t, m.Data)
	assert.NoError(t, m.Close())
}

func TestMapRefusesWhatLoadReads(t *testing.T) {
	other := Header{DType: dtype.Int32, BigEndian: !hostBig, Shape: []int{1}}.Append(nil)
	odd := fileOf("{'descr': '|i4', 'fortran_order': False, 'shape': (1,)} ", 0)
	bools := append(AppendHeader(nil, dtype.Bool, false, []int{10}), 0, 1, 0, 1, 0, 1, 0, 1, 0, 7)
	order := map[bool]string{false: "<i4", true: ">i4"}[!hostBig]
	for _, c := range []struct {
		file   []byte
		reason string
	}{
		{append(other, 0, 0, 0, 1), "its int32 are in the other byte order (" + order + ")"},
		{append(odd, 0, 0, 0, 1), "its data starts at byte 66, which is no multiple of the 4 bytes of a int32"},
		{bools, "the bool at byte 137 is 7, not 0 or 1"},
	} {
		path := writeFile(t, "x.npy", c.file)
		_, err := Map(path)
		var refused *MapError
		if assert.ErrorAs(t, err, &refused, c.reason) {
			assert.Equal(t, &MapError{Path: path, Reason: c.reason}, refused)
			assert.EqualError(t, err, path+" cannot be mapped: "+c.reason+"; npy.Load reads it into memory")
		}
	}
	_, err := Map(t.TempDir())
	assert.ErrorContains(t, err, "not a regular file")
}

func TestMapNamesTheFile(t *testing.T) {
	path := writeFile(t, "features.npy", fileOf("{'descr': '<f8', 'fortran_order': False, 'shape': (1000, 1000)}", 800))
	_, err := Map(path)
	assert.EqualError(t, err, path+": byte 873: the file ends after 800 bytes of data; shape (1000,1000) of float64 needs 8000000")
	_, err = Map(path + ".missing")
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

func TestBooleans(t *testing.T) {
	for n := range 40 {
		data := make([]byte, n)
		for i := range data {
			data[i] = byte(i % 2)
		}
		assert.Equal(t, -1, notBoolean(data))
		for i, was := range data {
			for _, b := range []byte{2, 3, 128, 255} {
				data[i] = b
				assert.Equal(t, i, notBoolean(data))
				makeBoolean(data)
				assert.EqualValues(t, 1, data[i])
			}
			data[i] = was
		}
	}
}
