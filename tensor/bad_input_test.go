package tensor_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/op"
	"github.com/tare-go/tare/internal/plan"
	np "github.com/tare-go/tare/tensor"
)

// mistake is a call that has to be an error: of a type, at a line of this file, with words that say
// what to do.
type mistake struct {
	line  int
	err   error
	typed func(error) bool
	says  string
}

// here is the line that it is called on.
func here() int {
	_, _, line, _ := runtime.Caller(1)
	return line
}

// isA reports whether an error is, or wraps, an E.
func isA[E error](err error) bool {
	var e E
	return errors.As(err, &e)
}

// failing is the error of a call with a result.
func failing[T any](_ T, err error) error { return err }

func check(t *testing.T, mistakes []mistake) {
	t.Helper()
	for _, m := range mistakes {
		if !assert.Error(t, m.err, "line %d", m.line) {
			continue
		}
		text := m.err.Error()
		t.Log(text)
		assert.True(t, m.typed(m.err), "line %d: %T: %v", m.line, errors.Unwrap(m.err), m.err)
		assert.True(t, isA[*np.Error](m.err), "line %d: %T has no place: %v", m.line, m.err, m.err)
		assert.True(t, strings.HasPrefix(text, fmt.Sprintf("tensor/bad_input_test.go:%d: ", m.line)), "line %d: %s", m.line, text)
		assert.Contains(t, text, m.says, "line %d", m.line)
	}
}

func ones(t *testing.T, typ dtype.DType, shape ...int) *np.Tensor {
	x, err := np.Ones(shape, np.DType(typ))
	require.NoError(t, err)
	return x
}

