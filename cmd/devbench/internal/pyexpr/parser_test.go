package pyexpr

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// programs are sources and what they print, with every operation in parentheses. python_test.go
// holds the same table against Python.
var programs = []struct{ src, want string }{
	{"x", "x"},
	{"(x[1:5, ::2]**2 @ y > 0.5) & ~np.isnan(x)", "((((x[1:5, ::2] ** 2) @ y) > 0.5) & (~np.isnan(x)))"},

	// precedence, from the loosest
	{"a == b | c", "(a == (b | c))"},
	{"a | b ^ c & d", "(a | (b ^ (c & d)))"},
	{"a & b << c + d", "(a & (b << (c + d)))"},
	{"a + b * c ** d", "(a + (b * (c ** d)))"},
	{"a ** b * c + d", "(((a ** b) * c) + d)"},
	{"a << b >> c", "((a << b) >> c)"},
	{"a - b + c - d", "(((a - b) + c) - d)"},
	{"a * b @ c / d // e % f", "(((((a * b) @ c) / d) // e) % f)"},
	{"a - (b - c)", "(a - (b - c))"},
	{"(a < b) == (c >= d)", "((a < b) == (c >= d))"},
	{"a != b", "(a != b)"},
	{"a > 0 | b", "(a > (0 | b))"},
	{"a <= b + 1", "(a <= (b + 1))"},

	// powers and signs
	{"2 ** 3 ** 4", "(2 ** (3 ** 4))"},
	{"-x ** 2", "(-(x ** 2))"},
	{"2 ** -x", "(2 ** (-x))"},
	{"2 ** -x ** 2", "(2 ** (-(x ** 2)))"},
	{"2 ** -x * 3", "((2 ** (-x)) * 3)"},
	{"-x @ y", "((-x) @ y)"},
	{"- + ~ x", "(-(+(~x)))"},
	{"~a & ~b", "((~a) & (~b))"},
	{"a - -b", "(a - (-b))"},
	{"(-2) ** 2", "((-2) ** 2)"},
	{"-x.T ** y.T[0]", "(-(x.T ** y.T[0]))"},

	// calls, attributes, subscripts
	{"x.mean(axis=1, keepdims=True)", "x.mean(axis=1, keepdims=True)"},
	{"np.linalg.norm(x - y, axis=(0, 1),)", "np.linalg.norm((x - y), axis=(0, 1))"},
	{"f()", "f()"},
	{"np.sum(x, dtype=\"float32\")", "np.sum(x, dtype='float32')"},
	{"x.astype('float32')", "x.astype('float32')"},
	{"x.astype(np.float32) + 1", "(x.astype(np.float32) + 1)"},
	{"x.T.T[0](y)[1].z", "x.T.T[0](y)[1].z"},
	{"x[0]", "x[0]"},
	{"x[-1, ..., None, 2:]", "x[(-1), ..., None, 2:]"},
	{"x[:, ::-1, 1:2:3, :5, ::]", "x[:, ::(-1), 1:2:3, :5, :]"},
	{"x[a + 1:b:c]", "x[(a + 1):b:c]"},
	{"x[x > 0]", "x[(x > 0)]"},
	{"x[[0, 2], 1]", "x[[0, 2], 1]"},
	{"x[(0, 1)]", "x[0, 1]"},
	{"x[(0, 1),]", "x[(0, 1),]"},
	{"x[0,]", "x[0]"},
	{"x[()]", "x[()]"},
	{"(1).real + (1.5).T", "((1).real + (1.5).T)"},
	{"(a + b).T", "(a + b).T"},
	{"np.stack((a, b), axis=-1)", "np.stack((a, b), axis=(-1))"},
	{"f((), (a,), [], [a], [[a, b], c])", "f((), (a,), [], [a], [[a, b], c])"},

	// literals
	{"1_000 + 0x1F + 0o17 + 0b1_01", "(((1000 + 31) + 15) + 5)"},
	{"00 + 0_0 + 0x_f", "((0 + 0) + 15)"},
	{"1.5 + .5 + 1. + 1e-3 + 1_0.0_1e1_0 + 0e0 + 09.5", "((((((1.5 + 0.5) + 1.0) + 0.001) + 100100000000.0) + 0.0) + 9.5)"},
	{"1e16 + 1e15 + 1e-4 + 9e-5 + 1e999", "((((1e+16 + 1000000000000000.0) + 0.0001) + 9e-05) + 1e309)"},
	{"18446744073709551615", "18446744073709551615"},
	{"f(True, False, None, ...)", "f(True, False, None, ...)"},

	// statements and space
	{"d = x - 1\nd * d", "d = (x - 1)\n(d * d)"},
	{"a = 1; b = a + 2;; a + b ;", "a = 1\nb = (a + 2)\n(a + b)"},
	{"\n# a comment\nd = (x +   # another\n  1)\n\nd\n", "d = (x + 1)\nd"},
	{"a + \\\n b", "(a + b)"},
	{"d = x\r\nd", "d = x\nd"},
	{"größe + α1", "(größe + α1)"},
}

