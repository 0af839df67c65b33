package tensor_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/golden"
	np "github.com/tare-go/tare/tensor"
)

// missingCreators are NumPy's creation routines that tare does not have yet.
var missingCreators = map[string]bool{
	"diag": true, "geomspace": true, "logspace": true, "meshgrid": true, "tri": true, "tril": true, "triu": true, "vander": true,
}

// TestCreationConforms replays NumPy's creation routines.
func TestCreationConforms(t *testing.T) {
	r := &conformance{t: t, skipped: map[string]int{}}
	for _, c := range golden.Cases(t, "create.jsonl") {
		if missingCreators[c.F] {
			r.skipped["no "+c.F+" yet"]++
			continue
		}
		if r.creates(c) {
			r.passed++
		}
	}
	r.report("create.jsonl")
}

func (r *conformance) creates(c golden.Case) bool {
	var opts []np.CreateOption
	if raw := c.K["dtype"]; !golden.IsNone(raw) {
		d, ok := golden.DecodeDType(raw)
		require.True(r.t, ok, c.ID)
		opts = append(opts, np.DType(d))
	}
	x, err := create(r.t, c, opts)
	var got golden.Array
	if err == nil {
		assert.Zero(r.t, x.Version(), "%s: nobody has written it yet", c.ID)
		got, err = taken(x)
	}
	return assert.NoError(r.t, verdict(c, got, err), describe(c))
}

func create(t *testing.T, c golden.Case, opts []np.CreateOption) (*np.Tensor, error) {
	switch c.F {
	case "arange":
		return arange(t, c, opts)
	case "linspace":
		return linspace(t, c, opts)
	case "full":
		return full(t, c, opts)
	case "eye", "identity":
		n := []int{0, -1, 0}
		for i, raw := range c.A {
			if !golden.IsNone(raw) {
				n[i] = integer(t, raw)
			}
		}
		if n[1] < 0 {
			n[1] = n[0]
		}
		return np.Eye(n[0], n[1], n[2], opts...)
	case "zeros":
		return np.Zeros(extents(t, c.A[0]), opts...)
	case "ones":
		return np.Ones(extents(t, c.A[0]), opts...)
	}
	t.Fatalf("%s: no test of %s", c.ID, c.F)
	return nil, nil
}

func integer(t *testing.T, raw json.RawMessage) int {
	i, ok := golden.DecodeInt(raw)
	require.True(t, ok, "%s", raw)
	return i
}

func extents(t *testing.T, raw json.RawMessage) []int {
	shape, ok := golden.DecodeInts(raw)
	require.True(t, ok, "%s", raw)
	return shape
}

func number(t *testing.T, raw json.RawMessage) float64 {
	f, ok := golden.DecodeFloat(raw)
	require.True(t, ok, "%s", raw)
	return f
}

// arange is of ints if all arguments are, else of floats.
func arange(t *testing.T, c golden.Case, opts []np.CreateOption) (*np.Tensor, error) {
	ints, floats, whole := []int{0, 0, 1}, []float64{0, 0, 1}, true
	for i, raw := range c.A {
		if len(c.A) == 1 {
			i = 1
		}
		floats[i] = number(t, raw)
		n, ok := golden.DecodeInt(raw)
		ints[i], whole = n, whole && ok
	}
	if whole {
		return np.Arange(ints[0], ints[1], ints[2], opts...)
	}
	return np.Arange(floats[0], floats[1], floats[2], opts...)
}

func linspace(t *testing.T, c golden.Case, opts []np.CreateOption) (*np.Tensor, error) {
	start, stop, num := number(t, c.A[0]), number(t, c.A[1]), integer(t, c.A[2])
	if closed, ok := golden.DecodeBool(c.K["endpoint"]); ok && !closed {
		return np.LinspaceOpen(start, stop, num, opts...)
	}
	return np.Linspace(start, stop, num, opts...)
}

func full(t *testing.T, c golden.Case, opts []np.CreateOption) (*np.Tensor, error) {
	shape := extents(t, c.A[0])
	v, err := golden.Decode(c.A[1])
	require.NoError(t, err)
	switch v := v.(type) {
	case bool:
		return np.Full(shape, v, opts...)
	case int:
		return np.Full(shape, v, opts...)
	}
	return np.Full(shape, v.(float64), opts...)
}