func TestBadShapesAndAxes(t *testing.T) {
	x, v := ones(t, np.Float64, 2, 3), ones(t, np.Float64, 2)
	big, err := v.Slice(np.At(0))
	require.NoError(t, err)
	big, err = big.BroadcastTo(1 << 59)
	require.NoError(t, err)
	many := make([]int, 33)
	for i := range many {
		many[i] = 1
	}
	axes := isA[*broadcast.AxisError]
	shapes := isA[*broadcast.ShapeError]
	check(t, []mistake{
		{here(), np.Add(x, v).Err(), shapes, "did you mean (2,1), by KeepDims or ExpandDims"},
		{here(), np.Add(np.Add(x, x), np.Sum(x, np.Axis(1))).Err(), shapes, "(2,1)"},
		{here(), np.Where(true, x, v).Err(), shapes, "axis 1 is 3 against 2"},
		{here(), np.Sum(x, np.Axis(2)).Err(), axes, "from -2 to 1"},
		{here(), np.Sum(x, np.Axis(-3)).Err(), axes, "axis -3"},
		{here(), np.Mean(x, np.Axis(0, -2)).Err(), axes, "named twice"},
		{here(), np.Max(x, np.Axis(math.MinInt)).Err(), axes, "does not exist"},
		{here(), np.ArgMax(x, np.Axis(0, 1)).Err(), isA[*ir.OptionError], "give one axis"},
		{here(), np.ArgMax(x, np.Axis()).Err(), isA[*ir.OptionError], "give one axis"},
		{here(), np.MatMul(x, x).Err(), isA[*ir.ProductError], "axis 1 of the first has 3 elements"},
		{here(), np.MatMul(x, np.Sum(x)).Err(), isA[*ir.ProductError], "use Multiply"},
		{here(), np.Transpose(x, 0).Err(), axes, "1 axes are named where 2 are needed"},
		{here(), np.Transpose(x, 0, 0).Err(), axes, "named twice"},
		{here(), failing(x.Transpose(0, 7)), axes, "from -2 to 1"},
		{here(), failing(x.Reshape(4, 2)), isA[*broadcast.ReshapeError], "has 6 elements, not 8"},
		{here(), np.Reshape(x, -1, -1).Err(), isA[*broadcast.ReshapeError], "only one extent can be -1"},
		{here(), np.Reshape(np.Negative(x), 5, -1).Err(), isA[*broadcast.ReshapeError], "no extent in place of -1"},
		{here(), failing(x.Reshape(many...)), shapes, "at most 32"},
		{here(), failing(x.Squeeze(0)), axes, "cannot be squeezed"},
		{here(), np.Squeeze(np.Negative(x), 5).Err(), axes, "does not exist"},
		{here(), failing(x.ExpandDims(4)), axes, "does not exist"},
		{here(), failing(x.ExpandDims(0, 0)), axes, "named twice"},
		{here(), failing(x.ExpandDims(many...)), axes, "named twice"},
		{here(), failing(x.MoveAxis(0, 2)), axes, "does not exist"},
		{here(), np.MoveAxis(np.Negative(x), -3, 0).Err(), axes, "does not exist"},
		{here(), failing(x.Flip(2)), axes, "does not exist"},
		{here(), failing(x.Flip(1, 1)), axes, "named twice"},
		{here(), failing(x.BroadcastTo(3, 3)), shapes, "axis 0 is 2 against 3"},
		{here(), failing(x.BroadcastTo(3)), shapes, "more axes"},
		{here(), failing(v.BroadcastTo(-1, 2)), shapes, "negative extent"},
		{here(), failing(v.BroadcastTo(1<<62, 2)), shapes, "too large"},
		{here(), np.BroadcastTo(np.Negative(v), 1<<60, 2).Err(), shapes, "too large"},
		{here(), np.Add(np.ExpandDims(big, 0), np.BroadcastTo(np.Scalar(1), 1<<59, 1)).Err(), shapes, "too large"},
		{here(), failing(x.Slice(np.At(2))), isA[*broadcast.IndexError], "it has 0 to 1, or -2 to -1 from the end"},
		{here(), failing(x.Slice(np.At(0), np.At(0), np.At(0))), isA[*broadcast.IndexError], "more axes than the 2"},
		{here(), failing(x.Slice(np.Step(0))), isA[*broadcast.IndexError], "the step along axis 0 is 0"},
		{here(), np.Slice(np.Negative(x), np.Ellipsis, np.Ellipsis).Err(), isA[*broadcast.IndexError], "more than one Ellipsis"},
		{here(), failing(x.Slice(np.At(math.MinInt))), isA[*broadcast.IndexError], "no place"},
	})
}

func TestBadTypes(t *testing.T) {
	x, u, b := ones(t, np.Float64, 2), ones(t, np.Uint8, 2), ones(t, np.Bool, 2)
	types := isA[*op.TypeError]
	check(t, []mistake{
		{here(), np.Subtract(b, b).Err(), types, "use logical_xor"},
		{here(), np.Negative(b).Err(), types, "logical_not"},
		{here(), np.BitwiseAnd(x, u).Err(), types, "cast to an integer type"},
		{here(), np.Invert(x).Err(), types, "cast to an integer type"},
		{here(), np.Add(u, 256).Err(), isA[*ir.RangeError], "the integer 256 does not fit uint8"},
		{here(), np.Multiply(-1, u).Err(), isA[*ir.RangeError], "AsType"},
		{here(), np.Maximum(u, uint64(math.MaxUint64)).Err(), isA[*ir.RangeError], "18446744073709551615"},
		{here(), np.Min(u, np.Initial(256)).Err(), isA[*ir.RangeError], "256 does not fit uint8"},
		{here(), np.Sum(u, np.Initial(-1)).Err(), isA[*ir.RangeError], "-1 does not fit uint64"},
		{here(), failing(np.Full([]int{2}, -1, np.DType(np.Uint16))), isA[*ir.RangeError], "-1 does not fit uint16"},
		{here(), failing(np.FullLike(u, 1000)), isA[*ir.RangeError], "1000 does not fit uint8"},
		{here(), np.Assign(t.Context(), u, 300), isA[*ir.RangeError], "300 does not fit uint8"},
		{here(), np.Var(x, np.DType(np.Int64)).Err(), isA[*ir.OptionError], "float32 or float64"},
		{here(), np.Sum(x, np.DType(dtype.DType(77))).Err(), isA[*np.TypeError], "is no type of elements"},
		{here(), np.AsType(x, dtype.Invalid).Err(), isA[*np.TypeError], "use Bool, Int8"},
		{here(), failing(np.Zeros([]int{2}, np.DType(dtype.Count))), isA[*np.TypeError], "is no type of elements"},
		{here(), failing(np.Data[float32](x)), isA[*np.Error], "convert it with AsType(t, float32)"},
		{here(), failing(np.ToSlice[int64](x)), isA[*np.Error], "the array is float64, not int64"},
		{here(), failing(np.Item[bool](x)), isA[*np.Error], "has 2 elements, not 1"},
	})
}

