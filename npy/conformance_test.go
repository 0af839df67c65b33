package npy

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/internal/golden"
)

// cOrder is the array of a file in C order, read with ReadHeader and readAt.
func cOrder(file []byte) (golden.Array, error) {
	r := bytes.NewReader(file)
	h, err := ReadHeader(r, r.Size())
	if err != nil {
		return golden.Array{}, err
	}
	data := make([]byte, h.NBytes())
	if err := readAt(r, data, h); err != nil {
		return golden.Array{}, err
	}
	return inOrder(h, data)
}

// cOrderOfStream is cOrder with readHeader and readStream.
func cOrderOfStream(file []byte) (golden.Array, error) {
	r := bytes.NewReader(file)
	h, err := readHeader(r)
	if err != nil {
		return golden.Array{}, err
	}
	data, err := readSlice(r, h)
	if err != nil {
		return golden.Array{}, err
	}
	return inOrder(h, data)
}

func inOrder(h Header, data []byte) (golden.Array, error) {
	size := h.DType.Size()
	var out bytes.Buffer
	if err := writeView(context.Background(), &out, data, h.View(), size, false); err != nil {
		return golden.Array{}, err
	}
	if hostBig {
		swapBytes(out.Bytes(), size)
	}
	return golden.Array{DType: h.DType, Shape: h.Shape, Data: append([]byte{}, out.Bytes()...)}, nil
}

func TestReadsAndRefusesAsNumPy(t *testing.T) {
	count := 0
	for _, c := range golden.Cases(t, "npy.jsonl") {
		if c.F != "read" {
			continue
		}
		count++
		file := decodeHex(t, c.A[0])
		for _, read := range []func([]byte) (golden.Array, error){cOrder, cOrderOfStream} {
			got, err := read(file)
			if c.E != "" || isUnsupported(c.R) {
				assert.Errorf(t, err, "%s %s", c.ID, c.K["name"])
				continue
			}
			if assert.NoErrorf(t, err, "%s %s", c.ID, c.K["name"]) {
				want, err := golden.Decode(c.R)
				require.NoError(t, err)
				assert.Equalf(t, want, got, "%s %s", c.ID, c.K["name"])
			}
		}
	}
	assert.GreaterOrEqual(t, count, 5)
}

func TestWritesTheBytesOfNumPy(t *testing.T) {
	count := 0
	for _, c := range golden.Cases(t, "npy.jsonl") {
		if c.F != "write" || len(c.Lacks()) > 0 {
			continue
		}
		count++
		value, err := golden.Decode(c.A[0])
		require.NoError(t, err)
		a := value.(golden.Array)
		h := Header{DType: a.DType, Shape: a.Shape}
		if raw, ok := c.K["descr"]; ok {
			h.BigEndian = bytes.ContainsRune(raw, '>')
		}
		if raw, ok := c.K["version"]; ok {
			var v [2]int
			require.NoError(t, json.Unmarshal(raw, &v))
			h.Version = [2]byte{byte(v[0]), byte(v[1])}
		}
		if h.BigEndian {
			swapBytes(a.Data, a.DType.Size())
		}
		want := decodeHex(t, c.R)
		assert.Equalf(t, string(want), string(append(h.Append(nil), a.Data...)), c.ID)
		if !h.BigEndian && !hostBig && h.Version == [2]byte{} {
			assert.Equalf(t, string(want), string(append(AppendHeader(nil, a.DType, false, a.Shape), a.Data...)), c.ID)
		}
	}
	assert.GreaterOrEqual(t, count, 5)
}

func decodeHex(t *testing.T, raw json.RawMessage) []byte {
	var s string
	require.NoError(t, json.Unmarshal(raw, &s))
	b, err := hex.DecodeString(s)
	require.NoError(t, err)
	return b
}

func isUnsupported(raw json.RawMessage) bool {
	return bytes.Contains(raw, []byte(`"unsupported"`))
}

func TestFilesOfNumPysTests(t *testing.T) {
	for _, name := range []string{"python3.npy", "win64python2.npy"} {
		file, err := os.ReadFile(filepath.Join("testdata", name))
		require.NoError(t, err)
		got, err := cOrder(file)
		require.NoError(t, err, name)
		assert.Equal(t, golden.Of([]int{2}, []float64{1, 1}), got, name)
	}
	for _, name := range []string{"py2-np0-objarr.npy", "py2-objarr.npy", "py3-objarr.npy"} {
		path := filepath.Join("testdata", name)
		_, err := Map(path)
		var foreign *DTypeError
		require.ErrorAs(t, err, &foreign, name)
		assert.Equal(t, "object", foreign.Kind)
		assert.Equal(t, path, foreign.Path)
		assert.ErrorContains(t, err, "astype")
	}
	_, err := Map(filepath.Join("testdata", "py3-objarr.npz"))
	assert.ErrorContains(t, err, "zip archive")
}
