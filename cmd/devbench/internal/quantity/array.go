package quantity

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/dtype"
)

// Array is the shape and element type of an array on a command line.
type Array struct {
	Shape []int
	Type  dtype.DType
}

// ParseArray reads extents with x between them, a colon and an element type: 500x20:f64. Without
// a type it is float64; without extents, as in ":f32", the array is one number.
func ParseArray(text string) (Array, error) {
	extents, name, typed := strings.Cut(text, ":")
	a := Array{Shape: []int{}, Type: dtype.Float64}
	var err error
	if typed {
		if a.Type, err = dtype.Parse(name); err != nil {
			return Array{}, err
		}
	} else if extents == "" {
		return Array{}, fmt.Errorf("%q is not an array: write it as 500x20:f64", text)
	}
	if a.Shape, err = parseShape(extents); err != nil {
		return Array{}, err
	}
	if _, err := broadcast.Bytes(a.Shape, a.Type.Size()); err != nil {
		return Array{}, err
	}
	return a, nil
}

func parseShape(text string) ([]int, error) {
	shape := []int{}
	if text == "" {
		return shape, nil
	}
	for extent := range strings.SplitSeq(text, "x") {
		n, err := strconv.ParseUint(extent, 10, 62)
		if errors.Is(err, strconv.ErrRange) {
			return nil, fmt.Errorf("the extent %s is too large: no memory address reaches its end", extent)
		}
		if err != nil {
			return nil, fmt.Errorf("%q is not a shape: write the extents with x between them, as 500x20", text)
		}
		shape = append(shape, int(n))
	}
	return shape, nil
}

// String is the array as ParseArray reads it, with the short name of the type: 500x20:f64.
func (a Array) String() string { return FormatShape(a.Shape) + ":" + ShortType(a.Type) }

// FormatShape writes a shape as ParseArray reads it: 500x20.
func FormatShape(shape []int) string {
	extents := make([]string, len(shape))
	for i, n := range shape {
		extents[i] = strconv.Itoa(n)
	}
	return strings.Join(extents, "x")
}

// ShortType is the name of an element type on the command line: f32, f64, and NumPy's for the
// others, since NumPy's i8 has eight bytes.
func ShortType(d dtype.DType) string {
	if d.IsFloat() {
		return "f" + strconv.Itoa(8*d.Size())
	}
	return d.String()
}

// Named is name=value: an input of an expression. It implements encoding.TextUnmarshaler.
type Named struct{ Name, Value string }

// UnmarshalText splits at the first equals sign. The name has to be one that Python takes for a
// variable, and not np, which is NumPy.
func (n *Named) UnmarshalText(text []byte) error {
	var found bool
	n.Name, n.Value, found = strings.Cut(string(text), "=")
	switch {
	case !found || n.Value == "":
		return fmt.Errorf("%q: write it as name=value", text)
	case !isIdentifier(n.Name):
		return fmt.Errorf("%q is not a name: use letters, digits and underscores", n.Name)
	case n.Name == "np":
		return fmt.Errorf("np is NumPy in expressions: use another name")
	}
	return nil
}

func isIdentifier(s string) bool {
	for i, r := range s {
		if r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r)) {
			return false
		}
	}
	return s != ""
}