func TestReductionsOfNothing(t *testing.T) {
	none, x := ones(t, np.Float64, 0, 3), ones(t, np.Float64, 2)
	empty := isA[*ir.EmptyError]
	check(t, []mistake{
		{here(), np.Max(none).Err(), empty, "give Initial"},
		{here(), np.Min(none, np.Axis(0)).Err(), empty, "min has no identity"},
		{here(), np.ArgMax(none, np.Axis(0)).Err(), empty, "needs one"},
		{here(), np.Max(x, np.WhereMask(np.Greater(x, 5))).Err(), isA[*ir.OptionError], "needs Initial"},
		{here(), np.Sum(x, np.WhereMask(x)).Err(), isA[*ir.OptionError], "has to be bool"},
		{here(), np.Sum(x, np.WhereMask(np.Greater(ones(t, np.Float64, 3), 1))).Err(), isA[*broadcast.ShapeError], "against"},
		{here(), np.Sum(x, np.WhereMask(np.Greater(ones(t, np.Float64, 4, 2), 1))).Err(), isA[*broadcast.ShapeError], "more axes"},
	})
}

// An option that a function would not heed is not taken.
func TestOptionsNotTaken(t *testing.T) {
	x := ones(t, np.Float64, 2)
	mask := np.Greater(x, 0)
	options := isA[*ir.OptionError]
	check(t, []mistake{
		{here(), np.ArgMax(x, np.WhereMask(mask)).Err(), options, "argmax has no such option; it takes Axis, KeepDims"},
		{here(), np.ArgMin(x, np.Initial(1)).Err(), options, "Initial"},
		{here(), np.ArgMin(x, np.DType(np.Int32)).Err(), options, "DType"},
		{here(), np.Sum(x, np.DDof(1)).Err(), options, "it takes Axis, KeepDims, DType, Initial, Where"},
		{here(), np.Mean(x, np.Initial(1)).Err(), options, "Initial"},
		{here(), np.Var(x, np.Initial(1)).Err(), options, "DDof, Where"},
		{here(), np.Any(x, np.DType(np.Int8)).Err(), options, "DType"},
		{here(), np.All(x, np.Initial(true)).Err(), options, "Initial"},
		{here(), np.CountNonzero(x, np.DType(np.Int8)).Err(), options, "DType"},
		{here(), np.Max(x, np.DDof(1)).Err(), options, "DDof"},
		{here(), np.CumSum(x, np.KeepDims).Err(), options, "the shape of its operand"},
		{here(), np.CumProd(x, np.WhereMask(mask)).Err(), options, "one Axis and DType"},
		{here(), np.CumMax(nil).Err(), isA[*np.NilError], "a nil array"},
	})
}

