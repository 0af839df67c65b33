package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestKernelsAreGenerated(t *testing.T) {
	text, err := os.ReadFile("../zkernels.go")
	require.NoError(t, err)
	want, err := kernels()
	require.NoError(t, err)
	assert.True(t, string(want) == string(text), "zkernels.go is stale: run go generate ./...")
}
