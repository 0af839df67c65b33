package formula

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/cmd/devbench/internal/pyexpr"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
)

// numbers is an array 0, 1, 2 … of its type.
type numbers string

func (n numbers) SourceName() string { return string(n) }

// inputs of the tests: x is 2×3, y 3, f is x in float32, i is x in int64, u in uint8, s 3×3.
func inputs() map[string]*ir.Node {
	leaf := func(name string, t dtype.DType, shape ...int) *ir.Node {
		return ir.NewLeaf(numbers(name), t, broadcast.Contiguous(shape, t.Size()))
	}
	return map[string]*ir.Node{
		"x": leaf("x", dtype.Float64, 2, 3), "y": leaf("y", dtype.Float64, 3), "f": leaf("f", dtype.Float32, 2, 3),
		"i": leaf("i", dtype.Int64, 2, 3), "u": leaf("u", dtype.Uint8, 2, 3), "s": leaf("s", dtype.Float64, 3, 3),
	}
}

// count reads an element: its own place in C order.
func count(leaf *ir.Node, off int) uint64 {
	return ir.CastTo(ir.NewScalar(dtype.Int64, uint64(off/leaf.Type.Size())), leaf.Type).Bits
}

// evaluate is the result as text: type, shape and elements.
func evaluate(t *testing.T, source string) string {
	t.Helper()
	n, err := Build(source, inputs())
	require.NoError(t, err, source)
	var elements []string
	for _, bits := range ir.Evaluate(n, count) {
		f := math.Float64frombits(ir.CastTo(ir.NewScalar(n.Type, bits), dtype.Float64).Bits)
		elements = append(elements, fmt.Sprint(f))
	}
	return fmt.Sprintf("%v %s %s", n.Type, broadcast.FormatShape(n.Shape), strings.Join(elements, " "))
}

func TestBuild(t *testing.T) {
	for source, want := range map[string]string{
		"x":                                    "float64 (2,3) 0 1 2 3 4 5",
		"x + y":                                "float64 (2,3) 0 2 4 3 5 7",
		"x * 2":                                "float64 (2,3) 0 2 4 6 8 10",
		"-x[0] - 1.5":                          "float64 (3,) -1.5 -2.5 -3.5",
		"f / 3 * (1/2) + np.pi*0":              "float32 (2,3) 0 0.1666666716337204 0.3333333432674408 0.5 0.6666666865348816 0.8333333134651184",
		"i // 2":                               "int64 (2,3) 0 0 1 1 2 2",
		"i / 2":                                "float64 (2,3) 0 0.5 1 1.5 2 2.5",
		"i + 1.0":                              "float64 (2,3) 1 2 3 4 5 6",
		"(i & 1) | (i * 2) ^ ~i":               "int64 (2,3) -1 -3 -7 -5 -13 -15",
		"(x > 1) & ~(x >= 4)":                  "bool (2,3) 0 0 1 1 0 0",
		"x @ y":                                "float64 (2,) 5 14",
		"np.dot(x, s)":                         "float64 (2,3) 15 18 21 42 54 66",
		"x.T":                                  "float64 (3,2) 0 3 1 4 2 5",
		"x.mT[::-1, 0]":                        "float64 (3,) 2 1 0",
		"x[-1, 1:][None, ..., ::-1]":           "float64 (1,2) 5 4",
		"x[:, np.newaxis].shape[1] + y":        "float64 (3,) 1 2 3",
		"x[0:x.shape[0]//2]":                   "float64 (1,3) 0 1 2",
		"x.sum()":                              "float64 () 15",
		"x.sum(0)":                             "float64 (3,) 3 5 7",
		"np.sum(x, axis=(0, 1))":               "float64 () 15",
		"np.sum(a=x, axis=-1)":                 "float64 (2,) 3 12",
		"x.mean(axis=1, keepdims=True)":        "float64 (2,1) 1 4",
		"x - x.mean(axis=1, keepdims=True)":    "float64 (2,3) -1 0 1 -1 0 1",
		"x.var(axis=1, ddof=1)":                "float64 (2,) 1 1",
		"i.sum(dtype=np.float32)":              "float32 () 15",
		"i.sum(dtype='float32')":               "float32 () 15",
		"x.max(axis=0, initial=4)":             "float64 (3,) 4 4 5",
		"x.sum(where=x > 2)":                   "float64 () 12",
		"np.amax(x) + np.amin(x)":              "float64 () 5",
		"x.argmax()":                           "int64 () 5",
		"np.all(x > 0)":                        "bool () 0",
		"np.count_nonzero(x, axis=1)":          "int64 (2,) 2 3",
		"np.maximum(x, 2)":                     "float64 (2,3) 2 2 2 3 4 5",
		"np.where(x > 2, x, 0)":                "float64 (2,3) 0 0 0 3 4 5",
		"abs(-x[0])":                           "float64 (3,) 0 1 2",
		"x.reshape(3, -1)":                     "float64 (3,2) 0 1 2 3 4 5",
		"x.reshape((3, 2)).T":                  "float64 (2,3) 0 2 4 1 3 5",
		"x.transpose(1, 0)[0]":                 "float64 (2,) 0 3",
		"np.transpose(x, [1, 0])[0]":           "float64 (2,) 0 3",
		"x.swapaxes(0, -1)[0]":                 "float64 (2,) 0 3",
		"x.ravel()[4:]":                        "float64 (2,) 4 5",
		"np.flip(y)":                           "float64 (3,) 2 1 0",
		"np.expand_dims(y, -1) + y[:1]":        "float64 (3,1) 0 1 2",
		"np.expand_dims(y, (0, 2))":            "float64 (1,3,1) 0 1 2",
		"x[:, :1].squeeze()":                   "float64 (2,) 0 3",
		"np.squeeze(x[:1], axis=0)":            "float64 (3,) 0 1 2",
		"np.moveaxis(s[None], 0, -1)[0, :, 0]": "float64 (3,) 0 1 2",
		"np.broadcast_to(y, (2, 3))":           "float64 (2,3) 0 1 2 0 1 2",
		"u.astype(np.int64) - 1":               "int64 (2,3) -1 0 1 2 3 4",
		"i.astype('float32')":                  "float32 (2,3) 0 1 2 3 4 5",
		"i.astype(float)":                      "float64 (2,3) 0 1 2 3 4 5",
		"i.astype(f.dtype)":                    "float32 (2,3) 0 1 2 3 4 5",
		"np.float32(2) * f":                    "float32 (2,3) 0 2 4 6 8 10",
		"u + x.size - x.ndim":                  "uint8 (2,3) 4 5 6 7 8 9",
		"d = x - 1\nd = d * d\nd.sum()":        "float64 () 31",
		"7 // 2":                               "int64 () 3",
		"np.sqrt(16.0)":                        "float64 () 4",
	} {
		assert.Equal(t, want, evaluate(t, source), source)
	}
}

