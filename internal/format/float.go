package format

import (
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tare-go/tare/dtype"
)

// floatStyle is how the floats of one array are written, so that their points stand in one column.
type floatStyle struct {
	notation
	left, right int  // characters before and after the point; right counts the exponent too
	expDigits   int  // of the longest exponent
	trim        bool // spaces in place of zeros at the end
	nan, inf    string
}

// floatWords are the texts of floats shown together, equally wide.
func floatWords(d dtype.DType, bits []uint64, o Options) []string {
	values := make([]float64, len(bits))
	for i, b := range bits {
		values[i] = floatValue(d, b)
	}
	style := newFloatStyle(d, values, o)
	words := make([]string, len(values))
	for i, x := range values {
		words[i] = style.word(x)
	}
	return words
}

// newFloatStyle looks at all the values: the finite ones decide on exponents and digits, and all
// of them on the width.
func newFloatStyle(d dtype.DType, values []float64, o Options) floatStyle {
	finite := finiteOf(values)
	s := floatStyle{nan: o.NaN, inf: o.Inf}
	s.notation = notation{verb: 'f', size: 8 * d.Size(), most: o.Precision, plus: o.Sign == '+'}
	if o.FloatMode == "unique" {
		s.most = -1
	}
	s.exact = o.FloatMode == "fixed"
	if wantsExponent(d, finite, o.Suppress) {
		s.verb = 'e'
	}
	s.measure(finite)
	switch {
	case s.verb == 'e':
		s.least, s.most = s.right, s.right
		s.right += len("e+") + s.expDigits
	case o.FloatMode == "fixed" || o.FloatMode == "maxprec_equal":
		s.least, s.most = s.right, s.right
	default:
		s.trim = true
	}
	s.makeRoom(values, finite, o.Sign)
	return s
}

// measure sets the widths to those of the widest numerals.
func (s *floatStyle) measure(finite []float64) {
	for _, x := range finite {
		n := s.numeral(x)
		if !s.exact {
			n.frac = strings.TrimRight(n.frac, "0")
		}
		s.left = max(s.left, len(n.whole))
		s.right = max(s.right, len(n.frac))
		s.expDigits = max(s.expDigits, len(n.exp)-1)
	}
}

// makeRoom widens the left for the sign ' ' and for values that are not finite.
func (s *floatStyle) makeRoom(values, finite []float64, sign byte) {
	if sign == ' ' && !slices.ContainsFunc(finite, math.Signbit) {
		s.left++
	}
	if len(finite) == len(values) {
		return
	}
	inf := utf8.RuneCountInString(s.inf)
	if sign == '+' || sign == ' ' || slices.ContainsFunc(values, isMinusInf) {
		inf++
	}
	s.left = max(s.left, max(utf8.RuneCountInString(s.nan), inf)-s.right-1)
}

// isMinusInf reports whether x is -Inf.
func isMinusInf(x float64) bool { return math.IsInf(x, -1) }

// word is the text of one of the values.
func (s *floatStyle) word(x float64) string {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return padLeft(s.nonFinite(x), s.left+1+s.right)
	}
	n := s.numeral(x)
	if s.trim {
		n.frac = strings.TrimRight(n.frac, "0")
	}
	if s.verb == 'e' {
		zeros := strings.Repeat("0", s.expDigits-(len(n.exp)-1))
		n.frac += "e" + n.exp[:1] + zeros + n.exp[1:]
	}
	return padLeft(n.whole, s.left) + "." + padRight(n.frac, s.right)
}

// nonFinite is the name of a NaN, which has no minus, or of an infinity.
func (s *floatStyle) nonFinite(x float64) string {
	name := s.inf
	if math.IsNaN(x) {
		name = s.nan
	}
	switch {
	case isMinusInf(x):
		return "-" + name
	case s.plus:
		return "+" + name
	}
	return name
}

// wantsExponent is NumPy's choice: exponents where a magnitude reaches 1e8 (1e6 of float32, which
// has six digits), and, unless suppressed, where one is below 1e-4 or the largest is more than 1000
// times the smallest. Zeros do not count, and a float32 is compared as a float32.
func wantsExponent(d dtype.DType, finite []float64, suppress bool) bool {
	least, most := math.Inf(1), 0.0
	for _, x := range finite {
		if x != 0 {
			least, most = min(least, math.Abs(x)), max(most, math.Abs(x))
		}
	}
	large, small, ratio := 1e8, 1e-4, most/least
	if d == dtype.Float32 {
		large, small, ratio = 1e6, float64(float32(1e-4)), float64(float32(ratio))
	}
	return most >= large || most > 0 && !suppress && (least < small || ratio > 1000)
}

// finiteOf is those of the values that are neither infinite nor NaN.
func finiteOf(values []float64) []float64 {
	var finite []float64
	for _, x := range values {
		if !math.IsNaN(x) && !math.IsInf(x, 0) {
			finite = append(finite, x)
		}
	}
	return finite
}
