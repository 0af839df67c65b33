//go:build unix && !aix && !solaris && !illumos

package npy

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/dtype"
)

func TestMapReadsNothing(t *testing.T) {
	const gib = 1 << 30
	path := writeFile(t, "x.npy", AppendHeader(nil, dtype.Float32, false, []int{gib}))
	if err := os.Truncate(path, 128+4*gib); err != nil {
		t.Skip("no sparse files here: ", err)
	}
	var m *Mapping
	var err error
	assert.Less(t, allocated(func() { m, err = Map(path) }), uint64(slack))
	require.NoError(t, err)
	defer m.Close()
	assert.Len(t, m.Data, 4*gib)
	assert.Zero(t, m.Data[4*gib-1])
}

func TestMappingOutlivesTheReplacementOfItsFile(t *testing.T) {
	path := writeFile(t, "x.npy", append(AppendHeader(nil, dtype.Int8, false, []int{4}), "goat"...))
	m, err := Map(path)
	require.NoError(t, err)
	defer m.Close()
	w, err := Create(path, dtype.Int8, []int{4}, false)
	require.NoError(t, err)
	_, err = w.Write([]byte("lion"))
	require.NoError(t, err)
	require.NoError(t, w.Commit())
	assert.Equal(t, "goat", string(m.Data))
}

func TestDevicesAreWrittenInPlace(t *testing.T) {
	w, err := Create(os.DevNull, dtype.Int8, []int{4}, false)
	require.NoError(t, err)
	_, err = w.Write([]byte("lion"))
	require.NoError(t, err)
	require.NoError(t, w.Commit())
	info, err := os.Stat(os.DevNull)
	require.NoError(t, err)
	assert.False(t, info.Mode().IsRegular())
}
