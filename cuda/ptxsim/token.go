package ptxsim

import "strings"

// token is a word, a number or a sign of the text. An instruction's name is one word with its modifiers.
type token struct {
	text string
	pos  int // of its first byte in the text
	line int
}

// failure is how the parser and the decoder give up; Parse turns it into an error.
type failure struct{ *SyntaxError }

// tokenize cuts a text into tokens, without comments. The last token is empty.
func tokenize(text string) []token {
	var tokens []token
	line := 1
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '\n':
			line++
			i++
		case c == ' ' || c == '\t' || c == '\r':
			i++
		case strings.HasPrefix(text[i:], "//"):
			i += lengthTo(text[i:], "\n")
		case strings.HasPrefix(text[i:], "/*"):
			n := 2 + lengthTo(text[i+2:], "*/") + 2
			line += strings.Count(text[i:min(i+n, len(text))], "\n")
			i += n
		default:
			n := tokenLength(text[i:])
			tokens = append(tokens, token{text[i : i+n], i, line})
			i += n
		}
	}
	return append(tokens, token{"", len(text), line})
}

// lengthTo is the number of bytes before end, or all.
func lengthTo(s, end string) int {
	if i := strings.Index(s, end); i >= 0 {
		return i
	}
	return len(s)
}

// tokenLength is the length of the token that s starts with.
func tokenLength(s string) int {
	switch {
	case s[0] == '"':
		return min(lengthTo(s[1:], `"`)+2, len(s))
	case !wordByte(s[0]):
		return 1
	}
	n := 1
	for n < len(s) {
		switch {
		case wordByte(s[n]):
			n++
		case strings.HasPrefix(s[n:], "::"):
			n += 2
		case (s[n] == '+' || s[n] == '-') && exponentFollows(s[:n]):
			n++
		default:
			return n
		}
	}
	return n
}

func wordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || digit(c) || c == '_' || c == '$' || c == '%' || c == '.'
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// exponentFollows reports whether s is the start of a decimal number up to its e, so that a sign belongs to it.
func exponentFollows(s string) bool {
	last := len(s) - 1
	if !digit(s[0]) || s[last] != 'e' && s[last] != 'E' {
		return false
	}
	return strings.Trim(s[:last], "0123456789.") == ""
}
