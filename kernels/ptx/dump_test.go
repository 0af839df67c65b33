package ptx

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDump writes the text of every form to the folder that PTX_DUMP names, for the assembler.
func TestDump(t *testing.T) {
	folder := os.Getenv("PTX_DUMP")
	if folder == "" {
		t.Skip("PTX_DUMP names no folder; ci/ptxas.sh does")
	}
	for name, f := range catalogue() {
		m, err := f.lower()
		require.NoError(t, err, name)
		require.NoError(t, os.WriteFile(filepath.Join(folder, name+".ptx"), []byte(m.PTX), 0o644))
	}
}
