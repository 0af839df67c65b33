// Package golden reads NumPy's own answers, for tests to replay: each case is a call of a NumPy
// function with its arguments, and the result or the error that NumPy 2.3.5 gave.
//
// The full set of cases is used where it lies beside the checkout, at ../shared/conformance, or
// where the environment variable TARE_CONFORMANCE says; else a selection of it that is part of
// this package, with every function and every kind of error.
package golden

import (
	"bufio"
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/tare-go/tare/dtype"
)

// Variable is the environment variable that names the folder of the full set: the one that holds
// numpy/FILE, or FILE itself.
const Variable = "TARE_CONFORMANCE"

// Case is one call. Its values stay raw until they are decoded, for what they mean depends on F.
type Case struct {
	ID    string                     `json:"id"`
	C     string                     `json:"c"`     // category
	F     string                     `json:"f"`     // function
	A     []json.RawMessage          `json:"a"`     // arguments
	K     map[string]json.RawMessage `json:"k"`     // keyword arguments
	R     json.RawMessage            `json:"r"`     // result, unless E is set
	E     string                     `json:"e"`     // class of NumPy's error; any error passes
	T     uint64                     `json:"t"`     // allowed distance in ulps
	AT    float64                    `json:"at"`    // allowed absolute difference
	Z     int                        `json:"z"`     // 1: the sign of a zero is free
	Needs []string                   `json:"needs"` // the less common dtypes that occur
	N     string                     `json:"n"`     // note
}

// Lacks is the dtypes that the case needs and that tare does not have.
func (c Case) Lacks() []string {
	var lacks []string
	for _, name := range c.Needs {
		if _, err := dtype.Parse(name); err != nil {
			lacks = append(lacks, name)
		}
	}
	return lacks
}

//go:embed testdata/*.jsonl
var selection embed.FS

var announce sync.Once

// Cases is all cases of a file such as "reduce.jsonl". A file that is in neither set, and a line
// that is no case, end the test.
func Cases(t testing.TB, file string) []Case {
	t.Helper()
	data, source, err := load(file)
	if err != nil {
		t.Fatal(err)
	}
	announce.Do(func() { t.Log("golden: " + source) })
	cases, err := parse(data)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return cases
}

// load is the text of a file, and in words where it is from.
func load(file string) (data []byte, source string, err error) {
	if dir := os.Getenv(Variable); dir != "" {
		path := inside(dir, file)
		data, err = os.ReadFile(path)
		if err != nil {
			return nil, "", fmt.Errorf("%s is %q: %w", Variable, dir, err)
		}
		return data, "the full set in " + filepath.Dir(path), nil
	}
	if root, ok := moduleRoot(); ok {
		path := inside(filepath.Join(root, "..", "shared", "conformance"), file)
		if data, err = os.ReadFile(path); err == nil {
			return data, "the full set in " + filepath.Dir(path), nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, "", err
		}
	}
	data, err = selection.ReadFile("testdata/" + file)
	return data, "the selection that is part of the module; set " + Variable + " for the full set", err
}

// inside is the path of file in the folder of the full set.
func inside(dir, file string) string {
	if path := filepath.Join(dir, "numpy", file); exists(path) {
		return path
	}
	return filepath.Join(dir, file)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// moduleRoot is the nearest folder with a go.mod, from the test's own upwards.
func moduleRoot() (string, bool) {
	dir, err := os.Getwd()
	if err != nil {
		return "", false
	}
	for !exists(filepath.Join(dir, "go.mod")) {
		up := filepath.Dir(dir)
		if up == dir {
			return "", false
		}
		dir = up
	}
	return dir, true
}

// parse reads one case a line.
func parse(data []byte) ([]Case, error) {
	var cases []Case
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, len(data)+1)
	for lines.Scan() {
		var c Case
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			return nil, fmt.Errorf("line %d: %w", len(cases)+1, err)
		}
		cases = append(cases, c)
	}
	return slices.Clip(cases), lines.Err()
}
