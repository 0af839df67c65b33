package tensor_test

import (
	"encoding/json"
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/golden"
	"github.com/tare-go/tare/internal/op"
	np "github.com/tare-go/tare/tensor"
)

// TestPromotionConforms replays what types NumPy computes in: of arrays, 0-d arrays, weak numbers,
// and arrays that are written in place.
func TestPromotionConforms(t *testing.T) {
	r := &conformance{t: t, skipped: map[string]int{}}
	for _, c := range golden.Cases(t, "promote.jsonl") {
		kind, name, _ := strings.Cut(c.F, ":")
		if why := absent(name) + absent(kind); why != "" {
			r.skipped[why]++
			continue
		}
		ok := true
		switch kind {
		case "dtype_of":
			ok = r.dtypeOf(c, name, []int{2})
		case "dtype_of_0d":
			ok = r.dtypeOf(c, name, []int{})
		case "dtype_of_scalar":
			ok = r.dtypeOfScalar(c, name)
		case "iadd":
			ok = r.inPlace(c)
		default:
			t.Errorf("%s: no test of %s", c.ID, c.F)
		}
		if ok {
			r.passed++
		}
	}
	r.report("promote.jsonl")
}

// halfAsSingle is the dtype of a result, where float32 stands for float16: tare has none.
func halfAsSingle(raw json.RawMessage) (dtype.DType, bool) {
	if strings.Contains(string(raw), "float16") {
		return dtype.Float32, true
	}
	return golden.DecodeDType(raw)
}

// onesOf is an array of ones of a dtype argument.
func onesOf(t *testing.T, raw json.RawMessage, shape ...int) *np.Tensor {
	d, ok := golden.DecodeDType(raw)
	require.True(t, ok, "%s", raw)
	x, err := np.Ones(shape, np.DType(d))
	require.NoError(t, err)
	return x
}

// typed checks that an expression has the case's dtype, before it is evaluated and after, or that it
// is an error as the case is.
func (r *conformance) typed(c golden.Case, e *np.Expr) bool {
	got, err := computed(e)
	if d, other := onPurpose[c.ID]; other {
		return assert.NoError(r.t, err, c.ID) && assert.Equal(r.t, d.want.DType, got.DType, d.why)
	}
	if c.E != "" {
		return assert.Error(r.t, err, "%s %s gives %v", c.ID, c.F, got.DType)
	}
	want, ok := halfAsSingle(c.R)
	require.True(r.t, ok, c.ID)
	return assert.NoError(r.t, err, describe(c)) &&
		assert.Equal(r.t, want, e.DType(), describe(c)) && assert.Equal(r.t, want, got.DType, describe(c))
}

// dtypeOf calls a function of arrays, the last of which has the given shape.
func (r *conformance) dtypeOf(c golden.Case, name string, last []int) bool {
	if code, ok := op.Lookup(name); ok {
		name = code.Row().Name
	}
	args := make([]*np.Expr, len(c.A))
	for i, raw := range c.A {
		shape := []int{2}
		if i == len(c.A)-1 {
			shape = last
		}
		args[i] = np.E(onesOf(r.t, raw, shape...))
	}
	switch {
	case unaryOps[name] != nil:
		return r.typed(c, unaryOps[name](args[0]))
	case binaryOps[name] != nil:
		return r.typed(c, binaryOps[name](args[0], args[1]))
	case foldOps[name] != nil:
		return r.typed(c, foldOps[name](args[0]))
	case name == "where":
		return r.typed(c, np.Where(true, args[0], args[1]))
	case name == "matmul":
		return r.typed(c, np.MatMul(args[0], args[1]))
	}
	return assert.Fail(r.t, "no test", "%s: %s", c.ID, name)
}

// dtypeOfScalar calls a function of an array and a Go number, in either order.
func (r *conformance) dtypeOfScalar(c golden.Case, name string) bool {
	v, err := golden.Decode(c.A[1])
	require.NoError(r.t, err)
	x := onesOf(r.t, c.A[0], 2)
	switch v := v.(type) {
	case bool:
		return withNumber(r, c, name, x, v)
	case int:
		return withNumber(r, c, name, x, v)
	case float64:
		return withNumber(r, c, name, x, v)
	case *big.Int:
		require.True(r.t, v.IsUint64(), c.ID)
		return withNumber(r, c, name, x, v.Uint64())
	}
	return assert.Fail(r.t, "no number", "%s: %T", c.ID, v)
}

