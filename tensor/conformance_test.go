package tensor_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/golden"
	"github.com/tare-go/tare/internal/op"
	np "github.com/tare-go/tare/tensor"
)

// foldOps are the reductions and scans by name.
var foldOps = map[string]func(np.Array, ...np.ReduceOption) *np.Expr{
	"sum": np.Sum, "prod": np.Prod, "mean": np.Mean, "var": np.Var, "std": np.Std, "min": np.Min, "max": np.Max,
	"any": np.Any, "all": np.All, "argmin": np.ArgMin, "argmax": np.ArgMax, "count_nonzero": np.CountNonzero,
	"cumsum": np.CumSum, "cumprod": np.CumProd,
}

// missing are NumPy's functions that the files below call and that tare does not have yet, and why.
var missing = map[string]string{
	"diff": "not a row yet", "nancumsum": "no nan functions yet", "ptp": "not a row yet", "median": "no sorting yet", "sort": "no sorting yet", "argsort": "no sorting yet", "unique": "no sorting yet",
	"searchsorted": "no sorting yet",
	"nanargmax":    "no nan functions yet", "nanargmin": "no nan functions yet", "nanmax": "no nan functions yet", "nanmin": "no nan functions yet",
	"nanmean": "no nan functions yet", "nanprod": "no nan functions yet", "nansum": "no nan functions yet", "nan_to_num": "no nan functions yet",
	"allclose": "not a row yet", "isclose": "not a row yet", "array_equal": "not a row yet", "clip": "not a row yet", "round": "not a row yet",
	"arccos": "not a row yet", "arccosh": "not a row yet", "arcsin": "not a row yet", "arcsinh": "not a row yet", "arctan": "not a row yet",
	"arctan2": "not a row yet", "arctanh": "not a row yet", "cbrt": "not a row yet", "ceil": "not a row yet", "copysign": "not a row yet",
	"cosh": "not a row yet", "exp2": "not a row yet", "expm1": "not a row yet", "floor": "not a row yet", "fmax": "not a row yet",
	"fmin": "not a row yet", "fmod": "not a row yet", "heaviside": "not a row yet", "hypot": "not a row yet", "log10": "not a row yet",
	"log1p": "not a row yet", "log2": "not a row yet", "logaddexp": "not a row yet", "nextafter": "not a row yet", "rint": "not a row yet",
	"signbit": "not a row yet", "sinh": "not a row yet", "spacing": "not a row yet", "tan": "not a row yet", "trunc": "not a row yet",
	"divmod": "two results", "gcd": "not a row yet", "lcm": "not a row yet", "left_shift": "not a row yet", "right_shift": "not a row yet",
	"dot": "use MatMul", "inner": "use MatMul", "vecdot": "use MatMul", "tensordot": "use MatMul",
	"can_cast": "in package dtype", "result_type": "in package dtype", "concatenate": "no joining yet",
}

// absent says why there is no such function, or nothing.
func absent(name string) string {
	if _, ok := op.Lookup(name); ok {
		return ""
	}
	return missing[name]
}

// difference is what tare answers on purpose where NumPy answers something else.
type difference struct {
	why  string
	want golden.Array // without elements where only the dtype counts
}

// onPurpose are the cases that differ, with tare's answer. See also halfAsSingle in promote_test.go.
var onPurpose = map[string]difference{
	"int-d0100":     {"there is no float16: float32 in its place", golden.Of([]int{2}, []float32{0, 1})},
	"promote-d0800": {"a Go uint64 that int64 cannot hold is uint64, also among bools", golden.Array{DType: dtype.Uint64}},
	"int-d0088":     {"a negative power of integers gives its integer part, and is no error", golden.Of([]int{1}, []int64{0})},
}

// conformance replays the cases of one file.
type conformance struct {
	t       *testing.T
	passed  int
	skipped map[string]int // by why
}

// replay runs every case of a file by run, which gives the expression of a case over operands in one
// layout, or nil where it has no such function.
func replay(t *testing.T, file string, run func(a *arguments) *np.Expr) {
	r := &conformance{t: t, skipped: map[string]int{}}
	for _, c := range golden.Cases(t, file) {
		name := c.F[strings.LastIndex(c.F, ":")+1:]
		if why := absent(name); why != "" {
			r.skipped[why]++
			continue
		}
		if r.one(c, run) {
			r.passed++
		}
	}
	r.report(file)
}

func (r *conformance) report(file string) {
	r.t.Logf("%s: %d cases pass", file, r.passed)
	for _, why := range slices.Sorted(maps.Keys(r.skipped)) {
		r.t.Logf("%s: %d cases skipped: %s", file, r.skipped[why], why)
	}
	assert.Positive(r.t, r.passed)
}

