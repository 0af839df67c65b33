package pyexpr

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// reading is what Python makes of a source: testdata/dump.py.
type reading struct {
	Text   string
	Starts []int
}

// python reads the sources with Python's parser; nil where it refuses.
func python(t *testing.T, sources []string) []*reading {
	path, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 here; the table of parser_test.go holds what it says")
	}
	in, err := json.Marshal(sources)
	require.NoError(t, err)
	cmd := exec.Command(path, "testdata/dump.py")
	cmd.Stdin = bytes.NewReader(in)
	out, err := cmd.Output()
	require.NoError(t, err)
	var read []*reading
	require.NoError(t, json.Unmarshal(out, &read))
	require.Len(t, read, len(sources))
	return read
}

func TestPythonReadsTheTableAlike(t *testing.T) {
	sources := make([]string, len(programs))
	for i, c := range programs {
		sources[i] = strings.ReplaceAll(strings.Trim(c.src, " ;"), ";;", ";") // Python has no empty statements
	}
	for i, r := range python(t, sources) {
		if assert.NotNil(t, r, sources[i]) {
			assert.Equal(t, programs[i].want, r.Text, sources[i])
		}
	}
}

func TestPythonReadsRandomExpressionsAlike(t *testing.T) {
	sources := make([]string, 3000)
	for i := range sources {
		g := generator{rand.New(rand.NewPCG(1, uint64(i)))}
		sources[i] = g.expression(4)
	}
	parsed := 0
	for i, r := range python(t, sources) {
		p, err := Parse(sources[i])
		if err != nil {
			assert.Contains(t, err.Error(), "chained", "%s: Python reads %v", sources[i], r)
			continue
		}
		parsed++
		if assert.NotNil(t, r, sources[i]) {
			assert.Equal(t, r.Text, p.String(), sources[i])
			assert.Equal(t, r.Starts, starts(p.Result), sources[i])
		}
	}
	assert.Greater(t, parsed, 1000, "most of the expressions have no chained comparison")
}

// starts mirrors dump.py's function of that name.
func starts(n Node) []int {
	var kids []Node
	operation := true
	switch n := n.(type) {
	case *Unary:
		kids = []Node{n.X}
	case *Binary:
		kids = []Node{n.X, n.Y}
	case *Attribute:
		kids = []Node{n.X}
	case *Call:
		kids = append([]Node{n.Fn}, n.Args...)
		for _, k := range n.Keywords {
			kids = append(kids, k.Value)
		}
	case *Subscript:
		kids = append([]Node{n.X}, n.Items...)
	case *Slice:
		kids, operation = []Node{n.Lo, n.Hi, n.Step}, false
	case *Tuple:
		kids, operation = n.Items, false
	case *List:
		kids, operation = n.Items, false
	default:
		operation = false
	}
	out := []int{}
	if operation {
		out = append(out, n.Pos().Col)
	}
	for _, k := range kids {
		if k != nil {
			out = append(out, starts(k)...)
		}
	}
	return out
}

// generator writes random expressions with few parentheses, so that precedence decides.
type generator struct{ *rand.Rand }

func (g generator) pick(of string) string {
	words := strings.Fields(of)
	return words[g.IntN(len(words))]
}

func (g generator) expression(depth int) string {
	if depth == 0 {
		return g.pick("x y np.pi 1 2.5 1e-3 0x1F True None 1_0")
	}
	sub := func() string { return g.expression(g.IntN(depth)) }
	switch g.IntN(12) {
	case 0, 1, 2, 3, 4:
		return sub() + " " + g.pick("+ - * / // % @ ** ** << >> & | ^ ") + " " + sub()
	case 5:
		return sub() + g.pick("< <= == != >= >") + sub()
	case 6, 7:
		return g.pick("- + ~") + sub()
	case 8:
		return "(" + sub() + ")"
	case 9:
		return "(" + sub() + ")." + g.pick("T mean real")
	case 10:
		return "np.f(" + sub() + ", axis=" + sub() + ")"
	}
	return "x[" + sub() + ", " + sub() + ":" + sub() + ", ::" + sub() + ", ...]"
}
