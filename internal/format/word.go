package format

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tare-go/tare/dtype"
)

// words are the texts of elements that are shown together, made equally wide.
func words(d dtype.DType, bits []uint64, axes int, o Options) []string {
	switch d.Kind() {
	case dtype.BoolKind:
		return boolWords(bits, axes)
	case dtype.FloatKind:
		return floatWords(d, bits, o)
	}
	return integerWords(d, bits, o.Sign)
}

// boolText is Python's name of a truth value.
func boolText(bits uint64) string {
	if bits != 0 {
		return "True"
	}
	return "False"
}

// boolWords are wide enough for False even where all are true, but not in an array without axes.
func boolWords(bits []uint64, axes int) []string {
	words := make([]string, len(bits))
	for i, b := range bits {
		words[i] = boolText(b)
		if axes > 0 {
			words[i] = padLeft(words[i], len("False"))
		}
	}
	return words
}

// integerText is an integer in decimal.
func integerText(d dtype.DType, bits uint64) string {
	if d.Kind() == dtype.UnsignedKind {
		return strconv.FormatUint(bits, 10)
	}
	return strconv.FormatInt(int64(bits), 10)
}

// integerWords are as wide as the longest. A sign of ' ' has an effect where none is negative.
func integerWords(d dtype.DType, bits []uint64, sign byte) []string {
	words := make([]string, len(bits))
	negative := false
	for i, b := range bits {
		words[i] = integerText(d, b)
		negative = negative || words[i][0] == '-'
	}
	width := 0
	for i, word := range words {
		if word[0] != '-' && (sign == '+' || sign == ' ' && !negative) {
			words[i] = string(sign) + word
		}
		width = max(width, len(words[i]))
	}
	for i := range words {
		words[i] = padLeft(words[i], width)
	}
	return words
}

// padLeft puts spaces before s up to width characters.
func padLeft(s string, width int) string {
	return strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s))) + s
}

// padRight puts spaces after s up to width characters.
func padRight(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
}
