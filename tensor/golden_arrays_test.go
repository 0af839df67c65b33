package tensor_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/golden"
	np "github.com/tare-go/tare/tensor"
)

// loaded is a golden array in memory, in C order.
func loaded(t testing.TB, a golden.Array) *np.Tensor {
	t.Helper()
	return placed(t, a.DType, a.Shape, func(index []int) int { return flat(a.Shape, index) }, a)
}

// flat is the C-order place of an index.
func flat(shape, index []int) int {
	at := 0
	for d, i := range index {
		at = at*shape[d] + i
	}
	return at
}

// placed makes an array of the given shape whose elements are those of a at the places that from
// says; -1 is an element of no meaning.
func placed(t testing.TB, typ dtype.DType, shape []int, from func(index []int) int, a golden.Array) *np.Tensor {
	t.Helper()
	makers := map[dtype.DType]func() (*np.Tensor, error){
		dtype.Bool: func() (*np.Tensor, error) { return filled[bool](shape, from, a) },
		dtype.Int8: func() (*np.Tensor, error) { return filled[int8](shape, from, a) }, dtype.Int16: func() (*np.Tensor, error) { return filled[int16](shape, from, a) },
		dtype.Int32: func() (*np.Tensor, error) { return filled[int32](shape, from, a) }, dtype.Int64: func() (*np.Tensor, error) { return filled[int64](shape, from, a) },
		dtype.Uint8: func() (*np.Tensor, error) { return filled[uint8](shape, from, a) }, dtype.Uint16: func() (*np.Tensor, error) { return filled[uint16](shape, from, a) },
		dtype.Uint32: func() (*np.Tensor, error) { return filled[uint32](shape, from, a) }, dtype.Uint64: func() (*np.Tensor, error) { return filled[uint64](shape, from, a) },
		dtype.Float32: func() (*np.Tensor, error) { return filled[float32](shape, from, a) }, dtype.Float64: func() (*np.Tensor, error) { return filled[float64](shape, from, a) },
	}
	x, err := makers[typ]()
	require.NoError(t, err)
	return x
}

func filled[T dtype.Element](shape []int, from func(index []int) int, a golden.Array) (*np.Tensor, error) {
	size := a.DType.Size()
	return np.FromFunc(shape, func(index []int) (v T) {
		at, data := from(index), bytes.Repeat([]byte{1}, size)
		if at >= 0 {
			data = a.Data[at*size:]
		}
		if _, err := binary.Decode(data, binary.LittleEndian, &v); err != nil {
			panic(err)
		}
		return v
	})
}

// layouts are the ways in which the operands of a case are put into memory, or computed.
var layouts = map[string]func(t testing.TB, a golden.Array) np.Array{
	"C order":       func(t testing.TB, a golden.Array) np.Array { return loaded(t, a) },
	"Fortran order": func(t testing.TB, a golden.Array) np.Array { return fortran(t, a) },
	"backwards":     func(t testing.TB, a golden.Array) np.Array { return backwards(t, a) },
	"computed":      func(t testing.TB, a golden.Array) np.Array { x := loaded(t, a); return np.Where(true, x, x) },
}

// fortran is a golden array stored with its first axis innermost.
func fortran(t testing.TB, a golden.Array) *np.Tensor {
	stored := slices.Clone(a.Shape)
	slices.Reverse(stored)
	x := placed(t, a.DType, stored, func(index []int) int {
		i := slices.Clone(index)
		slices.Reverse(i)
		return flat(a.Shape, i)
	}, a)
	v, err := x.Transpose()
	require.NoError(t, err)
	return v
}

// backwards is a golden array stored in reverse, with other elements before, between and after.
func backwards(t testing.TB, a golden.Array) *np.Tensor {
	stored, ix := make([]int, len(a.Shape)), make([]np.Index, len(a.Shape))
	for d, n := range a.Shape {
		stored[d], ix[d] = 2*n+1, np.RangeStep(1, 2*n+1, 2)
	}
	x := placed(t, a.DType, stored, func(index []int) int {
		i := make([]int, len(index))
		for d, at := range index {
			if at%2 == 0 {
				return -1
			}
			i[d] = a.Shape[d] - 1 - at/2
		}
		return flat(a.Shape, i)
	}, a)
	v, err := x.Slice(ix...)
	require.NoError(t, err)
	v, err = v.Flip()
	require.NoError(t, err)
	return v
}

// taken is a tensor's elements as a golden array, read through the public API.
func taken(x *np.Tensor) (golden.Array, error) {
	readers := map[dtype.DType]func() (golden.Array, error){
		dtype.Bool: func() (golden.Array, error) { return sliced[bool](x) },
		dtype.Int8: func() (golden.Array, error) { return sliced[int8](x) }, dtype.Int16: func() (golden.Array, error) { return sliced[int16](x) },
		dtype.Int32: func() (golden.Array, error) { return sliced[int32](x) }, dtype.Int64: func() (golden.Array, error) { return sliced[int64](x) },
		dtype.Uint8: func() (golden.Array, error) { return sliced[uint8](x) }, dtype.Uint16: func() (golden.Array, error) { return sliced[uint16](x) },
		dtype.Uint32: func() (golden.Array, error) { return sliced[uint32](x) }, dtype.Uint64: func() (golden.Array, error) { return sliced[uint64](x) },
		dtype.Float32: func() (golden.Array, error) { return sliced[float32](x) }, dtype.Float64: func() (golden.Array, error) { return sliced[float64](x) },
	}
	return readers[x.DType()]()
}

func sliced[T dtype.Element](x *np.Tensor) (golden.Array, error) {
	values, err := np.ToSlice[T](x)
	a := golden.Of(x.Shape(), values)
	if a.Data == nil {
		a.Data = []byte{}
	}
	if a.Shape == nil {
		a.Shape = []int{}
	}
	return a, err
}

// computed evaluates an expression fused and step by step, and is an error too if these differ.
func computed(e *np.Expr) (golden.Array, error) {
	fused, err := evaluated(e)
	stepwise, errStepwise := evaluated(e, np.Stepwise)
	switch {
	case err != nil && errStepwise != nil:
		return golden.Array{}, err
	case err != nil || errStepwise != nil:
		return golden.Array{}, fmt.Errorf("fused: %v, but step by step: %v", err, errStepwise)
	}
	if i := firstDifference(fused, stepwise); i >= 0 {
		return golden.Array{}, fmt.Errorf("element %d is %v fused and %v step by step", i, fused.Float(i), stepwise.Float(i))
	}
	return fused, nil
}

func evaluated(e *np.Expr, opts ...np.EvalOption) (golden.Array, error) {
	x, err := e.Eval(context.Background(), opts...)
	if err != nil {
		return golden.Array{}, err
	}
	defer x.Free()
	return taken(x)
}

// firstDifference is the first element with other bits, where every NaN is the same; -1 if none. It
// is 0 if types or shapes differ.
func firstDifference(a, b golden.Array) int {
	if a.DType != b.DType || !slices.Equal(a.Shape, b.Shape) {
		return 0
	}
	for i := range a.Size() {
		nan := a.DType.IsFloat() && math.IsNaN(a.Float(i)) && math.IsNaN(b.Float(i))
		if a.Bits(i) != b.Bits(i) && !nan {
			return i
		}
	}
	return -1
}
