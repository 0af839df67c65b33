package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestGeneratedFilesAreCurrent fails after a change of the operator table until go generate has run.
func TestGeneratedFilesAreCurrent(t *testing.T) {
	for name, write := range files {
		want, err := write()
		require.NoError(t, err)
		got, err := os.ReadFile(filepath.Join("..", "..", name))
		require.NoError(t, err)
		assert.Equal(t, string(want), string(got), "%s: run go generate ./tensor", name)
	}
}
