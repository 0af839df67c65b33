package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/cmd/devbench/internal/record"
	"github.com/tare-go/tare/cmd/devbench/internal/roof"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/dtype"
)

func TestAMissingPeerIsNamedAndDoesNotFailTheRun(t *testing.T) {
	brisk(t)
	o := devbench(t, "run", "--workloads", "add", "--size", "100", "--peers", "numpy,goloop", "--python", "no-python-here")
	assert.Equal(t, exitOK, o.code, o.err)
	assert.Contains(t, o.out, "not compared: numpy is not there (no-python-here")
	assert.Contains(t, o.out, "pip install numpy")
	assert.Regexp(t, `(?m)^workload .* goloop$`, o.out)
}

// withNumPy is the arguments for a run against NumPy, if there is one.
func withNumPy(t *testing.T) {
	t.Helper()
	python := os.Getenv("TARE_PYTHON")
	if python == "" {
		python = "python3"
	}
	host, err := device.Open("cpu")
	require.NoError(t, err)
	p, err := openPeers(context.Background(), []string{"numpy"}, python, []device.Device{host})
	require.NoError(t, err)
	defer p.close()
	if len(p.missing) > 0 {
		t.Skipf("nothing to compare with: %v", p.missing[0])
	}
}

func TestNumPyComputesTheSame(t *testing.T) {
	withNumPy(t)
	brisk(t)
	page := filepath.Join(t.TempDir(), "performance.md")
	o := devbench(t, "run", "--size", "10000", "--peers", "gonum,numpy", "--json", "-", "--markdown", page,
		"--workloads", "add,where_nan,sum*,std,chain,zscore_cols,softmax_rows,outer_add,gemm_64,gemm_skinny,gemv,batched_gemm,dot,cumsum,add_100,add_1000,chain_1000,exp_1e3")
	require.Equal(t, exitOK, o.code, o.err)
	compared := 0
	for dec := json.NewDecoder(strings.NewReader(o.out)); dec.More(); {
		var r record.Record
		require.NoError(t, dec.Decode(&r))
		if r.Impl == "numpy" {
			require.NotNil(t, r.Ratio, r.Workload)
			assert.Positive(t, *r.Ratio)
			assert.NotNil(t, r.MaxULP)
			compared++
		}
	}
	assert.Equal(t, 2*20, compared)
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	for _, want := range []string{"numpy 2", "products on", "| add | cpu | 100x100 |", "## float32", "## By size", "## Where tare is slower", "- than gonum: "} {
		assert.Contains(t, string(text), want)
	}
}

// fake is a device of which only the name and the kind matter.
type fake struct {
	device.Device
	info device.Info
}

func (f fake) Info() device.Info { return f.info }

func TestPeersStandBesideTheDevicesThatTheyComputeOn(t *testing.T) {
	cpu, sim, gpu := fake{info: device.Info{Name: "cpu", Kind: "cpu"}}, fake{info: device.Info{Name: "cuda:sim", Kind: "sim"}}, fake{info: device.Info{Name: "cuda:1", Kind: "cuda"}}
	for _, c := range []struct {
		peer string
		want []string
	}{
		{"numpy", []string{"cpu"}}, {"goloop", []string{"cpu"}}, {"torch", []string{"cpu", "cuda:1"}},
		{"jax", []string{"cpu", "cuda:1"}}, {"cupy", []string{"cuda:0", "cuda:1"}},
	} {
		assert.Equal(t, c.want, placesOf(c.peer, []device.Device{cpu, sim, gpu}), c.peer)
	}
	p, err := openPeers(t.Context(), []string{"goloop", "gonum", "cupy"}, "", []device.Device{gpu, cpu})
	require.NoError(t, err)
	defer p.close()
	assert.Equal(t, []string{"gonum", "goloop"}, p.beside(cpu.info))
	assert.Empty(t, p.beside(gpu.info))
	assert.False(t, p.pythonBeside(cpu.info))

	p, err = openPeers(t.Context(), []string{"goloop", "cupy"}, "", []device.Device{gpu})
	require.NoError(t, err)
	defer p.close()
	assert.Contains(t, strings.Join(p.lines(), "\n"), "goloop computes on the processor, which is not measured: add cpu to --devices")
	p, err = openPeers(t.Context(), []string{"cupy"}, "", []device.Device{cpu})
	require.NoError(t, err)
	defer p.close()
	assert.Equal(t, []string{"not compared: cupy computes on GPUs, and none is measured: add one to --devices"}, p.lines())
}

