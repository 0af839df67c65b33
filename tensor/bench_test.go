package tensor_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	np "github.com/tare-go/tare/tensor"
)

// someOnes is an array of ones.
func someOnes(tb testing.TB, shape ...int) *np.Tensor {
	x, err := np.Ones(shape)
	require.NoError(tb, err)
	return x
}

// repeated is an evaluation that is timed again and again, with its allocations. A new result is freed.
func repeated(b *testing.B, fresh bool, eval func(context.Context) (*np.Tensor, error)) {
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		y, err := eval(ctx)
		if err != nil {
			b.Fatal(err)
		}
		if fresh {
			y.Free()
		}
	}
}

// BenchmarkPreparedAdd is the cost of a small evaluation into an existing array.
func BenchmarkPreparedAdd(b *testing.B) {
	x, out := someOnes(b, 100), someOnes(b, 100)
	p, err := np.Prepare(np.Add(x, x), np.Out(out))
	require.NoError(b, err)
	repeated(b, false, func(ctx context.Context) (*np.Tensor, error) { return p.Eval(ctx) })
}

// BenchmarkPreparedFresh is that with a new result.
func BenchmarkPreparedFresh(b *testing.B) {
	x := someOnes(b, 100)
	p, err := np.Prepare(np.Add(x, x))
	require.NoError(b, err)
	repeated(b, true, func(ctx context.Context) (*np.Tensor, error) { return p.Eval(ctx) })
}

// BenchmarkAdd makes the expression and evaluates it, each time.
func BenchmarkAdd(b *testing.B) {
	x, out := someOnes(b, 100), someOnes(b, 100)
	repeated(b, false, func(ctx context.Context) (*np.Tensor, error) { return np.Add(x, x).Eval(ctx, np.Out(out)) })
}

// BenchmarkAddFresh is that with a new result.
func BenchmarkAddFresh(b *testing.B) {
	x := someOnes(b, 100)
	repeated(b, true, func(ctx context.Context) (*np.Tensor, error) { return np.Add(x, x).Eval(ctx) })
}

// BenchmarkMatMulFresh makes a small product and evaluates it, each time.
func BenchmarkMatMulFresh(b *testing.B) {
	x := someOnes(b, 8, 8)
	repeated(b, true, func(ctx context.Context) (*np.Tensor, error) { return np.MatMul(x, x).Eval(ctx) })
}