// Every creator makes what it says in every type, and its Like twin the same of an array.
func TestCreatorsInEveryType(t *testing.T) {
	for _, d := range dtype.All() {
		zeros, err := np.Zeros([]int{2, 3}, np.DType(d))
		require.NoError(t, err)
		ones, err := np.OnesLike(zeros)
		require.NoError(t, err)
		sevens, err := np.FullLike(ones, 7)
		require.NoError(t, err)
		empty, err := np.EmptyLike(sevens)
		require.NoError(t, err)
		again, err := np.ZerosLike(empty)
		require.NoError(t, err)
		seven := 7.0
		if d == np.Bool {
			seven = 1
		}
		for x, want := range map[*np.Tensor]float64{zeros: 0, ones: 1, sevens: seven, again: 0} {
			a, err := taken(x)
			require.NoError(t, err)
			assert.Equal(t, d, a.DType)
			assert.Equal(t, []int{2, 3}, a.Shape)
			for i := range a.Size() {
				assert.Equal(t, want, a.Float(i), "%v", d)
			}
		}
		assert.Equal(t, 6*d.Size(), empty.NBytes())
		assert.True(t, empty.IsContiguous())
	}
}

// Go's own types choose the dtype.
func TestTypesOfGoNumbers(t *testing.T) {
	of := func(x *np.Tensor, err error) dtype.DType {
		require.NoError(t, err)
		return x.DType()
	}
	s := []int{1}
	assert.Equal(t, np.Int64, of(np.Full(s, 1)))
	assert.Equal(t, np.Uint64, of(np.Full(s, uint(1))))
	assert.Equal(t, np.Int8, of(np.Full(s, int8(1))))
	assert.Equal(t, np.Uint16, of(np.Full(s, uint16(1))))
	assert.Equal(t, np.Float32, of(np.Full(s, float32(1))))
	assert.Equal(t, np.Float64, of(np.Full(s, 1.0)))
	assert.Equal(t, np.Bool, of(np.Full(s, true)))
	assert.Equal(t, np.Int32, of(np.Arange(int32(0), 3, 1)))
	assert.Equal(t, np.Float32, of(np.Arange(float32(0), 3, 1)))
	assert.Equal(t, np.Uint64, of(np.FromSlice([]uint{1})))
	assert.Equal(t, np.Float64, of(np.FromSlice([][]float64{{1}})))
	assert.Equal(t, np.Int16, of(np.FromSlice([2][1]int16{{1}, {2}})))
	assert.Equal(t, np.Float32, of(np.FromSlice(float32(2))))
	assert.Equal(t, np.Bool, of(np.FromSlice([]any{true, false})))
}

// Numbers at the edges of their types arrive whole.
func TestExtremeNumbers(t *testing.T) {
	x, err := np.Full([]int{2}, uint64(math.MaxUint64))
	require.NoError(t, err)
	u, err := np.ToSlice[uint64](x)
	require.NoError(t, err)
	assert.Equal(t, []uint64{math.MaxUint64, math.MaxUint64}, u)

	x, err = np.Full([]int{}, math.MinInt64)
	require.NoError(t, err)
	i, err := np.Item[int64](x)
	require.NoError(t, err)
	assert.Equal(t, int64(math.MinInt64), i)

	x, err = np.Full([]int{1}, math.Copysign(0, -1))
	require.NoError(t, err)
	f, err := np.Item[float64](x)
	require.NoError(t, err)
	assert.True(t, math.Signbit(f))

	x, err = np.FromSlice([][]uint64{{1 << 63}, {3}})
	require.NoError(t, err)
	u, err = np.ToSlice[uint64](x)
	require.NoError(t, err)
	assert.Equal(t, []uint64{1 << 63, 3}, u)

	x, err = np.Arange(uint64(1<<63), 1<<63+3, 1)
	require.NoError(t, err)
	u, err = np.ToSlice[uint64](x)
	require.NoError(t, err)
	assert.Equal(t, []uint64{1 << 63, 1<<63 + 1, 1<<63 + 2}, u)

	x, err = np.Arange(math.MaxInt64-2, math.MaxInt64, 1)
	require.NoError(t, err)
	n, err := np.ToSlice[int64](x)
	require.NoError(t, err)
	assert.Equal(t, []int64{math.MaxInt64 - 2, math.MaxInt64 - 1}, n)

	x, err = np.Arange(uint8(250), 5, 1)
	require.NoError(t, err)
	assert.Zero(t, x.Size())
}

// A slice is copied, and Data is not a copy.
func TestFromSliceCopiesAndDataDoesNot(t *testing.T) {
	values := []float64{1, 2, 3, 4}
	x, err := np.FromSlice(values, 2, -1)
	require.NoError(t, err)
	assert.Equal(t, []int{2, 2}, x.Shape())
	values[0] = 9
	data, err := np.Data[float64](x)
	require.NoError(t, err)
	assert.Equal(t, []float64{1, 2, 3, 4}, data)
	data[3] = 7
	v, err := x.Slice(np.At(1), np.At(1))
	require.NoError(t, err)
	got, err := np.Item[float64](v)
	require.NoError(t, err)
	assert.Equal(t, 7.0, got)
}
