package golden

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"math/big"

	"github.com/tare-go/tare/dtype"
)

// Slice is a Python slice; a nil bound is None.
type Slice struct{ Start, Stop, Step *int }

// Ellipsis is Python's "...".
type Ellipsis struct{}

// Decode is the Go value of a raw one: nil for None, and bool, int, *big.Int where int64 does not
// hold it, float64, string, dtype.DType, Slice, Ellipsis, Array, or []any.
func Decode(raw json.RawMessage) (any, error) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return nil, fmt.Errorf("no value")
	}
	switch raw[0] {
	case '[':
		return decodeList(raw)
	case '{':
		return decodeObject(raw)
	case 't', 'f':
		return decodeJSON[bool](raw)
	case '"':
		return decodeJSON[string](raw)
	case 'n':
		return nil, nil
	}
	return decodeNumber(raw)
}

func decodeJSON[T any](raw json.RawMessage) (any, error) {
	var v T
	err := json.Unmarshal(raw, &v)
	return v, err
}

func decodeNumber(raw json.RawMessage) (any, error) {
	n, ok := new(big.Int).SetString(string(raw), 10)
	switch {
	case !ok:
		return decodeJSON[float64](raw)
	case n.IsInt64():
		return int(n.Int64()), nil
	}
	return n, nil
}

func decodeList(raw json.RawMessage) (any, error) {
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return nil, err
	}
	list := make([]any, len(items))
	for i, item := range items {
		v, err := Decode(item)
		if err != nil {
			return nil, err
		}
		list[i] = v
	}
	return list, nil
}

// object is the fields of every kind of value that is written as a JSON object.
type object struct {
	D  string            `json:"d"`  // array: dtype,
	S  []int             `json:"s"`  // shape,
	G  string            `json:"g"`  // "arange", or
	X  *string           `json:"x"`  // bytes in hex, or
	V  []json.RawMessage `json:"v"`  // numbers
	F  *string           `json:"f"`  // float: its bits in hex, the first byte the highest
	DT *string           `json:"dt"` // dtype
	SL []*int            `json:"sl"` // slice
	EL int               `json:"el"` // 1: ellipsis

	Recipe string `json:"recipe"` // array: how to compute it
}

func decodeObject(raw json.RawMessage) (any, error) {
	var o object
	if err := json.Unmarshal(raw, &o); err != nil {
		return nil, err
	}
	switch {
	case o.D != "":
		return decodeArray(o)
	case o.Recipe != "":
		return decodeRecipe(o.Recipe)
	case o.F != nil:
		return decodeFloat(*o.F)
	case o.DT != nil:
		return dtype.Parse(*o.DT)
	case len(o.SL) == 3:
		return Slice{o.SL[0], o.SL[1], o.SL[2]}, nil
	case o.EL == 1:
		return Ellipsis{}, nil
	}
	return nil, fmt.Errorf("no known value: %.80s", raw)
}

func decodeFloat(bits string) (any, error) {
	b, err := hex.DecodeString(bits)
	if err != nil || len(b) != 8 {
		return nil, fmt.Errorf("%q are not the bits of a float64", bits)
	}
	var n uint64
	for _, c := range b {
		n = n<<8 | uint64(c)
	}
	return math.Float64frombits(n), nil
}

// as is the decoded value if it is a T.
func as[T any](raw json.RawMessage) (T, bool) {
	v, err := Decode(raw)
	t, ok := v.(T)
	return t, ok && err == nil
}

// IsNone reports whether raw is missing or None.
func IsNone(raw json.RawMessage) bool {
	return len(raw) == 0 || string(bytes.TrimSpace(raw)) == "null"
}

// DecodeArray is raw as an array; false if it is none, or has a dtype that tare lacks.
func DecodeArray(raw json.RawMessage) (Array, bool) { return as[Array](raw) }

// DecodeBool is raw as a Python bool.
func DecodeBool(raw json.RawMessage) (bool, bool) { return as[bool](raw) }

// DecodeInt is raw as a Python int that an int64 holds.
func DecodeInt(raw json.RawMessage) (int, bool) { return as[int](raw) }

// DecodeString is raw as a string.
func DecodeString(raw json.RawMessage) (string, bool) { return as[string](raw) }

// DecodeSlice is raw as a slice.
func DecodeSlice(raw json.RawMessage) (Slice, bool) { return as[Slice](raw) }

// DecodeList is the items of a list, not decoded yet.
func DecodeList(raw json.RawMessage) ([]json.RawMessage, bool) {
	var items []json.RawMessage
	ok := json.Unmarshal(raw, &items) == nil && items != nil
	return items, ok
}

// DecodeFloat is raw as a number: a Python float, or an int.
func DecodeFloat(raw json.RawMessage) (float64, bool) {
	if f, ok := as[float64](raw); ok {
		return f, true
	}
	i, ok := as[int](raw)
	return float64(i), ok
}

// DecodeDType is raw as a dtype, written as one or as its name.
func DecodeDType(raw json.RawMessage) (dtype.DType, bool) {
	if d, ok := as[dtype.DType](raw); ok {
		return d, true
	}
	name, ok := as[string](raw)
	d, err := dtype.Parse(name)
	return d, ok && err == nil
}

// DecodeInts is a list of ints, such as a shape or axes; one int is a list of one.
func DecodeInts(raw json.RawMessage) ([]int, bool) {
	if i, ok := as[int](raw); ok {
		return []int{i}, true
	}
	list, ok := as[[]any](raw)
	ints := make([]int, len(list))
	for i, v := range list {
		n, isInt := v.(int)
		ints[i], ok = n, ok && isInt
	}
	return ints, ok
}