func TestBadSlices(t *testing.T) {
	knot := []any{nil}
	knot[0] = knot
	slices := isA[*np.SliceError]
	type mine float64
	check(t, []mistake{
		{here(), failing(np.FromSlice([][]float64{{1, 2}, {3, 4}, {5}})), slices, "element [2] has 1 elements, and the ones before have 2"},
		{here(), failing(np.FromSlice([]any{1.0, 2.0, 3})), slices, "element [2] is int64, and the ones before are float64"},
		{here(), failing(np.FromSlice([]any{[]int{1}, 2})), slices, "element [1] is int, where the ones before are lists of 1"},
		{here(), failing(np.FromSlice([]any{1, []int{2}})), slices, "element [1] is a list, where the ones before are elements"},
		{here(), failing(np.FromSlice([][][]int{{{1}, {2}}, {{3}, {4, 5}}})), slices, "element [1][1] has 2 elements"},
		{here(), failing(np.FromSlice([]any{1, nil})), slices, "element [1] is nil"},
		{here(), failing(np.FromSlice([]string{"a"})), slices, "element [0] is string, which no array holds"},
		{here(), failing(np.FromSlice([]complex128{1})), slices, "bool, integers, float32 or float64"},
		{here(), failing(np.FromSlice([]mine{1})), slices, "element [0] is tensor_test.mine"},
		{here(), failing(np.FromSlice(map[int]int{})), slices, "the data is map[int]int"},
		{here(), failing(np.FromSlice(nil)), slices, "the data is nil"},
		{here(), failing(np.FromSlice(&[]int{1})), slices, "the data is *[]int"},
		{here(), failing(np.FromSlice(knot)), slices, "at most 32 dimensions"},
		{here(), failing(np.FromSlice([]float64{1, 2, 3}, 2, 2)), isA[*broadcast.ReshapeError], "3 elements, not 4"},
		{here(), failing(np.FromSlice([][]int{{1, 2}}, 3)), isA[*broadcast.ReshapeError], "2 elements, not 3"},
		{here(), failing(np.FromSlice([]float64{}, -1, 0)), isA[*broadcast.ReshapeError], "-1"},
	})
}

func TestBadCreation(t *testing.T) {
	thirtyThree := make([]int, 33)
	shapes := isA[*broadcast.ShapeError]
	budget := isA[*device.BudgetError]
	point := ones(t, np.Float64)
	wide, err := point.BroadcastTo(1 << 59)
	require.NoError(t, err)
	check(t, []mistake{
		{here(), failing(np.Zeros([]int{2, -3})), shapes, "(2,-3) has a negative extent"},
		{here(), failing(np.Ones([]int{math.MaxInt, 2})), shapes, "too large"},
		{here(), failing(np.Empty([]int{1 << 61})), shapes, "too large"},
		{here(), failing(np.Full(thirtyThree, 1)), shapes, "at most 32"},
		{here(), failing(np.Empty([]int{1 << 50})), budget, "9007199254740992"},
		{here(), failing(np.Zeros([]int{1 << 30, 1 << 20})), budget, "the budget is"},
		{here(), failing(np.Eye(-1, 2, 0)), shapes, "negative extent"},
		{here(), failing(np.Eye(1<<31, 1<<31, 0)), isA[*np.Error], ""},
		{here(), failing(np.Arange(0, 1<<50, 1)), budget, "the budget is"},
		{here(), failing(np.Arange(math.MinInt, math.MaxInt, 1)), isA[*np.Error], "no number of elements"},
		{here(), failing(np.Arange(0.0, math.Inf(1), 1)), isA[*np.Error], "no number of elements"},
		{here(), failing(np.Arange(0, 5, 0)), isA[*np.Error], "in steps of 0"},
		{here(), failing(np.Arange(0.0, math.NaN(), 1)), isA[*np.Error], "NaN"},
		{here(), failing(np.Arange(0, 5, 1, np.DType(np.Bool))), isA[*np.Error], "at most 2 elements"},
		{here(), failing(np.Linspace(0, 1, -1)), isA[*np.Error], "at least 0"},
		{here(), failing(np.Linspace(0, 1, 1<<50)), budget, "the budget is"},
		{here(), failing(np.LinspaceOpen(0, 1, math.MaxInt)), shapes, "too large"},
		{here(), failing(np.FromFunc[float64]([]int{2}, nil)), isA[*np.NilError], "a nil function"},
		{here(), failing(np.FromFunc([]int{1 << 50}, func([]int) int8 { return 0 })), budget, "the budget is"},
		{here(), failing(np.FromFunc([]int{-1}, func([]int) int8 { return 0 })), shapes, "negative extent"},
		{here(), failing(wide.Copy(t.Context())), budget, "the budget is"},
		{here(), failing(np.ToSlice[float64](wide)), budget, "needs"},
		{here(), failing(np.Add(wide, 1).Eval(t.Context())), budget, "the budget is"},
		{here(), failing(np.AsType(wide, np.Bool).Eval(t.Context())), budget, "ways out"},
	})
}

