// Package format prints arrays as NumPy 2 does: the text of str and repr of an array, and of str
// of a scalar, to the character.
//
// It knows element types and bits, and neither tensors nor devices: an array comes in as a Source,
// of which only the elements that are shown are read. It parses nothing.
package format

import (
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tare-go/tare/dtype"
)

// Options are NumPy's print options; Default has NumPy's own values for them.
type Options struct {
	Precision int    // digits after the point at most; negative for as many as the value needs
	Threshold int    // an array of more elements than this is summarised
	EdgeItems int    // how many elements a summary shows at either end of an axis, at least one at the end
	LineWidth int    // characters of a line, after which elements go on the next
	Suppress  bool   // small numbers do not bring on exponents
	Sign      byte   // '-': on negative numbers only; '+': on all; ' ': a space where there is none
	FloatMode string // fixed, unique or maxprec_equal, with NumPy's meanings; all else is maxprec
	NaN, Inf  string // how these read; a minus goes before Inf
}

// Default is what NumPy prints with when nothing was set.
func Default() Options {
	return Options{
		Precision: 8,
		Threshold: 1000,
		EdgeItems: 3,
		LineWidth: 75,
		Sign:      '-',
		FloatMode: "maxprec",
		NaN:       "nan",
		Inf:       "inf",
	}
}

// Source gives an array's elements by position, so that a summary of a huge array reads only the
// elements that it shows.
type Source interface {
	DType() dtype.DType
	Shape() []int
	// At is the element at index, one number an axis: the IEEE bits of a float in the low bytes, an
	// integer extended to 64 bits by its sign, a bool as 0 or 1. The index is only lent.
	At(index []int) (bits uint64)
}

// Str is NumPy's str(a). An array of no axes reads as a scalar, whatever the options.
func Str(a Source, o Options) string {
	if len(a.Shape()) == 0 {
		return Scalar(a.DType(), a.At(nil), o)
	}
	return body(a, o, " ", "", o.LineWidth)
}

// Repr is NumPy's repr(a): array([...]), with the shape where the elements do not show it and the
// dtype where they do not imply it.
func Repr(a Source, o Options) string {
	const before, after = "array(", ")"
	text := before + body(a, o, ", ", before, o.LineWidth-len(after))
	extra := notes(a, o)
	if len(extra) == 0 {
		return text + after
	}
	text += ","
	end := strings.Join(extra, ", ") + after
	lastLine := utf8.RuneCountInString(text[strings.LastIndexByte(text, '\n')+1:])
	if lastLine+1+len(end) > o.LineWidth {
		return text + "\n" + strings.Repeat(" ", len(before)) + end
	}
	return text + " " + end
}

// Scalar is NumPy's str of one element, given as Source.At gives it. As in NumPy no option has a
// say in it; they are taken so that all of this package is called alike.
func Scalar(d dtype.DType, bits uint64, _ Options) string {
	switch d.Kind() {
	case dtype.BoolKind:
		return boolText(bits)
	case dtype.FloatKind:
		return floatScalar(d, floatValue(d, bits))
	}
	return integerText(d, bits)
}

// notes are what repr says after the elements.
func notes(a Source, o Options) []string {
	var notes []string
	shape, d := a.Shape(), a.DType()
	size := count(shape)
	if (size == 0 && len(shape) != 1) || size > o.Threshold {
		notes = append(notes, "shape="+shapeText(shape))
	}
	if size == 0 || !implied(d) {
		notes = append(notes, "dtype="+d.String())
	}
	return notes
}

// implied holds for the types that NumPy gives to Python's own bools, ints and floats.
func implied(d dtype.DType) bool {
	return d == dtype.Bool || d == dtype.Int64 || d == dtype.Float64
}

// count is the number of elements of a shape, at most math.MaxInt.
func count(shape []int) int {
	if slices.Contains(shape, 0) {
		return 0
	}
	n := 1
	for _, length := range shape {
		if n > math.MaxInt/length {
			return math.MaxInt
		}
		n *= length
	}
	return n
}