func TestParsePrintsEveryOperationInParentheses(t *testing.T) {
	for _, c := range programs {
		p, err := Parse(c.src)
		if assert.NoError(t, err, c.src) {
			assert.Equal(t, c.want, p.String(), c.src)
		}
	}
}

func TestPrintedProgramsParseToThemselves(t *testing.T) {
	for _, c := range programs {
		p, err := Parse(c.want)
		if assert.NoError(t, err, c.want) {
			assert.Equal(t, c.want, p.String())
		}
	}
}

// refused are sources, the column of the mistake, and a part of what is said about it.
var refused = []struct {
	src  string
	line int
	col  int
	msg  string
}{
	{"", 1, 1, "no expression"},
	{" # only a comment", 1, 18, "no expression"},
	{"x +", 1, 4, "a value was expected here, not the end"},
	{"x + )", 1, 5, "a value was expected here, not ')'"},
	{"x + (y * 2", 1, 5, "this '(' is not closed"},
	{"x[1, (2]", 1, 6, "this '(' is not closed"},
	{"x)", 1, 2, "an operator was expected here, not ')'"},
	{"x y", 1, 3, "not 'y'"},
	{"f(x y)", 1, 5, "',' or ')' was expected"},
	{"x + $y", 1, 5, "write the plain name"},
	{"x − y", 1, 3, "write -"},
	{"x + §", 1, 5, "unexpected character"},
	{"x[]", 1, 2, "a subscript was expected"},
	{"x[1:2:3:4]", 1, 8, "was expected here, not ':'"},
	{"x[1:\"a\"]", 1, 5, "dtype="},
	{"x + \xff", 1, 5, "UTF-8"},

	{"0 < x < 1", 1, 7, "(a < b) & (b < c)"},
	{"x > 0 & y > 0", 1, 11, "parentheses"},
	{"x > 0 and y > 0", 1, 7, "use &"},
	{"x or y", 1, 3, "use |"},
	{"not x", 1, 1, "use ~"},
	{"a if c else b", 1, 3, "np.where"},
	{"(a if c else b)", 1, 4, "np.where"},
	{"x in y", 1, 3, "np.any(a == b)"},
	{"x is None", 1, 3, "=="},
	{"lambda x: x", 1, 1, "name a value"},
	{"[x for x in y]", 1, 4, "whole arrays"},
	{"import numpy", 1, 1, "np.name"},
	{"f(*x)", 1, 3, "cannot be unpacked"},
	{"f(a, **x)", 1, 6, "cannot be unpacked"},
	{"f(a=1, b)", 1, 8, "cannot follow"},
	{"f(a=1, a=2)", 1, 8, "given twice"},
	{"f(x.a=1)", 1, 3, "a name was expected"},
	{"f(None=1)", 1, 3, "a name was expected"},
	{"f(a:=1)", 1, 4, "line of its own"},
	{"{1, 2}", 1, 1, "sets"},
	{"a, b", 1, 2, "one by one"},
	{"x.", 1, 3, "after the point"},
	{"x.if", 1, 3, "after the point"},
	{"'text'", 1, 1, "dtype="},
	{"f('a' 'b')", 1, 7, "',' or ')'"},
	{"f('a", 1, 3, "not closed"},
	{"f('a\\n')", 1, 5, "in a string"},
	{"f(b'a')", 1, 3, "prefix"},

	{"1j", 1, 1, "complex"},
	{"007", 1, 1, "0o"},
	{"1_", 1, 2, "in a number"},
	{"1__0", 1, 2, "in a number"},
	{"2x", 1, 2, "in a number"},
	{"0x", 1, 1, "missing after 0x"},
	{"0b12", 1, 4, "in a number"},
	{"1.T", 1, 3, "in a number"},
	{"18446744073709551616", 1, 1, "64 bits"},

	{"x = 1", 1, 1, "add the line x"},
	{"x\ny", 1, 1, "only the last line"},
	{"a = b = 1", 1, 7, "use == to compare"},
	{"x[0] = 1\nx", 1, 1, "only a name"},
	{"d = x\nd += 1", 2, 3, "y = x + …"},
	{"d = (x\n+ y) z", 2, 6, "not 'z'"},
	{"a =\nb", 1, 4, "the end of the line"},
	{"größe + ", 1, 9, "the end"},
}

