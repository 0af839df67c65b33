package npy

import (
	"encoding/binary"
	"strconv"
	"strings"

	"github.com/tare-go/tare/dtype"
)

// hostBig says that this machine stores the most significant byte first.
var hostBig = binary.NativeEndian.Uint16([]byte{0, 1}) == 1

// kindLetters are the letters by which NumPy's type strings name the kinds of elements.
var kindLetters = map[dtype.Kind]byte{
	dtype.BoolKind: 'b', dtype.UnsignedKind: 'u', dtype.SignedKind: 'i', dtype.FloatKind: 'f',
}

// dtypeOf maps a type string without its byte order, as f8, to the type.
var dtypeOf = func() map[string]dtype.DType {
	m := make(map[string]dtype.DType)
	for _, d := range dtype.All() {
		m[code(d)] = d
	}
	return m
}()

// code is a type string without its byte order.
func code(d dtype.DType) string {
	return string(kindLetters[d.Kind()]) + strconv.Itoa(d.Size())
}

// descr is the type string of elements of type d: <f8, >i4, |b1.
func descr(d dtype.DType, bigEndian bool) string {
	switch {
	case d.Size() == 1:
		return "|" + code(d)
	case bigEndian:
		return ">" + code(d)
	}
	return "<" + code(d)
}

// parseDescr reads a type string, and is false if it names none of tare's types. Without < or >
// the order is this machine's, as in NumPy.
func parseDescr(s string) (d dtype.DType, bigEndian, ok bool) {
	bigEndian = hostBig
	if s != "" && strings.IndexByte("<>=|", s[0]) >= 0 {
		switch s[0] {
		case '<':
			bigEndian = false
		case '>':
			bigEndian = true
		}
		s = s[1:]
	}
	d, ok = dtypeOf[s]
	return d, bigEndian && d.Size() > 1, ok
}

// foreign are the kinds of elements that NumPy can save and tare does not hold, by their letters.
var foreign = map[byte]struct{ kind, remedy string }{
	'O': {"object", "they are pickled Python; save a.astype(np.float64), or another numeric dtype, instead of a"},
	'f': {"half or extended precision", "save a.astype(np.float32) or a.astype(np.float64) instead of a"},
	'c': {"complex", "save a.real and a.imag as two arrays"},
	'M': {"datetime64", "save a.astype(np.int64) instead of a, and note its unit"},
	'm': {"timedelta64", "save a.astype(np.int64) instead of a, and note its unit"},
	'S': {"bytes", "save numbers, such as a.astype(np.float64) where the text is numeric"},
	'a': {"bytes", "save numbers, such as a.astype(np.float64) where the text is numeric"},
	'U': {"string", "save numbers, such as a.astype(np.float64) where the text is numeric"},
	'T': {"string", "save numbers, such as a.astype(np.float64) where the text is numeric"},
	'V': {"void", "save a.astype(np.float32) instead of a, or a.view(np.uint8) to keep the bytes"},
}

// structured is the error of a type that is a list of fields, or a tuple with a shape.
func structured(text string, offset int64) error {
	return &DTypeError{Offset: offset, Descr: text, Kind: "structured",
		Remedy: "save each field as an array of its own, np.save(path, a['name'])"}
}

// unsupported is the error of a type string that names none of tare's types: a *DTypeError if
// NumPy has the type, a *FormatError if not.
func unsupported(s string, offset int64) error {
	letter := strings.TrimLeft(s, "<>=|")
	if letter != "" {
		if f, ok := foreign[letter[0]]; ok && foreignSize(letter) {
			return &DTypeError{Offset: offset, Descr: "'" + s + "'", Kind: f.kind, Remedy: f.remedy}
		}
	}
	return &FormatError{Offset: offset, Msg: "descr " + strconv.Quote(s) +
		" is no type string; one is a byte order (< > |), a kind (b i u f) and a size in bytes, as '<f8'"}
}

// foreignSize says whether what follows the kind's letter can be a size or a unit.
func foreignSize(s string) bool {
	digits := strings.TrimLeft(s[1:], "0123456789")
	unit := (s[0] == 'M' || s[0] == 'm') && strings.HasPrefix(digits, "[") && strings.HasSuffix(digits, "]")
	return digits == "" || unit
}
