package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAssemblyIsGenerated(t *testing.T) {
	assembly, stubs, err := generate()
	require.NoError(t, err)
	for name, want := range map[string][]byte{assemblyFile: assembly, stubsFile: stubs} {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		assert.True(t, string(want) == string(text), "%s is stale: run go generate ./... in the main module", name)
	}
}
