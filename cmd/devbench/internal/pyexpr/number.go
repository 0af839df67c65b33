package pyexpr

import (
	"strings"
	"unicode/utf8"
)

// number reads an integer or float literal: 1_000, 0x1F, 0o17, 0b101, 1.5, .5, 1., 1e-3.
func (l *lexer) number() (token, error) {
	start, rest := l.pos, l.rest
	k, n := integer, 0
	if base := radix(rest); base != "" {
		n = digits(rest, 2, base, true)
		if n == 2 {
			return token{}, l.fail(start, "digits are missing after "+rest[:2])
		}
	} else {
		k, n = decimal(rest)
	}
	if err := l.numberEnd(start, n); err != nil {
		return token{}, err
	}
	text := strings.ReplaceAll(l.take(n), "_", "")
	if k == integer && len(text) > 1 && text[0] == '0' && strings.Trim(text, "0") != "" && radix(text) == "" {
		return token{}, l.fail(start, "an integer cannot start with 0: leave it out, or write 0o for octal")
	}
	return token{k, text, start}, nil
}

// numberEnd refuses what may not follow the n bytes of a number: a letter, a digit or an underscore.
func (l *lexer) numberEnd(start Pos, n int) error {
	r, _ := utf8.DecodeRuneInString(l.rest[n:])
	switch {
	case r == 'j' || r == 'J':
		return l.fail(start, "complex numbers are not supported")
	case l.rest[n:] != "" && isNamePart(r):
		l.take(n)
		return l.fail(l.pos, "unexpected '"+string(r)+"' in a number")
	}
	return nil
}

// radix is the set of digits after the prefix 0x, 0o or 0b, or "" if s has none.
func radix(s string) string {
	if len(s) < 2 || s[0] != '0' {
		return ""
	}
	switch s[1] {
	case 'x', 'X':
		return "0123456789abcdefABCDEF"
	case 'o', 'O':
		return "01234567"
	case 'b', 'B':
		return "01"
	}
	return ""
}

// decimal is the kind and length of the decimal literal that s starts with.
func decimal(s string) (kind, int) {
	const set = "0123456789"
	k, n := integer, digits(s, 0, set, false)
	if n < len(s) && s[n] == '.' {
		k, n = float, digits(s, n+1, set, false)
	}
	if n < len(s) && (s[n] == 'e' || s[n] == 'E') {
		exp := n + 1
		if exp < len(s) && (s[exp] == '+' || s[exp] == '-') {
			exp++
		}
		if isDigit(s, exp) {
			k, n = float, digits(s, exp, set, false)
		}
	}
	return k, n
}

// digits is the end of the run of digits of s from i on, single underscores between them
// included; lead allows one before the first.
func digits(s string, i int, set string, lead bool) int {
	for i < len(s) {
		switch {
		case strings.IndexByte(set, s[i]) >= 0:
			i++
		case s[i] == '_' && lead && i+1 < len(s) && strings.IndexByte(set, s[i+1]) >= 0:
			i += 2
		default:
			return i
		}
		lead = true
	}
	return i
}
