package dtype

// promotions is the result of an operation on two types. Integers of different signs go to the
// signed type that holds both, and from 64 bits on to float64; an integer meets float32 in
// float32 only if it has at most 16 bits.
var promotions = func() (t [Count][Count]DType) {
	rows := [][Count - 1]DType{
		{Bool, Int8, Int16, Int32, Int64, Uint8, Uint16, Uint32, Uint64, Float32, Float64},                  // bool
		{Int8, Int8, Int16, Int32, Int64, Int16, Int32, Int64, Float64, Float32, Float64},                   // int8
		{Int16, Int16, Int16, Int32, Int64, Int16, Int32, Int64, Float64, Float32, Float64},                 // int16
		{Int32, Int32, Int32, Int32, Int64, Int32, Int32, Int64, Float64, Float64, Float64},                 // int32
		{Int64, Int64, Int64, Int64, Int64, Int64, Int64, Int64, Float64, Float64, Float64},                 // int64
		{Uint8, Int16, Int16, Int32, Int64, Uint8, Uint16, Uint32, Uint64, Float32, Float64},                // uint8
		{Uint16, Int32, Int32, Int32, Int64, Uint16, Uint16, Uint32, Uint64, Float32, Float64},              // uint16
		{Uint32, Int64, Int64, Int64, Int64, Uint32, Uint32, Uint32, Uint64, Float64, Float64},              // uint32
		{Uint64, Float64, Float64, Float64, Float64, Uint64, Uint64, Uint64, Uint64, Float64, Float64},      // uint64
		{Float32, Float32, Float32, Float64, Float64, Float32, Float32, Float64, Float64, Float32, Float64}, // float32
		{Float64, Float64, Float64, Float64, Float64, Float64, Float64, Float64, Float64, Float64, Float64}, // float64
	}
	for i, row := range rows {
		copy(t[i+1][1:], row[:])
	}
	return t
}()

// Promote is the type of an operation on elements of types a and b.
func Promote(a, b DType) DType { return promotions[a][b] }

// Arg is what an operand brings to promotion: a type, and whether it is weak. A weak operand is
// a Go number: an int is a weak Int64, a float64 a weak Float64, a bool a weak Bool.
type Arg struct {
	Type DType
	Weak bool
}

// Result is the type in which operands of the given types meet. Weak operands only raise the
// kind: a float with integers gives float64, an integer with bools gives int64; otherwise the
// strong types decide. With weak operands alone their own types decide. No operands give Invalid.
func Result(args ...Arg) DType {
	strong, weak := Invalid, Invalid
	for _, a := range args {
		p := &strong
		if a.Weak {
			p = &weak
		}
		if *p == Invalid {
			*p = a.Type
		} else {
			*p = Promote(*p, a.Type)
		}
	}
	if strong == Invalid || (weak != Invalid && class(weak) > class(strong)) {
		return weak
	}
	return strong
}

// class orders bool, integers and floats: the kinds among which a weak operand can change a result.
func class(d DType) int {
	switch d.Kind() {
	case BoolKind:
		return 0
	case FloatKind:
		return 2
	}
	return 1
}

// Casting says which conversions are allowed.
type Casting uint8

// The castings, from the strictest; the names are NumPy's.
const (
	No       Casting = iota // the same type
	Equiv                   // the same type, whatever its byte order
	Safe                    // every value is kept
	SameKind                // safe, or within a kind, as float64 to float32
	Unsafe                  // any
)

// CanCast reports whether elements of type from may become type to under the casting rule.
func CanCast(from, to DType, rule Casting) bool {
	switch rule {
	case No, Equiv:
		return from == to
	case Safe:
		return safe(from, to)
	case SameKind:
		return safe(from, to) || from.Kind() <= to.Kind()
	}
	return true
}

// safe holds where to is wide enough for every value of from. NumPy counts 64-bit integers to
// float64 among these.
func safe(from, to DType) bool { return Promote(from, to) == to }
