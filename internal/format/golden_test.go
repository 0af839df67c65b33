package format

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/golden"
)

func TestGolden(t *testing.T) {
	for _, c := range golden.Cases(t, "print.jsonl") {
		a, o := argument(t, c), options(t, c)
		want, ok := golden.DecodeString(c.R)
		require.True(t, ok, c.ID)
		switch c.F {
		case "str":
			assert.Equal(t, want, Str(a, o), c.ID)
		case "repr":
			assert.Equal(t, want, Repr(a, o), c.ID)
		case "scalar_str":
			assert.Equal(t, want, Scalar(a.dtype, a.bits[0], o), c.ID)
		default:
			t.Errorf("%s: no test of %s", c.ID, c.F)
		}
	}
}

// argument is the array of a case.
func argument(t *testing.T, c golden.Case) array {
	t.Helper()
	require.Len(t, c.A, 1, c.ID)
	if a, ok := golden.DecodeArray(c.A[0]); ok {
		return ofGolden(a)
	}
	var by struct{ Recipe string }
	require.NoError(t, json.Unmarshal(c.A[0], &by), c.ID)
	require.Contains(t, recipes, by.Recipe, c.ID)
	return recipes[by.Recipe]
}

func ofGolden(a golden.Array) array {
	out := array{dtype: a.DType, shape: a.Shape}
	for i := range a.Size() {
		bits := a.Bits(i)
		if a.DType.Kind() == dtype.SignedKind {
			bits = uint64(a.Int(i))
		}
		out.bits = append(out.bits, bits)
	}
	return out
}

// recipes are the arrays that the cases write as Python.
var recipes = map[string]array{
	"arange(1000)":                     row(counts(1000)...),
	"arange(1001)":                     row(counts(1001)...),
	"arange(2000).reshape(40,50)":      row(counts(2000)...).reshaped(40, 50),
	"arange(1500).reshape(15,10,10)/7": row(sevenths(1500)...).reshaped(15, 10, 10),
}

func counts(n int) []int {
	values := make([]int, n)
	for i := range values {
		values[i] = i
	}
	return values
}

func sevenths(n int) []float64 {
	values := make([]float64, n)
	for i := range values {
		values[i] = float64(i) / 7
	}
	return values
}

// options are the print options of a case.
func options(t *testing.T, c golden.Case) Options {
	t.Helper()
	o := Default()
	var sign string
	fields := map[string]any{
		"precision": &o.Precision,
		"threshold": &o.Threshold,
		"edgeitems": &o.EdgeItems,
		"linewidth": &o.LineWidth,
		"suppress":  &o.Suppress,
		"floatmode": &o.FloatMode,
		"sign":      &sign,
	}
	for name, raw := range c.K {
		require.Contains(t, fields, name, c.ID)
		require.NoError(t, json.Unmarshal(raw, fields[name]), c.ID)
	}
	if sign != "" {
		o.Sign = sign[0]
	}
	return o
}
