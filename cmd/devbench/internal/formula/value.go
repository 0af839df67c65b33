package formula

import (
	"math"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
)

// value is what a part of an expression stands for. what names its kind in messages.
type value interface{ what() string }

type (
	// array is an array, or a number that NumPy makes, which has a type of its own.
	array struct{ *ir.Node }
	// integer, floating and boolean are Python's numbers: they take the type of the arrays that
	// they meet.
	integer  int64
	floating float64
	boolean  bool
	// sequence is a tuple or a list.
	sequence []value
	// text is a string.
	text string
	// element is an element type: np.float32.
	element dtype.DType
	// none is None, which is also np.newaxis.
	none struct{}
	// dots is the Ellipsis.
	dots struct{}
	// span is a slice in a subscript.
	span struct{ broadcast.Index }
	// module is NumPy or a part of it: np, np.linalg.
	module string
	// function is NumPy's function of that name.
	function string
	// method is a function that has its first argument already.
	method struct {
		function
		self value
	}
)

func (array) what() string    { return "an array" }
func (integer) what() string  { return "an integer" }
func (floating) what() string { return "a float" }
func (boolean) what() string  { return "a bool" }
func (sequence) what() string { return "a tuple" }
func (text) what() string     { return "a string" }
func (element) what() string  { return "an element type" }
func (none) what() string     { return "None" }
func (dots) what() string     { return "an ellipsis" }
func (span) what() string     { return "a slice" }
func (module) what() string   { return "a module" }
func (f function) what() string {
	return "the function " + string(f) + ", which needs arguments in parentheses"
}

// bare is what v is, and no more of a function than its name.
func bare(v value) string {
	switch f := v.(type) {
	case function:
		return "the function " + string(f)
	case method:
		return "the function " + string(f.function)
	}
	return v.what()
}

// operand is v as an operand of an operator: an array itself, or a Python number as a weak scalar.
func operand(v value) (*ir.Node, bool) {
	switch v := v.(type) {
	case array:
		return v.Node, true
	case boolean:
		return ir.NewWeak(dtype.Bool, uint64(asInt(v))), true
	case integer:
		return ir.NewWeak(dtype.Int64, uint64(v)), true
	case floating:
		return ir.NewWeak(dtype.Float64, math.Float64bits(float64(v))), true
	}
	return nil, false
}

// asInt is 1 or 0.
func asInt(b boolean) int64 {
	if b {
		return 1
	}
	return 0
}
