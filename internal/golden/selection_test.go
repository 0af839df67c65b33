package golden

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the selection in testdata anew from the full set")

// The selection is a function of the full set: of every function and error class the line of
// middle length, and others at even steps until there are some more than 40 of a file.
const (
	spare    = 36   // lines at even steps
	longLine = 1200 // bytes; longer ones are taken only where a function has no other
)

func TestSelectionIsOfTheFullSet(t *testing.T) {
	files, err := selection.ReadDir("testdata")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, f := range files {
		full, source, err := load(f.Name())
		require.NoError(t, err)
		if !strings.HasPrefix(source, "the full set") {
			t.Skip("the full set is not here")
		}
		path := filepath.Join("testdata", f.Name())
		want := selected(t, full)
		if *update {
			require.NoError(t, os.WriteFile(path, want, 0o644))
			continue
		}
		got, err := os.ReadFile(path)
		require.NoError(t, err)
		require.True(t, bytes.Equal(want, got), "%s is out of date: run go test ./internal/golden -update", path)
	}
}

func selected(t *testing.T, full []byte) []byte {
	lines := bytes.SplitAfter(full, []byte("\n"))
	lines = slices.DeleteFunc(lines, func(l []byte) bool { return len(bytes.TrimSpace(l)) == 0 })
	groups := map[string][]int{}
	for i, l := range lines {
		var c Case
		require.NoError(t, json.Unmarshal(l, &c))
		key := c.F + " " + c.E
		groups[key] = append(groups[key], i)
	}
	keep := map[int]bool{}
	for _, group := range groups {
		keep[median(lines, group)] = true
	}
	for k := range spare {
		if i := k * len(lines) / spare; len(lines[i]) < longLine/2 {
			keep[i] = true
		}
	}
	var out []byte
	for i, l := range lines {
		if keep[i] {
			out = append(out, l...)
		}
	}
	return out
}

// median is the line of middle length among those of the group that are not long.
func median(lines [][]byte, group []int) int {
	group = slices.Clone(group)
	slices.SortStableFunc(group, func(a, b int) int { return len(lines[a]) - len(lines[b]) })
	short := slices.IndexFunc(group, func(i int) bool { return len(lines[i]) >= longLine })
	if short < 0 {
		short = len(group)
	}
	return group[short/2]
}