func TestBadOut(t *testing.T) {
	ctx := t.Context()
	x, other := ones(t, np.Float64, 2, 3), ones(t, np.Float64, 2, 3)
	i := ones(t, np.Int32, 2, 3)
	repeated, err := ones(t, np.Float64, 3).BroadcastTo(2, 3)
	require.NoError(t, err)
	freed := ones(t, np.Float64, 2, 3)
	freed.Free()
	outs := isA[*plan.OutError]
	sum := np.Add(x, 1)
	check(t, []mistake{
		{here(), failing(sum.Eval(ctx, np.Out(ones(t, np.Float64, 3, 2)))), outs, "the array has shape (3,2) and the result (2,3)"},
		{here(), failing(sum.Eval(ctx, np.Out(ones(t, np.Float64, 1, 2, 3)))), outs, "the array has shape (1,2,3)"},
		{here(), failing(sum.Eval(ctx, np.Out(i))), outs, "use AsType"},
		{here(), failing(sum.Eval(ctx, np.Out(repeated))), outs, "overlaps itself"},
		{here(), failing(sum.Eval(ctx, np.Out(freed))), isA[*device.FreedError], "keep it until its last use"},
		{here(), failing(sum.Eval(ctx, np.Out(nil))), outs, "nil"},
		{here(), failing(sum.Eval(ctx, np.Out(x, other))), outs, "2 arrays for 1 expressions"},
		{here(), failing(sum.Plan(np.Out(i))), outs, "use AsType"},
		{here(), failing(np.Prepare(sum, np.Out(i))), outs, "use AsType"},
		{here(), failing(np.EvalAll(ctx, []*np.Expr{sum, sum}, np.Out(other, other))), outs, "give each an array of its own"},
		{here(), failing(sum.Eval(ctx, np.WhereMask(np.Greater(x, 0)))), outs, "needs Out"},
		{here(), failing(sum.Eval(ctx, np.Out(other), np.WhereMask(x))), outs, "the mask is float64, and has to be bool"},
		{here(), failing(sum.Eval(ctx, np.Out(other), np.WhereMask(np.Greater(ones(t, np.Float64, 2), 0)))), isA[*broadcast.ShapeError], "the mask: shape (2,) does not broadcast"},
		{here(), np.Assign(ctx, repeated, 1), outs, "overlaps itself"},
		{here(), np.Assign(ctx, x, ones(t, np.Float64, 4)), isA[*broadcast.ShapeError], "axis 1 is 4 against 3"},
		{here(), np.Assign(ctx, i, 2.5), outs, "without losing its kind"},
		{here(), np.Assign(ctx, i, np.Add(i, np.AsType(i, np.Float64))), outs, "use AsType"},
		{here(), failing(sum.Eval(ctx, np.Budget(0))), isA[*device.BudgetError], "raise the budget"},
		{here(), failing(sum.Eval(ctx, np.Budget(-5))), isA[*device.BudgetError], "raise the budget"},
		{here(), failing(np.Add(ones(t, np.Float64, 3, 1), ones(t, np.Float64, 3)).Eval(ctx, np.Strict)), isA[*plan.StrictError], "both broadcast"},
	})
	none, err := np.EvalAll(ctx, nil, np.Budget(-1))
	assert.NoError(t, err)
	assert.Empty(t, none)
}

