package format

import (
	"math"
	"strconv"
	"strings"

	"github.com/tare-go/tare/dtype"
)

// numeral is a decimal numeral in pieces, as -12.5e+30 is -12, 5 and +30. Without an exponent exp
// is empty.
type numeral struct{ whole, frac, exp string }

// notation says which digits of a float are written. They are the shortest that read back as the
// same value, brought to between least and most digits after the point by rounding the exact value
// to nearest, ties to even.
type notation struct {
	verb        byte // 'f', or 'e' for an exponent
	size        int  // 32 or 64: the bits of the type in which the value reads back
	least, most int  // digits after the point; a negative most sets no limit
	exact       bool // always most digits, however few would do
	plus        bool // + before what is not negative
}

// numeral writes a finite x.
func (n notation) numeral(x float64) numeral {
	number := cutNumeral(shortest(x, n.verb, n.size))
	if digits := n.digits(len(number.frac)); digits != len(number.frac) {
		number = cutNumeral(strconv.FormatFloat(x, n.verb, digits, n.size))
	}
	if n.plus && !math.Signbit(x) {
		number.whole = "+" + number.whole
	}
	return number
}

// shortest is the shortest numeral that reads back as x. Of two that are as near to x it is the
// even one, where strconv takes the larger: a float32 2⁻¹² is 0.00024414062.
func shortest(x float64, verb byte, size int) string {
	s := strconv.FormatFloat(x, verb, -1, size)
	frac := cutNumeral(s).frac
	if frac == "" {
		return s
	}
	rounded := strconv.FormatFloat(x, verb, len(frac), size)
	if rounded != s && readsAs(x, rounded, size) {
		return rounded
	}
	return s
}

// readsAs reports whether s reads back as x. Just below a power of two the floats are denser, and
// the nearest numeral of some length may miss x where one that is further off, above it, does not.
func readsAs(x float64, s string, size int) bool {
	back, err := strconv.ParseFloat(s, size)
	return err == nil && back == x
}

// digits is how many digits go after the point where the shortest numeral has that many.
func (n notation) digits(shortest int) int {
	switch {
	case n.most < 0:
		return max(shortest, n.least)
	case n.exact:
		return n.most
	}
	return min(max(shortest, n.least), n.most)
}

// cutNumeral takes apart what strconv has written.
func cutNumeral(s string) (n numeral) {
	s, n.exp, _ = strings.Cut(s, "e")
	n.whole, n.frac, _ = strings.Cut(s, ".")
	return n
}

// floatValue is the float with these bits.
func floatValue(d dtype.DType, bits uint64) float64 {
	if d == dtype.Float32 {
		return float64(math.Float32frombits(uint32(bits)))
	}
	return math.Float64frombits(bits)
}

// floatScalar is the shortest text of one float: with an exponent where it is below 1e-4 or at
// least 1e16 (1e6 as a float32), else with a digit after the point.
func floatScalar(d dtype.DType, x float64) string {
	large := 1e16
	if d == dtype.Float32 {
		large = 1e6
	}
	switch magnitude := math.Abs(x); {
	case math.IsNaN(x):
		return "nan"
	case math.IsInf(x, 1):
		return "inf"
	case math.IsInf(x, -1):
		return "-inf"
	case x != 0 && (magnitude < 1e-4 || magnitude >= large):
		return shortest(x, 'e', 8*d.Size())
	}
	s := shortest(x, 'f', 8*d.Size())
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}
