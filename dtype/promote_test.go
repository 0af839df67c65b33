package dtype_test

import (
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/golden"
)

// Promotion is a join: the order of the operands does not matter, and the result holds each one.
func TestPromoteIsAJoin(t *testing.T) {
	for _, a := range dtype.All() {
		assert.Equal(t, a, dtype.Promote(a, a))
		assert.Equal(t, a, dtype.Promote(a, dtype.Bool))
		for _, b := range dtype.All() {
			joint := dtype.Promote(a, b)
			assert.Equal(t, joint, dtype.Promote(b, a), "%v %v", a, b)
			assert.True(t, dtype.CanCast(a, joint, dtype.Safe), "%v to %v", a, joint)
			assert.Equal(t, joint, dtype.Result(dtype.Arg{Type: a}, dtype.Arg{Type: b}))
		}
	}
}

func TestCastingsAreNested(t *testing.T) {
	rules := []dtype.Casting{dtype.No, dtype.Equiv, dtype.Safe, dtype.SameKind, dtype.Unsafe}
	for _, a := range dtype.All() {
		for _, b := range dtype.All() {
			assert.Equal(t, a == b, dtype.CanCast(a, b, dtype.No))
			assert.True(t, dtype.CanCast(a, b, dtype.Unsafe))
			for i, rule := range rules[1:] {
				if dtype.CanCast(a, b, rules[i]) {
					assert.True(t, dtype.CanCast(a, b, rule), "%v to %v", a, b)
				}
			}
		}
	}
}

func TestResultOfWeakOperands(t *testing.T) {
	strong := func(d dtype.DType) dtype.Arg { return dtype.Arg{Type: d} }
	weak := func(d dtype.DType) dtype.Arg { return dtype.Arg{Type: d, Weak: true} }
	tests := []struct {
		args []dtype.Arg
		want dtype.DType
	}{
		{nil, dtype.Invalid},
		{[]dtype.Arg{weak(dtype.Int64)}, dtype.Int64},
		{[]dtype.Arg{weak(dtype.Int64), weak(dtype.Float64)}, dtype.Float64},
		{[]dtype.Arg{weak(dtype.Bool), weak(dtype.Int64)}, dtype.Int64},
		{[]dtype.Arg{weak(dtype.Float64), strong(dtype.Float32)}, dtype.Float32},
		{[]dtype.Arg{strong(dtype.Uint8), weak(dtype.Int64)}, dtype.Uint8},
		{[]dtype.Arg{strong(dtype.Uint8), weak(dtype.Float64)}, dtype.Float64},
		{[]dtype.Arg{strong(dtype.Bool), weak(dtype.Int64)}, dtype.Int64},
		{[]dtype.Arg{weak(dtype.Int64), strong(dtype.Int8), strong(dtype.Uint8)}, dtype.Int16},
		{[]dtype.Arg{strong(dtype.Float32), weak(dtype.Bool)}, dtype.Float32},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.want, dtype.Result(tt.args...), "%v", tt.args)
	}
}

var castings = map[string]dtype.Casting{
	"no": dtype.No, "equiv": dtype.Equiv, "safe": dtype.Safe, "same_kind": dtype.SameKind, "unsafe": dtype.Unsafe,
}

// The functions whose result types are those of promotion and casting alone.
func TestGoldenPromote(t *testing.T) {
	seen := map[string]int{}
	for _, c := range golden.Cases(t, "promote.jsonl") {
		if len(c.Lacks()) > 0 || c.E == "OverflowError" {
			continue // a dtype that we lack; a number that its array's dtype does not hold
		}
		kind, _, _ := strings.Cut(c.F, ":")
		switch {
		case c.F == "can_cast":
			checkCanCast(t, c)
		case c.F == "iadd":
			checkInPlace(t, c)
		case meets(c.F):
			want, ok := golden.DecodeDType(c.R)
			require.True(t, ok, c.ID)
			assert.Equal(t, want, dtype.Result(operands(t, c)...), "%s: %s", c.ID, c.F)
		default:
			continue
		}
		seen[kind]++
	}
	for _, kind := range []string{"can_cast", "iadd", "result_type", "concatenate", "dtype_of", "dtype_of_0d", "dtype_of_scalar"} {
		assert.NotZero(t, seen[kind], kind)
	}
	t.Log(seen)
}

// meets reports whether the result of the function has the type in which its operands meet.
func meets(f string) bool {
	switch f {
	case "result_type", "concatenate", "dtype_of:add", "dtype_of:multiply", "dtype_of:maximum", "dtype_of:where",
		"dtype_of_0d:add", "dtype_of_scalar:add", "dtype_of_scalar:multiply", "dtype_of_scalar:maximum":
		return true
	}
	return false
}

func checkCanCast(t *testing.T, c golden.Case) {
	from, to := typeOf(t, c.A[0]), typeOf(t, c.A[1])
	name, ok := golden.DecodeString(c.K["casting"])
	require.True(t, ok, c.ID)
	rule, ok := castings[name]
	require.True(t, ok, c.ID)
	want, ok := golden.DecodeBool(c.R)
	require.True(t, ok, c.ID)
	assert.Equal(t, want, dtype.CanCast(from, to, rule), "%s: %v to %v, %s", c.ID, from, to, name)
}

// checkInPlace: a += b casts the sum back to a's type, and only within its kind.
func checkInPlace(t *testing.T, c golden.Case) {
	a, b := typeOf(t, c.A[0]), typeOf(t, c.A[1])
	got := dtype.CanCast(dtype.Promote(a, b), a, dtype.SameKind)
	assert.Equal(t, c.E == "", got, "%s: %v += %v", c.ID, a, b)
	if c.E == "" {
		assert.Equal(t, a, typeOf(t, c.R), c.ID)
	}
}

func typeOf(t *testing.T, raw json.RawMessage) dtype.DType {
	t.Helper()
	d, ok := golden.DecodeDType(raw)
	require.True(t, ok, "%s", raw)
	return d
}

// operands is the arguments of a case: dtypes of arrays, or numbers, which are weak.
func operands(t *testing.T, c golden.Case) []dtype.Arg {
	t.Helper()
	var args []dtype.Arg
	for _, raw := range c.A {
		v, err := golden.Decode(raw)
		require.NoError(t, err, c.ID)
		switch v := v.(type) {
		case dtype.DType:
			args = append(args, dtype.Arg{Type: v})
		case *big.Int: // a Python int, however large
			args = append(args, dtype.Arg{Type: dtype.Int64, Weak: true})
		default:
			require.NotEqual(t, dtype.Invalid, dtype.OfValue(v), "%s: %s", c.ID, raw)
			args = append(args, dtype.Arg{Type: dtype.OfValue(v), Weak: true})
		}
	}
	return args
}
