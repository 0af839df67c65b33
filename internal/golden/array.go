package golden

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/tare-go/tare/dtype"
)

// Array is an array's elements in C order, as little-endian bytes.
type Array struct {
	DType dtype.DType
	Shape []int
	Data  []byte
}

// Of is the array of the given shape with these elements in C order.
func Of[T dtype.Element](shape []int, values []T) Array {
	a := Array{DType: dtype.Of[T](), Shape: slices.Clone(shape)}
	for _, v := range values {
		switch v := any(v).(type) {
		case int:
			a.append(uint64(v))
		case uint:
			a.append(uint64(v))
		default:
			a.Data, _ = binary.Append(a.Data, binary.LittleEndian, v)
		}
	}
	return a
}

// Size is the number of elements.
func (a Array) Size() int {
	n := 1
	for _, d := range a.Shape {
		n *= d
	}
	return n
}

// Bits is the bits of element i in C order, with zeros in front.
func (a Array) Bits(i int) uint64 {
	var b [8]byte
	size := a.DType.Size()
	copy(b[:], a.Data[i*size:(i+1)*size])
	return binary.LittleEndian.Uint64(b[:])
}

// Int is element i in C order as an int64: a bool is 0 or 1, a float loses its fraction, and a
// uint64 of 2⁶³ or more is negative.
func (a Array) Int(i int) int64 {
	if a.DType.IsFloat() {
		return int64(a.Float(i))
	}
	bits := a.Bits(i)
	if a.DType.Kind() == dtype.SignedKind {
		shift := 64 - 8*a.DType.Size()
		return int64(bits<<shift) >> shift
	}
	return int64(bits)
}

// Float is element i in C order as a float64.
func (a Array) Float(i int) float64 {
	switch a.DType {
	case dtype.Float32:
		return float64(math.Float32frombits(uint32(a.Bits(i))))
	case dtype.Float64:
		return math.Float64frombits(a.Bits(i))
	case dtype.Uint64:
		return float64(a.Bits(i))
	}
	return float64(a.Int(i))
}

// text is element i as a person writes it.
func (a Array) text(i int) string {
	switch {
	case a.DType.IsFloat():
		return strconv.FormatFloat(a.Float(i), 'g', -1, 8*a.DType.Size())
	case a.DType == dtype.Uint64:
		return strconv.FormatUint(a.Bits(i), 10)
	}
	return strconv.FormatInt(a.Int(i), 10)
}

// append adds an element by its bits.
func (a *Array) append(bits uint64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], bits)
	a.Data = append(a.Data, b[:a.DType.Size()]...)
}

func decodeArray(o object) (any, error) {
	d, err := dtype.Parse(o.D)
	if err != nil {
		return nil, err
	}
	a := Array{DType: d, Shape: slices.Clone(o.S), Data: []byte{}}
	switch {
	case o.S == nil:
		return nil, fmt.Errorf("an array without a shape")
	case o.G == "arange":
		a.count()
	case o.X != nil:
		a.Data, err = hex.DecodeString(*o.X)
	default:
		err = a.parse(o.V)
	}
	if err != nil {
		return nil, err
	}
	if len(a.Data) != a.Size()*d.Size() {
		return nil, fmt.Errorf("an array of shape %v and dtype %v with %d bytes", a.Shape, d, len(a.Data))
	}
	return a, nil
}

// count fills a with 0, 1, 2 and so on.
func (a *Array) count() {
	for i := range a.Size() {
		switch a.DType {
		case dtype.Float32:
			a.append(uint64(math.Float32bits(float32(i))))
		case dtype.Float64:
			a.append(math.Float64bits(float64(i)))
		default:
			a.append(uint64(i))
		}
	}
}

var recipe = regexp.MustCompile(`^arange\((\d+)\)(?:\.reshape\(([\d,]+)\))?(?:/(\d+))?$`)

// decodeRecipe makes an array too large to be written out, such as arange(600).reshape(20,30)/7.
func decodeRecipe(s string) (any, error) {
	m := recipe.FindStringSubmatch(s)
	if m == nil {
		return nil, fmt.Errorf("no known recipe: %q", s)
	}
	o := object{D: "int64", G: "arange"}
	shape := m[2]
	if shape == "" {
		shape = m[1]
	}
	for extent := range strings.SplitSeq(shape, ",") {
		d, err := strconv.Atoi(extent)
		if err != nil {
			return nil, err
		}
		o.S = append(o.S, d)
	}
	if m[3] == "" {
		return decodeArray(o)
	}
	divisor, err := strconv.ParseFloat(m[3], 64)
	quotients := make([]float64, Array{Shape: o.S}.Size())
	for i := range quotients {
		quotients[i] = float64(i) / divisor
	}
	return Of(o.S, quotients), err
}

// parse fills a with integers or bools.
func (a *Array) parse(values []json.RawMessage) error {
	for _, raw := range values {
		bits, err := integerBits(string(raw))
		if err != nil {
			return err
		}
		a.append(bits)
	}
	return nil
}

func integerBits(s string) (uint64, error) {
	switch s {
	case "true":
		return 1, nil
	case "false":
		return 0, nil
	}
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return uint64(i), nil
	}
	return strconv.ParseUint(s, 10, 64)
}
