package tensor_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	np "github.com/tare-go/tare/tensor"
)

// BenchmarkPreparedAdd is the cost of a small evaluation into an existing array.
func BenchmarkPreparedAdd(b *testing.B) {
	x, err := np.Ones([]int{100})
	require.NoError(b, err)
	out, err := np.Empty([]int{100})
	require.NoError(b, err)
	p, err := np.Prepare(np.Add(x, x), np.Out(out))
	require.NoError(b, err)
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Eval(ctx); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAdd makes the expression and evaluates it, each time.
func BenchmarkAdd(b *testing.B) {
	x, err := np.Ones([]int{100})
	require.NoError(b, err)
	out, err := np.Empty([]int{100})
	require.NoError(b, err)
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := np.Add(x, x).Eval(ctx, np.Out(out)); err != nil {
			b.Fatal(err)
		}
	}
}