func TestParseRefusesWithColumnAndAdvice(t *testing.T) {
	for _, c := range refused {
		_, err := Parse(c.src)
		var syntax *SyntaxError
		if !assert.ErrorAs(t, err, &syntax, c.src) {
			continue
		}
		assert.Equal(t, Pos{c.line, c.col}, Pos{syntax.Line, syntax.Col}, "%q: %s", c.src, syntax.Msg)
		assert.Contains(t, syntax.Msg, c.msg, c.src)
	}
}

func TestKeywordsOfPythonAreNoNames(t *testing.T) {
	for word, advice := range keywords {
		_, err := Parse(word + " = 1\nx")
		require.Error(t, err, word)
		assert.Contains(t, err.Error(), advice)
	}
}

func TestErrorShowsTheLineAndACaret(t *testing.T) {
	_, err := Parse("d = x\n\t(d + , 2)")
	assert.EqualError(t, err, "line 2, column 7: a value was expected here, not ','\n"+
		"    \t(d + , 2)\n"+
		"    \t     ^")
}

func TestExcerptCutsLongLinesAndControlCharacters(t *testing.T) {
	src := strings.Repeat("a+", 400) + "\x1b[31m)"
	_, err := Parse(src)
	require.Error(t, err)
	lines := strings.Split(err.Error(), "\n")
	require.Len(t, lines, 3)
	assert.Less(t, len(lines[1]), 120)
	assert.NotContains(t, lines[1], "\x1b")
	caret := strings.Index(lines[2], "^")
	assert.Equal(t, '?', []rune(lines[1])[caret], "the caret is below the control character")
}

func TestDepthIsLimitedInEveryDirection(t *testing.T) {
	const n = 100_000
	deep := map[string]string{
		"parentheses": strings.Repeat("(", n) + "x" + strings.Repeat(")", n),
		"open":        strings.Repeat("[", n),
		"calls":       strings.Repeat("f(", n),
		"signs":       strings.Repeat("-", n) + "x",
		"powers":      strings.Repeat("x**", n) + "x",
		"sums":        strings.Repeat("x+", n) + "x",
		"attributes":  "x" + strings.Repeat(".T", n),
		"subscripts":  "x" + strings.Repeat("[0]", n),
		"slices":      strings.Repeat("x[:", n),
	}
	for name, src := range deep {
		_, err := Parse(src)
		require.Error(t, err, name)
		assert.Contains(t, err.Error(), "nested more than 1000 deep", name)
	}
}

func TestWideProgramsAreNotDeep(t *testing.T) {
	p, err := Parse("f(" + strings.Repeat("x, ", 5000) + ")")
	require.NoError(t, err)
	assert.Len(t, p.Result.(*Call).Args, 5000)
}

func TestPositionsOfNodes(t *testing.T) {
	p, err := Parse("d = 1\n(a + d) * -np.exp(x.T)")
	require.NoError(t, err)
	assert.Equal(t, Pos{1, 1}, p.Assigns[0].Pos)
	mul := p.Result.(*Binary)
	assert.Equal(t, Pos{2, 1}, mul.Pos())
	assert.Equal(t, Pos{2, 9}, mul.OpPos)
	assert.Equal(t, Pos{2, 2}, mul.X.Pos())
	neg := mul.Y.(*Unary)
	assert.Equal(t, Pos{2, 11}, neg.Pos())
	call := neg.X.(*Call)
	assert.Equal(t, Pos{2, 12}, call.Pos())
	assert.Equal(t, Pos{2, 15}, call.Fn.(*Attribute).NamePos)
}

func FuzzParse(f *testing.F) {
	for _, c := range programs {
		f.Add(c.src)
	}
	for _, c := range refused {
		f.Add(c.src)
	}
	f.Fuzz(func(t *testing.T, src string) {
		p, err := Parse(src)
		if err != nil {
			require.IsType(t, &SyntaxError{}, err)
			require.NotEmpty(t, err.Error())
			return
		}
		text := p.String()
		again, err := Parse(text)
		require.NoError(t, err, "printed from %q", src)
		require.Equal(t, text, again.String(), "printed from %q", src)
	})
}
