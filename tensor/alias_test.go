package tensor_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tare-go/tare/internal/golden"
	np "github.com/tare-go/tare/tensor"
)

// window draws a 3 by 3 view of an array of 60: anywhere, in any direction, perhaps transposed.
func window(t *rapid.T, x *np.Tensor) *np.Tensor {
	rows, err := x.Slice(np.RangeStep(rapid.IntRange(0, 4).Draw(t, "from"), 60, 1))
	require.NoError(t, err)
	rows, err = rows.Slice(np.To(56))
	require.NoError(t, err)
	m, err := rows.Reshape(7, 8)
	require.NoError(t, err)
	m, err = m.Slice(span(t, 7), span(t, 8))
	require.NoError(t, err)
	if rapid.Bool().Draw(t, "transposed") {
		m, err = m.Transpose()
		require.NoError(t, err)
	}
	return m
}

// span draws three places of an axis of n, in steps of -3 to 3.
func span(t *rapid.T, n int) np.Index {
	step := rapid.IntRange(1, (n-1)/2).Draw(t, "step")
	first := rapid.IntRange(0, n-1-2*step).Draw(t, "first")
	if rapid.Bool().Draw(t, "backwards") {
		stop := first - 1
		if stop < 0 {
			stop = -n - 1
		}
		return np.RangeStep(first+2*step, stop, -step)
	}
	return np.RangeStep(first, first+2*step+1, step)
}

// shapes of expressions that read what they write in every way: at the same place, elsewhere, by rows,
// as a whole, and through a product.
var writers = map[string]func(a, b *np.Tensor) *np.Expr{
	"element": func(a, b *np.Tensor) *np.Expr { return np.Add(np.Multiply(a, 2), 1) },
	"two":     func(a, b *np.Tensor) *np.Expr { return np.Subtract(a, np.Multiply(b, 3)) },
	"flipped": func(a, b *np.Tensor) *np.Expr { return np.Add(np.Flip(a), b) },
	"turned":  func(a, b *np.Tensor) *np.Expr { return np.Add(a, np.Transpose(a)) },
	"rows":    func(a, b *np.Tensor) *np.Expr { return np.Subtract(a, np.Mean(a, np.Axis(1), np.KeepDims)) },
	"columns": func(a, b *np.Tensor) *np.Expr { return np.Subtract(b, np.Max(a, np.Axis(0))) },
	"whole":   func(a, b *np.Tensor) *np.Expr { return np.Multiply(a, np.Sum(b)) },
	"repeat":  func(a, b *np.Tensor) *np.Expr { return np.BroadcastTo(np.Slice(a, np.At(1)), 3, 3) },
	"product": func(a, b *np.Tensor) *np.Expr { return np.MatMul(a, b) },
	"copy":    func(a, b *np.Tensor) *np.Expr { return np.E(b) },
	"widened": func(a, b *np.Tensor) *np.Expr {
		return np.Where(np.Greater(a, 30), np.AsType(np.AsType(b, np.Int8), np.Float64), a)
	},
}

// TestOutMayOverlapOperands writes expressions of views of an array into a view of the same array,
// with and without a mask, which may be computed from it too. What is written is what a new array
// would hold, and nothing else changes.
func TestOutMayOverlapOperands(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, err := np.Arange(0.0, 60, 1)
		require.NoError(t, err)
		defer x.Free()
		a, b, out := window(t, x), window(t, x), window(t, x)
		names := []string{"element", "two", "flipped", "turned", "rows", "columns", "whole", "repeat", "product", "copy", "widened"}
		require.Len(t, writers, len(names))
		e := writers[rapid.SampledFrom(names).Draw(t, "writer")](a, b)
		opts := []np.EvalOption{np.Out(out)}
		if rapid.Bool().Draw(t, "stepwise") {
			opts = append(opts, np.Stepwise)
		}
		var mask *np.Expr
		if rapid.Bool().Draw(t, "masked") {
			mask = np.Greater(window(t, x), 25)
			opts = append(opts, np.WhereMask(mask))
		}
		want := overwritten(t, x, out, e, mask)
		got, err := e.Eval(t.Context(), opts...)
		require.NoError(t, err)
		require.Same(t, out, got)
		after, err := taken(x)
		require.NoError(t, err)
		require.Equal(t, want, after)
	})
}

// overwritten is what x holds after its view out has been given the values of e, where the mask says.
func overwritten(t *rapid.T, x, out *np.Tensor, e, mask *np.Expr) golden.Array {
	if mask != nil {
		e = np.Where(mask, e, out)
	}
	values, err := evaluated(e)
	require.NoError(t, err)
	whole, err := x.Copy(t.Context())
	require.NoError(t, err)
	defer whole.Free()
	numbers, err := np.Data[float64](whole)
	require.NoError(t, err)
	places, err := evaluated(np.E(placesOf(t, x, out)))
	require.NoError(t, err)
	for i := range values.Size() {
		numbers[int(places.Float(i))] = values.Float(i)
	}
	return golden.Of([]int{len(numbers)}, slices.Clone(numbers))
}

// placesOf is the places in x that a view of it shows, as a new array: x is counted for a moment.
func placesOf(t *rapid.T, x, view *np.Tensor) *np.Tensor {
	held, err := np.Data[float64](x)
	require.NoError(t, err)
	kept := slices.Clone(held)
	for i := range held {
		held[i] = float64(i)
	}
	places, err := view.Copy(t.Context())
	require.NoError(t, err)
	copy(held, kept)
	return places
}
