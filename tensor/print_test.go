package tensor_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/internal/golden"
	np "github.com/tare-go/tare/tensor"
)

// TestPrintingConforms replays NumPy's str and repr, of arrays in every layout.
func TestPrintingConforms(t *testing.T) {
	r := &conformance{t: t, skipped: map[string]int{}}
	for _, c := range golden.Cases(t, "print.jsonl") {
		want, ok := golden.DecodeString(c.R)
		require.True(t, ok, c.ID)
		v, err := golden.Decode(c.A[0])
		require.NoError(t, err, c.ID)
		a := v.(golden.Array)
		if r.prints(c, loaded(t, a), want) && r.prints(c, fortran(t, a), want) && r.prints(c, backwards(t, a), want) {
			r.passed++
		}
	}
	r.report("print.jsonl")
}

func (r *conformance) prints(c golden.Case, x *np.Tensor, want string) bool {
	o := printOptions(r.t, c)
	got := x.Str(o)
	if c.F == "repr" {
		got = x.Repr(o)
	}
	ok := assert.Equal(r.t, want, got, describe(c))
	if c.F != "repr" && len(c.K) == 0 {
		ok = assert.Equal(r.t, want, x.String(), describe(c)) && ok
	}
	return ok
}

// printOptions are the keywords of a case.
func printOptions(t *testing.T, c golden.Case) np.PrintOptions {
	o := np.DefaultPrint()
	var sign string
	fields := map[string]any{
		"precision": &o.Precision, "threshold": &o.Threshold, "edgeitems": &o.EdgeItems, "linewidth": &o.LineWidth,
		"suppress": &o.Suppress, "floatmode": &o.FloatMode, "sign": &sign,
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

// What cannot be printed says why, and does not panic.
func TestPrintingOfWhatIsNotThere(t *testing.T) {
	x, err := np.FromSlice([]float64{1, 2})
	require.NoError(t, err)
	x.Free()
	assert.Contains(t, x.String(), "freed before")
	assert.Contains(t, x.Repr(np.DefaultPrint()), "freed")
	var none *np.Tensor
	assert.Equal(t, "<nil>", none.String())
	assert.Equal(t, "<nil>", none.Repr(np.DefaultPrint()))
	var nothing *np.Expr
	assert.Equal(t, "<nil>", nothing.String())
	assert.Contains(t, np.Add(none, 1).String(), "nil")
}

// An expression prints what it is, not what it would be.
func TestPrintingOfExpressions(t *testing.T) {
	x, err := np.Ones([]int{2, 3}, np.DType(np.Float32))
	require.NoError(t, err)
	assert.Equal(t, "<sum float32 (2,)>", np.Sum(x, np.Axis(1)).String())
	assert.Equal(t, "<multiply float32 (2,3)>", np.Multiply(x, 2).String())
	assert.Equal(t, "<add float64 (2,3)>", np.Add(x, np.AsType(x, np.Float64)).String())
}