func isFreed(err error) bool { return errors.Is(err, device.ErrFreed) }

func TestUseAfterFree(t *testing.T) {
	ctx := t.Context()
	base := ones(t, np.Float64, 4)
	view, err := base.Slice(np.RangeStep(0, 4, 2))
	require.NoError(t, err)
	later := np.Add(view, 1)
	ready, err := np.Prepare(later)
	require.NoError(t, err)
	base.Free()
	base.Free()
	check(t, []mistake{
		{here(), failing(later.Eval(ctx)), isFreed, "keep it until its last use"},
		{here(), failing(ready.Eval(ctx)), isFreed, "was freed before"},
		{here(), failing(view.Copy(ctx)), isFreed, "was freed before"},
		{here(), failing(np.ToSlice[float64](view)), isFreed, "was freed before"},
		{here(), failing(np.ToSlice[float64](base)), isFreed, "was freed before"},
		{here(), failing(np.Data[float64](base)), isFreed, "was freed before"},
		{here(), np.Assign(ctx, view, 1), isFreed, "was freed before"},
		{here(), failing(np.Item[float64](ones(t, np.Float64, 2))), isA[*np.Error], "index it down to one"},
	})
	require.NoError(t, ready.Close())
	assert.Contains(t, view.String(), "freed")
}

func TestClosedPlans(t *testing.T) {
	ready, err := np.Prepare(np.Add(ones(t, np.Float64, 4), 1))
	require.NoError(t, err)
	require.NoError(t, ready.Close())
	require.NoError(t, ready.Close())
	check(t, []mistake{
		{here(), failing(ready.Eval(t.Context())), func(err error) bool { return errors.Is(err, device.ErrClosed) }, "Close"},
	})
}

func TestDataOfViews(t *testing.T) {
	x := ones(t, np.Float64, 3, 4)
	column, err := x.Slice(np.Whole(), np.At(1))
	require.NoError(t, err)
	rows, err := x.Slice(np.From(1))
	require.NoError(t, err)
	check(t, []mistake{
		{here(), failing(np.Data[float64](column)), isA[*np.Error], "is not contiguous; use ToSlice, or Copy it first"},
	})
	data, err := np.Data[float64](rows)
	require.NoError(t, err)
	data[0] = 5
	whole, err := np.Data[float64](x)
	require.NoError(t, err)
	assert.Equal(t, 5.0, whole[4])
}

