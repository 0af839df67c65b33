package devicetest_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/device/devicetest"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/op"
)

var background = context.Background()

func TestStrictConforms(t *testing.T) {
	dev := devicetest.Strict()
	devicetest.Run(t, dev)
	assert.Empty(t, dev.Leaks())
	require.Len(t, dev.Errors(), 1, "the suite frees one buffer twice")
	assert.ErrorContains(t, dev.Errors()[0], "freed twice")
}

// negate is y = -x for n float64 elements.
func negate(n int) *ir.Kernel {
	o := ir.Operand{Type: dtype.Float64, Strides: []int{8}}
	none := [3]int{-1, -1, -1}
	return &ir.Kernel{Space: []int{n}, Lo: 1, Hi: 1, In: []ir.Operand{o}, Out: []ir.Operand{o}, Code: []ir.Inst{
		{Kind: ir.Load, Type: dtype.Float64, Args: none},
		{Kind: ir.Apply, Code: op.Negative, Type: dtype.Float64, Args: [3]int{0, -1, -1}},
		{Kind: ir.Store, Type: dtype.Float64, Args: [3]int{1, -1, -1}},
	}}
}

func alloc(t *testing.T, dev device.Device, bytes int) device.Buffer {
	t.Helper()
	b, err := dev.Alloc(background, bytes)
	require.NoError(t, err)
	return b
}

func TestStrictRefuses(t *testing.T) {
	dev, other := devicetest.Strict(), devicetest.Strict()
	p, err := dev.Compile(negate(10))
	require.NoError(t, err)
	x, y, freed := alloc(t, dev, 80), alloc(t, dev, 80), alloc(t, dev, 80)
	freed.Free()
	foreign := alloc(t, other, 80)
	for name, c := range map[string]struct {
		args []device.Arg
		want string
	}{
		"host memory":          {[]device.Arg{{Buffer: device.HostBuffer(make([]byte, 80))}, {Buffer: y}}, "not memory of this device"},
		"another device's":     {[]device.Arg{{Buffer: foreign}, {Buffer: y}}, "not memory of this device"},
		"past the end":         {[]device.Arg{{Buffer: x, Off: 8}, {Buffer: y}}, "bytes [8, 88) of a buffer of 80"},
		"before the start":     {[]device.Arg{{Buffer: x}, {Buffer: y, Off: -8}}, "bytes [-8, 72) of a buffer of 80"},
		"too few arguments":    {[]device.Arg{{Buffer: x}}, "1 arguments, want 2"},
		"memory that is freed": {[]device.Arg{{Buffer: freed}, {Buffer: y}}, "after Free"},
	} {
		err := p.Run(background, c.args, device.Span{})
		assert.ErrorContains(t, err, c.want, name)
	}
	assert.NoError(t, p.Run(background, []device.Arg{{Buffer: x}, {Buffer: y}}, device.Span{}))
	err = dev.Copy(background, device.Span{Buffer: x, Len: 80}, device.Span{Buffer: freed, Len: 80})
	assert.ErrorIs(t, err, device.ErrFreed)
	require.Len(t, dev.Leaks(), 2)
	assert.Contains(t, dev.Leaks()[0], "TestStrictRefuses")
	assert.Empty(t, dev.Errors())
}

func TestStrictPoisonsMemory(t *testing.T) {
	dev := devicetest.Strict()
	b := alloc(t, dev, 16)
	defer b.Free()
	host := make([]byte, 16)
	require.NoError(t, dev.Copy(background, device.HostSpan(host), device.Span{Buffer: b, Len: 16}))
	assert.Equal(t, byte(0xFF), host[0])
	assert.Equal(t, byte(0xFF), host[15])
}

func TestStrictWantsItsWorkspace(t *testing.T) {
	dev := devicetest.Strict()
	k := &ir.Kernel{Space: []int{4}, Lo: 0, Hi: 1,
		In:  []ir.Operand{{Type: dtype.Float64, Strides: []int{8}}},
		Out: []ir.Operand{{Type: dtype.Float64, Strides: []int{0}}},
		Code: []ir.Inst{
			{Kind: ir.Load, Type: dtype.Float64, Args: [3]int{-1, -1, -1}},
			{Kind: ir.Fold, Code: op.Add, Type: dtype.Float64, Args: [3]int{0, -1, -1}, Row: true},
			{Kind: ir.Store, Type: dtype.Float64, Args: [3]int{1, -1, -1}, Row: true},
		}}
	p, err := dev.Compile(k)
	require.NoError(t, err)
	args := []device.Arg{{Buffer: alloc(t, dev, 32)}, {Buffer: alloc(t, dev, 8)}}
	assert.ErrorContains(t, p.Run(background, args, device.Span{}), "workspace of 0 bytes")
	work := alloc(t, dev, p.Workspace())
	assert.NoError(t, p.Run(background, args, device.Span{Buffer: work, Len: p.Workspace()}))
}

func TestNullComputesNothing(t *testing.T) {
	dev := device.Ledger(devicetest.Null())
	p, err := dev.Compile(negate(1 << 40))
	require.NoError(t, err)
	x, y := alloc(t, dev, 8<<40), alloc(t, dev, 8<<40)
	require.NoError(t, p.Run(background, []device.Arg{{Buffer: x}, {Buffer: y}}, device.Span{}))
	assert.Equal(t, 16<<40, dev.Stats().PeakBytes)
	assert.Equal(t, 1, dev.Stats().Launches)
	_, err = dev.Compile(&ir.Kernel{Space: []int{1}, Lo: 2, Hi: 1})
	assert.Error(t, err, "an operation that is not well formed")
}
