package ledger_test

import (
	"bytes"
	"context"
	"encoding/json"
	"expvar"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/device/devicetest"
	"github.com/tare-go/tare/device/ledger"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
)

// gpu is a device whose memory the processor cannot reach.
func gpu(name string) *device.Ledgered {
	return device.Ledger(device.Pool(devicetest.NullOf(device.Info{Name: name, Kind: "cuda", Model: "A card", Memory: 1 << 30})))
}

// at is a context for the line of its caller.
func at(ctx context.Context) context.Context {
	var pc [1]uintptr
	runtime.Callers(2, pc[:])
	return device.WithSite(ctx, pc[0])
}

func alloc(t testing.TB, ctx context.Context, dev device.Device, bytes int) device.Buffer {
	t.Helper()
	b, err := dev.Alloc(ctx, bytes)
	require.NoError(t, err)
	return b
}

func copyKernel(n int) ir.Op {
	o := ir.Operand{Type: dtype.Uint8, Strides: []int{1}}
	none := [3]int{-1, -1, -1}
	return &ir.Kernel{Space: []int{n}, Lo: 1, Hi: 1, In: []ir.Operand{o}, Out: []ir.Operand{o}, Code: []ir.Inst{
		{Kind: ir.Load, Type: dtype.Uint8, Args: none},
		{Kind: ir.Store, Type: dtype.Uint8, Args: [3]int{0, -1, -1}},
	}}
}

// pipeline uploads, runs twice and reads back on a device, and returns the line of its upload. What it
// allocates stays: 1 MiB.
func pipeline(t testing.TB, ctx context.Context, dev *device.Ledgered) (line string) {
	t.Helper()
	host, n := make([]byte, 1000), 1000
	a, b := alloc(t, at(ctx), dev, 1<<20), alloc(t, device.WithPurpose(at(ctx), device.Intermediate), dev, n)
	up := at(ctx)
	require.NoError(t, dev.Copy(device.WithOp(up, "to"), device.Span{Buffer: a, Len: n}, device.HostSpan(host)))
	p, err := device.Compile(device.WithOp(ctx, "subtract"), dev, copyKernel(n))
	require.NoError(t, err)
	for range 2 {
		require.NoError(t, p.Run(ctx, []device.Arg{{Buffer: a}, {Buffer: b}}, device.Span{}))
	}
	require.NoError(t, dev.Copy(ctx, device.HostSpan(host), device.Span{Buffer: b, Len: n}))
	require.NoError(t, dev.Sync(ctx))
	b.Free()
	return device.SiteOf(up).String()
}

func TestTable(t *testing.T) {
	dev := gpu("cuda:0")
	line := pipeline(t, t.Context(), dev)
	var out bytes.Buffer
	require.NoError(t, ledger.WriteTable(&out, dev))
	text := out.String()
	for _, want := range []string{
		`(?m)^cuda:0  A card$`,
		`(?m)^allocated +2 +1049600 +1\.00 MiB`,
		`(?m)^  intermediate +1 +1024 +1\.00 KiB`,
		`(?m)^live +1 +1048576 +1\.00 MiB$`,
		`(?m)^host to device +1 +1000 +0\.98 KiB`,
		`(?m)^by line\n +live +allocated +copied +launches +site$`,
		`(?m) 0\.98 KiB +0  ` + line + `$`,
		`(?m)^by operator\n`,
		`(?m) 2 .*subtract$`,
		`(?m) 0\.98 KiB +0 .*to$`,
		`(?m)\(no operator\)$`,
	} {
		assert.Regexp(t, want, text)
	}
	_, rec := device.Record(t.Context())
	out.Reset()
	require.NoError(t, ledger.WriteTable(&out, rec))
	assert.NotContains(t, out.String(), "by line", "an account of nothing")
}

// full writes nothing.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, assert.AnError }

func TestErrorsOfTheWriter(t *testing.T) {
	dev, trace := gpu("cuda:0"), device.NewTrace(0)
	pipeline(t, trace.In(t.Context()), dev)
	assert.ErrorIs(t, ledger.WriteTable(full{}, dev), assert.AnError)
	assert.ErrorIs(t, ledger.WriteJSON(full{}, dev), assert.AnError)
	assert.ErrorIs(t, ledger.WriteTrace(full{}, trace), assert.AnError)
	assert.ErrorIs(t, ledger.WriteProfile(full{}, dev), assert.AnError)
}

func TestJSON(t *testing.T) {
	dev := gpu("cuda:0")
	line := pipeline(t, t.Context(), dev)
	var out bytes.Buffer
	require.NoError(t, ledger.WriteJSON(&out, dev))
	var doc ledger.Document
	strict := json.NewDecoder(&out)
	strict.DisallowUnknownFields()
	require.NoError(t, strict.Decode(&doc))

	assert.Equal(t, 1, doc.Version)
	assert.Equal(t, &ledger.Device{Name: "cuda:0", Kind: "cuda", Model: "A card", MemoryBytes: 1 << 30}, doc.Device)
	assert.Equal(t, ledger.CountsOf(dev.Stats()), doc.Total)
	sites, ops := map[string]ledger.Site{}, map[string]ledger.Op{}
	for _, s := range doc.Sites {
		sites[s.Site] = s
	}
	for _, o := range doc.Ops {
		ops[o.Op] = o
	}
	assert.Equal(t, 1000, sites[line].H2DBytes)
	assert.Equal(t, "github.com/tare-go/tare/device/ledger_test.pipeline", sites[line].Function)
	assert.Equal(t, 2, ops["subtract"].Launches)
	assert.Equal(t, 1, ops["subtract"].Compiles)
	assert.Equal(t, 1, ops["to"].H2DCount)
	assert.Equal(t, 1, ops[""].D2HCount)
}

