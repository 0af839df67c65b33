package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/cmd/devbench/internal/contract"
	"github.com/tare-go/tare/cpu"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/op"
)

// The conformance suite has this program for its process, before any of the tests here.
func init() {
	device.Register("faulty", faultyDriver{})
	contract.Main(func(name string) (device.Device, error) {
		if name == "faulty:dying" {
			os.Exit(7)
		}
		return ownDevice(name)
	})
}

// faultyDriver opens CPUs of which "faulty:wrong" subtracts wrongly.
type faultyDriver struct{}

func (faultyDriver) List() []device.Status { return nil }

func (faultyDriver) Open(name string) (device.Device, error) { return faulty{cpu.New(1), name}, nil }

type faulty struct {
	device.Device
	name string
}

func (f faulty) Info() device.Info {
	return device.Info{Name: f.name, Kind: "faulty", Model: "a CPU with a fault", Workers: 1}
}

func (f faulty) Compile(o ir.Op) (device.Program, error) {
	k, ok := o.(*ir.Kernel)
	if f.name != "faulty:wrong" || !ok {
		return f.Device.Compile(o)
	}
	wrong := *k
	wrong.Code = nil
	for _, in := range k.Code {
		if in.Kind == ir.Apply && in.Code == op.Subtract {
			in.Code = op.Add
		}
		wrong.Code = append(wrong.Code, in)
	}
	return f.Device.Compile(&wrong)
}

// rows are those that a selftest wrote.
func rows(t *testing.T, text string) []selftestRow {
	t.Helper()
	var all []selftestRow
	for dec := json.NewDecoder(strings.NewReader(text)); dec.More(); {
		var r selftestRow
		require.NoError(t, dec.Decode(&r))
		all = append(all, r)
	}
	return all
}

func TestSelftestOfTheCPU(t *testing.T) {
	o := devbench(t, "selftest", "--short", "--json", "-")
	require.Equal(t, exitOK, o.code, o.err)
	groups := map[string]int{}
	for _, r := range rows(t, o.out) {
		assert.Equal(t, []string{"cpu", "processor"}, []string{r.Device, r.On})
		assert.NotEqual(t, "FAIL", r.Result, r.Name)
		if r.Result == "SKIP" {
			continue
		}
		groups[r.Group]++
	}
	assert.Greater(t, groups["conformance"], 100)
	assert.Equal(t, 2*25, groups["workloads"])
	assert.Regexp(t, `(?m)^cpu on processor: `, o.err)
	assert.Regexp(t, `(?m)^conformance +maps +[0-9]+ +0 +0 `, o.err)
	assert.Regexp(t, `(?m)^workloads +50 +0 +0 `, o.err)
}

func TestSelftestSaysWhatIsWrong(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rows.json")
	o := devbench(t, "selftest", "--device", "faulty:wrong", "--short", "--json", file)
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.err, "the device computes something else than it has to")
	assert.Contains(t, o.out, "faulty:wrong on silicon: a CPU with a fault")
	assert.Contains(t, o.out, "\nFAIL workloads: center_rows float32: element ")
	assert.Contains(t, o.out, "\nFAIL conformance: maps/subtract: ")
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	results := map[string]string{}
	for _, r := range rows(t, string(text)) {
		results[r.Group+" "+r.Name] = r.Result
	}
	assert.Equal(t, "FAIL", results["workloads center_rows float64"])
	assert.Equal(t, "PASS", results["workloads add float64"])
	assert.Equal(t, "FAIL", results["conformance maps/subtract"])
	assert.Equal(t, "PASS", results["conformance maps/add"])
}

func TestASelftestThatCannotGoOnKeepsItsRows(t *testing.T) {
	o := devbench(t, "selftest", "--device", "faulty:dying", "--json", "-")
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.err, "the conformance suite on faulty:dying: exit status 7")
	require.Len(t, rows(t, o.out), 1)
	assert.Equal(t, "memory", rows(t, o.out)[0].Group)
	assert.Regexp(t, `(?m)^memory +0 +0 +1 `, o.err)
}

func TestSelftestChoosesItsDevice(t *testing.T) {
	o := devbench(t, "selftest", "--device", "tpu")
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.err, "tpu")
	o = devbench(t, "selftest", "--json", filepath.Join(t.TempDir(), "no", "folder"))
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.err, "no such file or directory")
	assert.Empty(t, o.out)
	t.Setenv(device.Variable, "tpu")
	assert.Equal(t, "tpu", selftestCommand{}.device())
	assert.Equal(t, "cpu", selftestCommand{Device: "cpu"}.device())
}

func TestSelftestOfASimulatedGPU(t *testing.T) {
	if testing.Short() {
		t.Skip("the simulation takes a while")
	}
	dev, err := device.OpenOwn("cuda:sim")
	if err != nil {
		t.Skipf("%v", err)
	}
	assert.Equal(t, "simulator", where(dev.Info()))
	skipped, err := memoryAgrees(context.Background(), dev)
	assert.NoError(t, err)
	assert.Empty(t, skipped, "the simulated driver counts its memory")
	assert.NoError(t, dev.Close())
}

func TestFirstDifference(t *testing.T) {
	nan := float32(0)
	nan /= nan
	assert.Equal(t, -1, firstDifference([]float32{1, nan}, []float32{1, -nan}), "a NaN is as good as another")
	zero := 0.0
	assert.Equal(t, 1, firstDifference([]float64{1, zero}, []float64{1, -1 / (1 / zero)}), "a zero is not its negative")
	assert.Equal(t, 2, firstDifference([]int64{1, 2}, []int64{1, 2, 3}))
	assert.Equal(t, 0, firstDifference([]bool{true}, []bool{false}))
}
