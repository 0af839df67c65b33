package golden

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/tare-go/tare/dtype"
)

// Compare says how got differs from the result of the case, or nil. Dtype and shape are equal,
// integers and bools too; floats have the same bits, where any NaN equals any other, unless the
// case allows a distance or a free sign of zero. A result that is a Python number is an array of
// no axes.
func Compare(c Case, got Array) error {
	want, err := result(c.R)
	if err != nil {
		return fmt.Errorf("%s: %w", c.ID, err)
	}
	return c.compare(want, got)
}

// CompareAll is Compare for a case whose result is a list of arrays.
func CompareAll(c Case, got []Array) error {
	want, ok := DecodeList(c.R)
	if !ok {
		return fmt.Errorf("%s: the result is not a list", c.ID)
	}
	if len(got) != len(want) {
		return fmt.Errorf("%s: got %d arrays, want %d", c.ID, len(got), len(want))
	}
	for i, raw := range want {
		w, err := result(raw)
		if err == nil {
			err = c.compare(w, got[i])
		}
		if err != nil {
			return fmt.Errorf("result %d: %w", i, err)
		}
	}
	return nil
}

// result is a raw result as an array.
func result(raw json.RawMessage) (Array, error) {
	v, err := Decode(raw)
	if err != nil {
		return Array{}, err
	}
	switch v := v.(type) {
	case Array:
		return v, nil
	case bool:
		return Of([]int{}, []bool{v}), nil
	case int:
		return Of([]int{}, []int{v}), nil
	case float64:
		return Of([]int{}, []float64{v}), nil
	}
	return Array{}, fmt.Errorf("the result is a %T, not an array", v)
}

func (c Case) compare(want, got Array) error {
	if want.DType != got.DType || !slices.Equal(want.Shape, got.Shape) {
		return fmt.Errorf("%s (%s): got %v of shape %v, want %v of shape %v", c.ID, c.F, got.DType, got.Shape, want.DType, want.Shape)
	}
	if len(got.Data) != len(want.Data) {
		return fmt.Errorf("%s (%s): got %d bytes, want %d", c.ID, c.F, len(got.Data), len(want.Data))
	}
	first, wrong := "", 0
	for i := range want.Size() {
		why, ok := c.accepts(want, got, i)
		if !ok && wrong == 0 {
			first = fmt.Sprintf("element %d is %s, want %s%s", i, got.text(i), want.text(i), why)
		}
		if !ok {
			wrong++
		}
	}
	if wrong > 0 {
		return fmt.Errorf("%s (%s): %s; %d of %d differ", c.ID, c.F, first, wrong, want.Size())
	}
	return nil
}

// accepts reports whether element i of got is near enough to want's, and else by what they differ.
func (c Case) accepts(want, got Array, i int) (why string, ok bool) {
	if want.Bits(i) == got.Bits(i) {
		return "", true
	}
	if !want.DType.IsFloat() {
		return "", false
	}
	w, g := want.Float(i), got.Float(i)
	switch {
	case math.IsNaN(w) || math.IsNaN(g):
		return "", math.IsNaN(w) && math.IsNaN(g)
	case w == 0 && g == 0:
		return " (sign of zero)", c.Z == 1 || c.T > 0
	case c.AT > 0 && math.Abs(w-g) <= c.AT:
		return "", true
	}
	distance := ulps(want.DType, want.Bits(i), got.Bits(i))
	return fmt.Sprintf(" (%d ulp apart)", distance), distance <= c.T
}

// ulps is how many floats of type d lie from one to the other, by their bits; -0 and +0 are one.
func ulps(d dtype.DType, a, b uint64) uint64 {
	m, n := place(d, a), place(d, b)
	return uint64(max(m, n)) - uint64(min(m, n))
}

// place counts the floats of type d from zero to the one with the given bits, down if negative.
func place(d dtype.DType, bits uint64) int64 {
	width := 8 * d.Size()
	magnitude := int64(bits &^ (1 << (width - 1)))
	if bits>>(width-1) != 0 {
		return -magnitude
	}
	return magnitude
}