// Others read these names: they stay, and mean what they did.
func TestNamesOfJSONAreStable(t *testing.T) {
	counts := ledger.CountsOf(device.Stats{
		Allocs: 1, AllocBytes: 2, ResultBytes: 3, IntermediateBytes: 4, WorkspaceBytes: 5, OperandBytes: 6, Intermediates: 7,
		Buffers: 8, LiveBytes: 9, PeakBytes: 10, CachedBytes: 11,
		H2D: device.Transfer{Count: 12, Bytes: 13}, D2H: device.Transfer{Count: 14, Bytes: 15},
		D2D: device.Transfer{Count: 16, Bytes: 17}, Host: device.Transfer{Count: 18, Bytes: 19},
		Launches: 20, Compiles: 21, Programs: 22, Time: 23 * time.Second, AllocTime: 24 * time.Second,
		H2DTime: 25 * time.Second, D2HTime: 26 * time.Second, D2DTime: 27 * time.Second, HostTime: 28 * time.Second,
		LaunchTime: 29 * time.Second, CompileTime: 30 * time.Second, SyncTime: 1500 * time.Millisecond,
	})
	text, err := json.Marshal(counts)
	require.NoError(t, err)
	assert.JSONEq(t, `{
		"allocs": 1, "alloc_bytes": 2, "result_bytes": 3, "intermediate_bytes": 4, "workspace_bytes": 5, "operand_bytes": 6,
		"intermediates": 7, "alloc_seconds": 24, "buffers": 8, "live_bytes": 9, "peak_bytes": 10, "cached_bytes": 11,
		"h2d_count": 12, "h2d_bytes": 13, "h2d_seconds": 25, "d2h_count": 14, "d2h_bytes": 15, "d2h_seconds": 26,
		"d2d_count": 16, "d2d_bytes": 17, "d2d_seconds": 27, "host_count": 18, "host_bytes": 19, "host_seconds": 28,
		"launches": 20, "launch_seconds": 29, "compiles": 21, "compile_seconds": 30, "programs": 22, "sync_seconds": 1.5, "seconds": 23
	}`, string(text))

	_, rec := device.Record(t.Context())
	var out bytes.Buffer
	require.NoError(t, ledger.WriteJSON(&out, rec))
	empty, err := json.Marshal(ledger.Counts{})
	require.NoError(t, err)
	assert.JSONEq(t, `{"version": 1, "total": `+string(empty)+`, "sites": [], "ops": []}`, out.String())
}

func TestTimesAddUp(t *testing.T) {
	dev := gpu("cuda:0")
	pipeline(t, t.Context(), dev)
	s := dev.Stats()
	assert.Equal(t, s.Time, s.AllocTime+s.H2DTime+s.D2HTime+s.D2DTime+s.HostTime+s.LaunchTime+s.CompileTime+s.SyncTime)
	for _, part := range []time.Duration{s.AllocTime, s.H2DTime, s.D2HTime, s.LaunchTime, s.CompileTime} {
		assert.Positive(t, part)
	}
	assert.Zero(t, s.D2DTime)
	var ops time.Duration
	for _, o := range dev.Ops() {
		ops += o.Time
	}
	assert.Equal(t, s.Time, ops)
}

func TestVar(t *testing.T) {
	a, b := gpu("cuda:0"), gpu("cuda:1")
	alloc(t, t.Context(), b, 1<<20)
	name := "tare-" + strconv.FormatInt(time.Now().UnixNano(), 36)
	expvar.Publish(name, ledger.Var{Devices: []*device.Ledgered{a, b}})
	var got struct {
		Version int
		Time    time.Time
		Devices map[string]ledger.Counts
	}
	require.NoError(t, json.Unmarshal([]byte(expvar.Get(name).String()), &got))
	assert.Equal(t, 1, got.Version)
	assert.WithinDuration(t, time.Now(), got.Time, time.Minute)
	assert.Zero(t, got.Devices["cuda:0"].LiveBytes)
	assert.Equal(t, 1<<20, got.Devices["cuda:1"].LiveBytes)
	assert.JSONEq(t, `{}`, devicesOf(t, ledger.Var{}.String()), "no device is open")
}

// devicesOf is the field devices of a Var.
func devicesOf(t *testing.T, text string) string {
	t.Helper()
	var got struct{ Devices json.RawMessage }
	require.NoError(t, json.Unmarshal([]byte(text), &got))
	return string(got.Devices)
}