func TestPythonsNumbers(t *testing.T) {
	for source, want := range map[string]value{
		"-7 // 2": integer(-4), "-7 % 3": integer(2), "7 % -3": integer(-2), "7 / 2": floating(3.5), "6 / 2": floating(3),
		"2 ** 10": integer(1024), "2 ** -1": floating(0.5), "(-1) ** 3": integer(-1), "0 ** 0": integer(1), "(-2) ** 63": integer(math.MinInt64),
		"-7.5 // 2": floating(-4), "-7.5 % 2": floating(0.5), "7.5 % -2": floating(-0.5), "1e3 + 1": floating(1001),
		"1 << 4 | 3": integer(19), "-8 >> 1": integer(-4), "~5": integer(-6), "6 & 3 ^ 8": integer(10), "1 >> 100": integer(0),
		"3 > 2": boolean(true), "2.5 == 5 / 2": boolean(true), "True + True": integer(2), "-True": integer(-1), "True & False": integer(0),
		"9007199254740993 > 9007199254740992": boolean(true), "3 <= 2": boolean(false), "1 != 1": boolean(false),
		"-9223372036854775807 - 1": integer(math.MinInt64), "+2.5": floating(2.5), "2 - 5": integer(-3), "2 * 5.0": floating(10),
	} {
		p, err := pyexpr.Parse(source)
		require.NoError(t, err)
		got, err := (&evaluator{source: source}).value(p.Result)
		require.NoError(t, err, source)
		assert.Equal(t, want, got, source)
	}
}

