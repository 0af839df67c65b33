package dtype_test

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"

	"github.com/tare-go/tare/dtype"
)

// Every type has a name that parses, a size and a kind, and is listed once.
func TestTableIsComplete(t *testing.T) {
	all := dtype.All()
	assert.Len(t, all, int(dtype.Count)-1)
	for i, d := range all {
		assert.Equal(t, dtype.DType(i+1), d)
		assert.NotZero(t, d.Size(), d)
		assert.NotEqual(t, dtype.NoKind, d.Kind(), d)
		got, err := dtype.Parse(d.String())
		assert.NoError(t, err)
		assert.Equal(t, d, got)
	}
}

func TestKinds(t *testing.T) {
	kinds := map[dtype.Kind][]dtype.DType{
		dtype.BoolKind:     {dtype.Bool},
		dtype.UnsignedKind: {dtype.Uint8, dtype.Uint16, dtype.Uint32, dtype.Uint64},
		dtype.SignedKind:   {dtype.Int8, dtype.Int16, dtype.Int32, dtype.Int64},
		dtype.FloatKind:    {dtype.Float32, dtype.Float64},
	}
	seen := 0
	for kind, types := range kinds {
		for _, d := range types {
			seen++
			assert.Equal(t, kind, d.Kind(), d)
			assert.Equal(t, kind == dtype.FloatKind, d.IsFloat(), d)
			assert.Equal(t, kind == dtype.SignedKind || kind == dtype.UnsignedKind, d.IsInteger(), d)
		}
	}
	assert.Len(t, dtype.All(), seen)
}

func TestParse(t *testing.T) {
	tests := map[string]dtype.DType{
		"f32": dtype.Float32, "f8": dtype.Float64, "i8": dtype.Int64, "u1": dtype.Uint8, "i64": dtype.Int64,
		"int": dtype.Int64, "float": dtype.Float64, "bool_": dtype.Bool, "b1": dtype.Bool, "u16": dtype.Uint16,
	}
	for name, want := range tests {
		got, err := dtype.Parse(name)
		assert.NoError(t, err)
		assert.Equal(t, want, got, name)
	}
	for _, name := range []string{"", "float16", "invalid", "Float64", "complex128"} {
		_, err := dtype.Parse(name)
		assert.ErrorContains(t, err, "the dtypes are", name)
	}
}

func TestUnknownTypesPrint(t *testing.T) {
	assert.Equal(t, "invalid", dtype.Invalid.String())
	assert.Equal(t, "dtype(200)", dtype.DType(200).String())
}

// Of agrees with the size that Go gives the type.
func TestOf(t *testing.T) {
	check[bool](t, dtype.Bool)
	check[int8](t, dtype.Int8)
	check[int16](t, dtype.Int16)
	check[int32](t, dtype.Int32)
	check[int64](t, dtype.Int64)
	check[int](t, dtype.Int64)
	check[uint8](t, dtype.Uint8)
	check[uint16](t, dtype.Uint16)
	check[uint32](t, dtype.Uint32)
	check[uint64](t, dtype.Uint64)
	check[uint](t, dtype.Uint64)
	check[float32](t, dtype.Float32)
	check[float64](t, dtype.Float64)
	assert.Equal(t, dtype.Invalid, dtype.OfValue("text"))
	assert.Equal(t, dtype.Invalid, dtype.OfValue(nil))
}

func check[T dtype.Element](t *testing.T, want dtype.DType) {
	t.Helper()
	var zero T
	assert.Equal(t, want, dtype.Of[T]())
	assert.Equal(t, want, dtype.OfValue(zero))
	assert.Equal(t, int(unsafe.Sizeof(zero)), want.Size())
}