func withNumber[N np.Number | bool](r *conformance, c golden.Case, name string, x *np.Tensor, v N) bool {
	type pair struct{ right, left, slot *np.Expr }
	s := np.Scalar(v)
	pairs := map[string]pair{
		"add":      {np.Add(x, v), np.Add(v, x), np.Add(x, s)},
		"multiply": {np.Multiply(x, v), np.Multiply(v, x), np.Multiply(x, s)},
		"divide":   {np.Divide(x, v), np.Divide(v, x), np.Divide(x, s)},
		"maximum":  {np.Maximum(x, v), np.Maximum(v, x), np.Maximum(x, s)},
		"equal":    {np.Equal(x, v), np.Equal(v, x), np.Equal(x, s)},
	}
	p, ok := pairs[name]
	require.True(r.t, ok, "%s: no test of %s", c.ID, name)
	return r.typed(c, p.right) && r.typed(c, p.left) && r.typed(c, p.slot)
}

// inPlace is a += b.
func (r *conformance) inPlace(c golden.Case) bool {
	a, b := onesOf(r.t, c.A[0], 2), onesOf(r.t, c.A[1], 2)
	out, err := np.Add(a, b).Eval(r.t.Context(), np.Out(a))
	errAssign := np.Assign(r.t.Context(), a, np.Add(a, b))
	if c.E != "" {
		return assert.Error(r.t, err, describe(c)) && assert.Error(r.t, errAssign, describe(c))
	}
	want, ok := halfAsSingle(c.R)
	require.True(r.t, ok, c.ID)
	return assert.NoError(r.t, err, describe(c)) && assert.NoError(r.t, errAssign, describe(c)) &&
		assert.Same(r.t, a, out) && assert.Equal(r.t, want, a.DType(), describe(c))
}

// TestComparisonsWithAnyInteger compares arrays with Go integers that their type cannot hold: the
// answer is that of the numbers.
func TestComparisonsWithAnyInteger(t *testing.T) {
	bytes, err := np.FromSlice([]uint8{0, 200, 255})
	require.NoError(t, err)
	signed, err := np.FromSlice([]int8{-128, 0, 127})
	require.NoError(t, err)
	wide, err := np.FromSlice([]uint64{0, 1 << 63, math.MaxUint64})
	require.NoError(t, err)
	none, all := []bool{false, false, false}, []bool{true, true, true}
	for i, tt := range []struct {
		e    *np.Expr
		want []bool
	}{
		{np.Equal(bytes, 256), none},
		{np.Equal(256, bytes), none},
		{np.NotEqual(bytes, -1), all},
		{np.Less(bytes, 300), all},
		{np.Less(300, bytes), none},
		{np.GreaterEqual(bytes, -5), all},
		{np.Greater(signed, -129), all},
		{np.LessEqual(signed, uint64(math.MaxUint64)), all},
		{np.Equal(signed, uint64(1<<63)), none},
		{np.Greater(wide, -1), all},
		{np.Equal(wide, uint64(1<<63)), []bool{false, true, false}},
		{np.Greater(wide, math.MaxInt64), []bool{false, true, true}},
		{np.Less(bytes, 200), []bool{true, false, false}},
		{np.Equal(bytes, 255.0), []bool{false, false, true}},
	} {
		got, err := computed(tt.e)
		require.NoError(t, err, i)
		assert.Equal(t, golden.Of([]int{3}, tt.want), got, i)
	}
}

// TestScalarsKeepTheirOwnValues prepares one plan with several scalars, equal at first, and sets them
// one by one: alone, in scalar arithmetic, in other types.
func TestScalarsKeepTheirOwnValues(t *testing.T) {
	x, err := np.FromSlice([]float32{1, 2})
	require.NoError(t, err)
	a, b := np.Scalar(2.0), np.Scalar(2.0)
	// What is computed of numbers alone has a type of its own, as in NumPy: here float64.
	e := np.Add(np.Multiply(x, a), np.Subtract(np.Multiply(b, b), np.Divide(np.Add(a, 1), 1)))
	for _, opts := range [][]np.EvalOption{nil, {np.Stepwise}} {
		p, err := np.Prepare(e, opts...)
		require.NoError(t, err)
		for _, tt := range []struct {
			a, b float64
			want []float64
		}{{2, 2, []float64{3, 5}}, {3, 2, []float64{3, 6}}, {2, 3, []float64{8, 10}}, {-1, 0, []float64{-1, -2}}} {
			y, err := p.Eval(t.Context(), np.Set(a, tt.a), np.Set(b, tt.b))
			require.NoError(t, err)
			got, err := np.ToSlice[float64](y)
			require.NoError(t, err)
			assert.Equal(t, tt.want, got, "%v", tt)
		}
		y, err := p.Eval(t.Context())
		require.NoError(t, err)
		got, err := np.ToSlice[float64](y)
		require.NoError(t, err)
		assert.Equal(t, []float64{3, 5}, got, "without Set, the first values")
		require.NoError(t, p.Close())
	}
}
