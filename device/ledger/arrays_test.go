package ledger_test

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/pprof/profile"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/cpu"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/device/ledgertest"
	np "github.com/tare-go/tare/tensor"
)

// above is the line n lines above its caller's.
func above(n int) string {
	_, file, line, _ := runtime.Caller(1)
	return fmt.Sprintf("%s:%d", filepath.Base(file), line-n)
}

// frames is a sample's stack as "function file:line", the innermost first.
func frames(s *profile.Sample) (list []string) {
	for _, l := range s.Location {
		f := l.Line[0].Function
		list = append(list, fmt.Sprintf("%s %s:%d", f.Name[strings.LastIndex(f.Name, ".")+1:], f.Filename[strings.LastIndex(f.Filename, "/")+1:], l.Line[0].Line))
	}
	return list
}

// The profile of a program of arrays has its lines, and none of tare's own functions in front.
func TestProfileOfArrays(t *testing.T) {
	dev := device.Ledger(device.Pool(cpu.New(2)))
	defer func() { require.NoError(t, dev.Close()) }()
	device.CaptureStacks(true)
	defer device.CaptureStacks(false)
	x, err := np.Ones([]int{1000}, np.On(dev))
	ones := above(1)
	require.NoError(t, err)
	e := np.Exp(x)
	exp := above(1)
	y, err := e.Eval(t.Context())
	eval := above(1)
	require.NoError(t, err)

	var stacks []string
	for _, s := range profiled(t, dev).Sample {
		require.NotEmpty(t, s.Location)
		stacks = append(stacks, strings.Join(frames(s), " < "))
	}
	in := "TestProfileOfArrays "
	text := strings.Join(stacks, "\n")
	assert.Contains(t, text, in+ones+" < tRunner")
	assert.Contains(t, text, in+exp+" < "+in+eval+" < tRunner", "the expression's line, and the call that led there")
	assert.NotContains(t, text, "(*")
	x.Free()
	y.Free()
	assert.Zero(t, total(profiled(t, dev))[3])
}

// A test of arrays asserts what they cost.
func TestAssertionsOnArrays(t *testing.T) {
	dev := device.Ledger(device.Pool(cpu.New(2)))
	defer func() { require.NoError(t, dev.Close()) }()
	x, err := np.Ones([]int{100, 100}, np.On(dev))
	require.NoError(t, err)
	e := np.Add(np.Multiply(x, 2.0), np.Exp(x))
	plan, err := e.Plan()
	require.NoError(t, err)
	rec := ledgertest.Run(t, dev, func(ctx context.Context) {
		y, err := e.Eval(ctx)
		require.NoError(t, err)
		y.Free()
	}, ledgertest.NoIntermediates(), ledgertest.MaxTransfers(0), ledgertest.MaxPeak(plan.PeakBytes), ledgertest.NoLeaks(), ledgertest.MaxLaunches(1))
	assert.Equal(t, 1, rec.Stats().Launches)
	x.Free()
}
