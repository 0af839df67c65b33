package ledger_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/google/pprof/profile"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/device/ledger"
)

var background = context.Background()

func profiled(t *testing.T, devices ...*device.Ledgered) *profile.Profile {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, ledger.WriteProfile(&out, devices...))
	p, err := profile.Parse(&out)
	require.NoError(t, err)
	require.NoError(t, p.CheckValid())
	return p
}

// total is the sum of a profile's values.
func total(p *profile.Profile) (sum [4]int) {
	for _, s := range p.Sample {
		for i, v := range s.Value {
			sum[i] += int(v)
		}
	}
	return sum
}

// names is the functions of a sample's stack, the innermost first, without their packages.
func names(s *profile.Sample) (list []string) {
	for _, l := range s.Location {
		name := l.Line[0].Function.Name
		list = append(list, name[strings.LastIndexAny(name, "./")+1:])
	}
	return list
}

func TestProfileBySite(t *testing.T) {
	dev := gpu("cuda:0")
	alloc(t, at(background), dev, 1<<20)
	_, _, line, _ := runtime.Caller(0)
	alloc(t, device.WithOp(background, "exp"), dev, 64).Free()
	p := profiled(t, dev)
	assert.Equal(t, [4]int{2, 1<<20 + 64, 1, 1 << 20}, total(p))
	assert.Equal(t, "inuse_space", p.DefaultSampleType)
	require.Len(t, p.Sample, 2)
	first := p.Sample[0]
	assert.Equal(t, []string{"TestProfileBySite"}, names(first))
	assert.EqualValues(t, line-1, first.Location[0].Line[0].Line)
	assert.Equal(t, []string{"cuda:0"}, first.Label["device"])
	assert.Equal(t, "(unknown site)", p.Sample[1].Location[0].Line[0].Function.Name)
	assert.Equal(t, []string{"exp"}, p.Sample[1].Label["op"])
}

//go:noinline
func load(t testing.TB, ctx context.Context, dev device.Device) device.Buffer {
	return alloc(t, at(ctx), dev, 1<<20)
}

//go:noinline
func train(t testing.TB, dev device.Device) device.Buffer { return load(t, background, dev) }

//go:noinline
func infer(t testing.TB, dev device.Device) device.Buffer { return load(t, background, dev) }

func TestProfileByStack(t *testing.T) {
	dev := gpu("cuda:0")
	before := train(t, dev)
	was := device.CaptureStacks(true)
	defer device.CaptureStacks(was)
	kept := train(t, dev)
	for range 2 {
		infer(t, dev).Free()
	}
	device.CaptureStacks(false)

	p := profiled(t, dev)
	by := map[string][]int64{}
	for _, s := range p.Sample {
		by[strings.Join(names(s), " ")] = s.Value
	}
	const mib = 1 << 20
	assert.Equal(t, []int64{1, mib, 1, mib}, by["load"], "without a stack there is the line")
	for stack, values := range by {
		switch {
		case strings.HasPrefix(stack, "load alloc load train TestProfileByStack"):
			assert.Equal(t, []int64{1, mib, 1, mib}, values)
		case strings.HasPrefix(stack, "load alloc load infer TestProfileByStack"):
			assert.Equal(t, []int64{2, 2 * mib, 0, 0}, values)
		default:
			assert.Equal(t, "load", stack)
		}
	}
	assert.Len(t, by, 3)
	before.Free()
	kept.Free()
	assert.Equal(t, [4]int{4, 4 * mib, 0, 0}, total(profiled(t, dev)))
}

// What a person sees: go tool pprof reads the file and names function and line.
func TestGoToolPprof(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("there is no go command: ", err)
	}
	dev := gpu("cuda:0")
	device.CaptureStacks(true)
	defer device.CaptureStacks(false)
	load(t, background, dev)
	alloc(t, at(background), dev, 8<<20)
	_, _, line, _ := runtime.Caller(0)
	file := filepath.Join(t.TempDir(), "tare.pb.gz")
	f, err := os.Create(file)
	require.NoError(t, err)
	require.NoError(t, ledger.WriteProfile(f, dev))
	require.NoError(t, f.Close())

	top := pprof(t, "-top", "-lines", file)
	assert.Regexp(t, `(?m)^ +8MB 88\.89% .*ledger_test\.TestGoToolPprof .*profile_test\.go:`+strconv.Itoa(line-1)+`$`, top)
	assert.Regexp(t, `(?m)^ +1MB 11\.11% .*ledger_test\.load .*profile_test\.go:\d+`, top)
	assert.Contains(t, top, "Type: inuse_space")
	assert.Regexp(t, `(?m)^ +8MB .*ledger_test\.TestGoToolPprof$`, pprof(t, "-top", file), "by function")
	assert.Regexp(t, `(?m)^ +1 50\.00% .*ledger_test\.load$`, pprof(t, "-top", "-sample_index=alloc_objects", file))
	assert.Contains(t, pprof(t, "-tags", file), "cuda:0")
}

func pprof(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", append([]string{"tool", "pprof"}, args...)...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}
