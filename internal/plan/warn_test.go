package plan_test

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/device/devicetest"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/op"
	"github.com/tare-go/tare/internal/plan"
)

func TestWarnings(t *testing.T) {
	dev := devicetest.Null()
	f64 := func(shape ...int) *ir.Node { return leaf(dev, "f64", dtype.Float64, shape...) }
	f32 := func(shape ...int) *ir.Node { return leaf(dev, "f32", dtype.Float32, shape...) }
	u8 := func(shape ...int) *ir.Node { return leaf(dev, "u8", dtype.Uint8, shape...) }
	square, photo := f64(20, 20), u8(1024, 1024, 3)
	cube := f64(5, 5, 5)
	half := node(ir.Elementwise(op.Multiply, photo, ir.NewWeak(dtype.Float64, 0x3fe0000000000000)))
	for name, c := range map[string]struct {
		n    *ir.Node
		kind plan.WarningKind
		text string // empty for no warning
	}{
		"both are broadcast":      {apply(op.Add, f64(3, 1), f64(4)), plan.MutualExpansion, "add: (3,1) and (4,) are both broadcast, to (3,4): 12 elements out of 3 and 4"},
		"two of three":            {apply(op.Where, apply(op.Greater, f64(3, 4), number(0)), f64(3, 1), f64(4)), plan.MutualExpansion, "where: (3,1) and (4,)"},
		"inside":                  {apply(op.Exp, node(ir.Sum(apply(op.Add, f64(3, 1), f64(4)), over()))), plan.MutualExpansion, "add: (3,1)"},
		"one is broadcast":        {apply(op.Add, f64(3, 4), f64(4)), 0, ""},
		"a scalar":                {apply(op.Add, f64(3, 1), number(4)), 0, ""},
		"no elements":             {apply(op.Add, f64(0, 1), f64(4)), 0, ""},
		"rows of a square":        {apply(op.Subtract, square, node(ir.Mean(square, over(1)))), plan.SquareAlignment, "subtract: the mean over axis 1, kept along axis 0, is being aligned with axis 1 of (20,20): both have 20 elements; say KeepDims"},
		"a map of those":          {apply(op.Subtract, square, apply(op.Exp, node(ir.Mean(square, over(1))))), plan.SquareAlignment, "subtract: the exp over axis 1"},
		"the mean on the left":    {apply(op.Divide, node(ir.Sum(square, over(1))), square), plan.SquareAlignment, "the sum over axis 1"},
		"the middle of a cube":    {apply(op.Subtract, cube, node(ir.Max(cube, over(1)))), plan.SquareAlignment, "kept along axis 0, is being aligned with axis 1 of (5,5,5)"},
		"two axes of a cube":      {apply(op.Subtract, cube, node(ir.Mean(cube, over(0, 2)))), plan.SquareAlignment, "subtract: the mean over axis 0, kept along axis 1, is being aligned with axis 2 of (5,5,5)"},
		"the last two of a cube":  {apply(op.Subtract, cube, node(ir.Mean(cube, over(1, 2)))), plan.SquareAlignment, "kept along axis 0, is being aligned with axis 2 of (5,5,5)"},
		"the first two":           {apply(op.Subtract, cube, node(ir.Mean(cube, over(0, 1)))), 0, ""},
		"columns of a square":     {apply(op.Subtract, square, node(ir.Mean(square, over(0)))), 0, ""},
		"rows with KeepDims":      {apply(op.Subtract, square, node(ir.Mean(square, kept(1)))), 0, ""},
		"all of it":               {apply(op.Subtract, square, node(ir.Mean(square, over()))), 0, ""},
		"meeting in a third type": {apply(op.Add, f32(4), leaf(dev, "i", dtype.Int32, 4)), plan.Promotion, "add: float32 and int32 meet in float64; convert one explicitly (astype)"},
		"signed and unsigned":     {apply(op.Multiply, u8(4), leaf(dev, "i", dtype.Int8, 4)), plan.Promotion, "multiply: uint8 and int8 meet in int16"},
		"a type and a wider one":  {apply(op.Add, f32(4), f64(4)), 0, ""},
		"a Go number":             {apply(op.Add, f32(4), ir.NewWeak(dtype.Float64, 0)), 0, ""},
		"a photo in float64":      {half, plan.Widening, "multiply: uint8 becomes float64, 8× the bytes: 24.0 MiB; in float32 it would take 12.0 MiB"},
		"a photo in int16":        {ir.CastTo(photo, dtype.Int16), plan.Widening, "astype int16: uint8 becomes int16, 2× the bytes: 6.00 MiB"},
		"a small one":             {ir.CastTo(u8(100), dtype.Float64), 0, ""},
		"half a photo by doubles": {apply(op.Add, half, f64(1024, 1024, 3)), 0, ""},
	} {
		p := made(t, background, plan.Options{}, plan.Target{Node: c.n})
		strict, err := plan.New(background, fresh(c.n), plan.Options{Strict: true})
		if c.text == "" {
			assert.Empty(t, p.Warnings, name)
			assert.NoError(t, err, name)
			assert.NotNil(t, strict, name)
			assert.NotContains(t, p.String(), "warning", name)
			continue
		}
		require.Len(t, p.Warnings, 1, name)
		assert.Equal(t, c.kind, p.Warnings[0].Kind, name)
		assert.Contains(t, p.Warnings[0].Text, c.text, name)
		assert.Contains(t, p.String(), "warning: "+p.Warnings[0].Text, name)
		if c.kind == plan.Widening {
			assert.NoError(t, err, name)
			assert.NotContains(t, p.Warnings[0].Text[len(c.text):], "float32", name)
			continue
		}
		var refused *plan.StrictError
		require.ErrorAs(t, err, &refused, name)
		assert.Equal(t, p.Warnings[0], refused.Warning, name)
		assert.Equal(t, "strict: "+p.Warnings[0].Text, err.Error(), name)
	}
}

func TestWarningsSayWhereAndOnce(t *testing.T) {
	dev := devicetest.Null()
	pcs := make([]uintptr, 1)
	runtime.Callers(1, pcs)
	outer := apply(op.Add, leaf(dev, "a", dtype.Float64, 3, 1), leaf(dev, "b", dtype.Float64, 4)).WithSite(pcs[0])
	again := apply(op.Add, leaf(dev, "c", dtype.Float64, 3, 1), leaf(dev, "d", dtype.Float64, 4))
	p := made(t, background, plan.Options{}, fresh(outer, again)...)
	require.Len(t, p.Warnings, 1)
	assert.Regexp(t, `warning: plan/warn_test.go:\d+: add: `, p.String())
	_, err := plan.New(background, fresh(outer), plan.Options{Strict: true})
	assert.Regexp(t, `^plan/warn_test.go:\d+: strict: add: \(3,1\) and \(4,\) are both broadcast`, err.Error())
}