func TestNilEverywhere(t *testing.T) {
	ctx := t.Context()
	var x *np.Tensor
	var e *np.Expr
	var a np.Array
	y := ones(t, np.Float64, 2)
	nils := isA[*np.NilError]
	check(t, []mistake{
		{here(), np.Add(x, 1).Err(), nils, "a nil array"},
		{here(), np.Add(1, e).Err(), nils, "looked at"},
		{here(), np.Where(true, y, e).Err(), nils, "a nil array"},
		{here(), np.Sum(a).Err(), nils, "a nil array"},
		{here(), np.Sum(x).Err(), nils, "a nil array"},
		{here(), np.Sum(y, np.WhereMask(nil)).Err(), nils, "a nil array"},
		{here(), np.MatMul(y, nil).Err(), nils, "a nil array"},
		{here(), np.AsType(nil, np.Float32).Err(), nils, "a nil array"},
		{here(), np.Slice(x, np.At(0)).Err(), nils, "a nil array"},
		{here(), np.Reshape(nil, 1).Err(), nils, "a nil array"},
		{here(), np.Transpose(e).Err(), nils, "a nil array"},
		{here(), failing(x.Slice()), nils, "a nil array"},
		{here(), failing(x.Reshape(1)), nils, "a nil array"},
		{here(), failing(x.Transpose()), nils, "a nil array"},
		{here(), failing(x.BroadcastTo(1)), nils, "a nil array"},
		{here(), failing(x.Flip()), nils, "a nil array"},
		{here(), failing(x.Squeeze()), nils, "a nil array"},
		{here(), failing(x.ExpandDims(0)), nils, "a nil array"},
		{here(), failing(x.MoveAxis(0, 0)), nils, "a nil array"},
		{here(), failing(x.Copy(ctx)), nils, "a nil array"},
		{here(), failing(x.To(ctx, y.Device())), nils, "a nil array"},
		{here(), failing(y.To(ctx, nil)), nils, "a nil device"},
		{here(), failing(y.To(nil, y.Device())), nils, "a nil context"}, //nolint:staticcheck // that is the test
		{here(), failing(np.Data[float64](x)), nils, "a nil array"},
		{here(), failing(np.ToSlice[float64](x)), nils, "a nil array"},
		{here(), failing(np.Item[float64](x)), nils, "a nil array"},
		{here(), failing(np.ZerosLike(x)), nils, "a nil array"},
		{here(), failing(np.FullLike(x, 2)), nils, "a nil array"},
		{here(), failing(np.EmptyLike(x)), nils, "a nil array"},
		{here(), np.Assign(ctx, x, 1), nils, "a nil array"},
		{here(), np.Assign(ctx, y, x), nils, "a nil array"},
		{here(), failing(e.Eval(ctx)), nils, "a nil array"},
		{here(), failing(e.Plan()), nils, "a nil array"},
		{here(), failing(np.Prepare(nil)), nils, "a nil array"},
		{here(), failing(np.EvalAll(ctx, []*np.Expr{nil})), nils, "a nil array"},
		{here(), failing(np.Add(y, 1).Eval(nil)), nils, "a nil context"}, //nolint:staticcheck // that is the test
		{here(), failing(y.Copy(nil)), nils, "a nil context"},            //nolint:staticcheck // that is the test
		{here(), failing(np.FromMemory(nil, nil, np.Float64, broadcast.View{})), nils, "a nil device"},
	})
	assert.Nil(t, x.Shape())
	assert.Nil(t, x.Strides())
	assert.Nil(t, x.Base())
	assert.Nil(t, x.Device())
	assert.Nil(t, x.Named("x"))
	assert.Zero(t, x.Size()+x.NDim()+x.NBytes()+int(x.Version()))
	assert.False(t, x.IsContiguous())
	assert.Equal(t, dtype.Invalid, x.DType())
	assert.Nil(t, e.Shape())
	assert.Zero(t, e.NDim())
	assert.Equal(t, dtype.Invalid, e.DType())
	assert.Error(t, e.Err())
	x.Free()
}

// Options that are nil say nothing.
func TestNilOptions(t *testing.T) {
	x, err := np.Zeros([]int{2}, nil)
	require.NoError(t, err)
	_, err = np.Sum(x, nil, np.Axis(0)).Eval(t.Context(), nil)
	assert.NoError(t, err)
	_, err = np.Add(x, 1).Eval(t.Context(), np.On(nil))
	assert.NoError(t, err)
}

// The first mistake stays, with its own place.
func TestMistakesStick(t *testing.T) {
	x := ones(t, np.Float64, 2, 3)
	wrong, line := np.Add(x, ones(t, np.Float64, 2)), here()
	for _, e := range []*np.Expr{
		np.Sqrt(wrong), np.Add(1, wrong), np.Sum(wrong), np.MatMul(wrong, x), np.Reshape(wrong, 6),
		np.AsType(wrong, np.Int8), np.Sum(x, np.WhereMask(wrong)),
	} {
		_, err := e.Eval(t.Context())
		assert.ErrorContains(t, err, fmt.Sprintf("tensor/bad_input_test.go:%d: add: shapes (2,3) and (2,) do not broadcast", line))
		assert.Equal(t, dtype.Invalid, e.DType())
		assert.Nil(t, e.Shape())
	}
}

