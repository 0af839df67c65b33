// Package dtype names the element types of arrays, and says how they promote and cast.
//
// The rules are NumPy 2's (NEP 50): the result type of an operation depends on the types of its
// operands and never on their values; Go numbers are weak, so that they take the type of the
// array that they meet.
package dtype

import "fmt"

// DType is an element type. The zero value is Invalid.
type DType uint8

// The element types. A bool is one byte, 0 or 1.
const (
	Invalid DType = iota
	Bool
	Int8
	Int16
	Int32
	Int64
	Uint8
	Uint16
	Uint32
	Uint64
	Float32
	Float64

	Count // the number of values a DType can have, for arrays indexed by it
)

// Kind groups the element types. Kinds are ordered: an operation on two kinds has the larger one.
type Kind uint8

// The kinds, from the narrowest.
const (
	NoKind Kind = iota
	BoolKind
	UnsignedKind
	SignedKind
	FloatKind
)

var info = [Count]struct {
	name string
	size int
	kind Kind
}{
	Invalid: {"invalid", 0, NoKind},
	Bool:    {"bool", 1, BoolKind},
	Int8:    {"int8", 1, SignedKind},
	Int16:   {"int16", 2, SignedKind},
	Int32:   {"int32", 4, SignedKind},
	Int64:   {"int64", 8, SignedKind},
	Uint8:   {"uint8", 1, UnsignedKind},
	Uint16:  {"uint16", 2, UnsignedKind},
	Uint32:  {"uint32", 4, UnsignedKind},
	Uint64:  {"uint64", 8, UnsignedKind},
	Float32: {"float32", 4, FloatKind},
	Float64: {"float64", 8, FloatKind},
}

// All lists the element types, in order.
func All() []DType {
	all := make([]DType, 0, Count-1)
	for d := Bool; d < Count; d++ {
		all = append(all, d)
	}
	return all
}

// Size is the number of bytes of one element.
func (d DType) Size() int { return info[d].size }

// Kind is the kind of the type.
func (d DType) Kind() Kind { return info[d].kind }

// String is NumPy's name of the type.
func (d DType) String() string {
	if d >= Count {
		return fmt.Sprintf("dtype(%d)", uint8(d))
	}
	return info[d].name
}

// IsFloat reports whether d is a floating-point type.
func (d DType) IsFloat() bool { return d.Kind() == FloatKind }

// IsInteger reports whether d is a signed or unsigned integer type; bool is not one.
func (d DType) IsInteger() bool { return d.Kind() == SignedKind || d.Kind() == UnsignedKind }

// shortNames are the abbreviations that a command line accepts beside NumPy's names.
var shortNames = map[string]DType{
	"b1": Bool, "i1": Int8, "i2": Int16, "i4": Int32, "i8": Int64,
	"u1": Uint8, "u2": Uint16, "u4": Uint32, "u8": Uint64, "f4": Float32, "f8": Float64,
	"i16": Int16, "i32": Int32, "i64": Int64,
	"u16": Uint16, "u32": Uint32, "u64": Uint64, "f32": Float32, "f64": Float64,
	"int": Int64, "float": Float64, "bool_": Bool,
}

// Parse returns the type with NumPy's name, or one of the abbreviations f32, f64, i64, u16 and so
// on. As in NumPy, i8 is eight bytes.
func Parse(name string) (DType, error) {
	for d := Bool; d < Count; d++ {
		if info[d].name == name {
			return d, nil
		}
	}
	if d, ok := shortNames[name]; ok {
		return d, nil
	}
	return Invalid, fmt.Errorf("unknown dtype %q: the dtypes are bool, int8 to int64, uint8 to uint64, float32 and float64", name)
}

// Element is the set of Go types that an array's elements can have. Go's int and uint stand for
// int64 and uint64.
type Element interface {
	bool | int8 | int16 | int32 | int64 | int | uint8 | uint16 | uint32 | uint64 | uint | float32 | float64
}

// Of is the DType of the Go type T. A Go int is int64 and a uint uint64: they are the same bytes
// on the 64-bit machines that tare supports.
func Of[T Element]() DType {
	var z T
	return OfValue(z)
}

// OfValue is the DType of a Go value, or Invalid if no element has that type.
func OfValue(v any) DType {
	switch v.(type) {
	case bool:
		return Bool
	case int8:
		return Int8
	case int16:
		return Int16
	case int32:
		return Int32
	case int64, int:
		return Int64
	case uint8:
		return Uint8
	case uint16:
		return Uint16
	case uint32:
		return Uint32
	case uint64, uint:
		return Uint64
	case float32:
		return Float32
	case float64:
		return Float64
	}
	return Invalid
}
