package plan_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/device/devicetest"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/op"
	"github.com/tare-go/tare/internal/plan"
)

func gpus() (a, b device.Device) {
	return devicetest.NullOf(device.Info{Name: "null:0", Workers: 1}), devicetest.NullOf(device.Info{Name: "null:1", Workers: 1})
}

// mismatch is the error of targets on two devices.
func mismatch(t *testing.T, opt plan.Options, targets ...plan.Target) *device.MismatchError {
	t.Helper()
	p, err := plan.New(background, targets, opt)
	require.Nil(t, p)
	var e *device.MismatchError
	require.ErrorAs(t, err, &e)
	return e
}

func TestPlansRunWhereTheOperandsAre(t *testing.T) {
	a, b := gpus()
	x := leaf(b, "x", dtype.Float64, 10)
	assert.Same(t, b, made(t, background, plan.Options{}, plan.Target{Node: apply(op.Exp, x)}).Device)
	assert.Same(t, b, made(t, background, plan.Options{Device: b}, plan.Target{Node: apply(op.Exp, x)}).Device)
	assert.Same(t, a, made(t, background, plan.Options{Device: a}, plan.Target{Node: number(3)}).Device)
	zeros := node(ir.BroadcastTo(number(0), []int{10}))
	assert.Same(t, b, made(t, background, plan.Options{}, plan.Target{Node: zeros, Out: x}).Device, "an Out has a place too")
}

func TestOperandsOnTwoDevices(t *testing.T) {
	a, b := gpus()
	small, large := leaf(a, "small", dtype.Float32, 500), leaf(b, "large", dtype.Float64, 100, 500)
	for _, n := range []*ir.Node{apply(op.Add, small, large), apply(op.Add, large, small)} {
		e := mismatch(t, plan.Options{}, plan.Target{Node: n})
		assert.Equal(t, device.MismatchError{Op: "add", A: "null:0", B: "null:1", Bytes: 2000}, *e, "the smaller one is to be moved")
		assert.Contains(t, e.Error(), "use x.To(ctx, dev) with the device null:1 on the operand that is on null:0 (this moves 1.95 KiB (2000 bytes))")
	}
}

func TestWhatMovesIsTheViewAndNotItsArray(t *testing.T) {
	a, b := gpus()
	row := index(leaf(a, "table", dtype.Float64, 1000, 10), at(7))
	e := mismatch(t, plan.Options{}, plan.Target{Node: apply(op.Multiply, leaf(b, "w", dtype.Float64, 10), row)})
	assert.Equal(t, 80, e.Bytes)
}

func TestOperandsElsewhereThanAsked(t *testing.T) {
	a, b := gpus()
	e := mismatch(t, plan.Options{Device: a}, plan.Target{Node: apply(op.Exp, leaf(b, "x", dtype.Float64, 1000))})
	assert.Equal(t, device.MismatchError{Op: "eval on null:0", A: "null:1", B: "null:0", Bytes: 8000}, *e)
	assert.Contains(t, e.Error(), "with the device null:0 on the operand that is on null:1 (this moves 7.81 KiB (8000 bytes))")
}

func TestMasksAndOutsAreOperandsToo(t *testing.T) {
	a, b := gpus()
	x, out := leaf(a, "x", dtype.Float64, 100), leaf(b, "out", dtype.Float64, 100)
	assert.Equal(t, 800, mismatch(t, plan.Options{}, plan.Target{Node: apply(op.Exp, x), Out: out}).Bytes)
	mask := leaf(b, "mask", dtype.Bool, 100)
	e := mismatch(t, plan.Options{}, plan.Target{Node: apply(op.Exp, x), Out: leaf(a, "out", dtype.Float64, 100), Mask: mask})
	assert.Equal(t, device.MismatchError{Op: "exp", A: "null:1", B: "null:0", Bytes: 100}, *e)
	e = mismatch(t, plan.Options{}, plan.Target{Node: apply(op.Exp, x)}, plan.Target{Node: apply(op.Sqrt, out)})
	assert.Equal(t, 800, e.Bytes, "all targets of a plan run in one place")
}
