package table

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWriteToAlignsColumns(t *testing.T) {
	tab := &Table{Columns: []Column{{Heading: "name"}, {Heading: "time", Right: true}, {Heading: "none"}, {Heading: "note"}}}
	tab.Add("add", "1.20 ms", "", "")
	tab.Add("zscore_cols", "950 µs", "", "fused")
	var b strings.Builder
	n, err := tab.WriteTo(&b)
	require.NoError(t, err)
	assert.Equal(t, int64(b.Len()), n)
	assert.Equal(t, ""+
		"name            time  note\n"+
		"add          1.20 ms\n"+
		"zscore_cols   950 µs  fused\n", b.String())
}

func TestAddRefusesARaggedRow(t *testing.T) {
	tab := &Table{Columns: []Column{{Heading: "a"}, {Heading: "b"}}}
	assert.PanicsWithValue(t, "BUG: table: a row needs a cell for each column", func() { tab.Add("x") })
}
