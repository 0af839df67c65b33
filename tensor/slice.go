package tensor

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
)

// FromSlice copies a Go slice into a new array: a slice of elements, with the given shape or one
// dimension; or slices of slices of elements, whose lengths are the shape. The type is that of the
// elements. Elements of different types, or rows of different lengths, are a *SliceError that names
// the first offender.
func FromSlice(data any, shape ...int) (*Tensor, error) {
	site := caller(1)
	switch v := data.(type) {
	case []float64:
		return fromFlat(site, v, shape)
	case []float32:
		return fromFlat(site, v, shape)
	case []int:
		return fromFlat(site, v, shape)
	case []int64:
		return fromFlat(site, v, shape)
	case []int32:
		return fromFlat(site, v, shape)
	case []int16:
		return fromFlat(site, v, shape)
	case []int8:
		return fromFlat(site, v, shape)
	case []uint:
		return fromFlat(site, v, shape)
	case []uint64:
		return fromFlat(site, v, shape)
	case []uint32:
		return fromFlat(site, v, shape)
	case []uint16:
		return fromFlat(site, v, shape)
	case []uint8:
		return fromFlat(site, v, shape)
	case []bool:
		return fromFlat(site, v, shape)
	}
	return fromNested(site, data, shape)
}

// fromFlat copies elements in C order. Without a shape there is one dimension; an extent of -1 is
// what is left.
func fromFlat[T dtype.Element](site uintptr, values []T, shape []int) (*Tensor, error) {
	if shape == nil {
		shape = []int{len(values)}
	}
	at, err := broadcast.Contiguous([]int{len(values)}, 1).Reshape(1, shape...)
	if err != nil {
		return nil, &Error{Op: "from_slice", Site: device.Site(site), Err: err}
	}
	return fromElements("from_slice", site, values, at.Shape, nil)
}

// SliceError is a Go slice that is no array.
type SliceError struct {
	Index []int // of the first offender
	Why   string
}

func (e *SliceError) Error() string {
	var b strings.Builder
	for _, i := range e.Index {
		fmt.Fprintf(&b, "[%d]", i)
	}
	return fmt.Sprintf("from_slice: element %s %s", b.String(), e.Why)
}

// nested reads slices of slices.
type nested struct {
	shape []int // of the first of each level
	typ   dtype.DType
	data  []byte
}

// fromNested walks slices of slices by reflection: only here does a type come with the data.
func fromNested(site uintptr, data any, shape []int) (*Tensor, error) {
	n := nested{}
	v := reflect.ValueOf(data)
	for r := v; isList(r); r = element(r, 0) {
		n.shape = append(n.shape, r.Len())
		if r.Len() == 0 {
			break
		}
	}
	err := n.read(v, nil)
	if err == nil && n.typ == dtype.Invalid {
		n.typ = dtype.Float64 // no elements: NumPy's choice
		if t := reflect.TypeOf(data); t != nil {
			n.typ = leafType(t)
		}
	}
	if err != nil {
		return nil, &Error{Op: "from_slice", Site: device.Site(site), Err: err}
	}
	if shape != nil {
		at, err := broadcast.Contiguous(n.shape, 1).Reshape(1, shape...)
		if err != nil {
			return nil, &Error{Op: "from_slice", Site: device.Site(site), Err: err}
		}
		n.shape = at.Shape
	}
	c, err := created(n.typ, nil)
	if err != nil {
		return nil, err
	}
	return c.write("from_slice", site, n.shape, n.data)
}

func isList(v reflect.Value) bool {
	return v.IsValid() && (v.Kind() == reflect.Slice || v.Kind() == reflect.Array)
}

// element is v[i], or what is in it if it is an interface.
func element(v reflect.Value, i int) reflect.Value {
	e := v.Index(i)
	if e.Kind() == reflect.Interface {
		e = e.Elem()
	}
	return e
}

// leafType is the type of the elements of nested slices without any.
func leafType(t reflect.Type) dtype.DType {
	for t.Kind() == reflect.Slice || t.Kind() == reflect.Array {
		t = t.Elem()
	}
	if d := dtype.OfValue(reflect.Zero(t).Interface()); d != dtype.Invalid {
		return d
	}
	return dtype.Float64
}

func (n *nested) read(v reflect.Value, index []int) error {
	depth := len(index)
	if depth < len(n.shape) {
		if !isList(v) {
			return &SliceError{slices.Clone(index), fmt.Sprintf("is %s, where the ones before are lists of %d", describe(v), n.shape[depth])}
		}
		if v.Len() != n.shape[depth] {
			return &SliceError{slices.Clone(index), fmt.Sprintf("has %d elements, and the ones before have %d", v.Len(), n.shape[depth])}
		}
		for i := range v.Len() {
			if err := n.read(element(v, i), append(index, i)); err != nil {
				return err
			}
		}
		return nil
	}
	t := dtype.Invalid
	if v.IsValid() {
		t = dtype.OfValue(v.Interface())
	}
	switch {
	case isList(v):
		return &SliceError{slices.Clone(index), "is a list, where the ones before are elements"}
	case t == dtype.Invalid:
		return &SliceError{slices.Clone(index), fmt.Sprintf("is %s, which no array holds: elements are bool, integers, float32 or float64", describe(v))}
	case n.typ != dtype.Invalid && t != n.typ:
		return &SliceError{slices.Clone(index), fmt.Sprintf("is %v, and the ones before are %v; convert them to one type", t, n.typ)}
	}
	n.typ = t
	n.data = append(n.data, make([]byte, t.Size())...)
	ir.WriteBits(n.data[len(n.data)-t.Size():], elementBits(v))
	return nil
}

func describe(v reflect.Value) string {
	if !v.IsValid() {
		return "nil"
	}
	return v.Type().String()
}

// elementBits is the bits of a number in reflect's hands.
func elementBits(v reflect.Value) uint64 {
	t, bits := weak(v.Interface())
	return ir.CastTo(ir.NewScalar(t, bits), dtype.OfValue(v.Interface())).Bits
}