// mistakes are programs, the column of the mistake, and parts of what is said.
var mistakes = []struct {
	source string
	line   int
	col    int
	says   []string
}{
	{"x - x.mean(axis=1)", 1, 3, []string{"(2,3) and (2,) do not broadcast", "axis 1 is 3 against 2", "did you mean x.mean(axis=1, keepdims=True), whose shape is (2,1)?"}},
	{"m = np.mean(x, 1)\nx - m", 2, 3, []string{"did you mean np.mean(x, 1, keepdims=True)"}},
	{"x + y[:2]", 1, 3, []string{"(2,3) and (2,)", "(2,1), by keepdims=True or a None in a subscript"}},
	{"np.add(x, y[1:])", 1, 4, []string{"(2,3) and (2,)"}},
	{"x + np.add(y[:2], y)", 1, 8, []string{"(2,) and (3,) do not broadcast"}},
	{"x @ x", 1, 3, []string{"(2,3) and (2,3)"}},
	{"z + 1", 1, 1, []string{"there is no z"}},
	{"1 + np.sqr(x)", 1, 8, []string{"np has no sqr here; did you mean np.sqrt?"}},
	{"sqrt(x)", 1, 1, []string{"did you mean np.sqrt?"}},
	{"x.maen()", 1, 3, []string{"did you mean mean?"}},
	{"x.sqrt()", 1, 3, []string{"arrays have no method sqrt: write np.sqrt(x)"}},
	{"x.sum(axes=0)", 1, 3, []string{"sum takes no axes here; did you mean axis?"}},
	{"x.sum(out=y)", 1, 3, []string{"--out"}},
	{"x.sum(dtype=3)", 1, 3, []string{"dtype has to be an element type such as np.float32, not an integer"}},
	{"x.sum(dtype='float16')", 1, 3, []string{"unknown dtype"}},
	{"x.sum(axis=1.5)", 1, 3, []string{"axis has to be an integer or a tuple of integers, not a float"}},
	{"x.sum(axis=2)", 1, 3, []string{"axis 2"}},
	{"x.sum(keepdims=1)", 1, 3, []string{"True or False"}},
	{"x.sum(0, axis=0)", 1, 3, []string{"axis is given twice"}},
	{"x.argmax(0, None, True, 4)", 1, 3, []string{"at most 4 arguments"}},
	{"np.add(x)", 1, 4, []string{"add: the argument x2 is missing"}},
	{"np.add()", 1, 4, []string{"add: the argument x1 is missing"}},
	{"np.exp", 1, 1, []string{"an array was expected here, not the function exp, which needs arguments"}},
	{"x.sum + 1", 1, 1, []string{"the function sum"}},
	{"x + (1, 2)", 1, 5, []string{"not a tuple"}},
	{"x + None", 1, 5, []string{"not None"}},
	{"-np", 1, 2, []string{"not a module"}},
	{"x(1)", 1, 1, []string{"an array cannot be called"}},
	{"x[1.5]", 1, 3, []string{"not a float"}},
	{"x[x > 1]", 1, 3, []string{"np.where"}},
	{"x[2]", 1, 1, []string{"2"}},
	{"x[:1.5]", 1, 4, []string{"a bound of a slice is an integer, not a float"}},
	{"x.shape[2]", 1, 9, []string{"the tuple has 2 items"}},
	{"np[0]", 1, 1, []string{"a module has no items"}},
	{"(2).T", 1, 5, []string{"an integer has no attribute T"}},
	{"np.add.reduce(x)", 1, 8, []string{"the function add has no attribute reduce"}},
	{"x.sum.real", 1, 7, []string{"the function sum has no attribute real"}},
	{"x + 1 / 0", 1, 7, []string{"division by zero"}},
	{"2 ** 64 + x", 1, 3, []string{"64 bits"}},
	{"9223372036854775808 + x", 1, 1, []string{"64 bits"}},
	{"1 << 64", 1, 3, []string{"64 bits"}},
	{"u + 300", 1, 3, []string{"300 does not fit uint8"}},
	{"f & f", 1, 3, []string{"float32"}},
	{"~f", 1, 1, []string{"float32"}},
	{"np = x\nx", 1, 1, []string{"np is NumPy"}},
	{"x.astype()", 1, 3, []string{"dtype is missing"}},
	{"x.reshape(4, 2)", 1, 3, []string{"(2,3)"}},
	{"x.squeeze(0)", 1, 3, []string{"axis 0 cannot be squeezed"}},
	{"x.swapaxes(0)", 1, 3, []string{"two axes"}},
	{"np.dot(s[None], s)", 1, 4, []string{"use matmul"}},
	{"np.linalg", 1, 4, []string{"np has no linalg here"}},
}

func TestMistakesHaveAColumnAndACure(t *testing.T) {
	for _, c := range mistakes {
		_, err := Build(c.source, inputs())
		var e *Error
		if !assert.ErrorAs(t, err, &e, c.source) {
			continue
		}
		assert.Equal(t, pyexpr.Pos{Line: c.line, Col: c.col}, e.Pos, "%q: %s", c.source, e.Msg)
		for _, part := range c.says {
			assert.Contains(t, e.Msg, part, c.source)
		}
	}
}

func TestErrorsKeepTheirCause(t *testing.T) {
	_, err := Build("x - x.mean(axis=1)", inputs())
	var shapes *broadcast.ShapeError
	require.ErrorAs(t, err, &shapes)
	assert.Equal(t, []int{2, 1}, shapes.Fit)
	assert.Contains(t, err.Error(), "line 1, column 3: ")
	assert.Contains(t, err.Error(), "\n    x - x.mean(axis=1)\n      ^")

	_, err = Build("x +", inputs())
	var syntax *pyexpr.SyntaxError
	assert.True(t, errors.As(err, &syntax))
}

func TestMembersAreThere(t *testing.T) {
	for _, name := range module("np").members() {
		_, ok := module("np").member(name)
		assert.True(t, ok, name)
	}
	for _, name := range methods {
		assert.True(t, isFunction(name), name)
	}
	for alias, name := range aliases {
		assert.Contains(t, functions, name, alias)
	}
	for op, name := range unaryOperators {
		assert.True(t, isFunction(name), op)
	}
}

func TestOperatorsHaveAFunctionOrSayThatTheyHaveNone(t *testing.T) {
	for op, name := range binaryOperators {
		_, err := Build("i "+op+" i.T", inputs())
		if !isFunction(name) {
			assert.ErrorContains(t, err, "np has no "+name+" here", op)
		} else if op != "@" {
			assert.ErrorContains(t, err, "do not broadcast", op)
		}
	}
}
