package ir

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/dtype"
)

// ArityError is a call with the wrong number of operands.
type ArityError struct {
	Name      string
	Want, Got int
}

func (e *ArityError) Error() string {
	return fmt.Sprintf("%s takes %s, not %d", e.Name, plural(e.Want, "operand"), e.Got)
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// RangeError is a Go integer that the array's type cannot hold.
type RangeError struct {
	Op   string
	From dtype.DType // int64, or uint64 for what an int64 cannot hold
	Bits uint64      // of the integer
	Type dtype.DType
}

func (e *RangeError) Error() string {
	value := strconv.FormatInt(int64(e.Bits), 10)
	if e.From == dtype.Uint64 {
		value = strconv.FormatUint(e.Bits, 10)
	}
	return fmt.Sprintf("%s: the integer %s does not fit %v; use a wider type (AsType of an array, DType of a new one)", e.Op, value, e.Type)
}

// ProductError is a matrix product of shapes that do not match.
type ProductError struct {
	A, B []int
	Why  string
}

func (e *ProductError) Error() string {
	return fmt.Sprintf("matmul: shapes %s and %s: %s", broadcast.FormatShape(e.A), broadcast.FormatShape(e.B), e.Why)
}

// EmptyError is a reduction without identity over no elements.
type EmptyError struct {
	Name  string
	Shape []int
}

func (e *EmptyError) Error() string {
	cure := "give Initial"
	if strings.HasPrefix(e.Name, "arg") {
		cure = "it names an element, and needs one"
	}
	return fmt.Sprintf("%s of no elements: shape %s has none along the reduced axes, and %s has no identity; %s", e.Name, broadcast.FormatShape(e.Shape), e.Name, cure)
}

// OptionError is an option that a function does not take.
type OptionError struct {
	Name, Option, Why string
}

func (e *OptionError) Error() string { return fmt.Sprintf("%s: %s: %s", e.Name, e.Option, e.Why) }
