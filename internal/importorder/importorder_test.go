package importorder

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/tare-go/tare"

// layer is a line of the table: packages of which none imports another.
type layer struct {
	packages  []string // folders; cmd/... is all below cmd, which may import each other, .../gen all of that name
	not       []string // folders of layers above that these must not know all the same
	testsOnly bool     // only tests import these
}

// table is the packages from the bottom up. A package imports only packages of the lines above its
// own; tests may import what they like.
var table = []layer{
	{packages: []string{"internal/importorder"}},
	{packages: []string{"dtype"}},
	{packages: []string{"broadcast"}},
	{packages: []string{"internal/golden"}, testsOnly: true},
	{packages: []string{"internal/canon"}},
	{packages: []string{"internal/op"}},
	{packages: []string{"internal/ir"}},
	{packages: []string{"internal/ir/irtest"}, testsOnly: true},
	{packages: []string{"device"}},
	{packages: []string{"device/devicetest", "device/ledgertest", "device/ledger"}},
	{packages: []string{"kernels/simd"}, not: []string{"device", "device/devicetest"}},
	{packages: []string{"kernels/ptx"}, not: []string{"device/devicetest", "kernels/simd"}},
	{packages: []string{"cpu"}, not: []string{"kernels/ptx"}},
	{packages: []string{"cuda/internal/driver"}},
	{packages: []string{"cuda/internal/driver/drivertest"}, testsOnly: true},
	{packages: []string{"cuda/ptxsim"}},
	{packages: []string{"cuda/internal/simulated"}},
	{packages: []string{"cuda"}},
	{packages: []string{"internal/plan"}, not: []string{"kernels/simd", "kernels/ptx", "cpu", "cuda"}},
	{packages: []string{"internal/format"}},
	{packages: []string{"tensor"}, not: []string{"kernels/simd", "kernels/ptx", "cuda"}},
	{packages: []string{"random", "linalg", "npy", "blas"}},
	{packages: []string{"cmd/...", ".../gen"}}, // programs: nothing imports them
}

// imports is one import of a package of the module by another. Both are folders below the module's.
type imports struct {
	from, to string
	file     string
	test     bool
}

// layerOf is the line of a folder, and the name under which the table has it; -1 if it has not.
func layerOf(folder string) (line int, name string) {
	for i, layer := range table {
		for _, name := range layer.packages {
			if matches(name, folder) {
				return i, name
			}
		}
	}
	return -1, ""
}

// matches reports whether a name in the table is a folder's.
func matches(name, folder string) bool {
	if above, ok := strings.CutSuffix(name, "..."); ok {
		return strings.HasPrefix(folder, above)
	}
	if below, ok := strings.CutPrefix(name, "..."); ok {
		return strings.HasSuffix(folder, below)
	}
	return folder == name
}

// against says what is wrong with an import, or nothing.
func against(i imports) string {
	from, fromName := layerOf(i.from)
	to, toName := layerOf(i.to)
	switch {
	case from < 0 || to < 0 || i.test:
		return "" // a folder that the table lacks is reported by itself
	case table[to].testsOnly:
		return fmt.Sprintf("%s: %s is for tests only", i.file, i.to)
	case slices.Contains(table[from].not, i.to):
		return fmt.Sprintf("%s: %s must not know %s", i.file, i.from, i.to)
	case to > from, to == from && toName != fromName:
		return fmt.Sprintf("%s: %s is not above %s in the table of packages, so it cannot be imported there; move what is needed up", i.file, i.to, i.from)
	}
	return ""
}

// source is one Go file of the module.
type source struct {
	folder  string // below the module's
	file    string
	test    bool
	imports []string // import paths
}

// sources reads the imports of all Go files below root, whatever their build tags. Nested modules and
// what the go command passes over are left out.
func sources(t *testing.T, root string) (all []source) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && file != root && passedOver(file):
			return filepath.SkipDir
		case entry.IsDir() || filepath.Ext(file) != ".go":
			return nil
		}
		all = append(all, read(t, root, file))
		return nil
	}))
	return all
}

// passedOver reports whether the go command does not count a folder to the module.
func passedOver(folder string) bool {
	name := filepath.Base(folder)
	_, err := os.Stat(filepath.Join(folder, "go.mod"))
	return err == nil || name == "testdata" || name == "vendor" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")
}

// read reads the imports of one file.
func read(t *testing.T, root, file string) source {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	require.NoError(t, err)
	name, err := filepath.Rel(root, file)
	require.NoError(t, err)
	name = filepath.ToSlash(name)
	s := source{folder: path.Dir(name), file: name, test: strings.HasSuffix(name, "_test.go")}
	for _, spec := range parsed.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		require.NoError(t, err)
		s.imports = append(s.imports, imported)
	}
	return s
}

func TestImportsGoUpTheTable(t *testing.T) {
	all := sources(t, filepath.Join("..", ".."))
	require.NotEmpty(t, all)
	for _, s := range all {
		for _, imported := range s.imports {
			if to, ours := strings.CutPrefix(imported, module+"/"); ours {
				assert.Empty(t, against(imports{s.folder, to, s.file, s.test}))
			}
			assert.NotEqual(t, "C", imported, "%s: cgo", s.file)
		}
	}
}

func TestEveryPackageIsInTheTable(t *testing.T) {
	folders := map[string]bool{}
	for _, s := range sources(t, filepath.Join("..", "..")) {
		folders[s.folder] = true
	}
	for folder := range folders {
		if line, _ := layerOf(folder); line < 0 {
			t.Errorf("package %s is not in the table of packages: give it a line below all that it imports", folder)
		}
	}
}

func TestTableIsSound(t *testing.T) {
	seen := map[string]bool{}
	for _, layer := range table {
		for _, p := range layer.packages {
			assert.False(t, seen[p], p)
			seen[p] = true
		}
		for _, p := range layer.not {
			assert.True(t, seen[p], "%s is not above %v", p, layer.packages)
		}
	}
}

func TestAgainst(t *testing.T) {
	tests := []struct {
		from, to string
		test     bool
		want     string // part of the message; empty for none
	}{
		{from: "broadcast", to: "dtype"},
		{from: "cmd/devbench/parse", to: "cmd/devbench/token"},
		{from: "cmd/devbench", to: "npy"},
		{from: "internal/op/gen", to: "internal/op"},
		{from: "dtype", to: "broadcast", want: "not above"},
		{from: "npy", to: "random", want: "not above"},
		{from: "device/devicetest", to: "internal/plan", want: "not above"},
		{from: "kernels/simd", to: "device", want: "must not know"},
		{from: "tensor", to: "internal/golden", want: "tests only"},
		{from: "tensor", to: "internal/golden", test: true},
		{from: "device", to: "device/devicetest", test: true},
	}
	for _, test := range tests {
		got := against(imports{test.from, test.to, "x.go", test.test})
		if test.want == "" {
			assert.Empty(t, got)
		} else {
			assert.Contains(t, got, test.want, "%s imports %s", test.from, test.to)
		}
	}
}