func TestBadBindings(t *testing.T) {
	ctx := t.Context()
	x, y, unread := ones(t, np.Float64, 8), ones(t, np.Float64, 2), ones(t, np.Float64, 8)
	head, err := x.Slice(np.To(2))
	require.NoError(t, err)
	tail, err := x.Slice(np.From(6))
	require.NoError(t, err)
	s, bytes := np.Scalar(3), np.AsType(y, np.Uint8)
	both, err := np.Prepare(np.Add(head, tail))
	require.NoError(t, err)
	scaled, err := np.Prepare(np.Multiply(bytes, s))
	require.NoError(t, err)
	flipped, err := x.Flip()
	require.NoError(t, err)
	buffer := ones(t, np.Float64, 8)
	reversed, err := np.Prepare(np.Add(flipped, 1), np.Out(buffer))
	require.NoError(t, err)
	back, err := buffer.Flip()
	require.NoError(t, err)
	binds := isA[*np.BindError]
	check(t, []mistake{
		{here(), failing(both.Eval(ctx, np.Bind(head, y))), binds, "bind the array that holds all of it"},
		{here(), failing(both.Eval(ctx, np.Bind(x, y))), binds, "prepare a plan for it"},
		{here(), failing(both.Eval(ctx, np.Bind(unread, x))), binds, "does not read"},
		{here(), failing(both.Eval(ctx, np.Bind(x, unread), np.Bind(x, x))), binds, "bound twice"},
		{here(), failing(both.Eval(ctx, np.Bind(nil, y))), isA[*np.NilError], "a nil array"},
		{here(), failing(both.Eval(ctx, np.Bind(x, nil))), isA[*np.NilError], "a nil array"},
		{here(), failing(both.Eval(ctx, np.Set(s, 2))), binds, "does not read this Scalar"},
		{here(), failing(scaled.Eval(ctx, np.Set(s, 2.5))), binds, "prepare a plan for it"},
		{here(), failing(scaled.Eval(ctx, np.Set(s, 256))), isA[*ir.RangeError], "256 does not fit uint8"},
		{here(), failing(scaled.Eval(ctx, np.Set(np.Add(x, 1), 2))), binds, "what Scalar made"},
		{here(), failing(scaled.Eval(ctx, np.Set[int](nil, 2))), binds, "what Scalar made"},
		{here(), failing(reversed.Eval(ctx, np.Bind(flipped, back))), binds, "shares memory with Out"},
		{here(), failing(both.Eval(nil)), isA[*np.NilError], "a nil context"}, //nolint:staticcheck // that is the test
	})
}

// A context that has ended ends an evaluation before it allocates.
func TestEndedContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	x := ones(t, np.Float64, 2)
	ctx, rec := device.Record(ctx)
	_, err := np.Add(x, 1).Eval(ctx)
	assert.ErrorIs(t, err, context.Canceled)
	assert.Zero(t, rec.Stats().PeakBytes)
}

// What is bound is read, and Out is written, also where a plan was made to work in place.
func TestBindingsAreOnlyRead(t *testing.T) {
	x, y := ones(t, np.Float64, 3), ones(t, np.Float64, 3)
	require.NoError(t, np.Assign(t.Context(), y, 5))
	double, err := np.Prepare(np.Multiply(x, 2), np.Out(x))
	require.NoError(t, err)
	_, err = double.Eval(t.Context(), np.Bind(x, y))
	require.NoError(t, err)
	assert.Equal(t, "[10. 10. 10.]", x.String())
	assert.Equal(t, "[5. 5. 5.]", y.String())
	assert.EqualValues(t, 1, x.Version())
	assert.EqualValues(t, 1, y.Version())
	require.NoError(t, double.Close())
}