func TestAGPUIsMeasuredResidentAndEndToEnd(t *testing.T) {
	withNumPy(t)
	brisk(t)
	folder, err := filepath.Abs("internal/pypeer/testdata/stub")
	require.NoError(t, err)
	t.Setenv("PYTHONPATH", folder)
	t.Setenv("PYTHONDONTWRITEBYTECODE", "1")
	o := devbench(t, "run", "--devices", "cpu,cuda:sim", "--peers", "numpy,torch,cupy", "--size", "100", "--dtype", "f32",
		"--workloads", "add,std,softmax_rows,gemm_64,add_1e3,launch,transfer", "--json", "-")
	require.Equal(t, exitOK, o.code, o.err)
	type key struct{ workload, device, impl, data string }
	seen := map[key]record.Record{}
	for dec := json.NewDecoder(strings.NewReader(o.out)); dec.More(); {
		var r record.Record
		require.NoError(t, dec.Decode(&r))
		seen[key{r.Workload, r.Device, r.Impl, r.Data}] = r
		assert.Equal(t, r.Device != "cuda:0", r.CopyBytesPerSecond > 0, "%s: the copy is one of its device", r.Device)
	}
	for _, name := range []string{"add", "std", "softmax_rows", "gemm_64", "add_1e3", "launch"} {
		for _, want := range []key{
			{name, "cpu", "tare", record.Resident}, {name, "cpu", "numpy", record.Resident}, {name, "cpu", "torch", record.Resident},
			{name, "cuda:sim", "tare", record.Resident}, {name, "cuda:0", "cupy", record.Resident},
			{name, "cuda:sim", "tare", record.EndToEnd}, {name, "cuda:0", "cupy", record.EndToEnd},
		} {
			assert.Equal(t, 1, seen[want].Runs, want)
		}
		resident, moved := seen[key{name, "cuda:sim", "tare", record.Resident}], seen[key{name, "cuda:sim", "tare", record.EndToEnd}]
		assert.Zero(t, resident.H2DBytes+resident.D2HBytes, name)
		assert.Equal(t, moved.BytesMin, moved.H2DBytes+moved.D2HBytes, "%s: each operand and the result cross once", name)
		assert.Equal(t, resident.Launches, moved.Launches, name)
		require.NotNil(t, seen[key{name, "cuda:0", "cupy", record.EndToEnd}].Ratio, name)
	}
	moved := seen[key{"transfer", "cuda:sim", "tare", record.EndToEnd}]
	assert.Equal(t, []int{400, 400, 0}, []int{moved.H2DBytes, moved.D2HBytes, moved.Launches})
	assert.Equal(t, 1, seen[key{"transfer", "cuda:0", "cupy", record.EndToEnd}].Runs)
	assert.Equal(t, 6*7+2, len(seen), "torch stands beside both devices, and computes on the processor")
	assert.Regexp(t, `(?m)^add +cuda:sim e2e +f32 +10x10 .*× *$`, o.err)
	assert.Regexp(t, `(?m)^roof of cuda:sim: copy [0-9.]+ GB/s within its memory`, o.err)
	assert.Regexp(t, `(?m)^add in f32 on cuda:sim, end to end, is slower than tare on the processor at every size measured, up to 1000$`, o.err)
}

// measured is a record with a time.
func measured(impl, workload string, ratio float64) record.Record {
	r := record.Record{Workload: workload, Device: "cpu", DType: "float64", Impl: impl, Seconds: record.Seconds{Median: 1e-3}, Flops: 100_000_000, BytesMin: 10_000_000}
	if impl != "tare" {
		r.Ratio = &ratio
	}
	return r
}

