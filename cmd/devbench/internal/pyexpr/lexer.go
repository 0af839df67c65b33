package pyexpr

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// kind is what a token is. Operators and keywords are told apart by their text.
type kind uint8

const (
	end kind = iota
	newline
	name
	keyword
	integer
	float
	str
	operator
)

// token is a piece of the source. The text of a string is without its quotes, that of a number
// without its underscores.
type token struct {
	kind kind
	text string
	pos  Pos
}

// String names the token in a message.
func (t token) String() string {
	switch t.kind {
	case end:
		return "the end"
	case newline:
		return "the end of the line"
	case str:
		return "a string"
	}
	return "'" + t.text + "'"
}

// is reports whether the token is this operator or keyword.
func (t token) is(text string) bool {
	return (t.kind == operator || t.kind == keyword) && t.text == text
}

// lexer cuts a source into tokens. Within brackets a line's end is space, as in Python.
type lexer struct {
	src  string
	rest string
	pos  Pos
	open int // brackets open
}

// operators are the operators and delimiters, the longer before their prefixes. Those without a
// meaning here are listed so that a message can name them.
var operators = strings.Fields("**= //= <<= >>= ... ** // << >> <= >= == != := += -= *= /= @= %= &= |= ^= -> " +
	"+ - * / % @ & | ^ ~ < > ( ) [ ] { } , : ; . =")

// next is the next token; at the end of the source, again and again, end.
func (l *lexer) next() (token, error) {
	l.skipSpace()
	start := l.pos
	r, _ := utf8.DecodeRuneInString(l.rest)
	switch {
	case l.rest == "":
		return token{kind: end, pos: start}, nil
	case r == '\n':
		return token{newline, l.take(1), start}, nil
	case isDigit(l.rest, 0) || r == '.' && isDigit(l.rest, 1):
		return l.number()
	case r == '"' || r == '\'':
		return l.string()
	case isNameStart(r):
		return l.name()
	}
	return l.operator()
}

// take moves past n bytes and returns them.
func (l *lexer) take(n int) string {
	text := l.rest[:n]
	l.rest = l.rest[n:]
	for _, r := range text {
		l.pos.Col++
		if r == '\n' {
			l.pos = Pos{l.pos.Line + 1, 1}
		}
	}
	return text
}

// skipSpace moves past blanks, comments, lines joined by a backslash and, in brackets, line ends.
func (l *lexer) skipSpace() {
	for l.rest != "" {
		switch c := l.rest[0]; {
		case c == ' ' || c == '\t' || c == '\f' || strings.HasPrefix(l.rest, "\r\n"), c == '\n' && l.open > 0:
			l.take(1)
		case c == '#':
			comment, _, _ := strings.Cut(l.rest, "\n")
			l.take(len(comment))
		case strings.HasPrefix(l.rest, "\\\n"):
			l.take(2)
		case strings.HasPrefix(l.rest, "\\\r\n"):
			l.take(3)
		default:
			return
		}
	}
}

func (l *lexer) name() (token, error) {
	start := l.pos
	n := strings.IndexFunc(l.rest, func(r rune) bool { return !isNamePart(r) })
	if n < 0 {
		n = len(l.rest)
	}
	text := l.take(n)
	if l.rest != "" && (l.rest[0] == '"' || l.rest[0] == '\'') {
		return token{}, l.fail(start, "a string with a prefix is not supported: write it without the "+text)
	}
	if _, reserved := keywords[text]; reserved {
		return token{keyword, text, start}, nil
	}
	return token{name, text, start}, nil
}

// string reads a literal between single or double quotes, on one line and without escapes: the
// names of types and modes need no more.
func (l *lexer) string() (token, error) {
	start, quote := l.pos, l.rest[:1]
	n := strings.IndexAny(l.rest[1:], quote+"\\\n")
	switch {
	case n < 0 || l.rest[1+n] == '\n':
		return token{}, l.fail(start, "this string is not closed on its line")
	case l.rest[1+n] == '\\':
		l.take(1 + n)
		return token{}, l.fail(l.pos, `\ in a string is not supported`)
	}
	text := l.take(n + 2)
	return token{str, text[1 : n+1], start}, nil
}

func (l *lexer) operator() (token, error) {
	start := l.pos
	for _, op := range operators {
		if !strings.HasPrefix(l.rest, op) {
			continue
		}
		switch op {
		case "(", "[", "{":
			l.open++
		case ")", "]", "}":
			l.open = max(l.open-1, 0)
		}
		return token{operator, l.take(len(op)), start}, nil
	}
	r, size := utf8.DecodeRuneInString(l.rest)
	if r == utf8.RuneError && size <= 1 {
		return token{}, l.fail(start, "the text is not valid UTF-8")
	}
	if ascii, ok := lookalikes[r]; ok {
		return token{}, l.fail(start, fmt.Sprintf("%q is not an operator: write %s", r, ascii))
	}
	return token{}, l.fail(start, fmt.Sprintf("unexpected character %q", r))
}

func (l *lexer) fail(at Pos, msg string) error {
	return &SyntaxError{at.Line, at.Col, msg, l.src}
}

func isDigit(s string, i int) bool { return i < len(s) && s[i] >= '0' && s[i] <= '9' }

func isNameStart(r rune) bool { return r == '_' || unicode.IsLetter(r) }

func isNamePart(r rune) bool {
	return isNameStart(r) || unicode.In(r, unicode.Nd, unicode.Mn, unicode.Mc)
}