// one replays a case with its operands in every layout.
func (r *conformance) one(c golden.Case, run func(a *arguments) *np.Expr) bool {
	ok := true
	for layout, of := range layouts {
		a := &arguments{t: r.t, c: c, of: of}
		e := run(a)
		if e == nil {
			return assert.Fail(r.t, "no test", "%s: %s", c.ID, c.F)
		}
		got, err := computed(e)
		if d, other := onPurpose[c.ID]; other {
			ok = assert.NoError(r.t, err, c.ID) && assert.Equal(r.t, d.want, got, d.why) && ok
			continue
		}
		ok = assert.NoError(r.t, verdict(c, got, err), "%s, operands in %s", describe(c), layout) && ok
	}
	return ok
}

// verdict compares what came out with the case.
func verdict(c golden.Case, got golden.Array, err error) error {
	switch {
	case c.E != "" && err == nil:
		return fmt.Errorf("%s: got %v of shape %v, where NumPy has %s", c.ID, got.DType, got.Shape, c.E)
	case c.E != "":
		return nil
	case err != nil:
		return fmt.Errorf("%s: %w", c.ID, err)
	}
	return golden.Compare(c, got)
}

func describe(c golden.Case) string {
	args, _ := json.Marshal(c.A)
	kw, _ := json.Marshal(c.K)
	return fmt.Sprintf("%s %s %.300s %s", c.ID, c.F, args, kw)
}

// arguments are the arguments of a case as arrays and options.
type arguments struct {
	t  *testing.T
	c  golden.Case
	of func(t testing.TB, a golden.Array) np.Array
}

// array is an argument, or a keyword's value, as an array.
func (a *arguments) array(raw json.RawMessage) *np.Expr {
	v, ok := golden.DecodeArray(raw)
	require.True(a.t, ok, "%s: %.100s is no array", a.c.ID, raw)
	if len(v.Shape) > 4 {
		return np.E(loaded(a.t, v))
	}
	return np.E(a.of(a.t, v))
}

func (a *arguments) ints(raw json.RawMessage) []int {
	list, ok := golden.DecodeInts(raw)
	require.True(a.t, ok, "%s: %.100s are no integers", a.c.ID, raw)
	return list
}

func (a *arguments) dtype(raw json.RawMessage) dtype.DType {
	d, ok := golden.DecodeDType(raw)
	require.True(a.t, ok, "%s: %.100s is no dtype", a.c.ID, raw)
	return d
}

// options are the keywords of a reduction.
func (a *arguments) options() []np.ReduceOption {
	var opts []np.ReduceOption
	for name, raw := range a.c.K {
		if golden.IsNone(raw) {
			continue
		}
		switch name {
		case "axis":
			opts = append(opts, np.Axis(a.ints(raw)...))
		case "keepdims":
			if keep, ok := golden.DecodeBool(raw); ok && keep {
				opts = append(opts, np.KeepDims)
			}
		case "dtype":
			opts = append(opts, np.DType(a.dtype(raw)))
		case "initial":
			i, ok := golden.DecodeInt(raw)
			require.True(a.t, ok, a.c.ID)
			opts = append(opts, np.Initial(i))
		case "where":
			opts = append(opts, np.WhereMask(a.array(raw)))
		case "ddof":
			f, ok := golden.DecodeFloat(raw)
			require.True(a.t, ok, a.c.ID)
			opts = append(opts, np.DDof(f))
		default:
			a.t.Fatalf("%s: no option %s", a.c.ID, name)
		}
	}
	return opts
}

// call is the call of the function that a case names.
func (a *arguments) call() *np.Expr {
	name := a.c.F
	if code, ok := op.Lookup(name); ok {
		name = code.Row().Name
	}
	switch {
	case unaryOps[name] != nil:
		return unaryOps[name](a.array(a.c.A[0]))
	case binaryOps[name] != nil:
		return binaryOps[name](a.array(a.c.A[0]), a.array(a.c.A[1]))
	case foldOps[name] != nil:
		return foldOps[name](a.array(a.c.A[0]), a.options()...)
	case name == "matmul":
		return np.MatMul(a.array(a.c.A[0]), a.array(a.c.A[1]))
	case name == "astype":
		return np.AsType(a.array(a.c.A[0]), a.dtype(a.c.K["dtype"]))
	}
	return nil
}

func TestReductionsConform(t *testing.T) { replay(t, "reduce.jsonl", (*arguments).call) }
func TestNotFiniteConforms(t *testing.T) { replay(t, "nan.jsonl", (*arguments).call) }
func TestIntegersConform(t *testing.T)   { replay(t, "int.jsonl", (*arguments).call) }
func TestProductsConform(t *testing.T)   { replay(t, "product.jsonl", (*arguments).call) }
