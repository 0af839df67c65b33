package contract

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/cpu"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/op"
)

func TestMain(m *testing.M) {
	Main(func(name string) (device.Device, error) {
		if name == "wrong" {
			return wrong{cpu.New(1)}, nil
		}
		if name == "dying" {
			os.Exit(7)
		}
		return cpu.New(2), nil
	})
	os.Exit(m.Run())
}

func TestTheCPUKeepsTheContract(t *testing.T) {
	rows, err := Run(context.Background(), "cpu", true)
	require.NoError(t, err)
	names := map[string]bool{}
	for _, r := range rows {
		assert.NotEqual(t, "FAIL", r.Result, r.Name+"\n"+r.Detail)
		names[r.Name] = true
	}
	assert.Greater(t, len(rows), 100)
	assert.True(t, names["maps/add"] && names["contract/copy"] && names["close"], "%v", names)
	assert.False(t, names["maps"], "it has tests of its own")
}

func TestAProcessThatDies(t *testing.T) {
	rows, err := Run(context.Background(), "dying", true)
	require.ErrorContains(t, err, "the conformance suite on dying: exit status 7")
	assert.Empty(t, rows)
}

// wrong computes subtractions as additions.
type wrong struct{ device.Device }

func (w wrong) Compile(o ir.Op) (device.Program, error) {
	if k, ok := o.(*ir.Kernel); ok {
		for i, in := range k.Code {
			if in.Kind == ir.Apply && in.Code == op.Subtract {
				k.Code[i].Code = op.Add
			}
		}
	}
	return w.Device.Compile(o)
}

func TestFailuresAreRows(t *testing.T) {
	rows, err := Run(context.Background(), "wrong", true)
	require.NoError(t, err)
	var failed []string
	for _, r := range rows {
		if r.Result == "FAIL" {
			failed = append(failed, r.Name)
			assert.Contains(t, r.Detail, "subtract")
		}
	}
	assert.Contains(t, strings.Join(failed, " "), "maps/subtract")
	assert.NotContains(t, failed, "maps/add")
}