func TestCrossoversAreWhereTareBeginsToWin(t *testing.T) {
	lines := func(ratios ...float64) string {
		var r results
		for i, ratio := range ratios {
			name := "add_1e" + string(rune('3'+i))
			r.records = append(r.records, measured("tare", name, 0), measured("goloop", name, ratio))
		}
		return strings.Join(r.crossovers(), "\n")
	}
	assert.Equal(t, "add in f64 is faster than a plain Go loop from 100000 elements on, and slower at 10000", lines(0.5, 0.9, 1.5, 2, 3))
	assert.Equal(t, "add in f64 is faster than a plain Go loop from 100000 elements on, and slower at 10000", lines(1.5, 0.9, 1.5, 2, 3))
	assert.Equal(t, "add in f64 is faster than a plain Go loop at every size measured", lines(1.5, 2))
	assert.Equal(t, "add in f64 is slower than a plain Go loop at every size measured, up to 10000", lines(0.5, 0.5))
	assert.Equal(t, "add in f64 is faster than a plain Go loop at some sizes, and slower at 10000", lines(1.5, 0.5))
}

func TestCrossoversAreWhereAGPUBeginsToWin(t *testing.T) {
	var r results
	for i, seconds := range []struct{ cpu, resident, moved float64 }{{1, 5, 50}, {10, 6, 60}, {100, 20, 200}} {
		for _, at := range []struct {
			device, data string
			seconds      float64
		}{{"cpu", record.Resident, seconds.cpu}, {"cuda:0", record.Resident, seconds.resident}, {"cuda:0", record.EndToEnd, seconds.moved}} {
			m := measured("tare", "add_1e"+string(rune('3'+i)), 0)
			m.Device, m.Data, m.Seconds.Median = at.device, at.data, at.seconds
			r.records = append(r.records, m)
		}
	}
	assert.Equal(t, []string{
		"add in f64 on cuda:0, resident, is faster than tare on the processor from 10000 elements on, and slower at 1000",
		"add in f64 on cuda:0, end to end, is slower than tare on the processor at every size measured, up to 100000",
	}, r.crossovers())
}

func TestLossesAreAsPlainAsGains(t *testing.T) {
	r := results{peers: []string{"numpy", "jax"}, records: []record.Record{
		measured("tare", "add", 0), measured("numpy", "add", 0.5), measured("jax", "add", 2),
	}}
	assert.Contains(t, r.row(r.comparisons()[0]), "| **0.500×** | 2.00× |")
	losses := strings.Join(r.losses(), "\n")
	assert.Contains(t, losses, "- than numpy: add f64 (0.500×)")
	assert.Contains(t, losses, "- than jax: at nothing measured")
}

func TestTheRoofIsTheOneThatIsNearer(t *testing.T) {
	r := results{moments: []roof.Roof{{FMA: map[dtype.DType]float64{dtype.Float64: 200e9}}}}
	copied := func(workload string) record.Record {
		m := measured("tare", workload, 0)
		m.CopyBytesPerSecond = 20e9
		return m
	}
	assert.Equal(t, "50%", r.ofRoof(copied("add")))
	product := copied("gemm_64")
	assert.Equal(t, "50%", r.ofRoof(product), "of both it is half a millisecond")
	product.BytesMin = 1000
	assert.Equal(t, "50% fma", r.ofRoof(product))
}

func TestTheRoofOfAGPUIsACopyInItsMemory(t *testing.T) {
	r := results{moments: []roof.Roof{{Copy: 20e9}}, copies: map[string]float64{"cpu": 20e9, "cuda:0": 40e9}}
	on := measured("tare", "add", 0)
	on.Device, on.Data, on.CopyBytesPerSecond = "cuda:0", record.Resident, 40e9
	assert.Equal(t, "25%", r.ofRoof(on))
	product := on
	product.Workload = "gemm_64"
	assert.Empty(t, r.ofRoof(product), "its multiply-adds are not known")
	on.Data = record.EndToEnd
	assert.Empty(t, r.ofRoof(on), "the time is that of the bus")
	assert.Equal(t, []string{"roof: copy 20.0 GB/s on 0 threads, ; multiply-adds not measured: there is no loop for this machine",
		"roof of cuda:0: copy 40.0 GB/s within its memory, read and written"}, r.roofs())
}

func TestTheSameReasonIsGivenOnce(t *testing.T) {
	why := errors.New("no products")
	r := results{notes: []note{{"dot", dtype.Float32, why}, {"gemv", dtype.Float32, why}, {"dot", dtype.Float64, why}}}
	assert.Equal(t, []string{"dot, gemv: no products"}, r.remarks())
}
