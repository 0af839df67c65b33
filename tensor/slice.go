package tensor

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
)

// FromSlice copies a Go slice into a new array: a slice of elements, with the given shape or one
// dimension; or slices of slices of elements, whose lengths are the shape. The type is that of the
// elements. Elements of different types, or rows of different lengths, are a *SliceError that names
// the first offender. The array is in the memory of the processor, and nothing moves to another device
// before To: so there is no context.
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
	c, err := created("from_slice", site, dtype.Of[T](), nil)
	if err != nil {
		return nil, err
	}
	at, err := broadcast.Contiguous([]int{len(values)}, 1).Reshape(1, shape...)
	if err != nil {
		return nil, c.fail(err)
	}
	return c.write(at.Shape, elementBytes(values))
}

// SliceError is a Go slice that is no array.
type SliceError struct {
	Index []int // of the first offender
	Why   string
}

func (e *SliceError) Error() string {
	if len(e.Index) == 0 {
		return "the data " + e.Why
	}
	var b strings.Builder
	for _, i := range e.Index {
		fmt.Fprintf(&b, "[%d]", i)
	}
	return fmt.Sprintf("element %s %s", b.String(), e.Why)
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
	err := n.measure(v)
	if err == nil {
		err = n.read(v, nil)
	}
	if err == nil && n.typ == dtype.Invalid {
		n.typ = leafType(reflect.TypeOf(data))
	}
	if err == nil && shape != nil {
		var at broadcast.View
		at, err = broadcast.Contiguous(n.shape, 1).Reshape(1, shape...)
		n.shape = at.Shape
	}
	if err != nil {
		return nil, placed("from_slice", site, err)
	}
	c, err := created("from_slice", site, n.typ, nil)
	if err != nil {
		return nil, err
	}
	return c.write(n.shape, n.data)
}

// measure takes the shape from the first element of each level.
func (n *nested) measure(v reflect.Value) error {
	for isList(v) {
		if len(n.shape) == broadcast.MaxDims {
			return &SliceError{make([]int, len(n.shape)), fmt.Sprintf("is a list in %d others: arrays have at most %d dimensions", len(n.shape), broadcast.MaxDims)}
		}
		n.shape = append(n.shape, v.Len())
		if v.Len() == 0 {
			break
		}
		v = element(v, 0)
	}
	return nil
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

// leafType is the type of the elements of nested slices without any; float64 where it is not known,
// as in NumPy.
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
