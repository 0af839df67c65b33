package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCodesAreGenerated(t *testing.T) {
	text, err := os.ReadFile("../zcodes.go")
	require.NoError(t, err)
	assert.Equal(t, string(codes()), string(text), "run go generate ./...")
}
