package gonum

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/cmd/devbench/internal/difference"
	"github.com/tare-go/tare/cmd/devbench/internal/goloop"
	"github.com/tare-go/tare/cmd/devbench/internal/suite"
)

// agree compares each workload that gonum has with its Go loop.
func agree[T goloop.Float](t *testing.T) (compared int) {
	for _, w := range suite.All() {
		f, ok := For[T](w.Name)
		if !ok || w.Name == "gemm_1024" || w.Name == "gemm_2048" {
			continue
		}
		loop, ok := goloop.For[T](w.Name)
		require.True(t, ok, w.Name)
		in := goloop.Inputs[T](w, 20_000)
		_, err := difference.Compare(f(in), loop(in), difference.Summed)
		assert.NoError(t, err, w.Name)
		compared++
	}
	return compared
}

func TestWorkloadsAreThoseOfTheLoops(t *testing.T) {
	assert.Equal(t, 8, agree[float32](t))
	assert.Equal(t, 16, agree[float64](t))
}

func TestEveryEntryIsAWorkload(t *testing.T) {
	for name := range doubles {
		if name != "gemm" {
			assert.Contains(t, suite.Names(), name)
		}
	}
	_, ok := For[float64]("softmax_rows")
	assert.False(t, ok)
	_, ok = For[float32]("std")
	assert.False(t, ok)
}

func TestVersion(t *testing.T) { assert.NotEmpty(t, Version()) }
