package op

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/golden"
)

// NumPy's result types, of arrays and of arrays with Python scalars.
func TestResultTypesAreNumPys(t *testing.T) {
	replayed := 0
	for _, c := range golden.Cases(t, "promote.jsonl") {
		kind, name, ok := strings.Cut(c.F, ":")
		code, known := Lookup(name)
		if !ok || !known || !strings.HasPrefix(kind, "dtype_of") {
			continue
		}
		args, fits := argsOf(t, c.A)
		if !fits { // a Python int that its array cannot hold: the caller's to refuse
			continue
		}
		if name == "where" {
			args = append([]dtype.Arg{{Type: dtype.Bool}}, args...)
		}
		replayed++
		_, out, err := code.Resolve(args...)
		if c.E != "" {
			assert.Error(t, err, "%s: %s of %v", c.ID, name, args)
			continue
		}
		if assert.NoError(t, err, "%s: %s of %v", c.ID, name, args) {
			assert.Equal(t, resultType(c.R), out, "%s: %s of %v", c.ID, name, args)
		}
	}
	t.Logf("%d cases", replayed)
	assert.NotZero(t, replayed)
}

// resultType is the dtype of a case's result; float16 stands for tare's float32.
func resultType(raw json.RawMessage) dtype.DType {
	if strings.Contains(string(raw), "float16") {
		return dtype.Float32
	}
	d, _ := golden.DecodeDType(raw)
	return d
}

// argsOf reads dtypes, and Python scalars as weak operands; fits is false for an integer beyond
// the range of the array it meets.
func argsOf(t *testing.T, raw []json.RawMessage) (args []dtype.Arg, fits bool) {
	for _, r := range raw {
		if d, ok := golden.DecodeDType(r); ok {
			args = append(args, dtype.Arg{Type: d})
			continue
		}
		v, err := golden.Decode(r)
		require.NoError(t, err)
		a := dtype.Arg{Weak: true}
		switch v := v.(type) {
		case bool:
			a.Type = dtype.Bool
		case float64:
			a.Type = dtype.Float64
		case int:
			a.Type = dtype.Int64
			if !fitsIn(args[0].Type, int64(v)) {
				return nil, false
			}
		default:
			return nil, false
		}
		args = append(args, a)
	}
	return args, true
}

func fitsIn(d dtype.DType, v int64) bool {
	if !d.IsInteger() {
		return true
	}
	low, high := int64(0), int64(uint64(1)<<(8*d.Size()-1)-1)
	if isSigned(d) {
		low = -high - 1
	} else if d != dtype.Uint64 {
		high = 2*high + 1
	}
	return v >= low && v <= high
}

func strong(types ...dtype.DType) []dtype.Arg {
	args := make([]dtype.Arg, len(types))
	for i, d := range types {
		args[i].Type = d
	}
	return args
}

func TestLoops(t *testing.T) {
	weakFloat, weakInt := dtype.Arg{Type: dtype.Float64, Weak: true}, dtype.Arg{Type: dtype.Int64, Weak: true}
	cases := []struct {
		code Code
		args []dtype.Arg
		loop []dtype.DType
		out  dtype.DType
	}{
		{Divide, strong(dtype.Int8, dtype.Int8), []dtype.DType{dtype.Float64, dtype.Float64}, dtype.Float64},
		{Divide, append(strong(dtype.Float32), weakInt), []dtype.DType{dtype.Float32, dtype.Float32}, dtype.Float32},
		{Exp, strong(dtype.Bool), []dtype.DType{dtype.Float32}, dtype.Float32},
		{Exp, strong(dtype.Int16), []dtype.DType{dtype.Float32}, dtype.Float32},
		{Exp, strong(dtype.Uint32), []dtype.DType{dtype.Float64}, dtype.Float64},
		{Exp, []dtype.Arg{weakInt}, []dtype.DType{dtype.Float64}, dtype.Float64},
		{Power, strong(dtype.Bool, dtype.Bool), []dtype.DType{dtype.Int8, dtype.Int8}, dtype.Int8},
		{Less, strong(dtype.Int8, dtype.Uint64), []dtype.DType{dtype.Int64, dtype.Uint64}, dtype.Bool},
		{Less, strong(dtype.Uint64, dtype.Int64), []dtype.DType{dtype.Uint64, dtype.Int64}, dtype.Bool},
		{Less, append(strong(dtype.Uint64), weakInt), []dtype.DType{dtype.Uint64, dtype.Uint64}, dtype.Bool},
		{Add, append(strong(dtype.Uint8), weakFloat), []dtype.DType{dtype.Float64, dtype.Float64}, dtype.Float64},
		{Where, strong(dtype.Int32, dtype.Int8, dtype.Float32), []dtype.DType{dtype.Bool, dtype.Float32, dtype.Float32}, dtype.Float32},
		{IsNaN, strong(dtype.Uint16), []dtype.DType{dtype.Uint16}, dtype.Bool},
	}
	for _, c := range cases {
		loop, out, err := c.code.Resolve(c.args...)
		require.NoError(t, err)
		assert.Equal(t, c.loop, loop[:len(c.args)], "%v%v", c.code, c.args)
		assert.Equal(t, c.out, out, "%v%v", c.code, c.args)
	}
}

func TestRefusalsSayWhatToDo(t *testing.T) {
	cases := []struct {
		code   Code
		args   []dtype.Arg
		remedy string
	}{
		{Subtract, strong(dtype.Bool, dtype.Bool), "logical_xor"},
		{Negative, strong(dtype.Bool), "logical_not"},
		{Sign, strong(dtype.Bool), "cast"},
		{BitwiseAnd, strong(dtype.Float32, dtype.Int8), "cast to an integer type"},
		{Add, strong(dtype.Float32), "takes 2 operands"},
		{Add, strong(dtype.Float32, dtype.Invalid), "no dtype"},
	}
	for _, c := range cases {
		_, _, err := c.code.Resolve(c.args...)
		var e *TypeError
		require.True(t, errors.As(err, &e), "%v%v", c.code, c.args)
		assert.Equal(t, c.code.String(), e.Op)
		assert.Len(t, e.Types, len(c.args))
		assert.Contains(t, e.Error(), c.remedy)
		assert.Contains(t, e.Error(), c.code.String())
	}
}

func TestLoopsAreSortedAndComplete(t *testing.T) {
	loops := Equal.Loops()
	assert.Len(t, loops, len(dtype.All())+2)
	assert.True(t, slices.IsSortedFunc(loops, slices.Compare[[]dtype.DType]))
	assert.Len(t, Exp.Loops(), 2)
}
